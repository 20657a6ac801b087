//! Jaeger's Thrift over HTTP: `POST /api/traces`, one binary `Batch`; and what to sample. The words of the answers are
//! those of Jaeger's collector.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::Response;
use axum::routing::any;
use http::header::{ALLOW, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue, Request, StatusCode};

use super::answer::{hint, http_status, in_text, taken};
use super::post::{self, Door};
use super::sampling_http;
use super::{Encoding, Protocol, Refused, Shared};
use crate::receive::Ingest;

/// The content types that Jaeger's collector takes.
const CONTENT_TYPES: [&str; 2] = [
    "application/x-thrift",
    "application/vnd.apache.thrift.binary",
];

/// The receiver's routes. `?format=jaeger.thrift`, which old clients add, says nothing new.
pub(crate) fn router<P: Ingest>(shared: Arc<Shared<P>>) -> Router {
    let sampling = sampling_http::beside_spans(shared.clone());
    let traces = any(move |request| post_batch(shared, request));
    Router::new()
        .route("/api/traces", traces)
        .merge(sampling)
        .fallback(|| async { StatusCode::NOT_FOUND })
}

async fn post_batch<P: Ingest>(shared: Arc<Shared<P>>, request: Request<Body>) -> Response {
    let door = Door {
        protocol: Protocol::JaegerThrift,
        body_timeout: shared.config.jaeger_thrift.connections.body_timeout,
    };
    let encoding = encoding(request.headers());
    let receive = post::receive(&shared, request, door, encoding);
    match shared.handle(Protocol::JaegerThrift, receive).await {
        Ok(_) => taken(),
        Err(refused) => answer(&shared, &refused),
    }
}

fn answer<P: Ingest>(shared: &Shared<P>, refused: &Refused) -> Response {
    let message = refused.message();
    let (status, text) = match refused {
        Refused::ContentType(_) => (StatusCode::BAD_REQUEST, message),
        refused if refused.is_retryable() => (
            http_status(refused),
            format!("Cannot submit Jaeger batch: {message}"),
        ),
        refused => (
            http_status(refused),
            format!("Unable to process request body: {message}"),
        ),
    };
    let mut answer = in_text(status, text);
    if matches!(refused, Refused::Method) {
        answer
            .headers_mut()
            .insert(ALLOW, HeaderValue::from_static("POST"));
    }
    hint(&mut answer, shared.retry_after(refused));
    answer
}

/// Thrift's binary protocol, if the content type names it; its parameters do not matter.
fn encoding(headers: &HeaderMap) -> Result<Encoding, Refused> {
    let value = headers.get(CONTENT_TYPE).map(HeaderValue::to_str);
    let essence = match value {
        Some(Ok(value)) => value.split(';').next().unwrap_or_default().trim(),
        Some(Err(_)) => return Err(unparsable("mime: invalid media parameter")),
        None => "",
    };
    if essence.is_empty() {
        return Err(unparsable("mime: no media type"));
    }
    if CONTENT_TYPES
        .iter()
        .any(|known| essence.eq_ignore_ascii_case(known))
    {
        return Ok(Encoding::JaegerThrift);
    }
    let shown = essence.replace('&', "&amp;").replace('<', "&lt;");
    let shown = shown.replace('>', "&gt;").replace('"', "&#34;");
    Err(Refused::ContentType(format!(
        "Unsupported content type: {shown}"
    )))
}

fn unparsable(why: &str) -> Refused {
    Refused::ContentType(format!("Cannot parse content type: {why}"))
}
