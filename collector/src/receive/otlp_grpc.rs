//! OTLP over gRPC: `TraceService/Export` on raw bytes, without generated message types.
//!
//! The message is read from the HTTP/2 stream here, not by tonic's codec: room is taken as it
//! arrives, compressed messages pass the same decoder with the same limits as over HTTP, and an
//! oversized one is refused by its declared length with the one code that clients do not retry.

mod frame;

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use bytes::Bytes;
use http::{Request, Response};
use prost::Message;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tower::Service;

use super::answer;
use super::{Protocol, Receipt, Refused, Shared};
use crate::publish::Publish;

/// The full name of OTLP's service for traces.
pub(crate) const TRACE_SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The services beside traces: health, reflection, and that other signals are not taken. What is
/// not there at all answers UNIMPLEMENTED as well.
///
/// # Errors
/// When the descriptors for reflection cannot be read.
pub(crate) fn side_services() -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    let (reporter, health) = tonic_health::server::health_reporter();
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(schemas::otlp_descriptor_set())
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let routes = Routes::new(health)
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?)
        .add_service(Absent::<LOGS>)
        .add_service(Absent::<METRICS>);
    Ok((routes, reporter))
}

/// The receiver's routes.
pub(crate) fn router<P: Publish>(beside: Routes, shared: Arc<Shared<P>>) -> Router {
    beside
        .add_service(TraceService(shared))
        .prepare()
        .into_axum_router()
}

/// OTLP's service for traces.
struct TraceService<P>(Arc<Shared<P>>);

impl<P> Clone for TraceService<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> NamedService for TraceService<P> {
    const NAME: &'static str = TRACE_SERVICE;
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<P: Publish> Service<Request<Body>> for TraceService<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let shared = self.0.clone();
        Box::pin(async move { Ok(export(&shared, request).await) })
    }
}

async fn export<P: Publish>(shared: &Arc<Shared<P>>, request: Request<Body>) -> Response<Body> {
    if request.uri().path() != EXPORT {
        return tonic::Status::unimplemented("TraceService has no such method").into_http();
    }
    match shared
        .handle(Protocol::OtlpGrpc, frame::receive(shared, request))
        .await
    {
        Ok(receipt) => accepted(&receipt),
        Err(refused) => status(shared, &refused).into_http(),
    }
}

fn accepted(receipt: &Receipt) -> Response<Body> {
    let message = answer::response(receipt).encode_to_vec();
    let mut answer = Response::new(frame::one_message(&message));
    let content_type = http::HeaderValue::from_static("application/grpc");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    answer
}

fn status<P: Publish>(shared: &Shared<P>, refused: &Refused) -> tonic::Status {
    let retry_after = shared.retry_after(refused);
    let (code, message) = (answer::grpc_code(refused), refused.message());
    if retry_after.is_none() {
        return tonic::Status::new(code, message);
    }
    let details = answer::status(refused, retry_after).encode_to_vec();
    tonic::Status::with_details(code, message, Bytes::from(details))
}

const LOGS: bool = true;
const METRICS: bool = false;

/// A signal that this backend does not take.
#[derive(Debug, Clone, Copy)]
struct Absent<const SIGNAL: bool>;

impl NamedService for Absent<LOGS> {
    const NAME: &'static str = "opentelemetry.proto.collector.logs.v1.LogsService";
}

impl NamedService for Absent<METRICS> {
    const NAME: &'static str = "opentelemetry.proto.collector.metrics.v1.MetricsService";
}

impl<const SIGNAL: bool> Service<Request<Body>> for Absent<SIGNAL> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Ready<Result<Response<Body>, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Request<Body>) -> Self::Future {
        let status = tonic::Status::unimplemented("this backend takes traces alone");
        ready(Ok(status.into_http()))
    }
}
