//! When which trace is looked for. Pure: time is an argument.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

use rand::Rng;

/// Traces that were written, and when they are to be looked for.
#[derive(Debug)]
pub(crate) struct Schedule {
    ages: Vec<Duration>,
    oldest: Duration,
    /// Times in nanoseconds at which traces are due, and of which.
    due: BinaryHeap<Reverse<(u64, u64)>>,
    /// Times of traces that are looked for at random, in order.
    old: VecDeque<u64>,
}

impl Schedule {
    /// Looks for each trace at these ages, and at random until the oldest one.
    pub(crate) fn new(ages: Vec<Duration>, oldest: Duration) -> Self {
        Self {
            ages,
            oldest,
            due: BinaryHeap::new(),
            old: VecDeque::new(),
        }
    }

    /// A trace of this time was accepted.
    pub(crate) fn wrote(&mut self, at: u64) {
        let dues = self.ages.iter().map(|age| Reverse((at + nanos(*age), at)));
        self.due.extend(dues);
        self.old.push_back(at);
    }

    /// A trace that is due now.
    pub(crate) fn take_due(&mut self, now: u64) -> Option<u64> {
        let Reverse((due, _)) = self.due.peek()?;
        if *due > now {
            return None;
        }
        self.due.pop().map(|Reverse((_, at))| at)
    }

    /// How long until one is due; none if none will be.
    pub(crate) fn next_due(&self, now: u64) -> Option<Duration> {
        let Reverse((due, _)) = self.due.peek()?;
        Some(Duration::from_nanos(due.saturating_sub(now)))
    }

    /// Any trace that is older than the last of the ages and not too old.
    pub(crate) fn pick_old(&mut self, now: u64, rng: &mut impl Rng) -> Option<u64> {
        let too_old = now.saturating_sub(nanos(self.oldest));
        while self.old.front().is_some_and(|at| *at < too_old) {
            self.old.pop_front();
        }
        let settled = self.ages.iter().max().map_or(0, |age| nanos(*age));
        let settled = now.saturating_sub(settled);
        let count = self.old.partition_point(|at| *at < settled);
        (count > 0).then(|| self.old[rng.random_range(0..count)])
    }
}

fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn each_trace_is_due_at_each_age_and_then_at_random_until_it_is_too_old() {
        let ages = vec![Duration::from_secs(5), Duration::from_secs(30)];
        let mut schedule = Schedule::new(ages, Duration::from_secs(100));
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        schedule.wrote(10 * SECOND);
        assert_eq!(schedule.take_due(14 * SECOND), None);
        assert_eq!(schedule.next_due(14 * SECOND), Some(Duration::from_secs(1)));
        assert_eq!(schedule.take_due(15 * SECOND), Some(10 * SECOND));
        assert_eq!(schedule.pick_old(39 * SECOND, &mut rng), None);
        assert_eq!(schedule.take_due(40 * SECOND), Some(10 * SECOND));
        assert_eq!(schedule.next_due(40 * SECOND), None);
        assert_eq!(schedule.pick_old(41 * SECOND, &mut rng), Some(10 * SECOND));
        assert_eq!(schedule.pick_old(111 * SECOND, &mut rng), None);
    }
}
