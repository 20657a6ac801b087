//! From OTLP's model to Jaeger's, in protobuf and in Thrift, as Jaeger's own translation has it.

use model::{
    Event, KeyValue, Link, ResourceSpans, SERVICE_NAME, Scope, Span, SpanId, SpanKind, StatusCode,
    TraceId, Value, canonical_string,
};

use super::thrift_wire::{BOOL, DOUBLE, Struct};
use crate::wire::{FieldOrder, Message};

/// The link attribute that keeps the type of a reference.
pub const REF_TYPE: &str = "opentracing.ref_type";

/// A reference: trace, span, and whether it is FOLLOWS_FROM.
type Reference = (TraceId, SpanId, bool);

/// The value of a tag: lists, maps and nothing become text.
pub fn scalar(value: &Value) -> Value {
    match value {
        Value::Empty | Value::Array(_) | Value::Map(_) => {
            Value::String(canonical_string(value).into_owned())
        }
        value => value.clone(),
    }
}

fn service(of: &ResourceSpans) -> (&str, impl Iterator<Item = &KeyValue>) {
    let attributes = &of.resource.attributes;
    let name = attributes.iter().find(|of| of.key == SERVICE_NAME);
    let name = name.and_then(|of| of.value.as_str()).unwrap_or_default();
    (name, attributes.iter().filter(|of| of.key != SERVICE_NAME))
}

fn tags(scope: &Scope, span: &Span) -> Vec<KeyValue> {
    let mut tags = Vec::new();
    let mut text = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.push(KeyValue::new(key, value));
        }
    };
    text("otel.scope.name", &scope.name);
    text("otel.scope.version", &scope.version);
    if span.kind != SpanKind::Unspecified {
        text("span.kind", span.kind.as_str());
    }
    if span.status != StatusCode::Unset {
        text(
            "otel.status_code",
            &span.status.as_str().to_ascii_uppercase(),
        );
    }
    text("otel.status_description", &span.status_message);
    text("w3c.tracestate", &span.trace_state);
    if span.status == StatusCode::Error {
        tags.push(KeyValue::new("error", true));
    }
    tags.extend(span.attributes.iter().cloned());
    tags
}

fn fields(event: &Event) -> Vec<KeyValue> {
    let name = (!event.name.is_empty()).then(|| KeyValue::new("event", event.name.as_str()));
    name.into_iter().chain(event.attributes.clone()).collect()
}

fn references(span: &Span) -> Vec<Reference> {
    let follows = |link: &Link| {
        let told = link.attributes.iter().find(|of| of.key == REF_TYPE);
        told.is_none_or(|of| of.value != Value::from("child_of"))
    };
    let parent = span.parent_span_id.map(|parent| {
        let is_parent = |link: &&Link| (link.trace_id, link.span_id) == (span.trace_id, parent);
        let told = span.links.iter().find(is_parent);
        (span.trace_id, parent, told.is_some_and(follows))
    });
    let others = span.links.iter();
    let others = others.map(|link| (link.trace_id, link.span_id, follows(link)));
    let others = others.filter(|(trace, id, _)| {
        parent.is_none_or(|(of, parent, _)| (*trace, *id) != (of, parent))
    });
    parent.into_iter().chain(others).collect()
}

fn message() -> Message {
    Message::new(FieldOrder::Ascending)
}

/// A `PostSpansRequest` of one batch.
pub fn post_spans(of: &ResourceSpans) -> Vec<u8> {
    let spans: Vec<Vec<u8>> = of
        .scopes
        .iter()
        .flat_map(|of| of.spans.iter().map(|span| protobuf_span(&of.scope, span)))
        .collect();
    let batch = message()
        .each(1, &spans, Clone::clone)
        .bytes(2, &process(of));
    message().bytes(1, &batch.finish()).finish()
}

/// A `PostSpansRequest` of one batch without a process, whose spans carry theirs.
pub fn post_spans_with_processes(all: &[ResourceSpans]) -> Vec<u8> {
    let spans: Vec<Vec<u8>> = all.iter().flat_map(single_spans).collect();
    let batch = message().each(1, &spans, Clone::clone);
    message().bytes(1, &batch.finish()).finish()
}

/// Each span as a `Span` alone that carries its process.
pub fn single_spans(of: &ResourceSpans) -> Vec<Vec<u8>> {
    let own = message().bytes(10, &process(of)).finish();
    let spans = of
        .scopes
        .iter()
        .flat_map(|of| of.spans.iter().map(|span| protobuf_span(&of.scope, span)));
    spans.map(|span| [span, own.clone()].concat()).collect()
}

