//! Go's text forms: clients of Jaeger's APIs compare durations, numbers, times, messages and JSON
//! with what a Go program prints and accepts.

pub mod duration;
pub mod number;
pub mod time;
pub mod json;

use std::fmt::Write;

/// Text in double quotes as Go's `%q` prints it: quotes, backslashes and control characters
/// escaped, everything printable as it is.
pub fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            c if (c as u32) < 0x20 || c as u32 == 0x7f => {
                write!(quoted, "\\x{:02x}", c as u32).unwrap_or_default();
            }
            c => quoted.push(c),
        }
    }
    quoted.push('"');
    quoted
}
