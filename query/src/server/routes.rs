//! Every route in one table.

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::response::Response;
use axum::routing::{MethodRouter, get, on};
use http::{HeaderValue, Method, StatusCode, header};
use storage::TraceReader;
use tower::ServiceExt;
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;
use tower_http::cors::{AllowOrigin, CorsLayer};
use tower_http::set_header::SetResponseHeaderLayer;

use super::answer::{self, App, plain_text};
use super::grpc::is_grpc;
use super::ui::Ui;
use crate::api::{jaeger_v1 as v1, jaeger_v3 as v3, spoor_v1 as own, zipkin_v2 as zipkin};
use crate::config::QueryConfig;
use crate::metrics;
use crate::pipeline::Endpoint;

/// A router with one endpoint more.
macro_rules! routes {
    ($router:expr; $($endpoint:ty),* $(,)?) => {
        $router$(.route(<$endpoint as Endpoint>::ROUTE, endpoint::<$endpoint, R>()))*
    };
}

/// All endpoints under the base path.
pub(super) fn router<R: TraceReader>(
    app: Arc<App<R>>,
    config: &QueryConfig,
    ui: Option<Ui>,
) -> Result<Router, OriginError> {
    let first = match ui {
        Some(_) => Router::new(),
        None => Router::new().route("/", get(index)),
    };
    let api = routes!(
        first;
        v1::GetServices,
        v1::GetOperations,
        v1::GetServiceOperations,
        v1::FindTraces,
        v1::GetTrace,
        v1::ArchiveTrace,
        v1::Transform,
        v1::GetDeepDependencies,
        v1::GetAnalyticsDependencies,
        v1::GetQualityMetrics,
        v1::GetDependencies,
        v1::GetLatencies,
        v1::GetCallRates,
        v1::GetErrorRates,
        v1::GetMinStep,
        v3::GetServices,
        v3::GetOperations,
        v3::FindTraces,
        v3::GetTrace,
        v3::FindSummaries,
        v3::GetDependencies,
        own::FindTraces,
        own::ListKeys,
        own::ListValues,
    );
    let zipkin = zipkin_router();
    let api = api.merge(zipkin.clone()).nest("/zipkin", zipkin);
    let api = api.with_state(app);
    let base = config.base_path.trim_end_matches('/');
    let all = if base.is_empty() {
        api
    } else {
        Router::new().nest(base, api)
    };
    let ui = ui.map(Arc::new);
    let all = all
        .fallback(move |request: Request| otherwise(ui.clone(), request))
        .layer(SetResponseHeaderLayer::overriding(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ))
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest));
    Ok(match cors(&config.cors_origins)? {
        Some(cors) => all.layer(cors),
        None => all,
    })
}

/// Zipkin's API, which is served twice.
fn zipkin_router<R: TraceReader>() -> Router<Arc<App<R>>> {
    routes!(
        Router::new();
        zipkin::GetServices,
        zipkin::GetSpanNames,
        zipkin::GetRemoteServices,
        zipkin::FindTraces,
        zipkin::GetTrace,
        zipkin::GetTraces,
        zipkin::GetDependencies,
        zipkin::GetAutocompleteKeys,
        zipkin::GetAutocompleteValues,
    )
}

/// The service with further routes beside its own, under the same base path.
pub(super) fn beside(service: Router, further: Router, base_path: &str) -> Router {
    let base = base_path.trim_end_matches('/');
    let further = match base.is_empty() {
        true => further,
        false => Router::new().nest(base, further),
    };
    service.merge(further)
}

/// Calls of gRPC to the one, all other requests to the other.
pub(super) fn by_content_type(grpc: Router, http: Router) -> Router {
    Router::new().fallback(move |request: Request| {
        let router = if is_grpc(request.headers()) {
            grpc.clone()
        } else {
            http.clone()
        };
        router.oneshot(request)
    })
}

/// A configured origin cannot be sent in a header.
#[derive(Debug, thiserror::Error)]
#[error("{origin:?} is no origin")]
pub struct OriginError {
    origin: String,
    source: http::header::InvalidHeaderValue,
}

fn endpoint<E: Endpoint, R: TraceReader>() -> MethodRouter<Arc<App<R>>> {
    on(E::METHOD, answer::answer::<E, R>)
}

