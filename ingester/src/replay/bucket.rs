//! A token bucket. Pure: time is an argument.

use std::time::Duration;

use crate::Moment;

/// Lets so much through per second, with a burst of one second's worth.
///
/// What is taken may exceed what is there: the size of a batch is known only once it is read. The
/// debt is waited for before the next one.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct TokenBucket {
    /// Tokens per second; `None`: no limit.
    rate: Option<f64>,
    level: f64,
    at: Moment,
}

impl TokenBucket {
    /// A full bucket. A rate below one a second counts as one.
    pub fn new(rate: Option<f64>, now: Moment) -> Self {
        let rate = rate.map(|rate| rate.max(1.0));
        Self {
            rate,
            level: rate.unwrap_or(0.0),
            at: now,
        }
    }

    /// Goes on at another rate. A debt stays a debt.
    pub fn set_rate(&mut self, rate: Option<f64>, now: Moment) {
        self.fill(now);
        self.rate = rate.map(|rate| rate.max(1.0));
        self.level = self.level.min(self.rate.unwrap_or(0.0));
    }

    /// Takes what has been let through.
    pub fn take(&mut self, tokens: u64, now: Moment) {
        self.fill(now);
        if self.rate.is_some() {
            self.level -= tokens as f64;
        }
    }

    /// How long to wait before more may be let through; zero: not at all.
    pub fn wait(&mut self, now: Moment) -> Duration {
        self.fill(now);
        match self.rate {
            Some(rate) if self.level < 0.0 => Duration::from_secs_f64(-self.level / rate),
            _ => Duration::ZERO,
        }
    }

    fn fill(&mut self, now: Moment) {
        let passed = now.saturating_sub(self.at).as_secs_f64();
        self.at = self.at.max(now);
        if let Some(rate) = self.rate {
            self.level = (self.level + passed * rate).min(rate);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn s(seconds: u64) -> Moment {
        Duration::from_secs(seconds)
    }

    #[test]
    fn a_second_of_burst_is_free_and_a_debt_is_waited_for() {
        let mut bucket = TokenBucket::new(Some(100.0), s(0));
        bucket.take(100, s(0));
        assert_eq!(bucket.wait(s(0)), Duration::ZERO);
        bucket.take(300, s(0));
        assert_eq!(bucket.wait(s(0)), s(3));
        assert_eq!(bucket.wait(s(2)), s(1));
        assert_eq!(bucket.wait(s(3)), Duration::ZERO);
    }

    #[test]
    fn without_a_rate_nothing_waits() {
        let mut bucket = TokenBucket::new(None, s(0));
        bucket.take(u64::MAX, s(0));
        assert_eq!(bucket.wait(s(0)), Duration::ZERO);
    }

    #[test]
    fn a_debt_outlives_a_change_of_the_rate() {
        let mut bucket = TokenBucket::new(Some(10.0), s(0));
        bucket.take(110, s(0));
        bucket.set_rate(Some(100.0), s(0));
        assert_eq!(bucket.wait(s(0)), s(1));
    }

    proptest! {
        #[test]
        fn over_any_time_no_more_goes_through_than_the_rate_allows(
            rate in 1u32..10_000,
            batches in proptest::collection::vec((1u64..5_000, 0u64..50), 1..200),
        ) {
            let mut bucket = TokenBucket::new(Some(f64::from(rate)), s(0));
            let (mut now, mut taken, mut last) = (Duration::ZERO, 0u64, 0u64);
            for (spans, pause_ms) in batches {
                now += Duration::from_millis(pause_ms);
                now += bucket.wait(now);
                prop_assert!(bucket.wait(now) < Duration::from_micros(1));
                bucket.take(spans, now);
                taken += spans;
                last = spans;
                let allowed = f64::from(rate) * (now.as_secs_f64() + 1.0) + last as f64 + 1.0;
                prop_assert!(taken as f64 <= allowed, "{taken} of {allowed}");
            }
            let _ = last;
        }
    }
}
