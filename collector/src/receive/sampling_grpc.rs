//! What to sample, over gRPC: `jaeger.api_v2.SamplingManager/GetSamplingStrategy`.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use http::{Request, Response};
use model::Tenant;
use schemas::jaeger_sampling::{
    GET_SAMPLING_STRATEGY, SAMPLING_MANAGER, SamplingStrategyParameters, SamplingStrategyResponse,
};
use tonic::Status;
use tonic::body::Body;
use tonic::codec::CompressionEncoding;
use tonic::server::{Grpc, NamedService};
use tonic_prost::ProstCodec;
use tower::{Service, service_fn};

use super::Shared;
use crate::enrich;
use crate::receive::Ingest;
use crate::sampling::metrics::asked;

/// Largest request: it holds the name of a service.
const MAX_BYTES: usize = 64 << 10;
const KIND: &str = "sampling-grpc";

/// The service.
pub(super) struct SamplingManager<P>(Arc<Shared<P>>);

impl<P> SamplingManager<P> {
    pub(super) fn new(shared: Arc<Shared<P>>) -> Self {
        Self(shared)
    }
}

impl<P> Clone for SamplingManager<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> NamedService for SamplingManager<P> {
    const NAME: &'static str = SAMPLING_MANAGER;
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<P: Ingest> Service<Request<Body>> for SamplingManager<P> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let shared = self.0.clone();
        Box::pin(async move { Ok(call(shared, request).await) })
    }
}

async fn call<P: Ingest>(shared: Arc<Shared<P>>, request: Request<Body>) -> Response<Body> {
    if request.uri().path() != GET_SAMPLING_STRATEGY {
        return Status::unimplemented("the service has no such method").into_http();
    }
    let patience = shared.config.jaeger_grpc.connections.body_timeout;
    let method = service_fn(move |asked| std::future::ready(answer(&shared, asked)));
    let codec = ProstCodec::<SamplingStrategyResponse, SamplingStrategyParameters>::default();
    let mut grpc = Grpc::new(codec)
        .accept_compressed(CompressionEncoding::Gzip)
        .max_decoding_message_size(MAX_BYTES);
    match tokio::time::timeout(patience, grpc.unary(method, request)).await {
        Ok(answer) => answer,
        Err(_) => {
            asked(KIND, "bad_request");
            Status::deadline_exceeded("the request did not arrive in time").into_http()
        }
    }
}

fn answer<P: Ingest>(
    shared: &Shared<P>,
    request: tonic::Request<SamplingStrategyParameters>,
) -> Result<tonic::Response<SamplingStrategyResponse>, Status> {
    let tenant = match shared.sampling.is_by_tenant() {
        true => {
            let headers = request.metadata().clone().into_headers();
            enrich::tenant(&headers, &shared.config.tenancy)
        }
        false => Ok(Tenant::default()),
    };
    let tenant = tenant.map_err(|error| {
        asked(KIND, "bad_request");
        Status::unauthenticated(error.to_string())
    })?;
    let service = &request.get_ref().service_name;
    match shared.sampling.strategy(&tenant, service) {
        Ok(strategy) => {
            asked(KIND, "ok");
            Ok(tonic::Response::new(strategy))
        }
        Err(error) => {
            asked(KIND, "failed");
            Err(Status::unavailable(error.to_string()))
        }
    }
}
