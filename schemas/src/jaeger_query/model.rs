//! `jaeger/api_v2/model.proto`: Jaeger's model of traces.

use prost::{Enumeration, Message};
use prost_types::{Duration, Timestamp};

/// Which of a tag's values counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum ValueType {
    /// `v_str`.
    String = 0,
    /// `v_bool`.
    Bool = 1,
    /// `v_int64`.
    Int64 = 2,
    /// `v_float64`.
    Float64 = 3,
    /// `v_binary`.
    Binary = 4,
}

/// A tag.
#[derive(Clone, PartialEq, Message)]
#[expect(missing_docs, reason = "each value is described by its type")]
pub struct KeyValue {
    #[prost(string, tag = "1")]
    pub key: String,
    #[prost(enumeration = "ValueType", tag = "2")]
    pub v_type: i32,
    #[prost(string, tag = "3")]
    pub v_str: String,
    #[prost(bool, tag = "4")]
    pub v_bool: bool,
    #[prost(int64, tag = "5")]
    pub v_int64: i64,
    #[prost(double, tag = "6")]
    pub v_float64: f64,
    #[prost(bytes = "vec", tag = "7")]
    pub v_binary: Vec<u8>,
}

/// Something that happened during a span.
#[derive(Clone, PartialEq, Message)]
pub struct Log {
    /// When.
    #[prost(message, optional, tag = "1")]
    pub timestamp: Option<Timestamp>,
    /// What.
    #[prost(message, repeated, tag = "2")]
    pub fields: Vec<KeyValue>,
}

/// How a span refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Enumeration)]
#[repr(i32)]
pub enum SpanRefType {
    /// The other one waits for it.
    ChildOf = 0,
    /// The other one caused it.
    FollowsFrom = 1,
}

/// A reference to another span.
#[derive(Clone, PartialEq, Message)]
pub struct SpanRef {
    /// 16 bytes, big-endian.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes, big-endian.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// How.
    #[prost(enumeration = "SpanRefType", tag = "3")]
    pub ref_type: i32,
}

/// Who sent a span.
#[derive(Clone, PartialEq, Message)]
pub struct Process {
    /// Its service.
    #[prost(string, tag = "1")]
    pub service_name: String,
    /// What else is known of it.
    #[prost(message, repeated, tag = "2")]
    pub tags: Vec<KeyValue>,
}

/// A span.
#[derive(Clone, PartialEq, Message)]
pub struct Span {
    /// 16 bytes, big-endian.
    #[prost(bytes = "vec", tag = "1")]
    pub trace_id: Vec<u8>,
    /// 8 bytes, big-endian.
    #[prost(bytes = "vec", tag = "2")]
    pub span_id: Vec<u8>,
    /// Its name.
    #[prost(string, tag = "3")]
    pub operation_name: String,
    /// The parent, then links.
    #[prost(message, repeated, tag = "4")]
    pub references: Vec<SpanRef>,
    /// Bit 0 sampled, bit 1 debug, bit 3 not to be indexed.
    #[prost(uint32, tag = "5")]
    pub flags: u32,
    /// When it began.
    #[prost(message, optional, tag = "6")]
    pub start_time: Option<Timestamp>,
    /// How long it took.
    #[prost(message, optional, tag = "7")]
    pub duration: Option<Duration>,
    /// What is known of it.
    #[prost(message, repeated, tag = "8")]
    pub tags: Vec<KeyValue>,
    /// What happened during it.
    #[prost(message, repeated, tag = "9")]
    pub logs: Vec<Log>,
    /// Who sent it.
    #[prost(message, optional, tag = "10")]
    pub process: Option<Process>,
    /// Who sent it, where processes are listed apart.
    #[prost(string, tag = "11")]
    pub process_id: String,
    /// What there is to say about it.
    #[prost(string, repeated, tag = "12")]
    pub warnings: Vec<String>,
}

/// Calls between services.
#[derive(Clone, PartialEq, Message)]
pub struct DependencyLink {
    /// The caller's service.
    #[prost(string, tag = "1")]
    pub parent: String,
    /// The callee's service.
    #[prost(string, tag = "2")]
    pub child: String,
    /// How many.
    #[prost(uint64, tag = "3")]
    pub call_count: u64,
    /// Who counted them; empty.
    #[prost(string, tag = "4")]
    pub source: String,
}
