//! receive: bytes from sockets, bounded in size, number and time, and the answer to each request.
//!
//! Every receiver does the same: check the head, take room for the body while it arrives,
//! decompress it under two limits, hand an [`Export`] to the pipeline, answer what became of it.

mod admission;
mod decompress;
mod body;
mod refused;
mod answer;
mod outcome;
mod listener;
pub(crate) mod connection;
mod post;
mod frame;
mod unary;
mod beside;
mod annex;
pub(crate) mod otlp_grpc;
pub(crate) mod otlp_http;
pub(crate) mod jaeger_grpc;
pub(crate) mod jaeger_thrift;
pub(crate) mod zipkin;
pub(crate) mod jaeger_udp;
pub(crate) mod kafka;
pub(crate) mod sampling_http;
mod sampling_grpc;

use std::sync::Arc;
use std::time::Duration;

use bootstrap::Stop;
use bytes::Bytes;
use model::Tally;
use tokio::time::Instant;

pub(crate) use admission::{Admission, Permit};
pub(crate) use annex::Annex;
pub(crate) use answer::in_text;
pub(crate) use listener::Listener;
pub use refused::Refused;

use crate::config::CollectorConfig;
use crate::enrich::Origin;
use crate::sampling::Sampling;

/// How a request came in. A label of metrics.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protocol {
    /// OTLP over gRPC.
    OtlpGrpc,
    /// OTLP over HTTP.
    OtlpHttp,
    /// Jaeger's model over gRPC.
    JaegerGrpc,
    /// Jaeger's Thrift over HTTP.
    JaegerThrift,
    /// Zipkin over HTTP, every version and encoding of it.
    Zipkin,
    /// Jaeger's Thrift over UDP, compact protocol.
    JaegerCompact,
    /// Jaeger's Thrift over UDP, binary protocol.
    JaegerBinary,
    /// Zipkin's Thrift over UDP, compact protocol.
    ZipkinCompact,
    /// Topics of Kafka that other collectors write, every encoding of them.
    Kafka,
    /// What to sample is asked, on the port of its own: no spans come in.
    Sampling,
    /// A file that an operator brings in.
    File,
}

impl Protocol {
    /// The label.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtlpGrpc => "otlp_grpc",
            Self::OtlpHttp => "otlp_http",
            Self::JaegerGrpc => "jaeger_grpc",
            Self::JaegerThrift => "jaeger_thrift",
            Self::Zipkin => "zipkin",
            Self::JaegerCompact => "jaeger_compact",
            Self::JaegerBinary => "jaeger_binary",
            Self::ZipkinCompact => "zipkin_compact",
            Self::Kafka => "kafka",
            Self::Sampling => "sampling",
            Self::File => "file",
        }
    }
}

/// How a body is encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Encoding {
    /// OTLP's protobuf.
    Protobuf,
    /// OTLP's JSON.
    Json,
    /// `PostSpansRequest` of Jaeger's protobuf model.
    JaegerProtobuf,
    /// One `Span` of Jaeger's protobuf model, as Jaeger writes it to a Kafka topic.
    JaegerSpanProtobuf,
    /// The same span in protobuf's JSON.
    JaegerSpanJson,
    /// `Batch` of `jaeger.thrift` in Thrift's binary protocol.
    JaegerThrift,
    /// A call of `agent.thrift` in Thrift's compact protocol.
    AgentCompact,
    /// A call of `agent.thrift` in Thrift's binary protocol.
    AgentBinary,
    /// A list of Zipkin's spans, version 2, in JSON.
    ZipkinJson,
    /// `ListOfSpans` of Zipkin's protobuf.
    ZipkinProtobuf,
    /// A list of Zipkin's spans, version 1, in JSON.
    ZipkinV1Json,
    /// A list of the spans of `zipkincore.thrift` in Thrift's binary protocol.
    ZipkinV1Thrift,
}

/// A request that was received whole.
#[derive(Debug)]
pub struct Export {
    /// How it came in.
    pub protocol: Protocol,
    /// How the body is encoded.
    pub encoding: Encoding,
    /// The body, decompressed.
    pub body: Bytes,
    /// Who sent it, and when it came.
    pub origin: Origin,
    /// The room it takes, given back when it is answered.
    pub(crate) permit: Permit,
}

/// What became of a request that was not refused.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Receipt {
    /// Spans that are durable.
    pub accepted: u64,
    /// Spans that were left out.
    pub rejected: Tally,
}

/// The stages behind the receivers.
pub(crate) trait Ingest: Send + Sync + 'static {
    /// Takes a request to its end.
    fn ingest(&self, export: Export) -> impl Future<Output = Result<Receipt, Refused>> + Send;

    /// Whether a request of about `bytes` would find room now; `true` is no promise.
    fn has_room(&self, bytes: usize) -> bool;
}

/// What all receivers work with.
pub(crate) struct Shared<P> {
    pub(crate) config: CollectorConfig,
    pub(crate) admission: Admission,
    pub(crate) pipeline: P,
    pub(crate) sampling: Arc<Sampling>,
    pub(crate) stop: Stop,
}

impl<P: Ingest> Shared<P> {
    /// Takes a request to its end and tells what became of it: to the client by what is returned,
    /// to the operator by metrics and logs. `receive` reads the request.
    pub(crate) async fn handle(
        self: &Arc<Self>,
        protocol: Protocol,
        receive: impl Future<Output = Result<Export, Refused>>,
    ) -> Result<Receipt, Refused> {
        let started = Instant::now();
        let _under_way = outcome::UnderWay::begin(protocol);
        let finished = async { self.pipeline.ingest(receive.await?).await };
        let result = tokio::select! {
            biased;
            result = finished => result,
            () = self.stop.overdue() => Err(Refused::Draining),
        };
        outcome::tell(protocol, &result, started.elapsed());
        result
    }

    /// Turns a request away while there is no room for more, before anything is read.
    fn check_room(&self, announced: usize) -> Result<(), Refused> {
        if self.admission.has_room(announced) && self.pipeline.has_room(announced) {
            Ok(())
        } else {
            Err(Refused::Overloaded)
        }
    }

    /// When a refused client should come back: spread, so that not all come at once.
    pub(crate) fn retry_after(&self, refused: &Refused) -> Option<Duration> {
        let least = self.config.admission.retry_after;
        refused
            .is_retryable()
            .then(|| answer::spread(refused.retry_after().unwrap_or(least)))
    }
}
