//! One span in the order of keys of Jaeger's UI model.

use model::{EMPTY_SPAN_NAME, Event, Repair, Scope, Span, Value};

use super::{references, tags, trace_id};
use crate::adjust::WARNINGS_ATTRIBUTE;
use crate::go::json;

const NANOS_PER_MICRO: u64 = 1_000;

/// Writes a span that belongs to the process of this key.
pub(super) fn span(
    out: &mut Vec<u8>,
    span: &Span,
    scope: &Scope,
    process: &str,
    warnings: &[String],
) {
    out.extend_from_slice(b"{\"traceID\":");
    trace_id(out, &span.trace_id);
    out.extend_from_slice(b",\"spanID\":\"");
    json::hex(out, span.span_id.as_bytes());
    out.push(b'"');
    if span.flags != 0 {
        out.extend_from_slice(b",\"flags\":");
        json::integer(out, span.flags);
    }
    out.extend_from_slice(b",\"operationName\":");
    json::string(out, operation_name(span));
    out.extend_from_slice(b",\"references\":");
    references::of_span(out, span);
    out.extend_from_slice(b",\"startTime\":");
    json::integer(out, span.start / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"duration\":");
    json::integer(out, span.duration() / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"tags\":");
    tags::of_span(out, span, scope);
    out.extend_from_slice(b",\"logs\":");
    json::list(out, &span.events, log);
    out.extend_from_slice(b",\"processID\":\"");
    out.extend_from_slice(process.as_bytes());
    out.extend_from_slice(b"\",\"warnings\":");
    all_warnings(out, span, warnings);
    out.push(b'}');
}

fn operation_name(span: &Span) -> &str {
    if span.name.is_empty() {
        EMPTY_SPAN_NAME
    } else {
        &span.name
    }
}

/// An event: its name is the field `event`, unless an attribute is called that.
fn log(out: &mut Vec<u8>, event: &Event) {
    out.extend_from_slice(b"{\"timestamp\":");
    json::integer(out, event.time / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"fields\":[");
    let named = event.attributes.iter().any(|of| of.key == "event");
    let tells_name = !named && !event.name.is_empty();
    if tells_name {
        tags::text(out, "event", &event.name);
    }
    for (index, attribute) in event.attributes.iter().enumerate() {
        if index > 0 || tells_name {
            out.push(b',');
        }
        tags::attribute(out, attribute);
    }
    out.extend_from_slice(b"]}");
}

/// What the sender stored as warnings, what ingest repaired, what the adjusters have to say.
fn all_warnings(out: &mut Vec<u8>, span: &Span, warnings: &[String]) {
    let mut all: Vec<String> = stored(span).map(str::to_owned).collect();
    all.extend(span.repairs.iter().map(repair));
    all.extend_from_slice(warnings);
    if all.is_empty() {
        out.extend_from_slice(b"null");
    } else {
        json::strings(out, all.iter().map(String::as_str));
    }
}

fn stored(span: &Span) -> impl Iterator<Item = &str> {
    let of_key = |of: &&model::KeyValue| of.key == WARNINGS_ATTRIBUTE;
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
