//! OTLP as JSON: everything the model holds.
//!
//! Ids in lower-case hex, enums as numbers, 64-bit integers as decimal strings, bytes in base64,
//! NaN and the infinities as strings, keys in the order of OTLP's fields. Zero values are left
//! out, except those that Jaeger's gateway always writes: `resource`, `scope`, `parentSpanId`,
//! `status` and the values of attributes.
//!
//! Traces that are not raw carry what there is to say about a span as attributes of it: warnings
//! as `@jaeger@warnings`, as Jaeger does, and what ingest changed as `spoor.repairs`.

mod value;

use model::{Event, Link, ResourceSpans, Scope, ScopeSpans, Span, StatusCode, Value};

use self::value::{attributes, key_value};
use super::{Gone, Output};
use crate::adjust::{Adjusted, WARNINGS_ATTRIBUTE};
use crate::go::json;

/// The attribute that tells what ingest changed about a span.
const REPAIRS_ATTRIBUTE: &str = "spoor.repairs";

/// Writes `{"resourceSpans":[…]}` with the resources of all traces, one trace after the other.
pub fn resource_spans(out: &mut Output, traces: &[Adjusted]) -> Result<(), Gone> {
    out.buffer().extend_from_slice(b"{\"resourceSpans\":[");
    let mut is_first = true;
    for adjusted in traces {
        let mut position = 0;
        for of_resource in &adjusted.trace.resources {
            if !std::mem::take(&mut is_first) {
                out.buffer().push(b',');
            }
            of_one_resource(out, adjusted, of_resource, &mut position)?;
        }
    }
    out.buffer().extend_from_slice(b"]}");
    out.pass_on()
}

fn of_one_resource(
    out: &mut Output,
    adjusted: &Adjusted,
    of_resource: &ResourceSpans,
    position: &mut usize,
) -> Result<(), Gone> {
    let buffer = out.buffer();
    buffer.extend_from_slice(b"{\"resource\":{");
    let mut fields = Fields::new(buffer);
    let resource = &of_resource.resource;
    fields.attributes(&resource.attributes);
    fields.count("droppedAttributesCount", resource.dropped_attributes);
    buffer.extend_from_slice(b"},\"scopeSpans\":[");
    for (index, of_scope) in of_resource.scopes.iter().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        of_one_scope(out, adjusted, of_scope, position)?;
    }
    let buffer = out.buffer();
    buffer.push(b']');
    schema_url(buffer, &resource.schema_url);
    buffer.push(b'}');
    Ok(())
}

fn of_one_scope(
    out: &mut Output,
    adjusted: &Adjusted,
    of_scope: &ScopeSpans,
    position: &mut usize,
) -> Result<(), Gone> {
    out.buffer().extend_from_slice(b"{\"scope\":");
    scope(out.buffer(), &of_scope.scope);
    out.buffer().extend_from_slice(b",\"spans\":[");
    for (index, one) in of_scope.spans.iter().enumerate() {
        if index > 0 {
            out.buffer().push(b',');
        }
        let said = if adjusted.raw {
            Vec::new()
        } else {
            said_about(one, adjusted.warnings.of(*position))
        };
        span(out.buffer(), one, &said);
        out.pass_on()?;
        *position += 1;
    }
    let buffer = out.buffer();
    buffer.push(b']');
    schema_url(buffer, &of_scope.scope.schema_url);
    buffer.push(b'}');
    Ok(())
}

fn schema_url(out: &mut Vec<u8>, url: &str) {
    if !url.is_empty() {
        out.extend_from_slice(b",\"schemaUrl\":");
        json::string(out, url);
    }
}

fn scope(out: &mut Vec<u8>, scope: &Scope) {
    out.push(b'{');
    let mut fields = Fields::new(out);
    fields.text("name", &scope.name);
    fields.text("version", &scope.version);
    fields.attributes(&scope.attributes);
    fields.count("droppedAttributesCount", scope.dropped_attributes);
    out.push(b'}');
}

/// Warnings and repairs as attributes.
pub(super) fn said_about(span: &Span, warnings: &[String]) -> Vec<model::KeyValue> {
    let list = |key: &str, items: Vec<Value>| {
        (!items.is_empty()).then(|| model::KeyValue::new(key, Value::Array(items)))
    };
    let warnings = warnings
        .iter()
        .map(|words| Value::from(words.as_str()))
        .collect();
    let repairs = span
        .repairs
        .iter()
        .map(|of| Value::from(of.as_str()))
        .collect();
    let said = [
        list(WARNINGS_ATTRIBUTE, warnings),
        list(REPAIRS_ATTRIBUTE, repairs),
    ];
    said.into_iter().flatten().collect()
}

