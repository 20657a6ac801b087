//! A client of the query services, and the requests it makes.

use std::net::SocketAddr;

use futures_util::TryStreamExt;
use http::uri::PathAndQuery;
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use prost_types::Timestamp;
use schemas::jaeger_query::api_v2::{GetTraceRequest, SpansResponseChunk};
use schemas::jaeger_query::{api_v2, api_v3};
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};
use tonic_prost::ProstCodec;

use crate::support::T0;

/// A method of the second API.
pub fn v2(method: &str) -> String {
    format!("/jaeger.api_v2.QueryService/{method}")
}

/// A method of the third API.
pub fn v3(method: &str) -> String {
    format!("/jaeger.api_v3.QueryService/{method}")
}

/// `ms` milliseconds after [`T0`].
pub fn at(ms: i64) -> Option<Timestamp> {
    let nanos = T0 as i64 + ms * 1_000_000;
    Some(Timestamp {
        seconds: nanos / 1_000_000_000,
        nanos: (nanos % 1_000_000_000) as i32,
    })
}

/// A search of the second API over the ten seconds of the samples.
pub fn search_v2() -> api_v2::TraceQueryParameters {
    api_v2::TraceQueryParameters {
        start_time_min: at(-1_000),
        start_time_max: at(9_000),
        ..Default::default()
    }
}

/// The same of the third.
pub fn search_v3() -> api_v3::TraceQueryParameters {
    api_v3::TraceQueryParameters {
        start_time_min: at(-1_000),
        start_time_max: at(9_000),
        ..Default::default()
    }
}

/// A connection for any client.
pub async fn channel(address: SocketAddr) -> Channel {
    let endpoint = Endpoint::from_shared(format!("http://{address}")).expect("an address");
    endpoint.connect().await.expect("it listens")
}

/// A connection.
pub struct Client(tonic::client::Grpc<Channel>);

impl Client {
    pub async fn connect(address: SocketAddr) -> Self {
        Self(tonic::client::Grpc::new(channel(address).await))
    }

    /// The same connection, whose requests are compressed.
    pub fn compressing(self) -> Self {
        let gzip = tonic::codec::CompressionEncoding::Gzip;
        Self(self.0.send_compressed(gzip).accept_compressed(gzip))
    }

    /// Calls a method; the answer is yet to be read.
    pub async fn open<Q, A>(
        &mut self,
        method: &str,
        request: impl Into<Request<Q>>,
    ) -> Result<Streaming<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.0.ready().await.expect("the connection lives");
        let path: PathAndQuery = method.parse().expect("a path");
        let codec = ProstCodec::<Q, A>::default();
        let streaming = self.0.server_streaming(request.into(), path, codec).await?;
        Ok(streaming.into_inner())
    }

    /// Every message of an answer.
    pub async fn all<Q, A>(
        &mut self,
        method: &str,
        request: impl Into<Request<Q>>,
    ) -> Result<Vec<A>, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.open(method, request).await?.try_collect().await
    }

    /// The one message of an answer.
    pub async fn one<Q, A>(
        &mut self,
        method: &str,
        request: impl Into<Request<Q>>,
    ) -> Result<A, Status>
    where
        Q: Message + 'static,
        A: Message + Default + 'static,
    {
        self.0.ready().await.expect("the connection lives");
        let path: PathAndQuery = method.parse().expect("a path");
        let codec = ProstCodec::<Q, A>::default();
        Ok(self
            .0
            .unary(request.into(), path, codec)
            .await?
            .into_inner())
    }

    /// A trace by the second API.
    pub async fn trace_v2(&mut self, id: &[u8], raw: bool) -> Vec<SpansResponseChunk> {
        let request = GetTraceRequest {
            trace_id: id.to_vec(),
            raw_traces: raw,
            ..Default::default()
        };
        self.all(&v2("GetTrace"), Request::new(request))
            .await
            .expect("the trace")
    }

    /// A trace by the third API.
    pub async fn trace_v3(&mut self, id: &str, raw: bool) -> Vec<TracesData> {
        let request = api_v3::GetTraceRequest {
            trace_id: id.to_owned(),
            raw_traces: raw,
            ..Default::default()
        };
        self.all(&v3("GetTrace"), Request::new(request))
            .await
            .expect("the trace")
    }
}
