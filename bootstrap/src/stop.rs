//! Being told to stop, and how long one may take.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// How long draining may take unless told otherwise.
const DEFAULT_GRACE: Duration = Duration::from_secs(30);

#[derive(Debug)]
struct Shared {
    stopped: CancellationToken,
    forced: CancellationToken,
    grace: Duration,
    deadline: OnceLock<Instant>,
}

/// Tells a part of the process when to stop. Clones share the state.
#[derive(Debug, Clone)]
pub struct Stop(Arc<Shared>);

/// Stops what holds the [`Stop`] made with it. Clones share the state; dropping it stops nothing.
#[derive(Debug, Clone)]
pub struct StopHandle(Arc<Shared>);

impl Stop {
    /// A pair of the handle and what it stops, with 30 seconds to drain.
    pub fn new() -> (StopHandle, Stop) {
        Self::with_grace(DEFAULT_GRACE)
    }

    /// The same with another time to drain.
    pub fn with_grace(grace: Duration) -> (StopHandle, Stop) {
        let shared = Arc::new(Shared {
            stopped: CancellationToken::new(),
            forced: CancellationToken::new(),
            grace,
            deadline: OnceLock::new(),
        });
        (StopHandle(shared.clone()), Stop(shared))
    }

    /// Returns as soon as stopping was asked for: take nothing new, finish what was taken.
    pub async fn stopped(&self) {
        self.0.stopped.cancelled().await;
    }

    /// Whether stopping was asked for.
    pub fn is_stopped(&self) -> bool {
        self.0.stopped.is_cancelled()
    }

    /// How long draining may still take: all of the grace before the stop, zero when it is over.
    pub fn deadline(&self) -> Duration {
        if self.0.forced.is_cancelled() {
            return Duration::ZERO;
        }
        match self.0.deadline.get() {
            Some(deadline) => deadline.saturating_duration_since(Instant::now()),
            None => self.0.grace,
        }
    }

    /// Returns when draining has to end: the grace is over, or stopping was forced.
    pub async fn overdue(&self) {
        self.stopped().await;
        tokio::select! {
            () = self.0.forced.cancelled() => {}
            () = tokio::time::sleep(self.deadline()) => {}
        }
    }
}

impl StopHandle {
    /// Asks to stop; the grace begins. Further calls change nothing.
    pub fn stop(&self) {
        self.0
            .deadline
            .get_or_init(|| Instant::now() + self.0.grace);
        self.0.stopped.cancel();
    }

    /// Ends the grace at once.
    pub fn force(&self) {
        self.stop();
        self.0.forced.cancel();
    }

    /// Whether stopping was forced.
    pub fn is_forced(&self) -> bool {
        self.0.forced.is_cancelled()
    }

    /// Returns when stopping is forced.
    pub async fn forced(&self) {
        self.0.forced.cancelled().await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn the_grace_begins_with_the_stop() {
        let (handle, stop) = Stop::with_grace(Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(60)).await;
        assert_eq!(stop.deadline(), Duration::from_secs(10));
        handle.stop();
        tokio::time::advance(Duration::from_secs(4)).await;
        assert_eq!(stop.deadline(), Duration::from_secs(6));
    }

    #[tokio::test(start_paused = true)]
    async fn forcing_ends_the_grace_at_once() {
        let (handle, stop) = Stop::new();
        handle.force();
        stop.overdue().await;
        assert_eq!(stop.deadline(), Duration::ZERO);
    }
}
