//! OTLP's `AnyValue`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use model::{KeyValue, Value};

use crate::go::json;

/// A list of attributes.
pub(super) fn attributes(out: &mut Vec<u8>, attributes: &[KeyValue]) {
    json::list(out, attributes, key_value);
}

/// One attribute.
pub(super) fn key_value(out: &mut Vec<u8>, attribute: &KeyValue) {
    out.extend_from_slice(b"{\"key\":");
    json::string(out, &attribute.key);
    out.extend_from_slice(b",\"value\":");
    value(out, &attribute.value);
    out.push(b'}');
}

// Nesting is bounded where spans come in, so recursion is bounded here.
fn value(out: &mut Vec<u8>, value: &Value) {
    out.push(b'{');
    match value {
        Value::Empty => {}
        Value::String(text) => {
            json::name(out, "stringValue");
            json::string(out, text);
        }
        Value::Bool(is) => {
            json::name(out, "boolValue");
            out.extend_from_slice(if *is { b"true" } else { b"false" });
        }
        Value::Int(number) => {
            json::name(out, "intValue");
            json::quoted_integer(out, *number);
        }
        Value::Double(number) => {
            json::name(out, "doubleValue");
            json::double(out, *number);
        }
        Value::Bytes(bytes) => {
            json::name(out, "bytesValue");
            json::string(out, &STANDARD.encode(bytes));
        }
        Value::Array(items) => {
            out.extend_from_slice(b"\"arrayValue\":{\"values\":");
            json::list(out, items, self::value);
            out.push(b'}');
        }
        Value::Map(entries) => {
            out.extend_from_slice(b"\"kvlistValue\":{\"values\":");
            attributes(out, entries);
            out.push(b'}');
        }
    }
    out.push(b'}');
}
