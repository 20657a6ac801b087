//! Answers of OTLP/HTTP, in the encoding of the request.

use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderValue, StatusCode};
use prost::Message;
use schemas::otlp_response::{ExportTraceServiceResponse, RetryInfo, Status};
use serde_json::{Value, json};

use crate::receive::answer::{hint, http_status, response, status};
use crate::receive::{Encoding, Receipt, Refused};

/// 200 with an `ExportTraceServiceResponse`.
pub(super) fn accepted(receipt: &Receipt, encoding: Encoding) -> Response {
    let response = response(receipt);
    let body = match encoding {
        Encoding::Json => response_json(&response).to_string().into_bytes(),
        _ => response.encode_to_vec(),
    };
    with_body(StatusCode::OK, encoding, body)
}

/// The status of a refusal with a `google.rpc.Status`.
pub(super) fn refused(
    refused: &Refused,
    retry_after: Option<Duration>,
    encoding: Encoding,
) -> Response {
    let status = status(refused, retry_after);
    let body = match encoding {
        Encoding::Json => status_json(&status).to_string().into_bytes(),
        _ => status.encode_to_vec(),
    };
    let mut answer = with_body(http_status(refused), encoding, body);
    if matches!(refused, Refused::Method) {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    hint(&mut answer, retry_after);
    answer
}

fn with_body(status: StatusCode, encoding: Encoding, body: Vec<u8>) -> Response {
    let content_type = match encoding {
        Encoding::Json => "application/json",
        _ => "application/x-protobuf",
    };
    let mut answer = Response::new(Body::from(body));
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// Protobuf's JSON mapping: 64-bit numbers are strings, defaults are left out.
fn response_json(response: &ExportTraceServiceResponse) -> Value {
    match &response.partial_success {
        None => json!({}),
        Some(partial) => json!({"partialSuccess": {
            "rejectedSpans": partial.rejected_spans.to_string(),
            "errorMessage": partial.error_message,
        }}),
    }
}

fn status_json(status: &Status) -> Value {
    let details: Vec<Value> = status.details.iter().map(detail_json).collect();
    let mut json = json!({"code": status.code, "message": status.message});
    if !details.is_empty() {
        json["details"] = details.into();
    }
    json
}

fn detail_json(detail: &prost_types::Any) -> Value {
    let hint = RetryInfo::decode(detail.value.as_slice()).ok();
    match hint.and_then(|hint| hint.retry_delay) {
        Some(delay) if detail.type_url == RetryInfo::TYPE_URL => json!({
            "@type": detail.type_url,
            "retryDelay": format!("{}.{:09}s", delay.seconds, delay.nanos),
        }),
        _ => json!({"@type": detail.type_url, "value": BASE64_STANDARD.encode(&detail.value)}),
    }
}
