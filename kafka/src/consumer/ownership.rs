//! Which partitions are ours, and by which assignment.
//!
//! Each assignment of a partition has an epoch of its own. Whatever was made for an earlier
//! assignment of the same partition is told apart by it, so that a partition that was revoked
//! and assigned again, before its first owner noticed, is not read twice.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::record::TopicPartition;

/// Which assignment of a partition, in the order in which they came to this member.
pub(crate) type Epoch = u64;

/// The partitions that are ours, shared by the membership and the partitions' owners.
#[derive(Debug)]
pub(crate) struct Ownership {
    owned: Mutex<HashMap<TopicPartition, Epoch>>,
    epochs: AtomicU64,
    joined: AtomicBool,
    made: Instant,
    polled_ms: AtomicU64,
}

impl Ownership {
    pub(crate) fn new() -> Self {
        Self {
            owned: Mutex::default(),
            epochs: AtomicU64::new(0),
            joined: AtomicBool::new(false),
            made: Instant::now(),
            polled_ms: AtomicU64::new(0),
        }
    }

    /// The partition is ours from now on, by a new assignment.
    pub(crate) fn assign(&self, at: &TopicPartition) -> Epoch {
        let epoch = self.epochs.fetch_add(1, Ordering::Relaxed) + 1;
        self.owned().insert(at.clone(), epoch);
        epoch
    }

    /// The partition is not ours any more. `None` when it was not ours before.
    pub(crate) fn withdraw(&self, at: &TopicPartition) -> Option<Epoch> {
        self.owned().remove(at)
    }

    /// Whether the partition is still ours by this very assignment.
    pub(crate) fn is_current(&self, at: &TopicPartition, epoch: Epoch) -> bool {
        self.owned().get(at) == Some(&epoch)
    }

    pub(crate) fn owns(&self, at: &TopicPartition) -> bool {
        self.owned().contains_key(at)
    }

    pub(crate) fn all(&self) -> Vec<TopicPartition> {
        self.owned().keys().cloned().collect()
    }

    pub(crate) fn count(&self) -> usize {
        self.owned().len()
    }

    pub(crate) fn set_joined(&self, joined: bool) {
        self.joined.store(joined, Ordering::Relaxed);
    }

    pub(crate) fn has_joined(&self) -> bool {
        self.joined.load(Ordering::Relaxed)
    }

    pub(crate) fn polled(&self) {
        self.polled_ms
            .store(self.made.elapsed().as_millis() as u64, Ordering::Relaxed);
    }

    pub(crate) fn poll_age(&self) -> Duration {
        let polled = Duration::from_millis(self.polled_ms.load(Ordering::Relaxed));
        self.made.elapsed().saturating_sub(polled)
    }

    fn owned(&self) -> MutexGuard<'_, HashMap<TopicPartition, Epoch>> {
        self.owned.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_assignment_is_not_current_after_the_partition_was_assigned_again() {
        let (ownership, at) = (Ownership::new(), TopicPartition::new("t", 0));
        let first = ownership.assign(&at);
        assert_eq!(ownership.withdraw(&at), Some(first));
        let second = ownership.assign(&at);
        assert!(!ownership.is_current(&at, first));
        assert!(ownership.is_current(&at, second));
    }

    #[test]
    fn a_partition_that_is_not_ours_cannot_be_withdrawn() {
        let ownership = Ownership::new();
        assert_eq!(ownership.withdraw(&TopicPartition::new("t", 0)), None);
    }
}
