//! How long to wait before trying again.

use std::time::Duration;

/// The bounds of the waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RetryPolicy {
    /// Wait after the first failure; doubled with each further one.
    pub first: Duration,
    /// Longest wait.
    pub longest: Duration,
    /// Wait when an operator is needed.
    pub operator: Duration,
}

/// Counts failures in a row and draws jitter from a seed of its own.
#[derive(Debug, Clone)]
pub struct Backoff {
    policy: RetryPolicy,
    failures: u32,
    state: u64,
}

impl Backoff {
    /// A backoff without failures yet.
    pub fn new(policy: RetryPolicy, seed: u64) -> Self {
        Self {
            policy,
            failures: 0,
            state: seed,
        }
    }

    /// Failures since the last success.
    pub fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked.
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// It failed once more: how long to wait, between half of the doubled wait and all of it.
    pub fn failed(&mut self) -> Duration {
        let doubled = self.policy.first.saturating_mul(1 << self.failures.min(20));
        self.failures = self.failures.saturating_add(1);
        self.jittered(doubled.min(self.policy.longest))
    }

    /// It failed, and trying again soon makes no sense.
    pub fn needs_operator(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        self.jittered(self.policy.operator)
    }

    fn jittered(&mut self, wait: Duration) -> Duration {
        let fraction = (self.draw() >> 11) as f64 / (1u64 << 53) as f64;
        wait.mul_f64(0.5 + fraction / 2.0)
    }

    /// SplitMix64: enough to keep retries apart, and the same for the same seed.
    fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn backoff(seed: u64) -> Backoff {
        let policy = RetryPolicy {
            first: Duration::from_millis(100),
            longest: Duration::from_secs(5),
            operator: Duration::from_secs(30),
        };
        Backoff::new(policy, seed)
    }

    #[test]
    fn waits_double_up_to_the_longest_and_are_never_below_half() {
        let mut backoff = backoff(7);
        let waits: Vec<_> = (0..12).map(|_| backoff.failed().as_millis()).collect();
        for (n, wait) in waits.iter().enumerate() {
            let full = (100u128 << n).min(5_000);
            assert!((full / 2..=full).contains(wait), "wait {n} was {wait} ms");
        }
    }

    #[test]
    fn a_success_starts_the_waits_anew() {
        let mut backoff = backoff(7);
        (0..9).for_each(|_| {
            let _ = backoff.failed();
        });
        backoff.succeeded();
        assert!(backoff.failed() <= Duration::from_millis(100));
    }

    #[test]
    fn different_seeds_wait_differently() {
        assert_ne!(backoff(1).failed(), backoff(2).failed());
    }
}
