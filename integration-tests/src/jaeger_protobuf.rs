//! Spans of `jaeger.api_v2` in a form that can be compared.

use prost::Message;
use prost_types::{Duration, Timestamp};
use serde_json::{Value, json};

use crate::jaeger::{self, JaegerSpan, in_order};

/// `jaeger.api_v2.Span`.
#[derive(Clone, PartialEq, Message)]
struct Span {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    operation_name: String,
    #[prost(message, repeated, tag = "4")]
    references: Vec<SpanRef>,
    #[prost(message, optional, tag = "6")]
    start_time: Option<Timestamp>,
    #[prost(message, optional, tag = "7")]
    duration: Option<Duration>,
    #[prost(message, repeated, tag = "8")]
    tags: Vec<KeyValue>,
    #[prost(message, repeated, tag = "9")]
    logs: Vec<Log>,
    #[prost(message, optional, tag = "10")]
    process: Option<Process>,
    #[prost(string, repeated, tag = "12")]
    warnings: Vec<String>,
}

#[derive(Clone, PartialEq, Message)]
struct SpanRef {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(int32, tag = "3")]
    ref_type: i32,
}

#[derive(Clone, PartialEq, Message)]
struct KeyValue {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(int32, tag = "2")]
    v_type: i32,
    #[prost(string, tag = "3")]
    v_str: String,
    #[prost(bool, tag = "4")]
    v_bool: bool,
    #[prost(int64, tag = "5")]
    v_int64: i64,
    #[prost(double, tag = "6")]
    v_float64: f64,
    #[prost(bytes = "vec", tag = "7")]
    v_binary: Vec<u8>,
}

#[derive(Clone, PartialEq, Message)]
struct Log {
    #[prost(message, optional, tag = "1")]
    timestamp: Option<Timestamp>,
    #[prost(message, repeated, tag = "2")]
    fields: Vec<KeyValue>,
}

#[derive(Clone, PartialEq, Message)]
struct Process {
    #[prost(string, tag = "1")]
    service_name: String,
    #[prost(message, repeated, tag = "2")]
    tags: Vec<KeyValue>,
}

/// Spans as they were encoded.
pub fn spans(encoded: &[Vec<u8>]) -> Vec<JaegerSpan> {
    let decode = |bytes: &Vec<u8>| Span::decode(bytes.as_slice()).expect("a span");
    let read = encoded.iter().map(|bytes| span(decode(bytes)));
    jaeger::sorted(read.collect())
}

fn span(span: Span) -> JaegerSpan {
    let process = span.process.unwrap_or_default();
    let lasts = span.duration.unwrap_or_default();
    JaegerSpan {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        operation: span.operation_name,
        start_nanos: since_1970(span.start_time),
        duration_nanos: nanos(lasts.seconds, lasts.nanos),
        references: span.references.iter().map(reference).collect(),
        tags: tags(&span.tags),
        logs: span
            .logs
            .iter()
            .map(|log| (since_1970(log.timestamp), tags(&log.fields)))
            .collect(),
        service: process.service_name,
        process_tags: tags(&process.tags),
        warnings: span.warnings,
    }
}

fn since_1970(time: Option<Timestamp>) -> u64 {
    let time = time.unwrap_or_default();
    nanos(time.seconds, time.nanos)
}

fn nanos(seconds: i64, nanos: i32) -> u64 {
    1_000_000_000 * seconds as u64 + nanos as u64
}

fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn reference(of: &SpanRef) -> String {
    let kind = ["CHILD_OF", "FOLLOWS_FROM"][of.ref_type as usize];
    format!("{kind}/{}/{}", hex(&of.trace_id), hex(&of.span_id))
}

fn tags(tags: &[KeyValue]) -> Vec<String> {
    in_order(tags.iter().map(|of| {
        let (kind, value): (&str, Value) = match of.v_type {
            0 => ("string", json!(of.v_str)),
            1 => ("bool", json!(of.v_bool)),
            2 => ("int64", json!(of.v_int64)),
            3 => ("float64", json!(of.v_float64)),
            _ => ("binary", json!(of.v_binary)),
        };
        jaeger::tag(&of.key, kind, &value)
    }))
}
