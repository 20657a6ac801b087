//! The time partition: one UTC day, by the start of the span.

use std::fmt;

use model::{NANOS_PER_DAY, TimeRange, UnixNanos};

/// A UTC day, in days since 1970. Everything that retention drops is partitioned by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Day(pub i32);

impl Day {
    /// The last day that spans can start on: nanoseconds end in the year 2262.
    pub const LAST: Self = Self((i64::MAX as u64 / NANOS_PER_DAY) as i32);

    /// The day that holds this instant.
    pub fn of(at: UnixNanos) -> Self {
        Self((at.min(i64::MAX as u64) / NANOS_PER_DAY) as i32)
    }

    /// The day `days` later, or earlier when negative; never outside of what spans can start on.
    #[must_use]
    pub fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days).clamp(0, Self::LAST.0))
    }

    /// First nanosecond, as Postgres holds it.
    pub fn start_ns(self) -> i64 {
        i64::from(self.0).saturating_mul(NANOS_PER_DAY as i64)
    }

    /// First nanosecond of the next day, as Postgres holds it: the end of time for the last day.
    pub fn end_ns(self) -> i64 {
        i64::from(self.0 + 1).saturating_mul(NANOS_PER_DAY as i64)
    }

    /// The day as a closed range.
    pub fn range(self) -> TimeRange {
        TimeRange {
            start: self.start_ns() as u64,
            end: self.end_ns() as u64 - 1,
        }
    }

    /// The end of a partition's name: `20251124`.
    pub fn suffix(self) -> String {
        let (year, month, day) = self.civil();
        format!("{year:04}{month:02}{day:02}")
    }

    /// The day that a suffix names, if it is one.
    pub fn from_suffix(suffix: &str) -> Option<Self> {
        if suffix.len() != 8 || !suffix.bytes().all(|byte| byte.is_ascii_digit()) {
            return None;
        }
        let number = |range: std::ops::Range<usize>| suffix.get(range)?.parse::<i32>().ok();
        let found = Self::from_civil(number(0..4)?, number(4..6)?, number(6..8)?);
        (found.0 >= 0 && found.suffix() == suffix).then_some(found)
    }

    /// Year, month and day of the Gregorian calendar, by counting in eras of 400 years that
    /// begin in March, so that the leap day is the last day of its year.
    fn civil(self) -> (i32, i32, i32) {
        let since_march_0 = self.0 + 719_468;
        let era = since_march_0.div_euclid(146_097);
        let of_era = since_march_0.rem_euclid(146_097);
        let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year + year / 4 - year / 100);
        let month = (5 * of_year + 2) / 153;
        let day = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        (year + era * 400 + i32::from(month <= 2), month, day)
    }

    fn from_civil(year: i32, month: i32, day: i32) -> Self {
        let year = year - i32::from(month <= 2);
        let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
        let month = if month > 2 { month - 3 } else { month + 9 };
        let of_year = (153 * month + 2) / 5 + day - 1;
        Self(era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_print_as_dates() {
        for (day, text) in [
            (0, "1970-01-01"),
            (11_016, "2000-02-29"),
            (20_416, "2025-11-24"),
            (Day::LAST.0, "2262-04-11"),
        ] {
            assert_eq!(Day(day).to_string(), text);
        }
    }

    #[test]
    fn every_day_is_found_again_by_its_suffix() {
        for day in (0..Day::LAST.0).step_by(13) {
            assert_eq!(Day::from_suffix(&Day(day).suffix()), Some(Day(day)));
        }
    }

    #[test]
    fn what_is_no_date_names_no_day() {
        for text in ["20250230", "2025112", "default", "00000000", "2025+101"] {
            assert_eq!(Day::from_suffix(text), None, "{text}");
        }
    }

    #[test]
    fn the_last_day_ends_with_time() {
        assert_eq!(Day::of(i64::MAX as u64), Day::LAST);
        assert_eq!(Day::LAST.end_ns(), i64::MAX);
    }
}
