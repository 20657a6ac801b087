//! Whether records are let through: shut while live traffic is behind.

use std::time::Duration;

use tokio::{sync::watch, time::timeout};

use crate::Moment;

/// Opens and shuts a gate, for all its clones.
#[derive(Debug)]
pub struct GateKeeper(watch::Sender<bool>);

/// Asked before records are read.
#[derive(Debug, Clone)]
pub struct Gate(watch::Receiver<bool>);

impl GateKeeper {
    /// An open gate, and what shuts it.
    pub fn new() -> (Self, Gate) {
        let (sender, receiver) = watch::channel(true);
        (Self(sender), Gate(receiver))
    }

    /// Gives way to live traffic that is `lag` behind: shut above `limit`, open again below half
    /// of it, so that it does not flap. Whether it is shut now.
    pub fn heed(&self, lag: Moment, limit: Duration) -> bool {
        self.0.send_if_modified(|open| {
            let should = if *open {
                lag <= limit
            } else {
                lag <= limit / 2
            };
            std::mem::replace(open, should) != should
        });
        !*self.0.borrow()
    }
}

impl Gate {
    /// Waits until it is open, but not longer than told. Whether it is. Cancel safe.
    pub async fn opened(&mut self, at_most: Duration) -> bool {
        if *self.0.borrow() {
            return true;
        }
        let opened = timeout(at_most, self.0.wait_for(|open| *open)).await;
        opened.is_ok_and(|opened| opened.is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: Duration = Duration::from_secs(30);

    #[tokio::test(start_paused = true)]
    async fn it_shuts_above_the_limit_and_opens_below_half_of_it() {
        let (keeper, mut gate) = GateKeeper::new();
        assert!(!keeper.heed(Duration::from_secs(30), LIMIT));
        assert!(keeper.heed(Duration::from_secs(31), LIMIT));
        assert!(!gate.opened(Duration::from_secs(1)).await);
        assert!(keeper.heed(Duration::from_secs(16), LIMIT), "not yet");
        assert!(!keeper.heed(Duration::from_secs(15), LIMIT));
        assert!(gate.opened(Duration::ZERO).await);
    }
}
