//! Whether the process's loops still turn.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// The heartbeats of a process. Clones share them.
#[derive(Debug, Clone)]
pub struct Liveness {
    started: Instant,
    loops: Arc<Mutex<Vec<Loop>>>,
}

#[derive(Debug)]
struct Loop {
    name: &'static str,
    max_age: Duration,
    last_beat: Arc<AtomicU64>,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            started: Instant::now(),
            loops: Arc::default(),
        }
    }
}

impl Liveness {
    /// No loop registered yet: alive.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a loop that must beat at least once within `max_age`. Waiting for a server outside
    /// must not stop it from beating: a restart of this process would not bring that server back.
    pub fn register(&self, name: &'static str, max_age: Duration) -> Heartbeat {
        let heartbeat = Heartbeat {
            started: self.started,
            last_beat: Arc::default(),
        };
        heartbeat.beat();
        self.lock().push(Loop {
            name,
            max_age,
            last_beat: heartbeat.last_beat.clone(),
        });
        heartbeat
    }

    /// The loops that have not beaten in time, with the age of their last beat.
    pub fn stalled(&self) -> Vec<(&'static str, Duration)> {
        let now = self.started.elapsed();
        let ages = self.lock();
        ages.iter()
            .map(|one| (one, now.saturating_sub(last_beat(&one.last_beat))))
            .filter(|(one, age)| *age > one.max_age)
            .map(|(one, age)| (one.name, age))
            .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Loop>> {
        self.loops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn last_beat(beat: &AtomicU64) -> Duration {
    Duration::from_millis(beat.load(Ordering::Relaxed))
}

/// Says that one loop turns.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    started: Instant,
    last_beat: Arc<AtomicU64>,
}

impl Heartbeat {
    /// Once per turn of the loop.
    pub fn beat(&self) {
        let age = self.started.elapsed().as_millis() as u64;
        self.last_beat.store(age, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_loop_that_stops_beating_is_named() {
        let liveness = Liveness::new();
        let heartbeat = liveness.register("consume", Duration::from_secs(10));
        tokio::time::advance(Duration::from_secs(9)).await;
        assert!(liveness.stalled().is_empty());
        heartbeat.beat();
        tokio::time::advance(Duration::from_secs(11)).await;
        assert_eq!(liveness.stalled()[0].0, "consume");
    }
}
