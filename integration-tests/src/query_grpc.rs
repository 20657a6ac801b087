//! A client of both gRPC query services: one connection and one runtime for all tests of a binary.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use serde_json::{Value, json};
use tonic::Request;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use crate::Stack;

/// `jaeger.api_v2.GetTraceRequest`.
#[derive(Clone, PartialEq, Message)]
struct GetTraceOfV2 {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bool, tag = "4")]
    raw_traces: bool,
}

/// `jaeger.api_v2.SpansResponseChunk`, its spans as they are encoded.
#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(bytes = "vec", repeated, tag = "1")]
    spans: Vec<Vec<u8>>,
}

/// `jaeger.api_v3.GetTraceRequest`.
#[derive(Clone, PartialEq, Message)]
struct GetTraceOfV3 {
    #[prost(string, tag = "1")]
    trace_id: String,
    #[prost(bool, tag = "4")]
    raw_traces: bool,
}

/// A connection to the query service of a stack.
pub struct QueryGrpc {
    runtime: tokio::runtime::Runtime,
    channel: Channel,
}

impl QueryGrpc {
    /// Connects to a stack.
    pub fn connect(stack: &Stack) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .expect("a runtime");
        let address = stack.told_address("query over gRPC");
        let endpoint = Endpoint::from_shared(address).expect("an address");
        let channel = runtime.block_on(endpoint.connect()).expect("it listens");
        Self { runtime, channel }
    }

    /// `jaeger.api_v2.QueryService/GetTrace`: the spans of a trace, each as it is encoded.
    pub fn spans_of_v2(&self, trace_id: &str, raw: bool) -> Vec<Vec<u8>> {
        let id = u128::from_str_radix(trace_id, 16).expect("an id");
        let request = GetTraceOfV2 {
            trace_id: id.to_be_bytes().to_vec(),
            raw_traces: raw,
        };
        let path = "/jaeger.api_v2.QueryService/GetTrace";
        let chunks: Vec<Chunk> = self.stream(path, request);
        chunks.into_iter().flat_map(|chunk| chunk.spans).collect()
    }

    /// `jaeger.api_v3.QueryService/GetTrace`: a trace, enveloped like the answer over HTTP.
    pub fn trace_of_v3(&self, trace_id: &str, raw: bool) -> Value {
        let request = GetTraceOfV3 {
            trace_id: trace_id.to_owned(),
            raw_traces: raw,
        };
        let path = "/jaeger.api_v3.QueryService/GetTrace";
        let messages: Vec<TracesData> = self.stream(path, request);
        let of_resources = messages.into_iter().flat_map(|data| data.resource_spans);
        let whole = TracesData {
            resource_spans: of_resources.collect(),
        };
        json!({ "result": whole })
    }

    /// Every message of an answer.
    fn stream<Q, A>(&self, path: &'static str, request: Q) -> Vec<A>
    where
        Q: Message + Default + 'static,
        A: Message + Default + 'static,
    {
        let mut client = tonic::client::Grpc::new(self.channel.clone());
        self.runtime.block_on(async {
            client.ready().await.expect("the connection lives");
            let path = path.parse().expect("a path");
            let codec = ProstCodec::<Q, A>::default();
            let answer = client.server_streaming(Request::new(request), path, codec);
            let mut answer = answer.await.expect("an answer").into_inner();
            let mut messages = Vec::new();
            while let Some(message) = answer.message().await.expect("a whole answer") {
                messages.push(message);
            }
            messages
        })
    }
}
