//! From OTLP's model to Zipkin's, in both versions and all encodings.

use model::{
    KeyValue, ResourceSpans, SERVICE_NAME, Scope, Span, SpanKind, StatusCode, canonical_string,
};
use serde_json::{Map, Value as Json, json};

use super::jaeger_wire::{halves, number};
use super::thrift_wire::{self, BOOL, Struct};
use crate::wire::{FieldOrder, Message};

fn service(of: &ResourceSpans) -> &str {
    let mut attributes = of.resource.attributes.iter();
    let name = attributes.find(|of| of.key == SERVICE_NAME);
    name.and_then(|of| of.value.as_str()).unwrap_or_default()
}

fn spans(of: &ResourceSpans) -> impl Iterator<Item = (&Scope, &Span)> {
    of.scopes
        .iter()
        .flat_map(|of| of.spans.iter().map(move |span| (&of.scope, span)))
}

/// All that a span has only tags for.
fn tags(scope: &Scope, span: &Span) -> Vec<(String, String)> {
    let mut tags = Vec::new();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push((key.to_owned(), value.to_owned()));
        }
    };
    text("otel.scope.name", &scope.name);
    text("otel.scope.version", &scope.version);
    text("w3c.tracestate", &span.trace_state);
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => text("otel.status_code", "OK"),
        StatusCode::Error if span.status_message.is_empty() => text("error", "true"),
        StatusCode::Error => text("error", &span.status_message),
    }
    if span.kind == SpanKind::Internal {
        text("span.kind", "internal");
    }
    let own = |of: &KeyValue| (of.key.clone(), canonical_string(&of.value).into_owned());
    tags.extend(span.attributes.iter().map(own));
    tags
}

fn micros(nanos: u64) -> u64 {
    nanos / 1_000
}

fn duration(span: &Span) -> i64 {
    micros(span.end) as i64 - micros(span.start) as i64
}

/// Version 2 in JSON.
pub fn v2_json(of: &ResourceSpans) -> Json {
    let one = |(scope, span): (&Scope, &Span)| {
        let tags: Map<String, Json> = tags(scope, span)
            .into_iter()
            .map(|(key, value)| (key, value.into()))
            .collect();
        let annotations: Vec<Json> = span
            .events
            .iter()
            .map(|event| json!({"timestamp": micros(event.time), "value": event.name}))
            .collect();
        let mut json = json!({
            "traceId": span.trace_id.to_string(), "id": span.span_id.to_string(),
            "name": span.name, "timestamp": micros(span.start), "duration": duration(span),
            "localEndpoint": {"serviceName": service(of)},
            "annotations": annotations, "tags": tags,
        });
        if let Some(parent) = span.parent_span_id {
            json["parentId"] = parent.to_string().into();
        }
        if !matches!(span.kind, SpanKind::Unspecified | SpanKind::Internal) {
            json["kind"] = span.kind.as_str().to_ascii_uppercase().into();
        }
        json
    };
    spans(of).map(one).collect()
}

/// Version 2 in protobuf.
pub fn v2_protobuf(of: &ResourceSpans) -> Vec<u8> {
    let message = || Message::new(FieldOrder::Ascending);
    let one = |(scope, span): &(&Scope, &Span)| {
        let parent = span.parent_span_id.map(|id| id.as_bytes().to_vec());
        let kind = match span.kind {
            SpanKind::Client => 1,
            SpanKind::Server => 2,
            SpanKind::Producer => 3,
            SpanKind::Consumer => 4,
            SpanKind::Unspecified | SpanKind::Internal => 0,
        };
        message()
            .bytes(1, span.trace_id.as_bytes())
            .bytes(2, &parent.unwrap_or_default())
            .bytes(3, span.span_id.as_bytes())
            .number(4, kind)
            .text(5, &span.name)
            .fixed64(6, micros(span.start))
            .number(7, duration(span) as u64)
            .bytes(8, &message().text(1, service(of)).finish())
            .each(10, &span.events, |event| {
                let at = message().fixed64(1, micros(event.time));
                at.text(2, &event.name).finish()
            })
            .each(11, &tags(scope, span), |(key, value)| {
                message().text(1, key).text(2, value).finish()
            })
            .finish()
    };
    let spans: Vec<_> = spans(of).collect();
    message().each(1, &spans, one).finish()
}

/// The annotations that mark the ends of a span of this kind; those of messages mark only one.
fn ends(kind: SpanKind) -> Option<[&'static str; 2]> {
    match kind {
        SpanKind::Client => Some(["cs", "cr"]),
        SpanKind::Server => Some(["sr", "ss"]),
        _ => None,
    }
}

/// Version 1 in JSON.
pub fn v1_json(of: &ResourceSpans) -> Json {
    let endpoint = json!({"serviceName": service(of)});
    let one = |(scope, span): (&Scope, &Span)| {
        let mut annotations: Vec<Json> = span
            .events
            .iter()
            .map(|event| json!({"timestamp": micros(event.time), "value": event.name}))
            .collect();
        if let Some([first, last]) = ends(span.kind) {
            for (at, value) in [(span.start, first), (span.end, last)] {
                let at = micros(at);
                annotations.push(json!({"timestamp": at, "value": value, "endpoint": endpoint}));
            }
        }
        let binary: Vec<Json> = tags(scope, span)
            .into_iter()
            .map(|(key, value)| json!({"key": key, "value": value, "endpoint": endpoint}))
            .collect();
        let mut json = json!({
            "traceId": span.trace_id.to_string(), "id": span.span_id.to_string(),
            "name": span.name, "timestamp": micros(span.start), "duration": duration(span),
            "annotations": annotations, "binaryAnnotations": binary,
        });
        if let Some(parent) = span.parent_span_id {
            json["parentId"] = parent.to_string().into();
        }
        json
    };
    spans(of).map(one).collect()
}

/// Version 1 in Thrift.
pub fn v1_thrift(of: &ResourceSpans) -> Vec<u8> {
    let host = || Struct::default().text(3, service(of));
    let annotation = |at: u64, value: &str| {
        let annotation = Struct::default().i64(1, micros(at) as i64);
        annotation.text(2, value).nested(3, host())
    };
    let one = |(scope, span): (&Scope, &Span)| {
        let (high, low) = halves(span.trace_id);
        let events = span
            .events
            .iter()
            .map(|event| annotation(event.time, &event.name));
        let ends = ends(span.kind).into_iter();
        let ends = ends
            .flat_map(|[first, last]| [annotation(span.start, first), annotation(span.end, last)]);
        let binary = tags(scope, span).into_iter().map(|(key, value)| {
            let keyed = Struct::default().text(1, key).text(2, value);
            keyed.i32(3, 6).nested(4, host())
        });
        let mut written = Struct::default()
            .i64(1, low)
            .text(3, &span.name)
            .i64(4, number(span.span_id));
        if let Some(parent) = span.parent_span_id {
            written = written.i64(5, number(parent));
        }
        written
            .list(6, events.chain(ends))
            .list(8, binary)
            .field(BOOL, 9, &[0])
            .i64(10, micros(span.start) as i64)
            .i64(11, duration(span))
            .i64(12, high)
    };
    thrift_wire::list(spans(of).map(one))
}
