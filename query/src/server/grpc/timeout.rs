//! `grpc-timeout`: how long the client will wait.

use std::time::Duration;

use http::HeaderMap;

const HEADER: &str = "grpc-timeout";
/// Most digits of the number, by gRPC's specification.
const DIGITS: usize = 8;

/// The time that a call's headers allow; `None` when they say nothing that can be read.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let value = headers.get(HEADER)?.to_str().ok()?;
    let (number, unit) = value.split_at_checked(value.len().checked_sub(1)?)?;
    if number.is_empty() || number.len() > DIGITS || !number.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let number: u64 = number.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(number * 3_600),
        "M" => Duration::from_secs(number * 60),
        "S" => Duration::from_secs(number),
        "m" => Duration::from_millis(number),
        "u" => Duration::from_micros(number),
        "n" => Duration::from_nanos(number),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(value: &'static str) -> Option<Duration> {
        of(&HeaderMap::from_iter([(
            HEADER.parse().expect("a name"),
            value.parse().expect("a value"),
        )]))
    }

    #[test]
    fn a_number_and_a_unit_are_a_time() {
        for (value, millis) in [("2H", 7_200_000), ("3M", 180_000), ("4S", 4_000), ("5m", 5)] {
            assert_eq!(read(value), Some(Duration::from_millis(millis)), "{value}");
        }
        assert_eq!(read("1000u"), Some(Duration::from_millis(1)));
        assert_eq!(read("99999999n"), Some(Duration::from_nanos(99_999_999)));
    }

    #[test]
    fn what_is_no_time_limits_nothing() {
        for value in ["", "S", "1", "1s", "-1S", "1.5S", "123456789S", "٣S"] {
            assert_eq!(
                value
                    .parse()
                    .ok()
                    .and_then(|value: http::HeaderValue| of(&HeaderMap::from_iter([(
                        HEADER.parse().expect("a name"),
                        value
                    )]))),
                None,
                "{value}"
            );
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
