//! Attributes as Jaeger's tags: `{"key":…,"type":…,"value":…}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{KeyValue, Scope, Span, SpanKind, StatusCode, Value, canonical_string};

use crate::adjust::WARNINGS_ATTRIBUTE;
use crate::go::json;

/// The largest integer that a JavaScript number holds exactly.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Writes one attribute. Lists and maps become JSON text, an empty value the empty text.
pub(super) fn attribute(out: &mut Vec<u8>, attribute: &KeyValue) {
    match &attribute.value {
        Value::String(value) => text(out, &attribute.key, value),
        Value::Bool(value) => boolean(out, &attribute.key, *value),
        Value::Int(value) => {
            open(out, &attribute.key, "int64");
            if value.unsigned_abs() > SAFE_INTEGER {
                json::quoted_integer(out, *value);
            } else {
                json::integer(out, *value);
            }
            out.push(b'}');
        }
        Value::Double(value) => {
            open(out, &attribute.key, "float64");
            json::double(out, *value);
            out.push(b'}');
        }
        Value::Bytes(bytes) => {
            open(out, &attribute.key, "binary");
            json::string(out, &STANDARD.encode(bytes));
            out.push(b'}');
        }
        Value::Empty | Value::Array(_) | Value::Map(_) => {
            text(out, &attribute.key, &canonical_string(&attribute.value));
        }
    }
}

fn open(out: &mut Vec<u8>, key: &str, kind: &str) {
    out.extend_from_slice(b"{\"key\":");
    json::string(out, key);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"value\":");
}

/// Writes a tag that holds text.
pub(super) fn text(out: &mut Vec<u8>, key: &str, value: &str) {
    open(out, key, "string");
    json::string(out, value);
    out.push(b'}');
}

fn boolean(out: &mut Vec<u8>, key: &str, value: bool) {
    open(out, key, "bool");
    out.extend_from_slice(if value { b"true" } else { b"false" });
    out.push(b'}');
}

/// Writes the list of a span's tags: scope, attributes, kind, status, trace state.
pub(super) fn of_span(out: &mut Vec<u8>, span: &Span, scope: &Scope) {
    out.push(b'[');
    let first = out.len();
    let mut named = |key: &str, value: &str| {
        if !value.is_empty() {
            separate(out, first);
            text(out, key, value);
        }
    };
    named("otel.scope.name", &scope.name);
    named("otel.scope.version", &scope.version);
    let own = |of: &&KeyValue| of.key != WARNINGS_ATTRIBUTE;
    for one in span.attributes.iter().filter(own) {
        separate(out, first);
        attribute(out, one);
    }
    from_fields(out, first, span);
    out.push(b']');
}

/// The fields of a span for which Jaeger's model has only tags.
fn from_fields(out: &mut Vec<u8>, first: usize, span: &Span) {
    let mut named = |key: &str, value: &str| {
        separate(out, first);
        text(out, key, value);
    };
    if span.kind != SpanKind::Unspecified {
        named("span.kind", span.kind.as_str());
    }
    match span.status {
        StatusCode::Unset => {}
        StatusCode::Ok => named("otel.status_code", "OK"),
        StatusCode::Error => {
            named("otel.status_code", "ERROR");
            separate(out, first);
            boolean(out, "error", true);
        }
    }
    let mut named = |key: &str, value: &str| {
        if !value.is_empty() {
            separate(out, first);
            text(out, key, value);
        }
    };
    named("otel.status_description", &span.status_message);
    named("w3c.tracestate", &span.trace_state);
}

/// A comma, unless this is the first item since `first`.
fn separate(out: &mut Vec<u8>, first: usize) {
    if out.len() > first {
        out.push(b',');
    }
}