fn span(out: &mut Vec<u8>, span: &Span, said: &[model::KeyValue]) {
    out.push(b'{');
    let mut fields = Fields::new(out);
    fields.hex("traceId", span.trace_id.as_bytes());
    fields.hex("spanId", span.span_id.as_bytes());
    fields.text("traceState", &span.trace_state);
    let parent = span.parent_span_id.as_ref();
    fields.hex(
        "parentSpanId",
        parent.map_or(&[], |parent| parent.as_bytes().as_slice()),
    );
    fields.count("flags", span.flags);
    fields.text("name", &span.name);
    fields.count("kind", u32::from(span.kind.number()));
    fields.time("startTimeUnixNano", span.start);
    fields.time("endTimeUnixNano", span.end);
    fields.attributes_of(&span.attributes, said);
    fields.count("droppedAttributesCount", span.dropped_attributes);
    fields.list("events", &span.events, event);
    fields.count("droppedEventsCount", span.dropped_events);
    fields.list("links", &span.links, link);
    fields.count("droppedLinksCount", span.dropped_links);
    status(fields.value("status"), span);
    out.push(b'}');
}

fn status(out: &mut Vec<u8>, span: &Span) {
    out.push(b'{');
    let mut fields = Fields::new(out);
    fields.text("message", &span.status_message);
    if span.status != StatusCode::Unset {
        fields.count("code", u32::from(span.status.number()));
    }
    out.push(b'}');
}

fn event(out: &mut Vec<u8>, event: &Event) {
    out.push(b'{');
    let mut fields = Fields::new(out);
    fields.time("timeUnixNano", event.time);
    fields.text("name", &event.name);
    fields.attributes(&event.attributes);
    fields.count("droppedAttributesCount", event.dropped_attributes);
    out.push(b'}');
}

fn link(out: &mut Vec<u8>, link: &Link) {
    out.push(b'{');
    let mut fields = Fields::new(out);
    fields.hex("traceId", link.trace_id.as_bytes());
    fields.hex("spanId", link.span_id.as_bytes());
    fields.text("traceState", &link.trace_state);
    fields.attributes(&link.attributes);
    fields.count("droppedAttributesCount", link.dropped_attributes);
    fields.count("flags", link.flags);
    out.push(b'}');
}

/// The fields of one object, commas between them, zero values left out where OTLP does.
struct Fields<'o> {
    out: &'o mut Vec<u8>,
    is_first: bool,
}

impl<'o> Fields<'o> {
    fn new(out: &'o mut Vec<u8>) -> Self {
        Self {
            out,
            is_first: true,
        }
    }

    /// Begins a field; its value is to be written next.
    fn value(&mut self, name: &str) -> &mut Vec<u8> {
        if !std::mem::take(&mut self.is_first) {
            self.out.push(b',');
        }
        json::name(self.out, name);
        self.out
    }

    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            json::string(self.value(name), text);
        }
    }

    fn count(&mut self, name: &str, count: u32) {
        if count != 0 {
            json::integer(self.value(name), count);
        }
    }

    fn time(&mut self, name: &str, at: u64) {
        if at != 0 {
            json::quoted_integer(self.value(name), at);
        }
    }

    fn hex(&mut self, name: &str, bytes: &[u8]) {
        let out = self.value(name);
        out.push(b'"');
        json::hex(out, bytes);
        out.push(b'"');
    }

    fn attributes(&mut self, list: &[model::KeyValue]) {
        self.attributes_of(list, &[]);
    }

    fn attributes_of(&mut self, list: &[model::KeyValue], more: &[model::KeyValue]) {
        if list.is_empty() && more.is_empty() {
            return;
        }
        let out = self.value("attributes");
        if more.is_empty() {
            attributes(out, list);
        } else {
            json::list(out, list.iter().chain(more), key_value);
        }
    }

    fn list<T>(&mut self, name: &str, items: &[T], write: impl FnMut(&mut Vec<u8>, &T)) {
        if !items.is_empty() {
            json::list(self.value(name), items, write);
        }
    }
}

#[cfg(test)]
mod tests;
