//! Zipkin over HTTP: `POST /api/v2/spans` in JSON or protobuf, `POST /api/v1/spans` in JSON or
//! Thrift. 202 when the spans are durable, otherwise a status and plain words.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use super::answer::{hint, http_status, in_text, taken};
use super::post::{self, Door};
use super::{Encoding, Protocol, Refused, Shared};
use crate::receive::Ingest;

/// The receiver's routes.
pub(crate) fn router<P: Ingest>(shared: Arc<Shared<P>>) -> Router {
    let (v1, v2) = (shared.clone(), shared);
    Router::new()
        .route(
            "/api/v1/spans",
            any(|request| post_spans(v1, request, v1_encoding)),
        )
        .route(
            "/api/v2/spans",
            any(|request| post_spans(v2, request, v2_encoding)),
        )
        .fallback(|| async { StatusCode::NOT_FOUND })
}

async fn post_spans<P: Ingest>(
    shared: Arc<Shared<P>>,
    request: Request<Body>,
    encoding: fn(&HeaderMap) -> Encoding,
) -> Response {
    let door = Door {
        protocol: Protocol::Zipkin,
        body_timeout: shared.config.zipkin.connections.body_timeout,
    };
    let encoding = encoding(request.headers());
    let receive = post::receive(&shared, request, door, Ok(encoding));
    match shared.handle(Protocol::Zipkin, receive).await {
        Ok(_) => taken(),
        Err(refused) => answer(&shared, &refused),
    }
}

fn answer<P: Ingest>(shared: &Shared<P>, refused: &Refused) -> Response {
    let mut answer = in_text(http_status(refused), refused.message());
    if matches!(refused, Refused::Method) {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    hint(&mut answer, shared.retry_after(refused));
    answer
}

/// Anything but Thrift is JSON, as Zipkin has it.
fn v1_encoding(headers: &HeaderMap) -> Encoding {
    if is(headers, "application/x-thrift") {
        Encoding::ZipkinV1Thrift
    } else {
        Encoding::ZipkinV1Json
    }
}

/// Anything but protobuf is JSON, as Zipkin has it.
fn v2_encoding(headers: &HeaderMap) -> Encoding {
    if is(headers, "application/x-protobuf") || is(headers, "application/protobuf") {
        Encoding::ZipkinProtobuf
    } else {
        Encoding::ZipkinJson
    }
}

fn is(headers: &HeaderMap, expected: &str) -> bool {
    let value = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = value.and_then(|value| value.split(';').next());
    essence.is_some_and(|essence| essence.trim().eq_ignore_ascii_case(expected))
}
