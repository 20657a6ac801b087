//! Tags as JSON: `{"key":…,"type":…,"value":…}`.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::go::json;
use crate::render::jaeger_model::{Tag, TagValue};

/// The largest integer that a JavaScript number holds exactly.
const SAFE_INTEGER: u64 = (1 << 53) - 1;

/// Writes one tag. Integers that JavaScript cannot hold are texts.
pub(super) fn tag(out: &mut Vec<u8>, tag: Tag<'_>) {
    match tag.value {
        TagValue::Text(value) => {
            open(out, tag.key, "string");
            json::string(out, &value);
        }
        TagValue::Bool(value) => {
            open(out, tag.key, "bool");
            out.extend_from_slice(if value { b"true" } else { b"false" });
        }
        TagValue::Int(value) => {
            open(out, tag.key, "int64");
            if value.unsigned_abs() > SAFE_INTEGER {
                json::quoted_integer(out, value);
            } else {
                json::integer(out, value);
            }
        }
        TagValue::Float(value) => {
            open(out, tag.key, "float64");
            json::double(out, value);
        }
        TagValue::Binary(bytes) => {
            open(out, tag.key, "binary");
            json::string(out, &STANDARD.encode(bytes));
        }
    }
    out.push(b'}');
}

fn open(out: &mut Vec<u8>, key: &str, kind: &str) {
    out.extend_from_slice(b"{\"key\":");
    json::string(out, key);
    out.extend_from_slice(b",\"type\":\"");
    out.extend_from_slice(kind.as_bytes());
    out.extend_from_slice(b"\",\"value\":");
}
