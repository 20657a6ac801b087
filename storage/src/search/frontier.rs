//! What a search may look into next, the most promising first. Pure.
//!
//! Days open into runs, runs into chunks, chunks into segments. Each has a bound: the latest start
//! that a span in it can have, within the range asked for. What has the highest bound comes next,
//! together with others of its kind, ever more of them: a search that goes on asks the store less
//! and less often.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use model::{TimeRange, UnixNanos};

use crate::Day;
use crate::index::{Bounds, DirectoryEntry};

/// Ordinals of one chunk of a run that hold the tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chunk {
    /// The run's place.
    pub(super) run: usize,
    /// The chunk's number.
    pub(super) chunk: usize,
    /// The ordinals, ascending.
    pub(super) ordinals: Vec<u32>,
}

/// A candidate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Segment {
    /// The day that it lies in.
    pub(super) day: Day,
    /// Its number.
    pub(super) segment_id: i64,
    /// No span in it that answers starts later.
    pub(super) bound: UnixNanos,
}

/// What to look into.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The catalogue of these days.
    Days(Vec<Day>),
    /// The postings of the runs at these places.
    Runs(Vec<usize>),
    /// The directories of these chunks.
    Chunks(Vec<Chunk>),
    /// The payloads of these segments.
    Segments(Vec<Segment>),
    /// Nothing: no answer is missing.
    Done,
}

/// Everything that was found and not yet looked into.
#[derive(Debug)]
pub(super) struct Frontier {
    range: TimeRange,
    days: Queue<Day>,
    runs: Queue<usize>,
    chunks: Queue<Chunk>,
    segments: Queue<Segment>,
}

impl Frontier {
    /// A search for `limit` traces over these days.
    pub(super) fn new(range: TimeRange, limit: usize, days: Vec<Day>) -> Self {
        let mut frontier = Self {
            range,
            days: Queue::new(1, 32),
            runs: Queue::new(8, 128),
            chunks: Queue::new(2, 64),
            segments: Queue::new(limit.clamp(8, 64), 1_024),
        };
        for day in days {
            let of_day = day.range();
            if of_day.overlaps(&range) {
                frontier.days.push(of_day.end.min(range.end), day);
            }
        }
        frontier
    }

    /// The bound of something, if it reaches into the range.
    fn bound(&self, bounds: Bounds) -> Option<UnixNanos> {
        let time = |ns: i64| u64::try_from(ns).unwrap_or(0);
        let range = TimeRange {
            start: time(bounds.first_ns),
            end: time(bounds.last_ns),
        };
        range
            .overlaps(&self.range)
            .then(|| range.end.min(self.range.end))
    }

    /// A run of a day.
    pub(super) fn add_run(&mut self, place: usize, bounds: Bounds) {
        if let Some(bound) = self.bound(bounds) {
            self.runs.push(bound, place);
        }
    }

    /// Ordinals of a run.
    pub(super) fn add_chunk(
        &mut self,
        run: usize,
        chunk: usize,
        bounds: Bounds,
        ordinals: Vec<u32>,
    ) {
        if let Some(bound) = self.bound(bounds) {
            let chunk = Chunk {
                run,
                chunk,
                ordinals,
            };
            self.chunks.push(bound, chunk);
        }
    }

    /// A segment of a chunk.
    pub(super) fn add_segment(&mut self, day: Day, entry: DirectoryEntry) {
        let bounds = Bounds {
            first_ns: entry.first_ns(),
            last_ns: entry.last_ns(),
        };
        if let Some(bound) = self.bound(bounds) {
            let segment = Segment {
                day,
                segment_id: entry.segment_id,
                bound,
            };
            self.segments.push(bound, segment);
        }
    }

    /// What to look into next, if what starts earlier than `threshold` changes nothing.
    pub(super) fn next(&mut self, threshold: Option<UnixNanos>) -> Step {
        let least = threshold.unwrap_or(0);
        let best = [
            self.days.bound(),
            self.runs.bound(),
            self.chunks.bound(),
            self.segments.bound(),
        ];
        let Some(highest) = best.iter().flatten().max().copied() else {
            return Step::Done;
        };
        if highest < least {
            return Step::Done;
        }
        // Of equals what is nearest to an answer comes first.
        match best.iter().rposition(|bound| *bound == Some(highest)) {
            Some(3) => Step::Segments(self.segments.pop(least)),
            Some(2) => Step::Chunks(self.chunks.pop(least)),
            Some(1) => Step::Runs(self.runs.pop(least)),
            _ => Step::Days(self.days.pop(least)),
        }
    }
}

