//! Jaeger over gRPC: `jaeger.api_v2.CollectorService/PostSpans`, and beside it the service that tells
//! clients what to sample.

use std::sync::Arc;

use axum::Router;
use tonic::service::Routes;
use tonic_health::server::HealthReporter;

use super::beside;
use super::sampling_grpc::SamplingManager;
use super::unary::{Method, Unary};
use super::{Encoding, Protocol, Receipt, Shared};
use crate::config::{CollectorConfig, ConnectionsConfig};
use crate::receive::Ingest;

/// The full name of Jaeger's service for spans.
pub(crate) const COLLECTOR_SERVICE: &str = "jaeger.api_v2.CollectorService";

/// The services beside it: health and reflection.
///
/// # Errors
/// When the descriptors for reflection cannot be read.
pub(crate) fn side_services() -> Result<(Routes, HealthReporter), tonic_reflection::server::Error> {
    beside::services(schemas::jaeger_collector_descriptor_set())
}

/// The receiver's routes.
pub(crate) fn router<P: Ingest>(beside: Routes, shared: Arc<Shared<P>>) -> Router {
    let sampling = SamplingManager::new(shared.clone());
    beside
        .add_service(sampling)
        .add_service(Unary::<P, PostSpans>::new(shared))
        .prepare()
        .into_axum_router()
}

struct PostSpans;

impl Method for PostSpans {
    const SERVICE: &'static str = COLLECTOR_SERVICE;
    const PATH: &'static str = "/jaeger.api_v2.CollectorService/PostSpans";
    const PROTOCOL: Protocol = Protocol::JaegerGrpc;
    const ENCODING: Encoding = Encoding::JaegerProtobuf;

    fn connections(config: &CollectorConfig) -> &ConnectionsConfig {
        &config.jaeger_grpc.connections
    }

    /// `PostSpansResponse` has no field: what was left out is told by metrics and logs alone.
    fn response(_: &Receipt) -> Vec<u8> {
        Vec::new()
    }
}
