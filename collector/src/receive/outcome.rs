//! What became of each request, told to the operator: metrics for all, log lines for a sample.

use std::sync::LazyLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bootstrap::chain;
use model::{Refusal, RejectReason};
use tokio::time::Instant;

use super::{Protocol, Receipt, Refused};
use crate::metrics;

/// At most one line per reason in this time.
const LOG_INTERVAL: Duration = Duration::from_secs(10);

/// A request under way, for the gauge.
pub(super) struct UnderWay(Protocol);

impl UnderWay {
    pub(super) fn begin(protocol: Protocol) -> Self {
        metrics::requests_in_flight(protocol, 1.0);
        Self(protocol)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        metrics::requests_in_flight(self.0, -1.0);
    }
}

/// Counts and logs a request's end.
pub(super) fn tell(protocol: Protocol, result: &Result<Receipt, Refused>, took: Duration) {
    match result {
        Ok(receipt) if receipt.rejected.is_empty() => metrics::request(protocol, "ok", took),
        Ok(receipt) => {
            metrics::request(protocol, "partial", took);
            log_rejected(protocol, receipt);
        }
        Err(refused) => {
            metrics::request(protocol, refused.refusal().as_str(), took);
            log_refused(protocol, refused);
        }
    }
}

fn log_rejected(protocol: Protocol, receipt: &Receipt) {
    static SAMPLES: Samples<{ RejectReason::ALL.len() }> = Samples::new();
    for (reason, count) in receipt.rejected.iter() {
        if SAMPLES.take(reason as usize, millis()) {
            tracing::warn!(
                reject.reason = %reason, reject.spans = count, protocol = protocol.as_str(),
                "Left spans out of a request: {reason}",
            );
        }
    }
}

fn log_refused(protocol: Protocol, refused: &Refused) {
    static SAMPLES: Samples<{ Refusal::ALL.len() }> = Samples::new();
    let refusal = refused.refusal();
    if SAMPLES.take(refusal as usize, millis()) {
        tracing::warn!(
            refuse.reason = %refusal, protocol = protocol.as_str(), error = %chain(refused),
            "Refused a request: {refusal}",
        );
    }
}

/// Lets one through per reason and interval.
struct Samples<const N: usize>([AtomicU64; N]);

impl<const N: usize> Samples<N> {
    const fn new() -> Self {
        Self([const { AtomicU64::new(0) }; N])
    }

    /// Whether to log this one, at `now` milliseconds after the process's first line.
    fn take(&self, reason: usize, now: u64) -> bool {
        let next = now + LOG_INTERVAL.as_millis() as u64;
        let due = |until: u64| (until <= now).then_some(next);
        let order = Ordering::Relaxed;
        self.0[reason].fetch_update(order, order, due).is_ok()
    }
}

fn millis() -> u64 {
    static START: LazyLock<Instant> = LazyLock::new(Instant::now);
    START.elapsed().as_millis() as u64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_per_reason_and_interval() {
        let samples = Samples::<2>::new();
        assert!(samples.take(0, 0) && samples.take(1, 5));
        assert!(!samples.take(0, 9_999));
        assert!(samples.take(0, 10_000));
    }
}
