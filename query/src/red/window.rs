//! Sums over a window that slides over minutes.

use storage::{DurationHistogram, RedPoint};

/// A window over minutes in ascending order.
pub(super) struct Window<'m> {
    minutes: &'m [RedPoint],
    first: usize,
    end: usize,
    /// Calls in the window.
    pub(super) calls: u64,
    /// Failed calls in the window.
    pub(super) errors: u64,
    /// Counts by bucket, when durations are wanted.
    buckets: Option<Vec<u64>>,
    /// The histogram of these buckets, until the window moves.
    histogram: Option<DurationHistogram>,
}

impl<'m> Window<'m> {
    pub(super) fn over(minutes: &'m [RedPoint], durations: bool) -> Self {
        Self {
            minutes,
            first: 0,
            end: 0,
            calls: 0,
            errors: 0,
            buckets: durations.then(Vec::new),
            histogram: None,
        }
    }

    /// Moves forward to the minutes that start in `from..=to`.
    pub(super) fn move_to(&mut self, from: u64, to: u64) {
        while let Some(minute) = self.minutes.get(self.end).filter(|of| of.minute <= to) {
            self.calls += minute.calls;
            self.errors += minute.errors;
            self.count(minute, u64::wrapping_add);
            self.end += 1;
        }
        while self.first < self.end && self.minutes[self.first].minute < from {
            let minute = &self.minutes[self.first];
            self.calls -= minute.calls;
            self.errors -= minute.errors;
            self.count(minute, u64::wrapping_sub);
            self.first += 1;
        }
    }

    fn count(&mut self, minute: &RedPoint, change: impl Fn(u64, u64) -> u64) {
        self.histogram = None;
        let Some(buckets) = &mut self.buckets else {
            return;
        };
        for (bucket, count) in minute.histogram.iter() {
            let bucket = usize::from(bucket);
            if buckets.len() <= bucket {
                buckets.resize(bucket + 1, 0);
            }
            buckets[bucket] = change(buckets[bucket], count);
        }
    }

    /// A quantile of the durations in the window, in nanoseconds.
    pub(super) fn quantile(&mut self, quantile: f64) -> Option<f64> {
        let buckets = self.buckets.as_ref()?;
        let histogram = self.histogram.get_or_insert_with(|| {
            let mut histogram = DurationHistogram::default();
            for (bucket, count) in buckets.iter().enumerate().filter(|(_, count)| **count > 0) {
                histogram.add_bucket(bucket as u16, *count);
            }
            histogram
        });
        histogram.quantile(quantile)
    }
}
