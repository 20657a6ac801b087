//! Jaeger's remote storage: the methods of `jaeger.storage.v2`, and who takes spans there.

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use storage::TraceReader;
use tonic::Status;
use tonic_health::server::HealthReporter;

use super::super::answer::App;
use super::{beside, call};
use crate::api::jaeger_storage::{capabilities, dependency_reader, trace_reader};
use crate::pipeline::Method;

/// The services whose health is told, beside the server's own.
pub(in crate::server) const SERVICES: [&str; 5] = [
    "",
    "jaeger.storage.v2.TraceReader",
    "jaeger.storage.v2.DependencyReader",
    "jaeger.storage.v2.Capabilities",
    "opentelemetry.proto.collector.trace.v1.TraceService",
];

/// Where Jaeger sends spans to.
const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Every method that reads, health and reflection. What is not there answers UNIMPLEMENTED.
pub(in crate::server) fn router<R: TraceReader>(
    app: Arc<App<R>>,
) -> Result<(Router, HealthReporter), tonic_reflection::server::Error> {
    let methods = methods!(
        Router::new();
        trace_reader::GetTraces,
        trace_reader::GetServices,
        trace_reader::GetOperations,
        trace_reader::FindTraces,
        trace_reader::FindTraceIds,
        trace_reader::FindSummaries,
        dependency_reader::GetDependencies,
        capabilities::GetCapabilities,
    );
    let (beside, reporter) = beside(schemas::jaeger_storage_descriptor_set())?;
    Ok((beside.merge(methods.with_state(app)), reporter))
}

/// What answers exports where no collector is in the same process: Jaeger is told where to send
/// them.
pub(in crate::server) fn no_writer() -> Router {
    let words = "spans are written through a collector: point `writer.endpoint` at its OTLP port";
    let refuse = move || async move { Status::unimplemented(words).into_http::<Body>() };
    Router::new().route(EXPORT, post(refuse))
}
