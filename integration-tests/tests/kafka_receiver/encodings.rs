//! One span, as each collector writes it to a topic: made here, not by our own encoders.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};
use prost::Message;
use serde_json::{Value, json};

/// A root span of a server that has just ended.
#[derive(Debug, Clone)]
pub struct Sent {
    pub trace: u128,
    pub span: u64,
    pub service: String,
    pub name: String,
    /// Unix microseconds: every encoding can say that.
    pub start_us: u64,
    pub micros: u64,
}

/// A span → the payload of a record.
pub type Encode = fn(&Sent) -> Vec<u8>;

/// Every encoding by its name in the configuration.
pub const ALL: [(&str, Encode); 7] = [
    ("otlp-proto", |sent| otlp_proto(std::slice::from_ref(sent))),
    ("otlp-json", otlp_json),
    ("jaeger-proto", jaeger_proto),
    ("jaeger-json", jaeger_json),
    ("zipkin-proto", zipkin_proto),
    ("zipkin-json", zipkin_json),
    ("zipkin-thrift", zipkin_thrift),
];

fn text(value: &str) -> AnyValue {
    AnyValue {
        value: Some(any_value::Value::StringValue(value.to_owned())),
    }
}

/// Spans of the first one's service.
pub fn otlp_proto(sent: &[Sent]) -> Vec<u8> {
    let span = |sent: &Sent| Span {
        trace_id: sent.trace.to_be_bytes().to_vec(),
        span_id: sent.span.to_be_bytes().to_vec(),
        name: sent.name.clone(),
        kind: 2,
        start_time_unix_nano: sent.start_us * 1_000,
        end_time_unix_nano: (sent.start_us + sent.micros) * 1_000,
        ..Span::default()
    };
    let service = KeyValue {
        key: "service.name".to_owned(),
        value: Some(text(&sent[0].service)),
        ..KeyValue::default()
    };
    let spans = ResourceSpans {
        resource: Some(Resource {
            attributes: vec![service],
            ..Resource::default()
        }),
        scope_spans: vec![ScopeSpans {
            spans: sent.iter().map(span).collect(),
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    };
    let request = ExportTraceServiceRequest {
        resource_spans: vec![spans],
    };
    request.encode_to_vec()
}

fn otlp_json(sent: &Sent) -> Vec<u8> {
    let service = json!([{ "key": "service.name", "value": { "stringValue": sent.service } }]);
    let span = json!({
        "traceId": format!("{:032x}", sent.trace),
        "spanId": format!("{:016x}", sent.span),
        "name": sent.name,
        "kind": 2,
        "startTimeUnixNano": (sent.start_us * 1_000).to_string(),
        "endTimeUnixNano": ((sent.start_us + sent.micros) * 1_000).to_string(),
    });
    bytes(&json!({ "resourceSpans": [{
        "resource": { "attributes": service },
        "scopeSpans": [{ "spans": [span] }],
    }] }))
}

/// `jaeger.api_v2.Span`, as far as it is needed.
#[derive(Clone, PartialEq, Message)]
struct JaegerSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    span_id: Vec<u8>,
    #[prost(string, tag = "3")]
    operation_name: String,
    #[prost(message, optional, tag = "6")]
    start_time: Option<Seconds>,
    #[prost(message, optional, tag = "7")]
    duration: Option<Seconds>,
    #[prost(message, repeated, tag = "8")]
    tags: Vec<JaegerTag>,
    #[prost(message, optional, tag = "10")]
    process: Option<JaegerProcess>,
}

/// A timestamp or a duration.
#[derive(Clone, PartialEq, Message)]
struct Seconds {
    #[prost(int64, tag = "1")]
    seconds: i64,
    #[prost(int32, tag = "2")]
    nanos: i32,
}

#[derive(Clone, PartialEq, Message)]
struct JaegerTag {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "3")]
    text: String,
}

#[derive(Clone, PartialEq, Message)]
struct JaegerProcess {
    #[prost(string, tag = "1")]
    service_name: String,
}

fn seconds(micros: u64) -> Option<Seconds> {
    Some(Seconds {
        seconds: (micros / 1_000_000) as i64,
        nanos: (micros % 1_000_000) as i32 * 1_000,
    })
}

