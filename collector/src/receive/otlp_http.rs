//! OTLP over HTTP: `POST /v1/traces`, protobuf or JSON, compressed or not.

mod answer;

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, StatusCode};
use tower_http::cors::{AllowOrigin, CorsLayer};

use super::body::{self, BodyLimits};
use super::decompress::{Coding, decompress};
use super::{Encoding, Export, Protocol, Refused, Shared};
use crate::config::OtlpHttpConfig;
use crate::enrich::{self, Origin};
use crate::metrics;
use crate::publish::Publish;

/// The receiver's routes. Other signals than traces have none, which is how a backend for traces
/// alone says so.
pub(crate) fn router<P: Publish>(shared: Arc<Shared<P>>) -> Router {
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

async fn export<P: Publish>(shared: Arc<Shared<P>>, request: Request<Body>) -> Response {
    let encoding = encoding(request.headers());
    let receive = receive(&shared, request, encoding);
    match shared.handle(Protocol::OtlpHttp, receive).await {
        Ok(receipt) => answer::accepted(&receipt, encoding.unwrap_or(Encoding::Json)),
        Err(refused) => {
            let retry_after = shared.retry_after(&refused);
            answer::refused(&refused, retry_after, encoding.unwrap_or(Encoding::Json))
        }
    }
    .into_response()
}

/// Checks the head, reads the body, decompresses it.
async fn receive<P: Publish>(
    shared: &Shared<P>,
    request: Request<Body>,
    encoding: Option<Encoding>,
) -> Result<Export, Refused> {
    let (head, body) = request.into_parts();
    if head.method != Method::POST {
        return Err(Refused::Method);
    }
    let encoding = encoding.ok_or(Refused::MediaType)?;
    let coding = coding(&head.headers)?;
    let tenant = enrich::tenant(&head.headers, &shared.config.tenancy).map_err(Refused::Tenant)?;
    let limit = shared.config.limits.request_bytes.as_usize();
    let announced = announced_length(&head.headers);
    if announced > limit as u64 {
        return Err(Refused::BodyTooLarge { limit });
    }
    shared.check_room(announced as usize)?;
    let timeout = shared.config.otlp_http.connections.body_timeout;
    let mut permit = shared.admission.permit();
    let limits = BodyLimits {
        bytes: limit,
        timeout,
    };
    let encoded = body::read(body, &limits, &mut permit, |_| Ok(())).await?;
    let encoded_len = encoded.len();
    let body = match coding {
        Some(coding) => {
            let decoded = decompress(coding, encoded, limit, &mut permit).await?;
            permit.shrink(encoded_len);
            decoded
        }
        None => encoded,
    };
    metrics::request_size(Protocol::OtlpHttp, encoded_len, body.len());
    let origin = Origin {
        tenant,
        received_at: bootstrap::clock::now(),
    };
    Ok(Export {
        protocol: Protocol::OtlpHttp,
        encoding,
        body,
        origin,
        permit,
    })
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

fn coding(headers: &HeaderMap) -> Result<Option<Coding>, Refused> {
    let mut values = headers.get_all(CONTENT_ENCODING).iter();
    match (values.next().map(HeaderValue::as_bytes), values.next()) {
        (None | Some(b"" | b"identity"), None) => Ok(None),
        (Some(name), None) => Coding::parse(name)
            .map(Some)
            .ok_or(Refused::ContentEncoding),
        (_, Some(_)) => Err(Refused::ContentEncoding),
    }
}

/// The length that the head announces; zero when it announces none.
fn announced_length(headers: &HeaderMap) -> u64 {
    let value = headers
        .get(CONTENT_LENGTH)
        .and_then(|value| value.to_str().ok());
    value.and_then(|value| value.parse().ok()).unwrap_or(0)
}
