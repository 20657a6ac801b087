//! The text of a value: what Jaeger compares in searches and shows for lists and maps.

use std::borrow::Cow;
use std::fmt::Write;

use crate::{AttributeRef, KeyValue, SpanBatch, Value, ValueRef};

/// The text of a value as the OpenTelemetry collector's `AsString` makes it: strings as they are,
/// numbers in decimal, bytes in base64, lists and maps as JSON, nothing for an empty value.
pub fn canonical_string(value: &Value) -> Cow<'_, str> {
    match value {
        Value::String(text) => Cow::Borrowed(text),
        value => {
            let mut text = String::new();
            write_text(value, &mut text);
            Cow::Owned(text)
        }
    }
}

/// A double as JavaScript and Go's JSON encoder print it: the shortest digits that read back
/// equal, plain between 1e-6 and 1e21, with an exponent outside.
pub fn canonical_double(number: f64) -> String {
    let mut text = String::new();
    write_double(number, &mut text);
    text
}

fn write_double(number: f64, out: &mut String) {
    let size = number.abs();
    if number.is_nan() {
        out.push_str("NaN");
    } else if number.is_infinite() {
        out.push_str(if number > 0.0 { "+Inf" } else { "-Inf" });
    } else if size == 0.0 || (1e-6..1e21).contains(&size) {
        // Writing to a string cannot fail.
        write!(out, "{number}").unwrap_or_default();
    } else {
        let start = out.len();
        write!(out, "{number:e}").unwrap_or_default();
        // Go writes a sign, and no leading zero below ten: 1e+21, 1e-7.
        let exponent = out[start..].find('e').map(|at| start + at + 1);
        if let Some(at) = exponent.filter(|at| !out[*at..].starts_with('-')) {
            out.insert(at, '+');
        }
    }
}

/// Shows the canonical text of an integer, without an allocation.
pub fn with_decimal<T>(number: i64, take: impl FnOnce(&[u8]) -> T) -> T {
    let mut text = [0u8; 20];
    let mut rest = &mut text[..];
    std::io::Write::write_fmt(&mut rest, format_args!("{number}"))
        .expect("an integer of 64 bits has at most 20 characters");
    let unused = rest.len();
    take(&text[..text.len() - unused])
}

/// A value, owned or borrowed, as its text is made of it.
trait Tree {
    /// What it is.
    fn shape(&self) -> Shape<'_>;
    /// Hands on each element of a list.
    fn each_item(&self, take: &mut dyn FnMut(&Self));
    /// Hands on each entry of a map, by key.
    fn each_entry(&self, take: &mut dyn FnMut(&str, &Self));
}

/// A value without what it is made of.
enum Shape<'v> {
    Empty,
    Text(&'v str),
    Bool(bool),
    Int(i64),
    Double(f64),
    Bytes(&'v [u8]),
    List,
    Map,
}

impl Tree for Value {
    fn shape(&self) -> Shape<'_> {
        match self {
            Self::Empty => Shape::Empty,
            Self::String(text) => Shape::Text(text),
            Self::Bool(value) => Shape::Bool(*value),
            Self::Int(number) => Shape::Int(*number),
            Self::Double(number) => Shape::Double(*number),
            Self::Bytes(bytes) => Shape::Bytes(bytes),
            Self::Array(_) => Shape::List,
            Self::Map(_) => Shape::Map,
        }
    }

    fn each_item(&self, take: &mut dyn FnMut(&Self)) {
        if let Self::Array(items) = self {
            items.iter().for_each(take);
        }
    }

    fn each_entry(&self, take: &mut dyn FnMut(&str, &Self)) {
        if let Self::Map(entries) = self {
            let mut sorted: Vec<&KeyValue> = entries.iter().collect();
            sorted.sort_by(|a, b| a.key.cmp(&b.key));
            sorted
                .iter()
                .for_each(|entry| take(&entry.key, &entry.value));
        }
    }
}

