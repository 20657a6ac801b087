//! What to sample, over HTTP: `GET /sampling?service=…`. The words of the answers are Jaeger's.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Query;
use axum::response::Response;
use axum::routing::get;
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderValue, StatusCode};
use model::Tenant;

use super::Shared;
use super::answer::in_text;
use crate::enrich;
use crate::receive::Ingest;
use crate::sampling::metrics::asked;
use crate::sampling::{self, Enums};

/// Parameters as they came, repeated ones included.
type Parameters = Query<Vec<(String, String)>>;

/// The port of its own. Strategies are told on every path, as Jaeger does; on `/` with numbers for
/// names, as the oldest clients expect it there.
pub(crate) fn router<P: Ingest>(shared: Arc<Shared<P>>) -> Router {
    let oldest = {
        let shared = shared.clone();
        move |headers: HeaderMap, query: Parameters| async move {
            strategy(&shared, &headers, &query.0, Enums::Numbers)
        }
    };
    let on_any_path = {
        let shared = shared.clone();
        move |headers: HeaderMap, query: Parameters| async move {
            strategy(&shared, &headers, &query.0, Enums::Names)
        }
    };
    beside_spans(shared)
        .route("/", get(oldest))
        .fallback_service(get(on_any_path))
}

/// What is asked on the port that takes spans.
pub(super) fn beside_spans<P: Ingest>(shared: Arc<Shared<P>>) -> Router {
    let baggage = shared.clone();
    let told = move |headers: HeaderMap, query: Parameters| async move {
        strategy(&shared, &headers, &query.0, Enums::Names)
    };
    let restrictions = move |query: Parameters| async move { restrictions(&baggage, &query.0) };
    Router::new()
        .route("/sampling", get(told.clone()))
        .route("/api/sampling", get(told))
        .route("/baggageRestrictions", get(restrictions.clone()))
        .route("/api/baggageRestrictions", get(restrictions))
}

fn strategy<P: Ingest>(
    shared: &Shared<P>,
    headers: &HeaderMap,
    parameters: &[(String, String)],
    enums: Enums,
) -> Response {
    let kind = match enums {
        Enums::Names => "sampling",
        Enums::Numbers => "sampling-legacy",
    };
    let Some(service) = service(parameters) else {
        return without_service(kind);
    };
    let tenant = match shared.sampling.is_by_tenant() {
        true => enrich::tenant(headers, &shared.config.tenancy),
        false => Ok(Tenant::default()),
    };
    let tenant = match tenant {
        Ok(tenant) => tenant,
        Err(error) => {
            asked(kind, "bad_request");
            return in_text(StatusCode::UNAUTHORIZED, format!("{error}\n"));
        }
    };
    match shared.sampling.strategy(&tenant, service) {
        Ok(strategy) => {
            asked(kind, "ok");
            in_json(sampling::strategy_json(&strategy, enums))
        }
        Err(error) => {
            asked(kind, "failed");
            let words = format!("collector error: {error}\n");
            in_text(StatusCode::INTERNAL_SERVER_ERROR, words)
        }
    }
}

fn restrictions<P: Ingest>(shared: &Shared<P>, parameters: &[(String, String)]) -> Response {
    if service(parameters).is_none() {
        return without_service("baggage");
    }
    asked("baggage", "ok");
    let config = shared.sampling.config();
    in_json(sampling::baggage_restrictions(&config.baggage_restrictions))
}

/// The one service that is asked for.
fn service(parameters: &[(String, String)]) -> Option<&str> {
    let mut services = parameters.iter().filter(|(name, _)| name == "service");
    let (_, service) = services.next()?;
    services.next().is_none().then_some(service)
}

fn without_service(kind: &'static str) -> Response {
    asked(kind, "bad_request");
    let words = "'service' parameter must be provided once\n";
    in_text(StatusCode::BAD_REQUEST, words.to_owned())
}

fn in_json(json: String) -> Response {
    let mut answer = Response::new(Body::from(json));
    let content_type = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, content_type);
    answer
}
