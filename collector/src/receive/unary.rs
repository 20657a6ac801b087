//! One unary gRPC method that takes spans, on raw bytes, without generated message types.
//!
//! The message is read from the HTTP/2 stream here, not by tonic's codec: room is taken as it
//! arrives, compressed messages pass the same decoder with the same limits as over HTTP, and an
//! oversized one is refused by its declared length with the one code that clients do not retry.

use std::convert::Infallible;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::{HeaderValue, Request, Response};
use prost::Message;
use tonic::body::Body;
use tonic::server::NamedService;
use tower::Service;

use super::{Encoding, Protocol, Receipt, Refused, Shared};
use super::{answer, frame};
use crate::config::{CollectorConfig, ConnectionsConfig};
use crate::receive::Ingest;

/// What tells one such method from another.
pub(super) trait Method: Send + Sync + 'static {
    /// The full name of the service.
    const SERVICE: &'static str;
    /// The method's path.
    const PATH: &'static str;
    /// The label of the receiver.
    const PROTOCOL: Protocol;
    /// How its message is encoded.
    const ENCODING: Encoding;

    /// The limits of the receiver's connections.
    fn connections(config: &CollectorConfig) -> &ConnectionsConfig;

    /// The message of success.
    fn response(receipt: &Receipt) -> Vec<u8>;
}

/// A service with this one method.
pub(super) struct Unary<P, M>(Arc<Shared<P>>, PhantomData<M>);

impl<P, M> Unary<P, M> {
    pub(super) fn new(shared: Arc<Shared<P>>) -> Self {
        Self(shared, PhantomData)
    }
}

impl<P, M> Clone for Unary<P, M> {
    fn clone(&self) -> Self {
        Self::new(self.0.clone())
    }
}

impl<P, M: Method> NamedService for Unary<P, M> {
    const NAME: &'static str = M::SERVICE;
}

type Answer = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

impl<P: Ingest, M: Method> Service<Request<Body>> for Unary<P, M> {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Answer;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Answer {
        let shared = self.0.clone();
        Box::pin(async move { Ok(call::<P, M>(&shared, request).await) })
    }
}

/// Answers one call.
pub(super) async fn call<P: Ingest, M: Method>(
    shared: &Arc<Shared<P>>,
    request: Request<Body>,
) -> Response<Body> {
    if request.uri().path() != M::PATH {
        return tonic::Status::unimplemented("the service has no such method").into_http();
    }
    let receive = frame::receive::<P, M>(shared, request);
    match shared.handle(M::PROTOCOL, receive).await {
        Ok(receipt) => accepted(&M::response(&receipt)),
        Err(refused) => status(shared, &refused).into_http(),
    }
}

fn accepted(message: &[u8]) -> Response<Body> {
    let mut answer = Response::new(frame::one_message(message));
    let content_type = HeaderValue::from_static("application/grpc");
    answer
        .headers_mut()
        .insert(http::header::CONTENT_TYPE, content_type);
    answer
}

fn status<P: Ingest>(shared: &Shared<P>, refused: &Refused) -> tonic::Status {
    let retry_after = shared.retry_after(refused);
    let (code, message) = (answer::grpc_code(refused), refused.message());
    if retry_after.is_none() {
        return tonic::Status::new(code, message);
    }
    let details = answer::status(refused, retry_after).encode_to_vec();
    tonic::Status::with_details(code, message, Bytes::from(details))
}
