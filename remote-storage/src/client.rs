//! gRPC: one call, with its time limit, its tenant and its measure.

use std::time::Duration;

use http::uri::PathAndQuery;
use prost::Message;
use tokio::time::{Instant, timeout};
use tonic::client::Grpc;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;

use crate::config::RemoteConfig;
use crate::failure::{CallError, EndpointError};
use crate::metrics;

/// How often a connection that waits for an answer is asked whether it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// A method of the protocol.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Method {
    /// Without its package, for errors and metrics.
    pub(crate) name: &'static str,
    /// `/package.Service/Method`.
    pub(crate) path: &'static str,
}

/// One address of a plug-in. Connects with the first call, and again after each loss.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    grpc: Grpc<Channel>,
    patience: Duration,
    tenant_header: Option<AsciiMetadataKey>,
}

impl Client {
    /// Must be called within a tokio runtime.
    pub(crate) fn new(
        address: &str,
        patience: Duration,
        config: &RemoteConfig,
    ) -> Result<Self, EndpointError> {
        let endpoint = endpoint(address)?
            .connect_timeout(config.connect_timeout)
            .http2_keep_alive_interval(KEEP_ALIVE);
        let key = header(&config.tenant_header)?;
        let largest = config.max_message.as_usize();
        Ok(Self {
            grpc: Grpc::new(endpoint.connect_lazy()).max_decoding_message_size(largest),
            patience,
            tenant_header: config.tenancy.then_some(key),
        })
    }

    fn request<Q>(&self, tenant: &str, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        request.set_timeout(self.patience);
        if let Some(header) = &self.tenant_header {
            let value = AsciiMetadataValue::try_from(tenant)
                .expect("a tenant has the characters of a header alone");
            request.metadata_mut().insert(header.clone(), value);
        }
        request
    }

    /// One message for one message.
    pub(crate) async fn unary<Q, A>(
        &self,
        method: Method,
        tenant: &str,
        message: Q,
    ) -> Result<A, CallError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = self.grpc.clone();
        let request = self.request(tenant, message);
        let call = async {
            grpc.ready().await.map_err(unreachable)?;
            let path = PathAndQuery::from_static(method.path);
            let answer = grpc.unary(request, path, ProstCodec::<Q, A>::default());
            Ok(answer.await?.into_inner())
        };
        self.measured(method, call).await
    }

    /// Any number of messages for one message. The rest of the answer is not read once `take` says
    /// that it has enough.
    pub(crate) async fn stream<Q, A>(
        &self,
        method: Method,
        tenant: &str,
        message: Q,
        mut take: impl FnMut(A) -> Enough + Send,
    ) -> Result<(), CallError>
    where
        Q: Message + Send + Sync + 'static,
        A: Message + Default + Send + Sync + 'static,
    {
        let mut grpc = self.grpc.clone();
        let request = self.request(tenant, message);
        let call = async {
            grpc.ready().await.map_err(unreachable)?;
            let path = PathAndQuery::from_static(method.path);
            let answer = grpc.server_streaming(request, path, ProstCodec::<Q, A>::default());
            let mut messages = answer.await?.into_inner();
            while let Some(message) = messages.message().await? {
                if take(message) == Enough::Yes {
                    break;
                }
            }
            Ok(())
        };
        self.measured(method, call).await
    }

    async fn measured<T>(
        &self,
        method: Method,
        call: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, CallError> {
        let began = Instant::now();
        let outcome = match timeout(self.patience, call).await {
            Ok(Ok(answer)) => Ok(answer),
            // The connection gives up after the same time, in words of its own.
            Ok(Err(status)) if is_cancelled(&status) && began.elapsed() >= self.patience => {
                Err(CallError::late(method.name))
            }
            Ok(Err(status)) => Err(CallError::new(method.name, &status)),
            Err(_) => Err(CallError::late(method.name)),
        };
        let code = outcome.as_ref().err().map_or(Code::Ok, |error| error.code);
        metrics::called(method.name, code, began.elapsed());
        outcome
    }
}

/// An address without a path: plug-ins are asked without TLS.
pub(crate) fn endpoint(address: &str) -> Result<Endpoint, EndpointError> {
    let wrong = || EndpointError::Address(address.to_owned());
    match address.strip_prefix("http://") {
        None | Some("") => Err(wrong()),
        Some(_) => Endpoint::from_shared(address.to_owned()).map_err(|_| wrong()),
    }
}

/// The name of the header that tells tenants apart.
pub(crate) fn header(name: &str) -> Result<AsciiMetadataKey, EndpointError> {
    let wrong = |_| EndpointError::Header(name.to_owned());
    name.parse().map_err(wrong)
}

/// Whether the rest of an answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enough {
    Yes,
    No,
}

fn is_cancelled(status: &Status) -> bool {
    status.code() == Code::Cancelled
}

fn unreachable(error: tonic::transport::Error) -> Status {
    Status::unavailable(bootstrap::chain(&error).to_string())
}
