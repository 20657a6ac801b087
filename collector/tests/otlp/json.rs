//! Writes OTLP JSON as the specification has it.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use model::{Event, KeyValue, Link, ResourceSpans, ScopeSpans, Span, Value};
use serde_json::{Value as Json, json};

/// An `ExportTraceServiceRequest`.
pub fn request(resources: &[ResourceSpans]) -> Json {
    json!({"resourceSpans": list(resources, resource_spans)})
}

fn list<T>(items: &[T], write: impl Fn(&T) -> Json) -> Json {
    items.iter().map(write).collect::<Vec<_>>().into()
}

fn resource_spans(of: &ResourceSpans) -> Json {
    json!({
        "resource": {
            "attributes": list(&of.resource.attributes, attribute),
            "droppedAttributesCount": of.resource.dropped_attributes,
        },
        "scopeSpans": list(&of.scopes, scope_spans),
        "schemaUrl": of.resource.schema_url,
    })
}

fn scope_spans(of: &ScopeSpans) -> Json {
    json!({
        "scope": {
            "name": of.scope.name,
            "version": of.scope.version,
            "attributes": list(&of.scope.attributes, attribute),
            "droppedAttributesCount": of.scope.dropped_attributes,
        },
        "spans": list(&of.spans, span),
        "schemaUrl": of.scope.schema_url,
    })
}

pub fn span(span: &Span) -> Json {
    json!({
        "traceId": span.trace_id.to_string(),
        "spanId": span.span_id.to_string().to_uppercase(),
        "parentSpanId": span.parent_span_id.map(|id| id.to_string()).unwrap_or_default(),
        "traceState": span.trace_state,
        "flags": span.flags,
        "name": span.name,
        "kind": span.kind.number(),
        "startTimeUnixNano": span.start.to_string(),
        "endTimeUnixNano": span.end,
        "attributes": list(&span.attributes, attribute),
        "droppedAttributesCount": span.dropped_attributes,
        "events": list(&span.events, event),
        "droppedEventsCount": span.dropped_events,
        "links": list(&span.links, link),
        "droppedLinksCount": span.dropped_links,
        "status": {"code": span.status.number(), "message": span.status_message},
    })
}

fn event(event: &Event) -> Json {
    json!({
        "timeUnixNano": event.time.to_string(),
        "name": event.name,
        "attributes": list(&event.attributes, attribute),
        "droppedAttributesCount": event.dropped_attributes,
    })
}

fn link(link: &Link) -> Json {
    json!({
        "traceId": link.trace_id.to_string(),
        "spanId": link.span_id.to_string(),
        "traceState": link.trace_state,
        "attributes": list(&link.attributes, attribute),
        "droppedAttributesCount": link.dropped_attributes,
        "flags": link.flags,
    })
}

fn attribute(attribute: &KeyValue) -> Json {
    json!({"key": attribute.key, "value": value(&attribute.value)})
}

fn value(value: &Value) -> Json {
    match value {
        Value::Empty => json!({}),
        Value::String(text) => json!({"stringValue": text}),
        Value::Bool(value) => json!({"boolValue": value}),
        Value::Int(value) if value % 2 == 0 => json!({"intValue": value}),
        Value::Int(value) => json!({"intValue": value.to_string()}),
        Value::Double(value) if value.is_infinite() => {
            json!({"doubleValue": if *value > 0.0 { "Infinity" } else { "-Infinity" }})
        }
        Value::Double(value) => json!({"doubleValue": value}),
        Value::Bytes(bytes) => json!({"bytesValue": BASE64_STANDARD.encode(bytes)}),
        Value::Array(items) => json!({"arrayValue": {"values": list(items, self::value)}}),
        Value::Map(entries) => json!({"kvlistValue": {"values": list(entries, attribute)}}),
    }
}
