//! gRPC and HTTP tell the same of the same trace.

use model::{Tenant, Trace};
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1 as otlp;
use proptest::prelude::*;
use query::{MemoryReader, QueryConfig};
use schemas::jaeger_query::model as jaeger;
use serde_json::{Map, Value, json};

use super::client::Client;
use crate::postgres::arbitrary;
use crate::support::Server;

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}

/// A trace id as Jaeger's JSON has it.
fn trace_id(bytes: &[u8]) -> String {
    hex(bytes.strip_prefix(&[0; 8]).unwrap_or(bytes))
}

fn micros(seconds: i64, nanos: i32) -> i64 {
    seconds * 1_000_000 + i64::from(nanos) / 1_000
}

fn tag(tag: &jaeger::KeyValue) -> Value {
    let (kind, value) = match tag.v_type() {
        jaeger::ValueType::String => ("string", json!(tag.v_str)),
        jaeger::ValueType::Bool => ("bool", json!(tag.v_bool)),
        jaeger::ValueType::Int64 if tag.v_int64.unsigned_abs() >> 53 != 0 => {
            ("int64", json!(tag.v_int64.to_string()))
        }
        jaeger::ValueType::Int64 => ("int64", json!(tag.v_int64)),
        jaeger::ValueType::Float64 => ("float64", json!(tag.v_float64)),
        jaeger::ValueType::Binary => ("binary", json!(base64(&tag.v_binary))),
    };
    json!({ "key": tag.key, "type": kind, "value": value })
}

fn tags(tags: &[jaeger::KeyValue]) -> Value {
    tags.iter().map(tag).collect()
}

/// A span of the second API as Jaeger's JSON, with its process inside.
fn jaeger_span(span: &jaeger::Span) -> Value {
    let start = span.start_time.expect("a start");
    let took = span.duration.expect("a duration");
    let process = span.process.as_ref().expect("a process");
    let reference = |of: &jaeger::SpanRef| {
        let kind = match of.ref_type() {
            jaeger::SpanRefType::ChildOf => "CHILD_OF",
            jaeger::SpanRefType::FollowsFrom => "FOLLOWS_FROM",
        };
        json!({ "refType": kind, "traceID": trace_id(&of.trace_id), "spanID": hex(&of.span_id) })
    };
    let log = |log: &jaeger::Log| {
        let at = log.timestamp.expect("a time");
        json!({ "timestamp": micros(at.seconds, at.nanos), "fields": tags(&log.fields) })
    };
    let warnings = Some(&span.warnings).filter(|of| !of.is_empty());
    json!({
        "traceID": trace_id(&span.trace_id),
        "spanID": hex(&span.span_id),
        "operationName": span.operation_name,
        "references": span.references.iter().map(reference).collect::<Value>(),
        "startTime": micros(start.seconds, start.nanos),
        "duration": micros(took.seconds, took.nanos),
        "tags": tags(&span.tags),
        "logs": span.logs.iter().map(log).collect::<Value>(),
        "processID": { "serviceName": process.service_name, "tags": tags(&process.tags) },
        "warnings": warnings,
    })
}

/// The spans of Jaeger's JSON, each with its process inside.
fn json_spans(body: &Value) -> Vec<Value> {
    let trace = &body["data"][0];
    let spans = trace["spans"].as_array().expect("spans").iter().cloned();
    spans
        .map(|mut span| {
            let process = span["processID"].as_str().expect("a key").to_owned();
            span["processID"] = trace["processes"][process].clone();
            span
        })
        .collect()
}

/// An object without the members that protobuf's JSON leaves out.
fn object(members: Value) -> Value {
    let Value::Object(members) = members else {
        panic!("{members} is no object");
    };
    let is_zero =
        |value: &Value| [json!(0), json!("0"), json!(""), json!([]), Value::Null].contains(value);
    let kept = members.into_iter().filter(|(_, value)| !is_zero(value));
    kept.collect::<Map<_, _>>().into()
}

fn value(value: &AnyValue) -> Value {
    let list = |items: Vec<Value>| json!({ "values": items });
    match &value.value {
        None => json!({}),
        Some(any_value::Value::StringValue(text)) => json!({ "stringValue": text }),
        Some(any_value::Value::BoolValue(is)) => json!({ "boolValue": is }),
        Some(any_value::Value::IntValue(number)) => json!({ "intValue": number.to_string() }),
        Some(any_value::Value::DoubleValue(number)) => json!({ "doubleValue": number }),
        Some(any_value::Value::BytesValue(bytes)) => json!({ "bytesValue": base64(bytes) }),
        Some(any_value::Value::ArrayValue(of)) => {
            json!({ "arrayValue": list(of.values.iter().map(self::value).collect()) })
        }
        Some(any_value::Value::KvlistValue(of)) => {
            json!({ "kvlistValue": list(of.values.iter().map(attribute).collect()) })
        }
        Some(other) => panic!("{other:?} is not part of traces"),
    }
}

