//! gRPC: one message in, any number out, how it went in the trailers.
//!
//! Calls pass the same admission, time limits and tenancy as HTTP requests, and are written by the
//! same renderers' thread into the same bounded queue.

mod request;
mod timeout;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::response::Response;
use axum::routing::post;
use bootstrap::{chain, clock};
use http::{HeaderMap, HeaderValue, header};
use storage::{ReadError, TraceReader};
use tokio::time::Instant;
use tonic::service::Routes;
use tonic::{Code, Status};
use tonic_health::server::HealthReporter;

use super::admission::Permit;
use super::answer::App;
use super::streaming::{Cancellation, Stream};
use super::tenancy::NoTenant;
use crate::api::jaeger_grpc::{api_v2 as v2, api_v3 as v3};
use crate::metrics::{self, InFlight};
use crate::pipeline::{self, Failure, Method, Rendering};

/// The services whose health is told, beside the server's own.
pub(super) const SERVICES: [&str; 3] = [
    "",
    "jaeger.api_v2.QueryService",
    "jaeger.api_v3.QueryService",
];

/// A router with some methods more.
macro_rules! methods {
    ($router:expr; $($method:ty),* $(,)?) => {
        $router$(.route(<$method as Method>::PATH, post(call::<$method, R>)))*
    };
}

pub(super) mod remote_storage;

/// Every method, health and reflection. What is not there answers UNIMPLEMENTED.
pub(super) fn router<R: TraceReader>(
    app: Arc<App<R>>,
) -> Result<(Router, HealthReporter), tonic_reflection::server::Error> {
    let methods = methods!(
        Router::new();
        v2::GetTrace,
        v2::ArchiveTrace,
        v2::FindTraces,
        v2::GetServices,
        v2::GetOperations,
        v2::GetDependencies,
        v3::GetTrace,
        v3::FindTraces,
        v3::FindSummaries,
        v3::GetServices,
        v3::GetOperations,
        v3::GetDependencies,
    );
    let (beside, reporter) = beside(schemas::jaeger_query_descriptor_set())?;
    Ok((beside.merge(methods.with_state(app)), reporter))
}

/// Health, and reflection over this descriptor set.
fn beside(
    descriptors: &'static [u8],
) -> Result<(Router, HealthReporter), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(descriptors)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok((routes.prepare().into_axum_router(), reporter))
}

/// Whether a request is one of gRPC.
pub(super) fn is_grpc(headers: &HeaderMap) -> bool {
    headers
        .get(header::CONTENT_TYPE)
        .is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"))
}

/// Answers a call of a method.
async fn call<M: Method, R: TraceReader>(
    State(app): State<Arc<App<R>>>,
    request: Request,
) -> Response {
    let began = Instant::now();
    let cancellation = Cancellation::watch(M::PATH);
    match begin::<M, R>(&app, request).await {
        Ok((rendering, permit)) => {
            let stream = Stream {
                route: M::PATH,
                guards: (permit, InFlight::begin()),
                indented: false,
                patience: app.service.limits.write_timeout,
            };
            metrics::called(M::PATH, Code::Ok, began.elapsed());
            let mut response = Response::new(stream.messages(rendering, cancellation));
            let grpc = HeaderValue::from_static("application/grpc");
            response.headers_mut().insert(header::CONTENT_TYPE, grpc);
            response
        }
        Err(status) => {
            cancellation.complete();
            metrics::called(M::PATH, status.code(), began.elapsed());
            status.into_http::<Body>()
        }
    }
}

/// Reads the request, waits for its turn and asks the store, all within the time for a request and
/// within the client's own.
async fn begin<M: Method, R: TraceReader>(
    app: &App<R>,
    request: Request,
) -> Result<(Rendering, Permit), Status> {
    let tenant = app.tenancy.of_call(request.headers()).map_err(unknown)?;
    let asked = timeout::of(request.headers()).unwrap_or(Duration::MAX);
    let limit = app.service.limits.request_timeout.min(asked);
    let work = async {
        let message = request::read::<M::Request>(request).await?;
        let entered = app.admission.enter(&tenant).await;
        let permit = entered.map_err(|_| status::<M>(&Failure::Overloaded))?;
        let answer = pipeline::call::<M, R>(&app.service, &tenant, clock::now(), message);
        let rendering = answer.await.map_err(|failure| status::<M>(&failure))?;
        Ok((rendering, permit))
    };
    tokio::time::timeout(limit, work)
        .await
        .unwrap_or_else(|_| Err(status::<M>(&Failure::TimedOut(limit))))
}

fn unknown(error: NoTenant) -> Status {
    let code = match error {
        NoTenant::Missing => Code::Unauthenticated,
        NoTenant::Unknown | NoTenant::Extra => Code::PermissionDenied,
    };
    Status::new(code, error.to_string())
}

fn status<M: Method>(failure: &Failure) -> Status {
    let code = code(failure);
    if matches!(
        code,
        Code::Internal | Code::Unavailable | Code::DeadlineExceeded
    ) {
        let error = chain(failure).to_string();
        tracing::error!(http.route = M::PATH, grpc.code = ?code, error, "A query failed");
    }
    Status::new(code, failure.told())
}

/// The code that tells the client what to do about it.
fn code(failure: &Failure) -> Code {
    match failure {
        Failure::Malformed(_)
        | Failure::Read(
            ReadError::TooBroad { .. } | ReadError::TooLarge { .. } | ReadError::NoSuchPage,
        ) => Code::InvalidArgument,
        Failure::NotFound(_) => Code::NotFound,
        Failure::Unsupported(_) | Failure::Read(ReadError::Unsupported(_)) => Code::Unimplemented,
        Failure::TooLarge(_) | Failure::Overloaded => Code::ResourceExhausted,
        Failure::TimedOut(_) | Failure::Read(ReadError::Timeout) => Code::DeadlineExceeded,
        Failure::Read(
            ReadError::Unavailable(_)
            | ReadError::StoreUnavailable { .. }
            | ReadError::PluginAway(_),
        ) => Code::Unavailable,
        Failure::Read(
            ReadError::Operator(_) | ReadError::Inconsistent { .. } | ReadError::PluginFailed(_),
        ) => Code::Internal,
    }
}
