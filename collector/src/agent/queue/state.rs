//! What writer and reader of a queue know in common.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::files::Position;
use crate::agent::metrics;

/// The segments with their durable lengths, and which of them grows.
#[derive(Debug)]
pub(super) struct State {
    inner: Mutex<Inner>,
    grown: Notify,
    max_bytes: u64,
}

#[derive(Debug)]
struct Inner {
    segments: BTreeMap<u64, u64>,
    /// The segment that is written to.
    open: Option<u64>,
    /// Everything before it is delivered.
    delivered: Position,
}

impl Inner {
    /// Bytes that are not delivered yet.
    fn waiting(&self) -> u64 {
        let ahead = self.segments.range(self.delivered.segment..);
        let waiting = ahead.map(|(number, length)| match *number == self.delivered.segment {
            true => length.saturating_sub(self.delivered.offset),
            false => *length,
        });
        waiting.sum()
    }
}

/// What the reader finds at a place.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Ahead {
    /// Records up to this length of the segment.
    Records(Position, u64),
    /// Nothing yet.
    Nothing,
}

impl State {
    pub(super) fn new(segments: BTreeMap<u64, u64>, max_bytes: u64) -> Self {
        let state = Self {
            inner: Mutex::new(Inner {
                segments,
                open: None,
                delivered: Position::default(),
            }),
            grown: Notify::new(),
            max_bytes,
        };
        state.tell_bytes(&state.lock());
        state
    }

    /// Whether so many bytes more stay below the most.
    pub(super) fn has_room(&self, bytes: u64) -> bool {
        let used: u64 = self.lock().segments.values().sum();
        used.saturating_add(bytes) <= self.max_bytes
    }

    /// A segment was made and is written to from now on.
    pub(super) fn opened(&self, number: u64) {
        let mut inner = self.lock();
        inner.segments.insert(number, 0);
        inner.open = Some(number);
    }

    /// The open segment is durable up to this length.
    pub(super) fn grown_to(&self, number: u64, length: u64) {
        let mut inner = self.lock();
        inner.segments.insert(number, length);
        self.tell_bytes(&inner);
        drop(inner);
        self.grown.notify_one();
    }

    /// Nothing more is written to the open segment.
    pub(super) fn sealed(&self) {
        self.lock().open = None;
        self.grown.notify_one();
    }

    /// Returns when there may be more than before.
    pub(super) async fn grown(&self) {
        self.grown.notified().await;
    }

    /// What lies at a place, or behind it.
    pub(super) fn ahead(&self, at: Position) -> Ahead {
        let inner = self.lock();
        for (number, length) in inner.segments.range(at.segment..) {
            let offset = if *number == at.segment { at.offset } else { 0 };
            if offset < *length {
                let place = Position {
                    segment: *number,
                    offset,
                };
                return Ahead::Records(place, *length);
            }
        }
        Ahead::Nothing
    }

    /// Forgets the segments of which nothing is left before a place, and tells which.
    pub(super) fn done(&self, before: Position) -> Vec<u64> {
        let mut inner = self.lock();
        inner.delivered = before;
        let open = inner.open;
        let is_done = |number: u64, length: u64| {
            let ends =
                number < before.segment || number == before.segment && before.offset >= length;
            ends && open != Some(number)
        };
        let done = inner.segments.iter();
        let done: Vec<u64> = done
            .filter(|(number, length)| is_done(**number, **length))
            .map(|(number, _)| *number)
            .collect();
        for number in &done {
            inner.segments.remove(number);
        }
        self.tell_bytes(&inner);
        done
    }

    fn tell_bytes(&self, inner: &Inner) {
        metrics::queue_bytes(inner.segments.values().sum(), inner.waiting());
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(segment: u64, offset: u64) -> Position {
        Position { segment, offset }
    }

    #[test]
    fn a_reader_goes_from_segment_to_segment() {
        let state = State::new([(3, 10), (5, 0), (7, 4)].into(), 100);
        assert_eq!(state.ahead(at(0, 0)), Ahead::Records(at(3, 0), 10));
        assert_eq!(state.ahead(at(3, 6)), Ahead::Records(at(3, 6), 10));
        assert_eq!(state.ahead(at(3, 10)), Ahead::Records(at(7, 0), 4));
        assert_eq!(state.ahead(at(7, 4)), Ahead::Nothing);
    }

    #[test]
    fn a_segment_goes_when_all_of_it_is_delivered_and_nothing_is_added() {
        let state = State::new([(1, 10)].into(), 100);
        state.opened(2);
        state.grown_to(2, 5);
        assert_eq!(state.done(at(1, 9)), [0; 0]);
        assert_eq!(state.done(at(2, 5)), [1]);
        state.sealed();
        assert_eq!(state.done(at(2, 5)), [2]);
    }

    #[test]
    fn what_is_behind_the_delivered_place_waits() {
        let state = State::new([(1, 10), (2, 5)].into(), 100);
        assert_eq!(state.lock().waiting(), 15);
        state.done(at(1, 4));
        assert_eq!(state.lock().waiting(), 11);
        state.done(at(2, 5));
        assert_eq!(state.lock().waiting(), 0);
    }

    #[test]
    fn there_is_room_up_to_the_most() {
        let state = State::new([(1, 10)].into(), 100);
        assert!(state.has_room(90) && !state.has_room(91));
        state.done(at(1, 10));
        assert!(state.has_room(100));
    }
}
