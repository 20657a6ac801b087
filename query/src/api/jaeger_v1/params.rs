//! How this API writes numbers, times and durations, and how it complains.

use std::fmt::Display;

use model::UnixNanos;

use crate::go::{duration, number};
use crate::parse::{Malformed, Params};

pub(super) const NANOS_PER_MICRO: u64 = 1_000;
pub(super) const NANOS_PER_MILLI: u64 = 1_000_000;

/// `unable to parse param 'x': …`
pub(super) fn unparsable(name: &str, error: impl Display) -> Malformed {
    Malformed(format!("unable to parse param '{name}': {error}"))
}

/// A whole number of units as nanoseconds; what lies outside `0..=i64::MAX` is moved to its edge.
fn scaled(count: i64, unit: u64) -> u64 {
    u64::try_from(count)
        .unwrap_or_default()
        .saturating_mul(unit)
        .min(i64::MAX as u64)
}

/// A time in units since 1970; `None` when absent.
pub(super) fn time(params: &Params, name: &str, unit: u64) -> Result<Option<UnixNanos>, Malformed> {
    Ok(integer(params, name)?.map(|count| scaled(count, unit)))
}

/// A time whose unit shows in its size: s, ms, µs or ns since 1970. Clients disagree.
pub(super) fn time_of_any_unit(
    params: &Params,
    name: &str,
) -> Result<Option<UnixNanos>, Malformed> {
    let guessed = |count: i64| {
        let unit = match count {
            ..100_000_000_000 => 1_000_000_000,
            100_000_000_000..100_000_000_000_000 => NANOS_PER_MILLI,
            100_000_000_000_000..100_000_000_000_000_000 => NANOS_PER_MICRO,
            _ => 1,
        };
        scaled(count, unit)
    };
    Ok(integer(params, name)?.map(guessed))
}

fn integer(params: &Params, name: &str) -> Result<Option<i64>, Malformed> {
    match params.first(name) {
        "" => Ok(None),
        text => number::parse_int(text, 64)
            .map(Some)
            .map_err(|error| unparsable(name, error)),
    }
}

/// A positive number of milliseconds as nanoseconds, or the default.
pub(super) fn millis(params: &Params, name: &str, default: u64) -> Result<u64, Malformed> {
    match integer(params, name)? {
        None => Ok(default),
        Some(count) if count > 0 => Ok(scaled(count, NANOS_PER_MILLI)),
        Some(_) => Err(unparsable(name, "must be greater than 0")),
    }
}

/// A Go duration in nanoseconds; absent and zero mean unset.
pub(super) fn go_duration(params: &Params, name: &str) -> Result<Option<u64>, Malformed> {
    let text = params.first(name);
    if text.is_empty() {
        return Ok(None);
    }
    let nanos = duration::parse(text).map_err(|error| unparsable(name, error))?;
    match u64::try_from(nanos) {
        Ok(0) => Ok(None),
        Ok(nanos) => Ok(Some(nanos)),
        Err(_) => Err(unparsable(name, format!("negative duration {text}"))),
    }
}

/// A boolean as Go reads it; false when absent.
pub(super) fn flag(params: &Params, name: &str) -> Result<bool, Malformed> {
    match params.first(name) {
        "" => Ok(false),
        text => number::parse_bool(text).map_err(|error| unparsable(name, error)),
    }
}

/// The UI's look-back: a Go duration, or whole days or weeks (`2d`, `1w`). `None` for anything
/// else, such as the UI's `custom`.
pub(super) fn lookback(text: &str) -> Option<u64> {
    const NANOS_PER_DAY: u64 = model::NANOS_PER_DAY;
    let of_days = |suffix: char, days: u64| {
        let count: u64 = text.strip_suffix(suffix)?.parse().ok()?;
        count.checked_mul(days * NANOS_PER_DAY)
    };
    let nanos = of_days('d', 1).or_else(|| of_days('w', 7));
    nanos.or_else(|| u64::try_from(duration::parse(text).ok()?).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn params(query: &str) -> Params {
        Params::parse(query).expect("text")
    }

    #[test]
    fn the_unit_of_a_time_shows_in_its_size() {
        let expected = Ok(Some(1_700_000_000_000_000_000));
        for text in [
            "1700000000",
            "1700000000000",
            "1700000000000000",
            "1700000000000000000",
        ] {
            assert_eq!(
                time_of_any_unit(&params(&format!("t={text}")), "t"),
                expected
            );
        }
    }

    #[test]
    fn times_beyond_what_is_stored_are_moved_to_its_edges() {
        assert_eq!(time(&params("t=-5"), "t", 1_000), Ok(Some(0)));
        let far = params("t=9223372036854775807");
        assert_eq!(time(&far, "t", 1_000), Ok(Some(i64::MAX as u64)));
    }

    #[test]
    fn a_lookback_knows_days_and_weeks() {
        const HOUR: u64 = 3_600_000_000_000;
        for (text, hours) in [("1h", 1), ("2d", 48), ("4w", 672)] {
            assert_eq!(lookback(text), Some(hours * HOUR));
        }
        for text in ["custom", "", "100y", "-1h", "99999999999999999999d"] {
            assert_eq!(lookback(text), None, "{text}");
        }
    }
}
