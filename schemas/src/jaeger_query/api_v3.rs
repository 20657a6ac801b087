//! `jaeger/api_v3/query_service.proto`: requests and answers of `jaeger.api_v3.QueryService`,
//! traces excepted, which are OTLP's.

use std::collections::BTreeMap;

use prost::Message;
use prost_types::{Duration, Timestamp};

pub use super::expression::Call;

pub use super::api_v2::{
    GetDependenciesRequest, GetOperationsRequest, GetServicesRequest, GetServicesResponse,
    Operation,
};

/// Asks for a trace.
#[derive(Clone, PartialEq, Message)]
pub struct GetTraceRequest {
    /// Hex digits.
    #[prost(string, tag = "1")]
    pub trace_id: String,
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
    pub attributes: BTreeMap<String, String>,
    /// The span starts at or after this; required.
    #[prost(message, optional, tag = "4")]
    pub start_time_min: Option<Timestamp>,
    /// The span starts at or before this; required.
    #[prost(message, optional, tag = "5")]
    pub start_time_max: Option<Timestamp>,
    /// The span takes at least this.
    #[prost(message, optional, tag = "6")]
    pub duration_min: Option<Duration>,
    /// The span takes at most this.
    #[prost(message, optional, tag = "7")]
    pub duration_max: Option<Duration>,
    /// Most traces; 0 for the default.
    #[prost(int32, tag = "8")]
    pub search_depth: i32,
    /// As stored, without adjustment.
    #[prost(bool, tag = "9")]
    pub raw_traces: bool,
    /// A structured filter, in place of service, operation, attributes and durations.
    #[prost(message, optional, tag = "10")]
    pub filter: Option<Call>,
    /// Which page of the answer, in place of the depth.
    #[prost(message, optional, tag = "11")]
    pub pagination: Option<Pagination>,
}

/// Asks for one page of an answer.
#[derive(Clone, PartialEq, Message)]
pub struct Pagination {
    /// Most traces of the page; required.
    #[prost(uint32, tag = "1")]
    pub page_size: u32,
    /// What the page before said; empty for the first one.
    #[prost(string, tag = "2")]
    pub page_token: String,
}

/// Asks for traces, or for their summaries.
#[derive(Clone, PartialEq, Message)]
pub struct FindTracesRequest {
    /// Which; required.
    #[prost(message, optional, tag = "1")]
    pub query: Option<TraceQueryParameters>,
}

/// The operations.
#[derive(Clone, PartialEq, Message)]
pub struct GetOperationsResponse {
    /// The operations.
    #[prost(message, repeated, tag = "1")]
    pub operations: Vec<Operation>,
}

/// Calls from one service to another.
#[derive(Clone, PartialEq, Message)]
pub struct Dependency {
    /// The caller.
    #[prost(string, tag = "1")]
    pub parent: String,
    /// The callee.
    #[prost(string, tag = "2")]
    pub child: String,
    /// How many.
    #[prost(uint64, tag = "3")]
    pub call_count: u64,
}

/// The calls.
#[derive(Clone, PartialEq, Message)]
pub struct DependenciesResponse {
    /// By pair of services.
    #[prost(message, repeated, tag = "1")]
    pub dependencies: Vec<Dependency>,
}

/// Part of a summary: one service.
#[derive(Clone, PartialEq, Message)]
pub struct ServiceSummary {
    /// Its name.
    #[prost(string, tag = "1")]
    pub name: String,
    /// Its spans.
    #[prost(int32, tag = "2")]
    pub span_count: i32,
    /// Of these, failed ones.
    #[prost(int32, tag = "3")]
    pub error_span_count: i32,
}

/// A trace in short.
#[derive(Clone, PartialEq, Message)]
pub struct TraceSummary {
    /// 32 hex digits.
    #[prost(string, tag = "1")]
    pub trace_id: String,
    /// Service of the root; empty without one.
    #[prost(string, tag = "2")]
    pub root_service_name: String,
    /// Name of the root; empty without one.
    #[prost(string, tag = "3")]
    pub root_operation_name: String,
    /// Earliest start.
    #[prost(fixed64, tag = "4")]
    pub min_start_time_unix_nano: u64,
    /// Latest end.
    #[prost(fixed64, tag = "5")]
    pub max_end_time_unix_nano: u64,
    /// Spans.
    #[prost(int32, tag = "6")]
    pub span_count: i32,
    /// Of these, failed ones.
    #[prost(int32, tag = "7")]
    pub error_span_count: i32,
    /// Of these, ones whose parent is missing.
    #[prost(int32, tag = "8")]
    pub orphan_span_count: i32,
    /// By service, sorted.
    #[prost(message, repeated, tag = "9")]
    pub services: Vec<ServiceSummary>,
}

/// Some summaries.
#[derive(Clone, PartialEq, Message)]
pub struct FindTraceSummariesResponse {
    /// Newest first.
    #[prost(message, repeated, tag = "1")]
    pub summaries: Vec<TraceSummary>,
    /// In the last message: what asks for the next page; empty without one.
    #[prost(string, tag = "2")]
    pub next_page_token: String,
}