/// None: no header about other origins is ever sent.
fn cors(origins: &[String]) -> Result<Option<CorsLayer>, OriginError> {
    if origins.is_empty() {
        return Ok(None);
    }
    let parse = |origin: &String| {
        origin.parse().map_err(|source| OriginError {
            origin: origin.clone(),
            source,
        })
    };
    let allowed = if origins.iter().any(|origin| origin == "*") {
        AllowOrigin::any()
    } else {
        AllowOrigin::list(origins.iter().map(parse).collect::<Result<Vec<_>, _>>()?)
    };
    let layer = CorsLayer::new()
        .allow_origin(allowed)
        .allow_methods([Method::GET, Method::POST])
        .allow_headers([header::CONTENT_TYPE]);
    Ok(Some(layer))
}

/// The UI's page and assets, or Go's words for what is not there.
async fn otherwise(ui: Option<Arc<Ui>>, request: Request) -> Response {
    let (head, _) = request.into_parts();
    if let Some(ui) = ui
        && let Some(response) = ui.answer(&head).await
    {
        metrics::answered("ui", response.status().as_u16(), std::time::Duration::ZERO);
        return response;
    }
    metrics::answered("other", 404, std::time::Duration::ZERO);
    plain_text(StatusCode::NOT_FOUND, "404 page not found\n")
}

/// What this server offers.
async fn index() -> Response {
    plain_text(StatusCode::OK, INDEX)
}

const INDEX: &str = "\
Spoor: query

GET /api/services
GET /api/operations?service=&spanKind=
GET /api/services/{service}/operations
GET /api/traces?service=&operation=&tags=&start=&end=&lookback=&minDuration=&maxDuration=&limit=&raw=&filter=&order=&minTraceDuration=&maxTraceDuration=
GET /api/traces?traceID=
GET /api/traces/{id}
POST /api/archive/{id}
POST /api/transform
GET /api/dependencies?endTs=&lookback=&service=
GET /api/metrics/latencies?service=&quantile=&groupByOperation=&spanKind=&endTs=&lookback=&step=&ratePer=
GET /api/metrics/calls
GET /api/metrics/errors
GET /api/metrics/minstep
GET /api/deep-dependencies
GET /analytics/v1/dependencies
GET /api/quality-metrics

GET /api/v3/services
GET /api/v3/operations?service=&spanKind=
GET /api/v3/traces/{id}?startTime=&endTime=&rawTraces=
GET /api/v3/traces?query.serviceName=&query.operationName=&query.attributes=&query.startTimeMin=&query.startTimeMax=&query.durationMin=&query.durationMax=&query.searchDepth=&query.rawTraces=&query.filter=&query.order=&query.traceDurationMin=&query.traceDurationMax=
GET /api/v3/trace-summaries?query.pagination.pageSize=&query.pagination.pageToken=
GET /api/v3/dependencies?startTime=&endTime=

GET /api/spoor/v1/traces?filter=&service=&order=&start=&end=&lookback=&minTraceDuration=&maxTraceDuration=&limit=&page=
GET /api/spoor/v1/attributes?prefix=&filter=&service=&start=&end=&lookback=&limit=
GET /api/spoor/v1/attribute-values?key=

Under /zipkin as well:
GET /api/v2/services
GET /api/v2/spans?serviceName=
GET /api/v2/remoteServices?serviceName=
GET /api/v2/traces?serviceName=&spanName=&remoteServiceName=&annotationQuery=&minDuration=&maxDuration=&endTs=&lookback=&limit=
GET /api/v2/trace/{id}
GET /api/v2/traceMany?traceIds=
GET /api/v2/dependencies?endTs=&lookback=
GET /api/v2/autocompleteKeys
GET /api/v2/autocompleteValues?key=

gRPC: jaeger.api_v2.QueryService, jaeger.api_v3.QueryService

With a token:
GET /admin/dead-letters?id=&reason=&schemaId=&service=&tenant=&topic=&since=&until=&maxAttempt=
GET /admin/dead-letters/records?after=&limit=
GET /admin/dead-letters/{partition}/{offset}
POST /admin/dead-letters/redrive
POST /admin/dead-letters/purge
POST /admin/purge
";
