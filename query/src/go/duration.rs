//! Durations as `time.ParseDuration` reads and `Duration.String` prints them.

use std::fmt::Write;

/// Why a text is no duration; the words are Go's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DurationError {
    /// Not a sequence of decimal numbers with units, or beyond 64 bits of nanoseconds.
    #[error("time: invalid duration {}", quote(.0))]
    Invalid(String),
    /// A number without a unit.
    #[error("time: missing unit in duration {}", quote(.0))]
    MissingUnit(String),
    /// A unit other than `ns`, `us`, `µs`, `ms`, `s`, `m`, `h`.
    #[error("time: unknown unit {} in duration {}", quote(.unit), quote(.text))]
    UnknownUnit {
        /// The unit.
        unit: String,
        /// The whole text.
        text: String,
    },
}

/// Package `time` has a quoting of its own: bytes outside printable ASCII in hex.
fn quote(text: &str) -> String {
    let mut quoted = String::from("\"");
    for byte in text.bytes() {
        match byte {
            b'"' | b'\\' => quoted.extend(['\\', byte as char]),
            b' '..=b'~' | 0x7f => quoted.push(byte as char),
            _ => write!(quoted, "\\x{byte:02x}").unwrap_or_default(),
        }
    }
    quoted.push('"');
    quoted
}

/// The magnitude of Go's smallest duration.
const LIMIT: u64 = 1 << 63;

/// Parses a duration such as `1h30m`, `-1.5s`, `100us` to nanoseconds.
pub fn parse(text: &str) -> Result<i64, DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let (negative, mut rest) = match text.as_bytes().first() {
        Some(b'-') => (true, &text[1..]),
        Some(b'+') => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Ok(0);
    }
    if rest.is_empty() {
        return Err(invalid());
    }
    let mut total: u64 = 0;
    while !rest.is_empty() {
        let (nanos, after) = component(rest, text)?;
        rest = after;
        total = total
            .checked_add(nanos)
            .filter(|sum| *sum <= LIMIT)
            .ok_or_else(invalid)?;
    }
    match (negative, total) {
        (true, LIMIT) => Ok(i64::MIN),
        (true, _) => Ok(-(total as i64)),
        (false, LIMIT) => Err(invalid()),
        (false, _) => Ok(total as i64),
    }
}

/// One number with its unit, in nanoseconds, and what follows it.
fn component<'t>(rest: &'t str, text: &str) -> Result<(u64, &'t str), DurationError> {
    let invalid = || DurationError::Invalid(text.to_owned());
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let (whole, mut after) = rest.split_at(digits(rest));
    let mut fraction = "";
    if let Some(tail) = after.strip_prefix('.') {
        (fraction, after) = tail.split_at(digits(tail));
    }
    if whole.is_empty() && fraction.is_empty() {
        return Err(invalid());
    }
    let is_unit = |c: char| c != '.' && !c.is_ascii_digit();
    let end = after.find(|c| !is_unit(c)).unwrap_or(after.len());
    let (unit, after) = after.split_at(end);
    if unit.is_empty() {
        return Err(DurationError::MissingUnit(text.to_owned()));
    }
    let scale = scale(unit).ok_or_else(|| DurationError::UnknownUnit {
        unit: unit.to_owned(),
        text: text.to_owned(),
    })?;
    let number: u64 = if whole.is_empty() {
        0
    } else {
        whole.parse().map_err(|_| invalid())?
    };
    let nanos = number
        .checked_mul(scale)
        .and_then(|nanos| nanos.checked_add(part(fraction, scale)))
        .filter(|nanos| *nanos <= LIMIT)
        .ok_or_else(invalid)?;
    Ok((nanos, after))
}

/// Nanoseconds of a unit.
fn scale(unit: &str) -> Option<u64> {
    Some(match unit {
        "ns" => 1,
        // The micro sign, and the Greek letter that looks like it.
        "us" | "\u{b5}s" | "\u{3bc}s" => 1_000,
        "ms" => 1_000_000,
        "s" => 1_000_000_000,
        "m" => 60_000_000_000,
        "h" => 3_600_000_000_000,
        _ => return None,
    })
}