fn process(of: &ResourceSpans) -> Vec<u8> {
    let (service, attributes) = service(of);
    let tags: Vec<KeyValue> = attributes.cloned().collect();
    message()
        .text(1, service)
        .each(2, &tags, protobuf_tag)
        .finish()
}

fn protobuf_span(scope: &Scope, span: &Span) -> Vec<u8> {
    let duration = i128::from(span.end) - i128::from(span.start);
    message()
        .bytes(1, span.trace_id.as_bytes())
        .bytes(2, span.span_id.as_bytes())
        .text(3, &span.name)
        .each(4, &references(span), |(trace, id, follows)| {
            message()
                .bytes(1, trace.as_bytes())
                .bytes(2, id.as_bytes())
                .number(3, u64::from(*follows))
                .finish()
        })
        .number(5, span.flags.into())
        .bytes(6, &time(span.start.into()))
        .bytes(7, &time(duration))
        .each(8, &tags(scope, span), protobuf_tag)
        .each(9, &span.events, |event| {
            message()
                .bytes(1, &time(event.time.into()))
                .each(2, &fields(event), protobuf_tag)
                .finish()
        })
        .finish()
}

fn time(nanos: i128) -> Vec<u8> {
    let second = 1_000_000_000;
    message()
        .number(1, (nanos / second) as u64)
        .number(2, (nanos % second) as u64)
        .finish()
}

fn protobuf_tag(tag: &KeyValue) -> Vec<u8> {
    let message = message().text(1, &tag.key);
    match scalar(&tag.value) {
        Value::Bool(value) => message.number(2, 1).number(4, value.into()),
        Value::Int(value) => message.number(2, 2).number(5, value as u64),
        Value::Double(value) => message.number(2, 3).fixed64(6, value.to_bits()),
        Value::Bytes(value) => message.number(2, 4).bytes(7, &value),
        value => message.text(3, value.as_str().expect("a scalar")),
    }
    .finish()
}

/// A `Batch` in Thrift's binary protocol.
pub fn batch(of: &ResourceSpans) -> Vec<u8> {
    let (service, attributes) = service(of);
    let process = Struct::default()
        .text(1, service)
        .list(2, attributes.map(thrift_tag));
    let spans = of
        .scopes
        .iter()
        .flat_map(|of| of.spans.iter().map(|span| thrift_span(&of.scope, span)));
    let batch = Struct::default().nested(1, process).list(2, spans);
    batch.finish()
}

fn thrift_span(scope: &Scope, span: &Span) -> Struct {
    let (high, low) = halves(span.trace_id);
    let parent = span.parent_span_id.map(number);
    let references = references(span).into_iter().map(|(trace, id, follows)| {
        let (high, low) = halves(trace);
        let of_type = Struct::default().i32(1, follows.into());
        of_type.i64(2, low).i64(3, high).i64(4, number(id))
    });
    let logs = span.events.iter().map(|event| {
        let at = Struct::default().i64(1, (event.time / 1_000) as i64);
        at.list(2, fields(event).iter().map(thrift_tag))
    });
    let duration = (i128::from(span.end) - i128::from(span.start)) / 1_000;
    Struct::default()
        .i64(1, low)
        .i64(2, high)
        .i64(3, number(span.span_id))
        .i64(4, parent.unwrap_or_default())
        .text(5, &span.name)
        .list(6, references)
        .i32(7, span.flags as i32)
        .i64(8, (span.start / 1_000) as i64)
        .i64(9, duration as i64)
        .list(10, tags(scope, span).iter().map(thrift_tag))
        .list(11, logs)
}

/// The halves of a trace id, high before low.
pub fn halves(id: TraceId) -> (i64, i64) {
    let id = u128::from_be_bytes(*id.as_bytes());
    ((id >> 64) as i64, id as i64)
}

/// A span id as a number.
pub fn number(id: SpanId) -> i64 {
    i64::from_be_bytes(*id.as_bytes())
}

fn thrift_tag(tag: &KeyValue) -> Struct {
    let keyed = Struct::default().text(1, &tag.key);
    match scalar(&tag.value) {
        Value::Double(value) => keyed.i32(2, 1).field(DOUBLE, 4, &value.to_be_bytes()),
        Value::Bool(value) => keyed.i32(2, 2).field(BOOL, 5, &[value.into()]),
        Value::Int(value) => keyed.i32(2, 3).i64(6, value),
        Value::Bytes(value) => keyed.i32(2, 4).text(7, value),
        value => keyed.i32(2, 0).text(3, value.as_str().expect("a scalar")),
    }
}