/// Things by their bound, taken in ever larger batches.
#[derive(Debug)]
struct Queue<T> {
    heap: BinaryHeap<Bounded<T>>,
    batch: usize,
    largest_batch: usize,
}

impl<T> Queue<T> {
    fn new(batch: usize, largest_batch: usize) -> Self {
        Self {
            heap: BinaryHeap::new(),
            batch,
            largest_batch,
        }
    }

    fn push(&mut self, bound: UnixNanos, item: T) {
        self.heap.push(Bounded { bound, item });
    }

    fn bound(&self) -> Option<UnixNanos> {
        self.heap.peek().map(|top| top.bound)
    }

    /// The next batch: nothing with a bound below `least`.
    fn pop(&mut self, least: UnixNanos) -> Vec<T> {
        let mut items = Vec::new();
        while items.len() < self.batch
            && self.bound().is_some_and(|bound| bound >= least)
            && let Some(top) = self.heap.pop()
        {
            items.push(top.item);
        }
        self.batch = (self.batch * 2).min(self.largest_batch);
        items
    }
}

#[derive(Debug)]
struct Bounded<T> {
    bound: UnixNanos,
    item: T,
}

impl<T> PartialEq for Bounded<T> {
    fn eq(&self, other: &Self) -> bool {
        self.bound == other.bound
    }
}

impl<T> Eq for Bounded<T> {}

impl<T> PartialOrd for Bounded<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Bounded<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.bound.cmp(&other.bound)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Day = Day(20_000);

    fn at(ms: i64) -> i64 {
        DAY.start_ns() + ms * 1_000_000
    }

    fn bounds(first_ms: i64, last_ms: i64) -> Bounds {
        Bounds {
            first_ns: at(first_ms),
            last_ns: at(last_ms),
        }
    }

    fn frontier(range: TimeRange) -> Frontier {
        Frontier::new(range, 20, vec![])
    }

    #[test]
    fn a_search_ends_when_nothing_left_is_as_new_as_what_it_has() {
        let mut frontier = frontier(TimeRange::ALL);
        frontier.add_run(0, bounds(0, 10));
        frontier.add_run(1, bounds(0, 20));
        assert_eq!(frontier.next(Some(at(20) as u64)), Step::Runs(vec![1]));
        assert_eq!(frontier.next(Some(at(11) as u64)), Step::Done);
        assert_eq!(frontier.next(Some(at(10) as u64)), Step::Runs(vec![0]));
    }

    #[test]
    fn what_lies_outside_of_the_range_is_left_out() {
        let range = TimeRange {
            start: at(10) as u64,
            end: at(20) as u64,
        };
        let mut frontier = frontier(range);
        frontier.add_run(0, bounds(0, 9));
        frontier.add_run(1, bounds(21, 30));
        frontier.add_run(2, bounds(0, 30));
        assert_eq!(frontier.next(None), Step::Runs(vec![2]));
        assert_eq!(frontier.next(None), Step::Done);
    }

    #[test]
    fn days_outside_of_the_range_are_left_out_and_the_newest_comes_first() {
        let range = TimeRange {
            start: DAY.plus(-1).range().end,
            end: DAY.plus(1).range().start,
        };
        let days = (-3..4).map(|days| DAY.plus(days)).collect();
        let mut frontier = Frontier::new(range, 20, days);
        assert_eq!(frontier.next(None), Step::Days(vec![DAY.plus(1)]));
        assert_eq!(frontier.next(None), Step::Days(vec![DAY, DAY.plus(-1)]));
    }

    #[test]
    fn the_nearest_to_an_answer_comes_first_among_equals() {
        let mut frontier = frontier(TimeRange::ALL);
        frontier.add_run(0, bounds(0, 10));
        frontier.add_chunk(1, 0, bounds(0, 10), vec![3]);
        let entry = DirectoryEntry {
            segment_id: 5,
            first_ms: at(0) / 1_000_000,
            last_ms: at(10) / 1_000_000,
        };
        frontier.add_segment(DAY, entry);
        assert!(matches!(frontier.next(None), Step::Segments(_)));
        assert!(matches!(frontier.next(None), Step::Chunks(_)));
        assert!(matches!(frontier.next(None), Step::Runs(_)));
    }
}
