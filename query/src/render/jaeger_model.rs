//! OTLP's spans as Jaeger's model has them: one translation, whatever it is written as afterwards.
//!
//! Everything is borrowed; nothing is looked at twice. What Jaeger has no field for becomes a tag.

use std::borrow::Cow;

use model::{
    EMPTY_SPAN_NAME, Event, KeyValue, Link, Repair, Resource, SERVICE_NAME, Scope, Span, SpanId,
    SpanKind, StatusCode, TraceId, Value, canonical_string,
};

use crate::adjust::WARNINGS_ATTRIBUTE;

/// The link attribute that keeps the type which a reference had in Jaeger.
const REF_TYPE: &str = "opentracing.ref_type";

/// A typed fact about a span, a process or a moment.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Tag<'a> {
    pub(super) key: &'a str,
    pub(super) value: TagValue<'a>,
}

/// The types that Jaeger's tags have.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum TagValue<'a> {
    Text(Cow<'a, str>),
    Bool(bool),
    Int(i64),
    Float(f64),
    Binary(&'a [u8]),
}

impl<'a> Tag<'a> {
    fn text(key: &'a str, value: &'a str) -> Self {
        let value = TagValue::Text(Cow::Borrowed(value));
        Self { key, value }
    }

    fn told(key: &'a str, value: &'a str) -> Option<Self> {
        (!value.is_empty()).then(|| Self::text(key, value))
    }

    /// Lists and maps become JSON text, an empty value the empty text.
    fn attribute(attribute: &'a KeyValue) -> Self {
        let value = match &attribute.value {
            Value::String(text) => TagValue::Text(Cow::Borrowed(text)),
            Value::Bool(is) => TagValue::Bool(*is),
            Value::Int(number) => TagValue::Int(*number),
            Value::Double(number) => TagValue::Float(*number),
            Value::Bytes(bytes) => TagValue::Binary(bytes),
            value => TagValue::Text(canonical_string(value)),
        };
        let key = &attribute.key;
        Self { key, value }
    }
}

/// The tags of a process: the resource without the name of its service.
pub(super) fn process_tags(resource: &Resource) -> impl Iterator<Item = Tag<'_>> {
    let is_name = |of: &&KeyValue| of.key == SERVICE_NAME && matches!(of.value, Value::String(_));
    let others = resource.attributes.iter().filter(move |of| !is_name(of));
    others.map(Tag::attribute)
}

/// The tags of a span: scope, attributes, kind, status, trace state.
pub(super) fn span_tags<'a>(span: &'a Span, scope: &'a Scope) -> impl Iterator<Item = Tag<'a>> {
    let of_scope = [
        Tag::told("otel.scope.name", &scope.name),
        Tag::told("otel.scope.version", &scope.version),
    ];
    let own = span
        .attributes
        .iter()
        .filter(|of| of.key != WARNINGS_ATTRIBUTE);
    let kind = span.kind != SpanKind::Unspecified;
    let status = match span.status {
        StatusCode::Unset => None,
        StatusCode::Ok => Some(Tag::text("otel.status_code", "OK")),
        StatusCode::Error => Some(Tag::text("otel.status_code", "ERROR")),
    };
    let error = (span.status == StatusCode::Error).then_some(Tag {
        key: "error",
        value: TagValue::Bool(true),
    });
    let of_fields = [
        kind.then(|| Tag::text("span.kind", span.kind.as_str())),
        status,
        error,
        Tag::told("otel.status_description", &span.status_message),
        Tag::told("w3c.tracestate", &span.trace_state),
    ];
    let of_scope = of_scope.into_iter().flatten();
    of_scope
        .chain(own.map(Tag::attribute))
        .chain(of_fields.into_iter().flatten())
}

/// The fields of a log: the event's name as `event`, unless an attribute is called that.
pub(super) fn log_fields(event: &Event) -> impl Iterator<Item = Tag<'_>> {
    let named = event.attributes.iter().any(|of| of.key == "event");
    let name = Tag::told("event", &event.name).filter(|_| !named);
    name.into_iter()
        .chain(event.attributes.iter().map(Tag::attribute))
}

/// How a span refers to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum RefType {
    ChildOf,
    FollowsFrom,
}

/// Another span that a span refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Reference {
    pub(super) kind: RefType,
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
}

/// The references: the parent first, then the links. A link to the parent only tells the type of
/// that first reference.
pub(super) fn references(span: &Span) -> impl Iterator<Item = Reference> {
    let is_parent =
        |link: &&Link| link.trace_id == span.trace_id && Some(link.span_id) == span.parent_span_id;
    let parent = span.parent_span_id.map(|span_id| Reference {
        kind: span
            .links
            .iter()
            .rfind(is_parent)
            .map_or(RefType::ChildOf, ref_type),
        trace_id: span.trace_id,
        span_id,
    });
    let others = span.links.iter().filter(move |link| !is_parent(link));
    parent.into_iter().chain(others.map(|link| Reference {
        kind: ref_type(link),
        trace_id: link.trace_id,
        span_id: link.span_id,
    }))
}

fn ref_type(link: &Link) -> RefType {
    let told = link.attributes.iter().find(|of| of.key == REF_TYPE);
    match told.map(|attribute| &attribute.value) {
        Some(Value::String(kind)) if kind == "child_of" => RefType::ChildOf,
        _ => RefType::FollowsFrom,
    }
}

/// The name, or what stands for an empty one.
pub(super) fn operation_name(span: &Span) -> &str {
    if span.name.is_empty() {
        EMPTY_SPAN_NAME
    } else {
        &span.name
    }
}

/// What the sender stored as warnings, what ingest repaired, what the adjusters have to say.
pub(super) fn warnings(span: &Span, adjusted: &[String]) -> Vec<String> {
    let mut all: Vec<String> = stored_warnings(span).map(str::to_owned).collect();
    all.extend(span.repairs.iter().map(repair));
    all.extend_from_slice(adjusted);
    all
}

fn stored_warnings(span: &Span) -> impl Iterator<Item = &str> {
    let of_key = |of: &&KeyValue| of.key == WARNINGS_ATTRIBUTE;
    let items = span.attributes.iter().filter(of_key);
    let items = items.flat_map(|attribute| match &attribute.value {
        Value::Array(items) => items.as_slice(),
        value => std::slice::from_ref(value),
    });
    items.filter_map(Value::as_str)
}

fn repair(repair: Repair) -> String {
    format!("repaired on ingest: {}", repair.as_str())
}
