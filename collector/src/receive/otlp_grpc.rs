//! OTLP over gRPC: `TraceService/Export`.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::Router;
use http::{Request, Response};
use prost::Message;
use tonic::body::Body;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;
use tower::Service;

use super::unary::{Method, Unary};
use super::{Encoding, Protocol, Receipt, Shared};
use super::{answer, beside};
use crate::config::{CollectorConfig, ConnectionsConfig};
use crate::receive::Ingest;

/// The full name of OTLP's service for traces.
pub(crate) const TRACE_SERVICE: &str = "opentelemetry.proto.collector.trace.v1.TraceService";

/// The path of its method.
pub(crate) const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// The services beside traces: health, reflection, and that other signals are not taken. What is
/// not there at all answers UNIMPLEMENTED as well.
///
/// # Errors
/// When the descriptors for reflection cannot be read.
pub(crate) fn side_services() -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    let (routes, reporter) = beside::services(schemas::otlp_descriptor_set())?;
    let routes = routes
        .add_service(Absent::<LOGS>)
        .add_service(Absent::<METRICS>);
    Ok((routes, reporter))
}

/// The receiver's routes.
pub(crate) fn router<P: Ingest>(beside: Routes, shared: Arc<Shared<P>>) -> Router {
    beside
        .add_service(Unary::<P, Export>::new(shared))
        .prepare()
        .into_axum_router()
}

/// The method.
pub(super) struct Export;

impl Method for Export {
    const SERVICE: &'static str = TRACE_SERVICE;
    const PATH: &'static str = EXPORT;
    const PROTOCOL: Protocol = Protocol::OtlpGrpc;
    const ENCODING: Encoding = Encoding::Protobuf;

    fn connections(config: &CollectorConfig) -> &ConnectionsConfig {
        &config.otlp_grpc.connections
    }

    fn response(receipt: &Receipt) -> Vec<u8> {
        answer::response(receipt).encode_to_vec()
    }
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