fn attribute(attribute: &KeyValue) -> Value {
    json!({ "key": attribute.key, "value": value(attribute.value.as_ref().expect("a value")) })
}

fn attributes(list: &[KeyValue]) -> Value {
    list.iter().map(attribute).collect()
}

fn event(event: &otlp::span::Event) -> Value {
    object(json!({
        "timeUnixNano": event.time_unix_nano.to_string(),
        "name": event.name,
        "attributes": attributes(&event.attributes),
        "droppedAttributesCount": event.dropped_attributes_count,
    }))
}

fn link(link: &otlp::span::Link) -> Value {
    object(json!({
        "traceId": hex(&link.trace_id),
        "spanId": hex(&link.span_id),
        "traceState": link.trace_state,
        "attributes": attributes(&link.attributes),
        "droppedAttributesCount": link.dropped_attributes_count,
        "flags": link.flags,
    }))
}

fn otlp_span(span: &otlp::Span) -> Value {
    let status = span.status.as_ref().expect("a status");
    let mut written = object(json!({
        "traceId": hex(&span.trace_id),
        "spanId": hex(&span.span_id),
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": span.start_time_unix_nano.to_string(),
        "endTimeUnixNano": span.end_time_unix_nano.to_string(),
        "attributes": attributes(&span.attributes),
        "droppedAttributesCount": span.dropped_attributes_count,
        "events": span.events.iter().map(event).collect::<Value>(),
        "droppedEventsCount": span.dropped_events_count,
        "links": span.links.iter().map(link).collect::<Value>(),
        "droppedLinksCount": span.dropped_links_count,
    }));
    written["parentSpanId"] = json!(hex(&span.parent_span_id));
    written["status"] = object(json!({ "message": status.message, "code": status.code }));
    written
}

/// OTLP's messages as the third API's JSON.
fn otlp_json(pieces: &[otlp::TracesData]) -> Value {
    let of_scope = |of: &otlp::ScopeSpans| {
        let scope = of.scope.as_ref().expect("a scope");
        let mut written = object(json!({ "schemaUrl": of.schema_url }));
        written["scope"] = object(json!({
            "name": scope.name,
            "version": scope.version,
            "attributes": attributes(&scope.attributes),
            "droppedAttributesCount": scope.dropped_attributes_count,
        }));
        written["spans"] = of.spans.iter().map(otlp_span).collect();
        written
    };
    let of_resource = |of: &otlp::ResourceSpans| {
        let resource = of.resource.as_ref().expect("a resource");
        let mut written = object(json!({ "schemaUrl": of.schema_url }));
        written["resource"] = object(json!({
            "attributes": attributes(&resource.attributes),
            "droppedAttributesCount": resource.dropped_attributes_count,
        }));
        written["scopeSpans"] = of.scope_spans.iter().map(of_scope).collect();
        written
    };
    let resources = pieces.iter().flat_map(|piece| &piece.resource_spans);
    json!({ "result": { "resourceSpans": resources.map(of_resource).collect::<Value>() } })
}

async fn compare(traces: &[Trace]) -> Result<(), TestCaseError> {
    let tenant = Tenant::default();
    let reader = traces.iter().fold(MemoryReader::new(), |reader, trace| {
        reader.with(&tenant, trace.clone())
    });
    let server = Server::start(QueryConfig::default(), reader).await;
    let mut client = Client::connect(server.grpc).await;
    for trace in traces {
        for raw in [false, true] {
            let target = format!("/api/traces/{}?raw={raw}", trace.id);
            let json = json_spans(&server.get(&target).await.json());
            let chunks = client.trace_v2(trace.id.as_bytes(), raw).await;
            let spans = chunks.iter().flat_map(|chunk| &chunk.spans);
            prop_assert_eq!(spans.map(jaeger_span).collect::<Vec<_>>(), json);
            let target = format!("/api/v3/traces/{}?rawTraces={raw}", trace.id);
            let json = server.get(&target).await.json();
            let pieces = client.trace_v3(&trace.id.to_string(), raw).await;
            prop_assert_eq!(otlp_json(&pieces), json);
        }
    }
    Ok(())
}

#[test]
fn every_trace_is_the_same_over_grpc_and_http() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let config = ProptestConfig {
        cases: 32,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    proptest!(config, |(traces in arbitrary::traces())| {
        runtime.block_on(compare(&traces))?;
    });
}
