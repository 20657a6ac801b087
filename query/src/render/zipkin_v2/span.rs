//! One span, in the order of Zipkin's fields.

use std::borrow::Cow;
use std::collections::BTreeMap;

use model::{
    Event, KeyValue, Resource, SERVICE_NAME, Scope, Span, SpanKind, StatusCode, Value,
    canonical_string,
};

use super::endpoint::{self, Endpoint};
use crate::go::json;

const NANOS_PER_MICRO: u64 = 1_000;

type Tags<'a> = BTreeMap<&'a str, Cow<'a, str>>;

/// Writes a span; `shared` if a client span has the same id.
pub(super) fn span(
    out: &mut Vec<u8>,
    (resource, scope, span): (&Resource, &Scope, &Span),
    shared: bool,
) {
    out.extend_from_slice(b"{\"traceId\":\"");
    let id = span.trace_id.as_bytes();
    json::hex(
        out,
        if span.trace_id.is_short() {
            &id[8..]
        } else {
            id
        },
    );
    out.push(b'"');
    if let Some(parent) = &span.parent_span_id {
        out.extend_from_slice(b",\"parentId\":\"");
        json::hex(out, parent.as_bytes());
        out.push(b'"');
    }
    out.extend_from_slice(b",\"id\":\"");
    json::hex(out, span.span_id.as_bytes());
    out.push(b'"');
    if let Some(kind) = kind(span.kind) {
        text(out, "kind", kind);
    }
    if !span.name.is_empty() {
        text(out, "name", &span.name);
    }
    number(out, "timestamp", span.start / NANOS_PER_MICRO);
    // A duration of zero would mean that it is not known.
    let micros = span.duration().div_ceil(NANOS_PER_MICRO);
    number(out, "duration", micros);
    endpoint(out, "localEndpoint", &endpoint::local(resource, span));
    endpoint(out, "remoteEndpoint", &endpoint::remote(span));
    if !span.events.is_empty() {
        member(out, "annotations");
        json::list(out, &span.events, annotation);
    }
    write_tags(out, &tags(resource, scope, span));
    if shared {
        out.extend_from_slice(b",\"shared\":true");
    }
    out.push(b'}');
}

fn kind(kind: SpanKind) -> Option<&'static str> {
    match kind {
        SpanKind::Unspecified | SpanKind::Internal => None,
        SpanKind::Server => Some("SERVER"),
        SpanKind::Client => Some("CLIENT"),
        SpanKind::Producer => Some("PRODUCER"),
        SpanKind::Consumer => Some("CONSUMER"),
    }
}

fn member(out: &mut Vec<u8>, name: &str) {
    out.push(b',');
    json::name(out, name);
}

fn text(out: &mut Vec<u8>, name: &str, value: &str) {
    member(out, name);
    json::string(out, value);
}

fn number(out: &mut Vec<u8>, name: &str, number: u64) {
    if number > 0 {
        member(out, name);
        json::integer(out, number);
    }
}

fn endpoint(out: &mut Vec<u8>, name: &str, endpoint: &Endpoint<'_>) {
    if endpoint == &Endpoint::default() {
        return;
    }
    member(out, name);
    out.push(b'{');
    let first = out.len();
    for (name, value) in [
        ("serviceName", endpoint.service),
        ("ipv4", endpoint.ipv4),
        ("ipv6", endpoint.ipv6),
    ] {
        if let Some(value) = value {
            separate(out, first);
            json::name(out, name);
            json::string(out, value);
        }
    }
    if let Some(port) = endpoint.port {
        separate(out, first);
        json::name(out, "port");
        json::integer(out, port);
    }
    out.push(b'}');
}

fn separate(out: &mut Vec<u8>, first: usize) {
    if out.len() > first {
        out.push(b',');
    }
}

/// An event: its name, and if there are attributes `"name":{…}`.
fn annotation(out: &mut Vec<u8>, event: &Event) {
    out.extend_from_slice(b"{\"timestamp\":");
    json::integer(out, event.time / NANOS_PER_MICRO);
    out.extend_from_slice(b",\"value\":");
    if event.attributes.is_empty() {
        json::string(out, &event.name);
    } else {
        let mut value = Vec::new();
        json::string(&mut value, &event.name);
        value.push(b':');
        let attributes = Value::Map(event.attributes.clone());
        value.extend_from_slice(canonical_string(&attributes).as_bytes());
        json::string(out, &String::from_utf8_lossy(&value));
    }
    out.push(b'}');
}

/// What is known of a span beside Zipkin's own fields. A span's attribute hides its resource's.
fn tags<'a>(resource: &'a Resource, scope: &'a Scope, span: &'a Span) -> Tags<'a> {
    let mut tags = Tags::new();
    let mut told = |key, value: &'a str| {
        if !value.is_empty() {
            tags.insert(key, Cow::Borrowed(value));
        }
    };
    told("otel.scope.name", &scope.name);
    told("otel.scope.version", &scope.version);
    told("w3c.tracestate", &span.trace_state);
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => told("otel.status_code", "OK"),
        StatusCode::Error => {
            told("otel.status_code", "ERROR");
            let message = span.status_message.as_str();
            told("error", if message.is_empty() { "true" } else { message });
        }
    }
    let of_resource = resource.attributes.iter();
    let of_resource =
        of_resource.filter(|of| of.key != SERVICE_NAME && !endpoint::says_of_host(of));
    let of_span = span.attributes.iter();
    let of_span = of_span.filter(|of| !endpoint::says(of));
    for KeyValue { key, value } in of_resource.chain(of_span) {
        tags.insert(key, canonical_string(value));
    }
    tags
}

fn write_tags(out: &mut Vec<u8>, tags: &Tags<'_>) {
    if tags.is_empty() {
        return;
    }
    member(out, "tags");
    out.push(b'{');
    for (index, (key, value)) in tags.iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        json::string(out, key);
        out.push(b':');
        json::string(out, value);
    }
    out.push(b'}');
}
