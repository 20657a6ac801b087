//! Offsets that were passed over without a record of theirs being read.

use std::collections::BTreeMap;

/// Offsets that were passed over, counted: with the records that were read they make up every
/// offset from the one where counting began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Passed {
    /// No record has them: compaction, markers of transactions.
    pub skipped: u64,
    /// The log had lost them before they were read.
    pub lost: u64,
    /// By how much the offset where counting began moves.
    pub base_moved: i64,
}

/// Why offsets were passed over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Why {
    Skipped,
    Lost,
}

/// What was passed over and is not settled yet.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PassedOver {
    /// End, exclusive, and reason by start.
    ranges: BTreeMap<u64, (u64, Why)>,
    /// What counts whatever the watermark.
    at_once: Passed,
}

impl PassedOver {
    pub(super) fn add(&mut self, from: u64, to: u64, why: Why) {
        if from < to {
            self.ranges.insert(from, (to, why));
        }
    }

    pub(super) fn move_base(&mut self, by: i64) {
        self.at_once.base_moved += by;
    }

    /// What counts once everything below a watermark is done.
    pub(super) fn below(&self, watermark: u64) -> Passed {
        let mut passed = self.at_once;
        for (from, (to, why)) in self.ranges.range(..watermark) {
            match why {
                Why::Skipped => passed.skipped += to - from,
                Why::Lost => passed.lost += to - from,
            }
        }
        passed
    }

    /// Forgets what was said of a watermark: it is counted.
    pub(super) fn settle(&mut self, watermark: u64, counted: Passed) {
        let still_open = self.ranges.split_off(&watermark);
        let closed = std::mem::replace(&mut self.ranges, still_open);
        self.at_once.base_moved -= counted.base_moved;
        let of = |why| {
            let ranges = closed.iter().filter(|(_, (_, reason))| *reason == why);
            ranges.map(|(from, (to, _))| to - from).sum::<u64>()
        };
        self.at_once.skipped -= counted.skipped - of(Why::Skipped);
        self.at_once.lost -= counted.lost - of(Why::Lost);
    }

    /// The log begins anew with offsets of its own: those of the old one count at once.
    pub(super) fn begin_anew(&mut self, base_moves: i64) {
        self.at_once = self.below(u64::MAX);
        self.at_once.base_moved += base_moves;
        self.ranges.clear();
    }
}
