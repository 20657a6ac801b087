//! How far this process is behind the live topic, by its own observation.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use storage::Source;

/// Ages of the oldest live record of each partition that is not done. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct LiveLag(Arc<Mutex<HashMap<(String, i32), Duration>>>);

impl LiveLag {
    /// A partition's oldest record is that old; zero: there is none.
    pub fn observe(&self, source: &Source, age: Duration) {
        if !source.is_live() {
            return;
        }
        let mut ages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let partition = (source.topic.clone(), source.partition);
        if age.is_zero() {
            ages.remove(&partition);
        } else {
            ages.insert(partition, age);
        }
    }

    /// The oldest of them.
    pub fn longest(&self) -> Duration {
        let ages = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        ages.values().copied().max().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_live_record_counts_and_replays_do_not() {
        let lag = LiveLag::default();
        let source = |consumer: &str, partition| Source {
            consumer: consumer.to_owned(),
            topic: "t".to_owned(),
            partition,
        };
        lag.observe(&source("live", 1), Duration::from_secs(3));
        lag.observe(&source("live", 2), Duration::from_secs(9));
        lag.observe(&source("replay-1", 3), Duration::from_secs(99));
        assert_eq!(lag.longest(), Duration::from_secs(9));
        lag.observe(&source("live", 2), Duration::ZERO);
        assert_eq!(lag.longest(), Duration::from_secs(3));
    }
}
