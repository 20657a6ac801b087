//! What Jaeger asks of a remote storage and what that answers, from `proto/jaeger/storage/v2/`.
//! Traces are OTLP's.
//!
//! The messages have the names and fields of the protobuf files; a test compares the numbers.
//! Those that `jaeger.api_v3` has field by field are its own.

use prost::{Message, Oneof};
use prost_types::{Duration, Timestamp};

pub use crate::jaeger_query::api_v3::{
    Call, GetDependenciesRequest, GetOperationsRequest, GetOperationsResponse, GetServicesRequest,
    GetServicesResponse, Operation, ServiceSummary,
};

#[cfg(test)]
mod tests;

/// Asks for one trace.
#[derive(Clone, PartialEq, Message)]
pub struct GetTraceParams {
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

/// Asks for traces.
#[derive(Clone, PartialEq, Message)]
pub struct GetTracesRequest {
    /// Which.
    #[prost(message, repeated, tag = "1")]
    pub query: Vec<GetTraceParams>,
}

/// An attribute that is looked for.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValue {
    /// Its key.
    #[prost(string, tag = "1")]
    pub key: String,
    /// Its value.
    #[prost(message, optional, tag = "2")]
    pub value: Option<AnyValue>,
}

/// A value of any type.
#[derive(Clone, PartialEq, Message)]
pub struct AnyValue {
    /// The value; none for an empty one.
    #[prost(oneof = "any_value::Value", tags = "1, 2, 3, 4, 5, 6, 7")]
    pub value: Option<any_value::Value>,
}

/// The types of a value.
pub mod any_value {
    use super::{ArrayValue, KeyValueList, Oneof};

    /// A value by its type.
    #[derive(Clone, PartialEq, Oneof)]
    #[expect(missing_docs, reason = "each variant is named for what it holds")]
    pub enum Value {
        #[prost(string, tag = "1")]
        StringValue(String),
        #[prost(bool, tag = "2")]
        BoolValue(bool),
        #[prost(int64, tag = "3")]
        IntValue(i64),
        #[prost(double, tag = "4")]
        DoubleValue(f64),
        #[prost(message, tag = "5")]
        ArrayValue(ArrayValue),
        #[prost(message, tag = "6")]
        KvlistValue(KeyValueList),
        #[prost(bytes = "vec", tag = "7")]
        BytesValue(Vec<u8>),
    }
}

/// A map.
#[derive(Clone, PartialEq, Message)]
pub struct KeyValueList {
    /// Its entries.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<KeyValue>,
}

/// A list.
#[derive(Clone, PartialEq, Message)]
pub struct ArrayValue {
    /// Its items.
    #[prost(message, repeated, tag = "1")]
    pub values: Vec<AnyValue>,
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
    #[prost(message, repeated, tag = "3")]
    pub attributes: Vec<KeyValue>,
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
    /// A structured filter, in place of service, operation, attributes and durations.
    #[prost(message, optional, tag = "9")]
    pub filter: Option<Call>,
}

/// Asks for traces, their ids or their summaries.
#[derive(Clone, PartialEq, Message)]
pub struct FindTracesRequest {
    /// Which; required.
    #[prost(message, optional, tag = "1")]
    pub query: Option<TraceQueryParameters>,
}

/// A trace that was found.
#[derive(Clone, PartialEq, Message)]
pub struct FoundTraceId {
    /// 16 bytes, big-endian.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// When it began.
    #[prost(message, optional, tag = "2")]
    pub start: Option<Timestamp>,
    /// When it ended.
    #[prost(message, optional, tag = "3")]
    pub end: Option<Timestamp>,
}

/// The traces that were found.
#[derive(Clone, PartialEq, Message)]
pub struct FindTraceIdsResponse {
    /// Newest first.
    #[prost(message, repeated, tag = "1")]
    pub trace_ids: Vec<FoundTraceId>,
}

/// A trace in short.
#[derive(Clone, PartialEq, Message)]
pub struct TraceSummary {
    /// 16 bytes, big-endian.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
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
    /// Who counted them; empty.
    #[prost(string, tag = "4")]
    pub source: String,
}

/// The calls.
#[derive(Clone, PartialEq, Message)]
pub struct GetDependenciesResponse {
    /// By pair of services.
    #[prost(message, repeated, tag = "1")]
    pub dependencies: Vec<Dependency>,
}

/// What structured filters may hold.
#[derive(Clone, PartialEq, Message)]
pub struct FilterCapabilities {
    /// Where attributes may be looked for.
    #[prost(string, repeated, tag = "1")]
    pub levels: Vec<String>,
    /// How they may be compared.
    #[prost(string, repeated, tag = "2")]
    pub operators: Vec<String>,
}

/// What searches can do.
#[derive(Clone, PartialEq, Message)]
pub struct SearchCapabilities {
    /// Search without naming a service.
    #[prost(bool, tag = "1")]
    pub without_service_name: bool,
    /// All conditions hold for one single span.
    #[prost(bool, tag = "2")]
    pub same_span_conjunction: bool,
    /// Structured filters; none are read when absent.
    #[prost(message, optional, tag = "3")]
    pub filter: Option<FilterCapabilities>,
}

/// Asks what the storage can do.
#[derive(Clone, PartialEq, Message)]
pub struct GetCapabilitiesRequest {}

/// What the storage can do.
#[derive(Clone, PartialEq, Message)]
pub struct GetCapabilitiesResponse {
    /// With searches.
    #[prost(message, optional, tag = "1")]
    pub search: Option<SearchCapabilities>,
}
