//! `jaeger/api_v2/query.proto`: requests and answers of `jaeger.api_v2.QueryService`.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{Duration, Timestamp};

use super::model::{DependencyLink, Span};

/// Asks for a trace.
#[derive(Clone, PartialEq, Message)]
pub struct GetTraceRequest {
    /// 16 bytes, big-endian.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// Roughly when it began.
    #[prost(message, optional, tag = "2")]
    pub start_time: Option<Timestamp>,
    /// Roughly when it ended.
    #[prost(message, optional, tag = "3")]
    pub end_time: Option<Timestamp>,
    /// As stored, without adjustment.
    #[prost(bool, tag = "4")]
    pub raw_traces: bool,
}

/// Some spans of one trace.
#[derive(Clone, PartialEq, Message)]
pub struct SpansResponseChunk {
    /// The spans, each with its process.
    #[prost(message, repeated, tag = "1")]
    pub spans: Vec<Span>,
}

/// Asks to keep a trace.
#[derive(Clone, PartialEq, Message)]
pub struct ArchiveTraceRequest {
    /// 16 bytes, big-endian.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// Roughly when it began.
    #[prost(message, optional, tag = "2")]
    pub start_time: Option<Timestamp>,
    /// Roughly when it ended.
    #[prost(message, optional, tag = "3")]
    pub end_time: Option<Timestamp>,
}

/// The trace is kept.
#[derive(Clone, PartialEq, Message)]
pub struct ArchiveTraceResponse {}

/// What traces are looked for.
#[derive(Clone, PartialEq, Message)]
pub struct TraceQueryParameters {
    /// The service of the span; empty for any.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// The name of the span; empty for any.
    #[prost(string, tag = "2")]
    pub operation_name: String,
    /// Attributes of the span.
    #[prost(btree_map = "string, string", tag = "3")]
    pub tags: BTreeMap<String, String>,
    /// The span starts at or after this.
    #[prost(message, optional, tag = "4")]
    pub start_time_min: Option<Timestamp>,
    /// The span starts at or before this.
    #[prost(message, optional, tag = "5")]
    pub start_time_max: Option<Timestamp>,
    /// The span takes at least this.
    #[prost(message, optional, tag = "6")]
    pub duration_min: Option<Duration>,
    /// The span takes at most this.
    #[prost(message, optional, tag = "7")]
    pub duration_max: Option<Duration>,
    /// Most traces.
    #[prost(int32, tag = "8")]
    pub search_depth: i32,
    /// As stored, without adjustment.
    #[prost(bool, tag = "9")]
    pub raw_traces: bool,
}

/// Asks for traces.
#[derive(Clone, PartialEq, Message)]
pub struct FindTracesRequest {
    /// Which; required.
    #[prost(message, optional, tag = "1")]
    pub query: Option<TraceQueryParameters>,
}

/// Asks for services.
#[derive(Clone, PartialEq, Message)]
pub struct GetServicesRequest {}

/// The services.
#[derive(Clone, PartialEq, Message)]
pub struct GetServicesResponse {
    /// Their names, sorted.
    #[prost(string, repeated, tag = "1")]
    pub services: Vec<String>,
}

/// Asks for the operations of a service.
#[derive(Clone, PartialEq, Message)]
pub struct GetOperationsRequest {
    /// The service.
    #[prost(string, tag = "1")]
    pub service: String,
    /// Of this kind alone, by its lower-case name; empty for any.
    #[prost(string, tag = "2")]
    pub span_kind: String,
}

/// One operation.
#[derive(Clone, PartialEq, Message)]
pub struct Operation {
    /// Name of the spans.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Kind of the spans, in lower case; empty when it was not told.
    #[prost(string, tag = "2")]
    pub span_kind: String,
}

/// The operations.
#[derive(Clone, PartialEq, Message)]
pub struct GetOperationsResponse {
    /// The names alone, each once: for clients that know no kinds.
    #[prost(string, repeated, tag = "1")]
    pub operation_names: Vec<String>,
    /// The operations.
    #[prost(message, repeated, tag = "2")]
    pub operations: Vec<Operation>,
}

/// Asks for calls between services.
#[derive(Clone, PartialEq, Message)]
pub struct GetDependenciesRequest {
    /// From when; required.
    #[prost(message, optional, tag = "1")]
    pub start_time: Option<Timestamp>,
    /// Until when; required.
    #[prost(message, optional, tag = "2")]
    pub end_time: Option<Timestamp>,
}

/// The calls.
#[derive(Clone, PartialEq, Message)]
pub struct GetDependenciesResponse {
    /// By pair of services.
    #[prost(message, repeated, tag = "1")]
    pub dependencies: Vec<DependencyLink>,
}
