//! Which records of a partition are done, when they are finished out of order. Pure, no I/O.
//!
//! Records come in by offset and are finished in any order. What has to be remembered across a
//! restart is a low watermark, below which everything is done, and the set of offsets at or
//! above it that are done as well.

mod passed;

use std::collections::BTreeSet;

use roaring::RoaringTreemap;

pub use passed::Passed;
use passed::{PassedOver, Why};

/// Tracks which records of one partition are done.
///
/// ```text
/// offsets  0 1 2 3 4 5 6 7 8
/// records  d d p d   d p            d done, p pending; 4 does not exist; 7, 8 not taken yet
/// watermark    ^                    2
/// done_above     3   5              {3, 5}
/// position               ^          7
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct OffsetTracker {
    /// Offset of the next record to be taken: everything below is done, pending or does not exist.
    position: u64,
    /// Taken and not finished.
    pending: BTreeSet<u64>,
    /// Done, at or above the watermark.
    done: RoaringTreemap,
    /// Neither taken nor done, below the position.
    passed: PassedOver,
}

/// Where a partition stands once some records more are finished.
#[derive(Debug, Clone, PartialEq)]
pub struct Ahead {
    /// The lowest offset that is not done.
    pub watermark: i64,
    /// Offsets at or above it that are done.
    pub done_above: RoaringTreemap,
    /// What was passed over since the last settlement, as far as the watermark has passed it too.
    pub passed: Passed,
}

impl OffsetTracker {
    /// Begins where a partition was left: the watermark, and what is done at or above it.
    pub fn restore(watermark: i64, mut done_above: RoaringTreemap) -> Self {
        let position = unsigned(watermark);
        done_above.remove_range(..position);
        let mut tracker = Self {
            position,
            pending: BTreeSet::new(),
            done: done_above,
            passed: PassedOver::default(),
        };
        tracker.skip_done();
        tracker
    }

    /// Takes a record in. `false` when it is done already and has to be skipped.
    ///
    /// Offsets between the last record and this one do not exist in the log (compaction,
    /// transaction markers): nothing waits for them.
    pub fn take(&mut self, offset: i64) -> bool {
        let offset = unsigned(offset);
        let fresh = !self.is_done(offset) && !self.pending.contains(&offset);
        self.pass_over(offset, Why::Skipped);
        self.position = self.position.max(offset + 1);
        if fresh {
            self.pending.insert(offset);
        }
        self.trim();
        fresh
    }

    /// The log has lost what lies between the position and this offset: nothing waits for it.
    pub fn lose(&mut self, offset: i64) {
        let offset = unsigned(offset);
        self.pass_over(offset, Why::Lost);
        self.position = self.position.max(offset);
        self.trim();
    }

    /// Counting begins at this offset and not at the position, where no record was ever read.
    pub fn begin(&mut self, offset: i64) {
        let offset = unsigned(offset);
        self.passed.move_base(offset as i64 - self.position as i64);
        self.position = offset;
        self.trim();
    }

    /// The log is another one, which is read from this offset on. Nothing must be pending.
    pub fn begin_anew(&mut self, offset: i64) {
        let begin = unsigned(offset);
        let above = self.done.len() as i64;
        let moves = begin as i64 - self.position as i64 - above;
        self.passed.begin_anew(moves);
        self.position = begin;
        self.pending.clear();
        self.done.clear();
    }

    /// Everything up to this offset was taken in, or was done already: offsets before it that are
    /// neither do not exist, and nothing waits for them.
    pub fn see(&mut self, offset: i64) {
        let offset = unsigned(offset);
        self.pass_over(offset, Why::Skipped);
        self.position = self.position.max(offset + 1);
        self.trim();
    }

    /// A record is done. Finishing one that is not pending changes nothing.
    pub fn finish(&mut self, offset: i64) {
        let offset = unsigned(offset);
        if self.pending.remove(&offset) {
            self.done.insert(offset);
            self.trim();
        }
    }

    /// The lowest offset that is not done: where to read from after a restart.
    pub fn watermark(&self) -> i64 {
        self.pending.first().copied().unwrap_or(self.position) as i64
    }

    /// The offset after the last record that was taken.
    pub fn position(&self) -> i64 {
        self.position as i64
    }

    /// Offsets at or above the watermark that are done.
    pub fn done_above(&self) -> &RoaringTreemap {
        &self.done
    }

    /// Whether a record need not be taken again.
    pub fn is_done(&self, offset: u64) -> bool {
        self.done.contains(offset) || (offset < self.position && !self.pending.contains(&offset))
    }

    /// Records taken and not finished.
    pub fn pending(&self) -> usize {
        self.pending.len()
    }

    /// Where the partition would stand with these records finished too: what a transaction that
    /// finishes them has to store, and has to be settled once it is committed.
    pub fn with_finished(&self, offsets: impl IntoIterator<Item = i64>) -> Ahead {
        let finished = offsets.into_iter().map(unsigned);
        let finished: RoaringTreemap = finished.filter(|o| self.pending.contains(o)).collect();
        let oldest = self
            .pending
            .iter()
            .find(|offset| !finished.contains(**offset));
        let mut done = &finished | &self.done;
        let mut watermark = oldest.copied().unwrap_or(self.position);
        while oldest.is_none() && done.contains(watermark) {
            watermark += 1;
        }
        done.remove_range(..watermark);
        Ahead {
            watermark: watermark as i64,
            passed: self.passed.below(watermark),
            done_above: done,
        }
    }

    /// What was passed over below this watermark is counted.
    pub fn settle(&mut self, watermark: i64, counted: Passed) {
        self.passed.settle(unsigned(watermark), counted);
    }

    /// Notes the offsets from the position up to another one that are not done.
    fn pass_over(&mut self, to: u64, why: Why) {
        let mut from = self.position;
        if from >= to {
            return;
        }
        let mut done = self.done.iter();
        done.advance_to(from);
        for done in done.take_while(|done| *done < to) {
            self.passed.add(from, done, why);
            from = done + 1;
        }
        self.passed.add(from, to, why);
    }

    /// Forgets what lies below the watermark.
    fn trim(&mut self) {
        self.skip_done();
        let watermark = self.watermark() as u64;
        self.done.remove_range(..watermark);
    }

    /// Moves the position past records that are done already and follow it directly.
    fn skip_done(&mut self) {
        while self.pending.is_empty() && self.done.contains(self.position) {
            self.done.remove(self.position);
            self.position += 1;
        }
    }
}

/// Kafka's offsets start at 0; a negative one cannot come from a log.
fn unsigned(offset: i64) -> u64 {
    u64::try_from(offset).unwrap_or(0)
}

#[cfg(test)]
mod tests;