/// A decimal fraction of a unit; digits beyond what a nanosecond can tell are dropped.
fn part(digits: &str, scale: u64) -> u64 {
    let mut value: u128 = 0;
    let mut divisor: u128 = 1;
    for digit in digits.bytes().take(18) {
        value = value * 10 + u128::from(digit - b'0');
        divisor *= 10;
    }
    (value * u128::from(scale) / divisor) as u64
}

/// Prints nanoseconds as Go does: `0s`, `1.5µs`, `-45ms`, `1h0m0.5s`.
pub fn format(nanos: i64) -> String {
    let sign = if nanos < 0 { "-" } else { "" };
    let size = nanos.unsigned_abs();
    let text = match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(size, 3)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(size, 6)),
        _ => clock(size),
    };
    format!("{sign}{text}")
}

/// Hours, minutes and seconds, leading zeros left out.
fn clock(nanos: u64) -> String {
    let minutes = nanos / 60_000_000_000;
    let seconds = decimal(nanos % 60_000_000_000, 9);
    match (minutes / 60, minutes % 60) {
        (0, 0) => format!("{seconds}s"),
        (0, minutes) => format!("{minutes}m{seconds}s"),
        (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
    }
}

/// A number with its last `places` digits after the point, trailing zeros left out.
fn decimal(number: u64, places: usize) -> String {
    let unit = 10u64.pow(places as u32);
    let fraction = format!("{:0places$}", number % unit);
    match fraction.trim_end_matches('0') {
        "" => (number / unit).to_string(),
        fraction => format!("{}.{fraction}", number / unit),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn durations_parse_as_go_parses_them() {
        for (text, nanos) in [
            ("0", 0),
            ("+5s", 5_000_000_000),
            ("1.2s", 1_200_000_000),
            ("100ms", 100_000_000),
            ("500us", 500_000),
            ("500µs", 500_000),
            ("1h15m30.918s", 4_530_918_000_000),
            ("-.5s", -500_000_000),
            ("5.s", 5_000_000_000),
            ("0.100000000000000000000h", 360_000_000_000),
            ("-9223372036854775808ns", i64::MIN),
        ] {
            assert_eq!(parse(text), Ok(nanos), "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_is_told_in_gos_words() {
        for (text, message) in [
            ("", r#"time: invalid duration """#),
            ("3", r#"time: missing unit in duration "3""#),
            ("-", r#"time: invalid duration "-""#),
            ("s", r#"time: invalid duration "s""#),
            (".s", r#"time: invalid duration ".s""#),
            (
                "1fortnight",
                r#"time: unknown unit "fortnight" in duration "1fortnight""#,
            ),
            (
                "1\u{b5}",
                r#"time: unknown unit "\xc2\xb5" in duration "1\xc2\xb5""#,
            ),
            (
                "9223372036854775808ns",
                r#"time: invalid duration "9223372036854775808ns""#,
            ),
            ("99999999999h", r#"time: invalid duration "99999999999h""#),
        ] {
            let error = parse(text).expect_err(text);
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn durations_print_as_go_prints_them() {
        for (nanos, text) in [
            (0, "0s"),
            (1, "1ns"),
            (1_100, "1.1µs"),
            (-6_750, "-6.75µs"),
            (2_200_000, "2.2ms"),
            (3_300_000_000, "3.3s"),
            (245_000_000_000, "4m5s"),
            (14_706_001_000_000, "4h5m6.001s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(format(nanos), text);
        }
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back_equal(nanos in any::<i64>()) {
            prop_assert_eq!(parse(&format(nanos)), Ok(nanos));
        }

        #[test]
        fn any_text_is_parsed_or_refused(text in "\\PC{0,24}") {
            let _ = parse(&text).map_err(|error| error.to_string());
        }

        #[test]
        fn any_near_duration_is_parsed_or_refused(text in "[-+0-9.hmsnuµ]{0,40}") {
            let _ = parse(&text);
        }
    }
}
