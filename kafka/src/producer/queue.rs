//! What waits for acknowledgement, in records and bytes.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Counts of what is under way, and their limits.
pub(super) struct Queue {
    limit_bytes: u64,
    limit_records: u64,
    bytes: AtomicU64,
    records: AtomicU64,
    made: Instant,
    /// Milliseconds from `made` to the last acknowledgement, plus one; zero before the first.
    last_ack: AtomicU64,
    room: Notify,
}

impl Queue {
    pub(super) fn new(limit_bytes: u64, limit_records: u64) -> Self {
        let (bytes, records, last_ack) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        let (made, room) = (Instant::now(), Notify::new());
        Self {
            limit_bytes,
            limit_records,
            bytes,
            records,
            made,
            last_ack,
            room,
        }
    }

    pub(super) fn has_room(&self, records: u64, bytes: u64) -> bool {
        self.records.load(Ordering::Relaxed).saturating_add(records) <= self.limit_records
            && self.bytes().saturating_add(bytes) <= self.limit_bytes
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    pub(super) fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    pub(super) fn enter(&self, bytes: usize) {
        self.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.records.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn leave(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes as u64, Ordering::Relaxed);
        self.records.fetch_sub(1, Ordering::Relaxed);
        self.room.notify_waiters();
    }

    pub(super) fn acknowledged(&self) {
        let elapsed = self.made.elapsed().as_millis() as u64;
        self.last_ack.store(elapsed + 1, Ordering::Relaxed);
    }

    pub(super) fn last_ack_age(&self) -> Option<Duration> {
        let since_made = self.last_ack.load(Ordering::Relaxed).checked_sub(1)?;
        Some(
            self.made
                .elapsed()
                .saturating_sub(Duration::from_millis(since_made)),
        )
    }

    /// Returns when something has left the queue, at the deadline at the latest.
    pub(super) async fn room_within(&self, deadline: Instant) {
        // A departure between the refusal and this wait is not seen, hence the short bound.
        let soon = deadline.min(Instant::now() + Duration::from_millis(20));
        let _ = tokio::time::timeout_at(soon.into(), self.room.notified()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::Queue;

    #[test]
    fn room_is_bounded_by_bytes_and_by_records() {
        let queue = Queue::new(100, 2);
        assert!(queue.has_room(2, 100));
        assert!(!queue.has_room(3, 1) && !queue.has_room(1, 101));
        queue.enter(60);
        assert!(queue.has_room(1, 40) && !queue.has_room(1, 41));
        queue.leave(60);
        assert!(queue.has_room(2, 100));
    }

    #[test]
    fn there_is_no_age_of_the_last_acknowledgement_before_the_first() {
        let queue = Queue::new(1, 1);
        assert!(queue.last_ack_age().is_none());
        queue.acknowledged();
        assert!(queue.last_ack_age().is_some());
    }
}
