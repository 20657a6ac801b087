//! Jaeger's side of the protocol: a reader of `jaeger.storage.v2` and a writer of OTLP, with
//! messages of its own.

use opentelemetry_proto::tonic::collector::trace::v1::{
    ExportTraceServiceRequest, ExportTraceServiceResponse,
};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, TracesData};
use prost::Message;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};
use tonic_prost::ProstCodec;

use crate::samples::{self, Found};

/// `google.protobuf.Timestamp` and `google.protobuf.Duration`, which are the same on the wire.
#[derive(Clone, Copy, PartialEq, Message)]
pub struct Instant {
    #[prost(int64, tag = "1")]
    pub seconds: i64,
    #[prost(int32, tag = "2")]
    pub nanos: i32,
}

/// What Jaeger sends for a time that it was not given: the year 1.
const UNSET: Option<Instant> = Some(Instant {
    seconds: -62_135_596_800,
    nanos: 0,
});

/// So many nanoseconds.
pub fn nanos(nanos: u64) -> Instant {
    Instant {
        seconds: (nanos / 1_000_000_000) as i64,
        nanos: (nanos % 1_000_000_000) as i32,
    }
}

#[derive(Clone, PartialEq, Message)]
struct GetTraceParams {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(message, optional, tag = "2")]
    start_time: Option<Instant>,
    #[prost(message, optional, tag = "3")]
    end_time: Option<Instant>,
}

#[derive(Clone, PartialEq, Message)]
struct GetTracesRequest {
    #[prost(message, repeated, tag = "1")]
    query: Vec<GetTraceParams>,
}

#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    #[prost(string, optional, tag = "1")]
    string_value: Option<String>,
}

#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(message, optional, tag = "2")]
    value: Option<AnyValue>,
}

/// A condition as Jaeger sends it: its UI knows texts alone.
pub fn attribute(key: &str, value: &str) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            string_value: Some(value.to_owned()),
        }),
    }
}

#[derive(Clone, PartialEq, Message)]
pub struct Query {
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<KeyValue>,
    #[prost(message, optional, tag = "4")]
    start_time_min: Option<Instant>,
    #[prost(message, optional, tag = "5")]
    start_time_max: Option<Instant>,
    #[prost(message, optional, tag = "7")]
    pub duration_max: Option<Instant>,
    #[prost(int32, tag = "8")]
    search_depth: i32,
}

impl Query {
    /// Spans of any service that start in a range of nanoseconds.
    pub fn between(start: u64, end: u64) -> Self {
        Self {
            start_time_min: if start == 0 {
                UNSET
            } else {
                Some(nanos(start))
            },
            start_time_max: Some(nanos(end)),
            search_depth: 1_000,
            ..Self::default()
        }
    }
}

#[derive(Clone, PartialEq, Message)]
struct FindTracesRequest {
    #[prost(message, optional, tag = "1")]
    query: Option<Query>,
}

/// A Jaeger that keeps its traces here.
pub struct Jaeger(tonic::client::Grpc<Channel>);

impl Jaeger {
    pub async fn connect(address: &str) -> Self {
        let endpoint = Endpoint::from_shared(address.to_owned()).expect("an address");
        Self(tonic::client::Grpc::new(
            endpoint.connect().await.expect("it listens"),
        ))
    }

    /// Exports spans, as Jaeger's writer does: on the same port.
    pub async fn write(&mut self, spans: Vec<ResourceSpans>) {
        const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
        let request = ExportTraceServiceRequest {
            resource_spans: spans,
        };
        self.0.ready().await.expect("the connection lives");
        let codec = ProstCodec::<_, ExportTraceServiceResponse>::default();
        let path = EXPORT.parse().expect("a path");
        let answer = self.0.unary(Request::new(request), path, codec).await;
        let answer = answer.expect("it is taken").into_inner();
        assert_eq!(answer.partial_success, None);
    }

    /// Traces by their ids, without times.
    pub async fn get(&mut self, ids: &[Vec<u8>]) -> Found {
        let params = |trace_id: &Vec<u8>| GetTraceParams {
            trace_id: trace_id.clone(),
            start_time: UNSET,
            end_time: UNSET,
        };
        let query = ids.iter().map(params).collect();
        self.read("GetTraces", GetTracesRequest { query }).await
    }

    /// Traces by a search.
    pub async fn find(&mut self, query: Query) -> Found {
        let query = Some(query);
        self.read("FindTraces", FindTracesRequest { query }).await
    }

    async fn read<Q: Message + 'static>(&mut self, method: &str, request: Q) -> Found {
        self.0.ready().await.expect("the connection lives");
        let path = format!("/jaeger.storage.v2.TraceReader/{method}");
        let codec = ProstCodec::<Q, TracesData>::default();
        let path = path.parse().expect("a path");
        let answer = self.0.server_streaming(Request::new(request), path, codec);
        let mut answer: Streaming<TracesData> = answer.await.expect("an answer").into_inner();
        let mut messages = Vec::new();
        while let Some(message) = answer.message().await.expect("a whole answer") {
            messages.push(message.resource_spans);
        }
        samples::by_trace(messages)
    }
}
