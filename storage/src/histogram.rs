//! Durations as counts by bucket, fine enough for quantiles.

use std::collections::BTreeMap;

/// Buckets per power of two: quantiles are right to within 9 %.
const STEPS_PER_OCTAVE: f64 = 8.0;

/// Counts of durations in buckets that grow by `2^(1/8)`.
///
/// Bucket 0 holds zero; bucket `n > 0` holds nanoseconds `d` with `floor(log2(d) * 8) == n - 1`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct DurationHistogram {
    counts: BTreeMap<u16, u64>,
}

impl DurationHistogram {
    /// The bucket of a duration.
    pub fn bucket(nanos: u64) -> u16 {
        if nanos == 0 {
            0
        } else {
            ((nanos as f64).log2() * STEPS_PER_OCTAVE) as u16 + 1
        }
    }

    /// Counts one duration.
    pub fn add(&mut self, nanos: u64) {
        self.add_bucket(Self::bucket(nanos), 1);
    }

    /// Counts `count` durations of a bucket.
    pub fn add_bucket(&mut self, bucket: u16, count: u64) {
        *self.counts.entry(bucket).or_default() += count;
    }

    /// Adds all counts of another histogram.
    pub fn merge(&mut self, other: &Self) {
        other
            .iter()
            .for_each(|(bucket, count)| self.add_bucket(bucket, count));
    }

    /// Buckets with their counts, ascending.
    pub fn iter(&self) -> impl Iterator<Item = (u16, u64)> {
        self.counts.iter().map(|(bucket, count)| (*bucket, *count))
    }

    /// Adds the bars of literals of Postgres arrays, of which one has the count of each bucket of the
    /// other; `None` if they are anything else.
    pub(crate) fn add_literals(&mut self, buckets: &str, counts: &str) -> Option<()> {
        let mut counts = elements(counts)?;
        for bucket in elements(buckets)? {
            self.add_bucket(bucket.parse().ok()?, counts.next()?.parse().ok()?);
        }
        counts.next().is_none().then_some(())
    }

    /// All durations counted.
    pub fn total(&self) -> u64 {
        self.counts.values().sum()
    }

    /// The `quantile` (0 to 1) in nanoseconds, interpolated within its bucket; `None` if empty.
    pub fn quantile(&self, quantile: f64) -> Option<f64> {
        let rank = quantile.clamp(0.0, 1.0) * self.total() as f64;
        let mut below = 0u64;
        for (bucket, count) in self.iter() {
            if (below + count) as f64 >= rank {
                let share = ((rank - below as f64) / count as f64).clamp(0.0, 1.0);
                let (low, high) = Self::bounds(bucket);
                return Some(low + (high - low) * share);
            }
            below += count;
        }
        None
    }

    /// Lowest and highest duration of a bucket, in nanoseconds.
    fn bounds(bucket: u16) -> (f64, f64) {
        let edge = |n: u16| (f64::from(n) / STEPS_PER_OCTAVE).exp2();
        if bucket == 0 {
            (0.0, 0.0)
        } else {
            (edge(bucket - 1), edge(bucket))
        }
    }
}

fn elements(literal: &str) -> Option<impl Iterator<Item = &str>> {
    let inside = literal.strip_prefix('{')?.strip_suffix('}')?;
    Some(inside.split(',').filter(|element| !element.is_empty()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quantile_is_right_to_within_a_bucket() {
        let mut histogram = DurationHistogram::default();
        (1..=1_000u64).for_each(|ms| histogram.add(ms * 1_000_000));
        for (quantile, expected) in [(0.5, 500e6), (0.95, 950e6), (0.99, 990e6)] {
            let found = histogram.quantile(quantile).expect("not empty");
            assert!((found / expected - 1.0).abs() < 0.1, "{quantile}: {found}");
        }
    }

    #[test]
    fn literals_are_read_only_as_pairs() {
        let mut read = DurationHistogram::default();
        assert_eq!(read.add_literals("{0,1,23}", "{1,2,3}"), Some(()));
        assert_eq!(read.add_literals("{}", "{}"), Some(()));
        assert_eq!(read.iter().collect::<Vec<_>>(), [(0, 1), (1, 2), (23, 3)]);
        for (buckets, counts) in [
            ("{1,2}", "{1}"),
            ("{1}", "{1,2}"),
            ("1", "{1}"),
            ("{x}", "{1}"),
        ] {
            assert_eq!(
                read.add_literals(buckets, counts),
                None,
                "{buckets} {counts}"
            );
        }
    }

    #[test]
    fn an_empty_histogram_has_no_quantile() {
        assert_eq!(DurationHistogram::default().quantile(0.5), None);
    }
}
