//! OTLP over HTTP: `POST /v1/traces`, protobuf or JSON, compressed or not.

mod answer;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, Method, Request, StatusCode};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::post::{self, Door};
use super::{Encoding, Protocol, Refused, Shared};
use crate::config::OtlpHttpConfig;
use crate::receive::Ingest;

/// The receiver's routes. Other signals than traces have none, which is how a backend for traces
/// alone says so.
pub(crate) fn router<P: Ingest>(shared: Arc<Shared<P>>) -> Router {
    let config = &shared.config.otlp_http;
    let cors = cors(config, &shared.config.tenancy.header);
    let traces = any(move |request| export(shared, request));
    let router = Router::new()
        .route("/v1/traces", traces)
        .fallback(not_found);
    match cors {
        Some(cors) => router.layer(cors),
        None => router,
    }
}

async fn not_found() -> StatusCode {
    StatusCode::NOT_FOUND
}

/// What browsers are told about other sites' pages; nothing when no origin is configured.
fn cors(config: &OtlpHttpConfig, tenant_header: &str) -> Option<CorsLayer> {
    if config.cors_origins.is_empty() {
        return None;
    }
    let origins = if config.cors_origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(
            config
                .cors_origins
                .iter()
                .filter_map(|origin| origin.parse().ok()),
        )
    };
    let further = config
        .cors_headers
        .iter()
        .map(String::as_str)
        .chain([tenant_header]);
    let headers = [CONTENT_TYPE, CONTENT_ENCODING].into_iter();
    let headers = headers.chain(further.filter_map(|name| name.parse::<HeaderName>().ok()));
    let layer = CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST]);
    Some(layer.allow_headers(headers.collect::<Vec<_>>()))
}

async fn export<P: Ingest>(shared: Arc<Shared<P>>, request: Request<Body>) -> Response {
    let encoding = encoding(request.headers());
    let door = Door {
        protocol: Protocol::OtlpHttp,
        body_timeout: shared.config.otlp_http.connections.body_timeout,
    };
    let receive = post::receive(&shared, request, door, encoding.ok_or(Refused::MediaType));
    match shared.handle(Protocol::OtlpHttp, receive).await {
        Ok(receipt) => answer::accepted(&receipt, encoding.unwrap_or(Encoding::Json)),
        Err(refused) => {
            let retry_after = shared.retry_after(&refused);
            answer::refused(&refused, retry_after, encoding.unwrap_or(Encoding::Json))
        }
    }
    .into_response()
}

/// The encoding that the content type names; its parameters do not matter.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    let value = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    let essence = value.split(';').next()?.trim();
    if essence.eq_ignore_ascii_case("application/x-protobuf") {
        Some(Encoding::Protobuf)
    } else if essence.eq_ignore_ascii_case("application/json") {
        Some(Encoding::Json)
    } else {
        None
    }
}
