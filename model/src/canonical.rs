//! The text of a value: what Jaeger compares in searches and shows for lists and maps.

use std::borrow::Cow;
use std::fmt::Write;

use crate::{KeyValue, Value};

/// The text of a value as the OpenTelemetry collector's `AsString` makes it: strings as they are,
/// numbers in decimal, bytes in base64, lists and maps as JSON, nothing for an empty value.
pub fn canonical_string(value: &Value) -> Cow<'_, str> {
    match value {
        Value::Empty => Cow::Borrowed(""),
        Value::String(text) => Cow::Borrowed(text),
        Value::Bool(true) => Cow::Borrowed("true"),
        Value::Bool(false) => Cow::Borrowed("false"),
        Value::Int(number) => Cow::Owned(number.to_string()),
        Value::Double(number) => Cow::Owned(canonical_double(*number)),
        Value::Bytes(bytes) => Cow::Owned(base64(bytes)),
        Value::Array(_) | Value::Map(_) => {
            let mut json = String::new();
            write_json(value, &mut json);
            Cow::Owned(json)
        }
    }
}

/// A double as JavaScript and Go's JSON encoder print it: the shortest digits that read back
/// equal, plain between 1e-6 and 1e21, with an exponent outside.
pub fn canonical_double(number: f64) -> String {
    if number.is_nan() {
        return "NaN".to_owned();
    }
    if number.is_infinite() {
        return if number > 0.0 { "+Inf" } else { "-Inf" }.to_owned();
    }
    let size = number.abs();
    if size != 0.0 && !(1e-6..1e21).contains(&size) {
        let text = format!("{number:e}");
        // Go writes a sign, and no leading zero below ten: 1e+21, 1e-7.
        return match text.split_once('e') {
            Some((digits, exponent)) if !exponent.starts_with('-') => {
                format!("{digits}e+{exponent}")
            }
            _ => text,
        };
    }
    format!("{number}")
}

fn write_json(value: &Value, out: &mut String) {
    match value {
        Value::Empty => out.push_str("null"),
        Value::String(text) => write_json_string(text, out),
        Value::Bytes(bytes) => write_json_string(&base64(bytes), out),
        Value::Array(items) => write_list(items, '[', ']', out, write_json),
        Value::Map(entries) => {
            let mut sorted: Vec<&KeyValue> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            write_list(&sorted, '{', '}', out, |entry, out| {
                write_json_string(&entry.key, out);
                out.push(':');
                write_json(&entry.value, out);
            });
        }
        Value::Double(number) if !number.is_finite() => {
            write_json_string(&canonical_double(*number), out);
        }
        scalar => out.push_str(&canonical_string(scalar)),
    }
}

fn write_list<T>(
    items: &[T],
    open: char,
    close: char,
    out: &mut String,
    write: impl Fn(&T, &mut String),
) {
    out.push(open);
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            out.push(',');
        }
        write(item, out);
    }
    out.push(close);
}

fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    for c in text.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            c if (c as u32) < 0x20 => write!(out, "\\u{:04x}", c as u32).unwrap_or_default(),
            c => out.push(c),
        }
    }
    out.push('"');
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                text.push(DIGITS[(word >> (18 - 6 * place)) as usize & 63] as char);
            } else {
                text.push('=');
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn doubles_print_as_go_prints_them() {
        for (number, text) in [
            (72.5, "72.5"),
            (1.0, "1"),
            (-0.0, "-0"),
            (1e20, "100000000000000000000"),
            (1e21, "1e+21"),
            (1e-7, "1e-7"),
            (f64::INFINITY, "+Inf"),
        ] {
            assert_eq!(canonical_double(number), text);
        }
    }

    #[test]
    fn lists_and_maps_are_json_with_sorted_keys() {
        let value = Value::Map(vec![
            KeyValue::new(
                "b",
                Value::Array(vec![1i64.into(), "x\"y".into(), Value::Empty]),
            ),
            KeyValue::new("a", Value::Bytes(vec![0, 0, 48, 57])),
        ]);
        assert_eq!(
            canonical_string(&value),
            r#"{"a":"AAAwOQ==","b":[1,"x\"y",null]}"#
        );
    }
}
