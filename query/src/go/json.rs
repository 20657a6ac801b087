//! JSON as `encoding/json` writes it: HTML characters escaped, doubles with the shortest digits.

use std::io::Write;

use model::canonical_double;

/// Appends a string in quotes. `<`, `>`, `&`, U+2028 and U+2029 are escaped, as Go does, so that
/// the text is harmless wherever it is pasted.
pub fn string(out: &mut Vec<u8>, text: &str) {
    out.push(b'"');
    let bytes = text.as_bytes();
    let mut copied = 0;
    for (at, byte) in bytes.iter().enumerate() {
        if PLAIN[*byte as usize] {
            continue;
        }
        let len = match *byte {
            // The line separators: E2 80 A8 and E2 80 A9.
            0xe2 => match bytes.get(at + 1..at + 3) {
                Some([0x80, 0xa8 | 0xa9]) => 3,
                _ => continue,
            },
            _ => 1,
        };
        out.extend_from_slice(&bytes[copied..at]);
        escape(out, *byte, bytes.get(at + 2).copied().unwrap_or_default());
        copied = at + len;
    }
    out.extend_from_slice(&bytes[copied..]);
    out.push(b'"');
}

/// Bytes that need no look.
const PLAIN: [bool; 256] = {
    let mut plain = [true; 256];
    let mut byte = 0;
    while byte < 0x20 {
        plain[byte] = false;
        byte += 1;
    }
    plain[b'"' as usize] = false;
    plain[b'\\' as usize] = false;
    plain[b'<' as usize] = false;
    plain[b'>' as usize] = false;
    plain[b'&' as usize] = false;
    plain[0xe2] = false;
    plain
};

fn escape(out: &mut Vec<u8>, byte: u8, third: u8) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    match byte {
        b'"' => out.extend_from_slice(b"\\\""),
        b'\\' => out.extend_from_slice(b"\\\\"),
        b'\n' => out.extend_from_slice(b"\\n"),
        b'\r' => out.extend_from_slice(b"\\r"),
        b'\t' => out.extend_from_slice(b"\\t"),
        0x08 => out.extend_from_slice(b"\\b"),
        0x0c => out.extend_from_slice(b"\\f"),
        0xe2 => {
            out.extend_from_slice(b"\\u202");
            out.push(HEX[third as usize & 15]);
        }
        _ => {
            out.extend_from_slice(b"\\u00");
            out.push(HEX[byte as usize >> 4]);
            out.push(HEX[byte as usize & 15]);
        }
    }
}

/// Appends `"name":`. Names are ours and need no escape.
pub fn name(out: &mut Vec<u8>, name: &str) {
    out.push(b'"');
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b"\":");
}

/// Appends an integer.
pub fn integer(out: &mut Vec<u8>, number: impl Into<i128>) {
    let number: i128 = number.into();
    // Writing to a vector cannot fail. Most numbers fit the faster 64-bit path.
    let _ = match u64::try_from(number) {
        Ok(number) => write!(out, "{number}"),
        Err(_) => write!(out, "{number}"),
    };
}

/// Appends a 64-bit integer in quotes, as protobuf's JSON does.
pub fn quoted_integer(out: &mut Vec<u8>, number: impl Into<i128>) {
    out.push(b'"');
    integer(out, number);
    out.push(b'"');
}

/// Appends a double; what JSON has no number for becomes the text in quotes.
pub fn double(out: &mut Vec<u8>, number: f64) {
    if number.is_finite() {
        out.extend_from_slice(canonical_double(number).as_bytes());
    } else if number.is_nan() {
        out.extend_from_slice(b"\"NaN\"");
    } else if number > 0.0 {
        out.extend_from_slice(b"\"Infinity\"");
    } else {
        out.extend_from_slice(b"\"-Infinity\"");
    }
}

/// Appends bytes as lower-case hex digits, without quotes.
pub fn hex(out: &mut Vec<u8>, bytes: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.extend_from_slice(&[HEX[*byte as usize >> 4], HEX[*byte as usize & 15]]);
    }
}

/// Appends a list of items.
pub fn list<T>(
    out: &mut Vec<u8>,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut Vec<u8>, T),
) {
    out.push(b'[');
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Appends a list of strings.
pub fn strings<'t>(out: &mut Vec<u8>, texts: impl IntoIterator<Item = &'t str>) {
    list(out, texts, string);
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn written(text: &str) -> String {
        let mut out = Vec::new();
        string(&mut out, text);
        String::from_utf8(out).expect("JSON is text")
    }

    #[test]
    fn strings_are_escaped_as_go_escapes_them() {
        assert_eq!(
            written("</script>&\"\\\u{8}\u{c}\n\r\t\u{1}\u{1f}\u{7f}é€\u{2028}\u{2029}\u{202a}"),
            "\"\\u003c/script\\u003e\\u0026\\\"\\\\\\b\\f\\n\\r\\t\\u0001\\u001f\u{7f}é€\\u2028\\u2029\u{202a}\""
        );
    }

    proptest! {
        #[test]
        fn every_string_reads_back_equal(text in any::<String>()) {
            let read: String = serde_json::from_str(&written(&text)).expect("valid JSON");
            prop_assert_eq!(read, text);
        }

        #[test]
        fn every_finite_double_reads_back_equal(number in any::<f64>().prop_filter("finite", |n| n.is_finite())) {
            let mut out = Vec::new();
            double(&mut out, number);
            let text = String::from_utf8(out).expect("JSON is text");
            prop_assert_eq!(text.parse::<f64>().expect("a number").to_bits(), number.to_bits());
        }
    }
}
