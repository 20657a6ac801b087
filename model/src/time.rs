//! Time as tracing counts it: unsigned nanoseconds since 1970.

/// Nanoseconds since the Unix epoch. Validated spans stay within `0..=i64::MAX` (the year 2262).
pub type UnixNanos = u64;

/// Nanoseconds of a minute, the step of RED series and dependency edges.
pub const NANOS_PER_MINUTE: u64 = 60 * 1_000_000_000;

/// Nanoseconds of a day, the width of a time partition.
pub const NANOS_PER_DAY: u64 = 24 * 60 * NANOS_PER_MINUTE;

/// A closed range of time: both ends belong to it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TimeRange {
    /// First nanosecond.
    pub start: UnixNanos,
    /// Last nanosecond.
    pub end: UnixNanos,
}

impl TimeRange {
    /// All of time.
    pub const ALL: Self = Self {
        start: 0,
        end: i64::MAX as u64,
    };

    /// Whether `at` lies in the range.
    pub fn contains(&self, at: UnixNanos) -> bool {
        (self.start..=self.end).contains(&at)
    }

    /// Whether the two ranges share an instant.
    pub fn overlaps(&self, other: &TimeRange) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}