impl<'a> SpanBatch<'a> {
    /// The canonical text of a value of this batch: see [`canonical_string`].
    pub fn canonical(&self, value: &ValueRef<'a>) -> Cow<'a, str> {
        match *value {
            ValueRef::Empty => Cow::Borrowed(""),
            ValueRef::String(text) => Cow::Borrowed(text),
            ValueRef::Bool(value) => Cow::Borrowed(if value { "true" } else { "false" }),
            ValueRef::Int(value) => Cow::Owned(value.to_string()),
            ValueRef::Double(value) => Cow::Owned(canonical_double(value)),
            ValueRef::Bytes(_) | ValueRef::Array(_) | ValueRef::Map(_) => {
                let mut text = String::new();
                self.write_canonical(value, &mut text);
                Cow::Owned(text)
            }
        }
    }

    /// Whether this is the canonical text of a value of this batch.
    pub(crate) fn has_text(&self, value: &ValueRef<'a>, text: &str) -> bool {
        match *value {
            ValueRef::Int(number) => with_decimal(number, |digits| digits == text.as_bytes()),
            _ => self.canonical(value) == text,
        }
    }

    /// Appends the canonical text of a value of this batch.
    pub fn write_canonical(&self, value: &ValueRef<'a>, out: &mut String) {
        let value = *value;
        write_text(&Borrowed { batch: self, value }, out);
    }
}

/// A value with the batch that what it is made of lies in.
struct Borrowed<'b, 'a> {
    batch: &'b SpanBatch<'a>,
    value: ValueRef<'a>,
}

impl Tree for Borrowed<'_, '_> {
    fn shape(&self) -> Shape<'_> {
        match self.value {
            ValueRef::Empty => Shape::Empty,
            ValueRef::String(text) => Shape::Text(text),
            ValueRef::Bool(value) => Shape::Bool(value),
            ValueRef::Int(number) => Shape::Int(number),
            ValueRef::Double(number) => Shape::Double(number),
            ValueRef::Bytes(bytes) => Shape::Bytes(bytes),
            ValueRef::Array(_) => Shape::List,
            ValueRef::Map(_) => Shape::Map,
        }
    }

    fn each_item(&self, take: &mut dyn FnMut(&Self)) {
        if let ValueRef::Array(extent) = self.value {
            for value in self.batch.values(extent) {
                let (batch, value) = (self.batch, *value);
                take(&Self { batch, value });
            }
        }
    }

    fn each_entry(&self, take: &mut dyn FnMut(&str, &Self)) {
        if let ValueRef::Map(extent) = self.value {
            let mut sorted: Vec<&AttributeRef<'_>> = self.batch.attributes(extent).iter().collect();
            sorted.sort_by_key(|entry| entry.key);
            for entry in sorted {
                let (batch, value) = (self.batch, entry.value);
                take(entry.key, &Self { batch, value });
            }
        }
    }
}

/// Appends the text of a value: see [`canonical_string`].
fn write_text<T: Tree>(value: &T, out: &mut String) {
    match value.shape() {
        Shape::Empty => {}
        Shape::Text(text) => out.push_str(text),
        Shape::Double(number) => write_double(number, out),
        Shape::Bytes(bytes) => write_base64(bytes, out),
        _ => write_json(value, out),
    }
}

fn write_json<T: Tree>(value: &T, out: &mut String) {
    match value.shape() {
        Shape::Empty => out.push_str("null"),
        Shape::Text(text) => write_json_string(text, out),
        Shape::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        // Writing to a string cannot fail.
        Shape::Int(number) => write!(out, "{number}").unwrap_or_default(),
        Shape::Double(number) if !number.is_finite() => {
            out.push('"');
            write_double(number, out);
            out.push('"');
        }
        Shape::Double(number) => write_double(number, out),
        Shape::Bytes(bytes) => {
            out.push('"');
            write_base64(bytes, out);
            out.push('"');
        }
        Shape::List => {
            out.push('[');
            let mut first = true;
            value.each_item(&mut |item| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                write_json(item, out);
            });
            out.push(']');
        }
        Shape::Map => {
            out.push('{');
            let mut first = true;
            value.each_entry(&mut |key, value| {
                if !std::mem::take(&mut first) {
                    out.push(',');
                }
                write_json_string(key, out);
                out.push(':');
                write_json(value, out);
            });
            out.push('}');
        }
    }
}

fn write_json_string(text: &str, out: &mut String) {
    out.push('"');
    let mut plain = 0;
    for (at, byte) in text.bytes().enumerate() {
        if byte >= 0x20 && byte != b'"' && byte != b'\\' {
            continue;
        }
        out.push_str(&text[plain..at]);
        plain = at + 1;
        match byte {
            b'\n' => out.push_str("\\n"),
            b'\r' => out.push_str("\\r"),
            b'\t' => out.push_str("\\t"),
            b'"' | b'\\' => out.extend(['\\', byte as char]),
            // Writing to a string cannot fail.
            control => write!(out, "\\u{control:04x}").unwrap_or_default(),
        }
    }
    out.push_str(&text[plain..]);
    out.push('"');
}

fn write_base64(bytes: &[u8], out: &mut String) {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    out.reserve(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let word = chunk
            .iter()
            .fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        let word = word << (8 * (3 - chunk.len()));
        for place in 0..4 {
            if place <= chunk.len() {
                out.push(DIGITS[(word >> (18 - 6 * place)) as usize & 63] as char);
            } else {
                out.push('=');
            }
        }
    }
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
                Value::Array(vec![1i64.into(), "x\"y\u{1}é\n".into(), Value::Empty]),
            ),
            KeyValue::new("a", Value::Bytes(vec![0, 0, 48, 57])),
        ]);
        assert_eq!(
            canonical_string(&value),
            r#"{"a":"AAAwOQ==","b":[1,"x\"y\u0001é\n",null]}"#
        );
    }
}