fn jaeger_proto(sent: &Sent) -> Vec<u8> {
    let span = JaegerSpan {
        trace_id: sent.trace.to_be_bytes().to_vec(),
        span_id: sent.span.to_be_bytes().to_vec(),
        operation_name: sent.name.clone(),
        start_time: seconds(sent.start_us),
        duration: seconds(sent.micros),
        tags: vec![JaegerTag {
            key: "span.kind".to_owned(),
            text: "server".to_owned(),
        }],
        process: Some(JaegerProcess {
            service_name: sent.service.clone(),
        }),
    };
    span.encode_to_vec()
}

fn jaeger_json(sent: &Sent) -> Vec<u8> {
    let nanos = i128::from(sent.start_us) * 1_000;
    let start = jiff::Timestamp::from_nanosecond(nanos).expect("a time");
    bytes(&json!({
        "traceId": STANDARD.encode(sent.trace.to_be_bytes()),
        "spanId": STANDARD.encode(sent.span.to_be_bytes()),
        "operationName": sent.name,
        "startTime": start.to_string(),
        "duration": format!("0.{:06}s", sent.micros),
        "tags": [{ "key": "span.kind", "vStr": "server" }],
        "process": { "serviceName": sent.service },
    }))
}

/// `zipkin.proto3.ListOfSpans`, as far as it is needed.
#[derive(Clone, PartialEq, Message)]
struct ZipkinSpans {
    #[prost(message, repeated, tag = "1")]
    spans: Vec<ZipkinSpan>,
}

#[derive(Clone, PartialEq, Message)]
struct ZipkinSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    id: Vec<u8>,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "6")]
    timestamp: u64,
    #[prost(uint64, tag = "7")]
    duration: u64,
    #[prost(message, optional, tag = "8")]
    local_endpoint: Option<ZipkinEndpoint>,
}

#[derive(Clone, PartialEq, Message)]
struct ZipkinEndpoint {
    #[prost(string, tag = "1")]
    service_name: String,
}

fn zipkin_proto(sent: &Sent) -> Vec<u8> {
    let span = ZipkinSpan {
        trace_id: sent.trace.to_be_bytes().to_vec(),
        id: sent.span.to_be_bytes().to_vec(),
        kind: 2,
        name: sent.name.clone(),
        timestamp: sent.start_us,
        duration: sent.micros,
        local_endpoint: Some(ZipkinEndpoint {
            service_name: sent.service.clone(),
        }),
    };
    ZipkinSpans { spans: vec![span] }.encode_to_vec()
}

fn zipkin_json(sent: &Sent) -> Vec<u8> {
    bytes(&json!([{
        "traceId": format!("{:032x}", sent.trace),
        "id": format!("{:016x}", sent.span),
        "kind": "SERVER",
        "name": sent.name,
        "timestamp": sent.start_us,
        "duration": sent.micros,
        "localEndpoint": { "serviceName": sent.service },
    }]))
}

/// A list of one span of `zipkincore.thrift` in the binary protocol.
fn zipkin_thrift(sent: &Sent) -> Vec<u8> {
    let [low, high] = [sent.trace as u64, (sent.trace >> 64) as u64];
    let mut out = list(12, 1);
    field(&mut out, 10, 1, &low.to_be_bytes());
    field(&mut out, 11, 3, &string(&sent.name));
    field(&mut out, 10, 4, &sent.span.to_be_bytes());
    let mut annotations = list(12, 2);
    for (value, time) in [("sr", sent.start_us), ("ss", sent.start_us + sent.micros)] {
        field(&mut annotations, 10, 1, &time.to_be_bytes());
        field(&mut annotations, 11, 2, &string(value));
        let mut host = Vec::new();
        field(&mut host, 11, 3, &string(&sent.service));
        host.push(0);
        field(&mut annotations, 12, 3, &host);
        annotations.push(0);
    }
    field(&mut out, 15, 6, &annotations);
    field(&mut out, 10, 10, &sent.start_us.to_be_bytes());
    field(&mut out, 10, 11, &sent.micros.to_be_bytes());
    field(&mut out, 10, 12, &high.to_be_bytes());
    out.push(0);
    out
}

fn list(of: u8, length: u32) -> Vec<u8> {
    [&[of], length.to_be_bytes().as_slice()].concat()
}

fn field(out: &mut Vec<u8>, of: u8, id: u16, value: &[u8]) {
    out.push(of);
    out.extend(id.to_be_bytes());
    out.extend(value);
}

fn string(value: &str) -> Vec<u8> {
    [&(value.len() as u32).to_be_bytes(), value.as_bytes()].concat()
}

fn bytes(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}
