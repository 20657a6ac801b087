//! The consumed position of a source, and what is counted beside it.

use roaring::RoaringTreemap;
use uuid::Uuid;

use crate::Landmark;

/// Under which name the consumed position of new spans lies in the store.
pub const LIVE_CONSUMER: &str = "live";

/// A partition of the log whose consumed position the store keeps.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Source {
    /// Who consumes: [`LIVE_CONSUMER`], or the name of a replay job.
    pub consumer: String,
    /// Topic.
    pub topic: String,
    /// Partition of the topic.
    pub partition: i32,
}

impl Source {
    /// Whether these are new spans, and not ones that are read once more.
    pub fn is_live(&self) -> bool {
        self.consumer == LIVE_CONSUMER
    }
}

/// A random token drawn at each assignment of a partition: who may write for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner(pub Uuid);

/// Cumulative counts of one source, since its first record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// Records that are done: stored, found to be duplicates, or dead-lettered.
    pub records: u64,
    /// Spans stored.
    pub spans_stored: u64,
    /// Spans that were stored already.
    pub spans_duplicate: u64,
    /// Spans in records that went to the dead letters, as far as they could be counted.
    pub spans_dead_lettered: u64,
    /// Spans of traces that tail sampling does not keep.
    pub spans_dropped: u64,
    /// Records that went to the dead letters.
    pub records_dead_lettered: u64,
}

impl Counts {
    /// Spans of the records that are done.
    pub fn spans(&self) -> u64 {
        self.spans_stored + self.spans_duplicate + self.spans_dead_lettered + self.spans_dropped
    }

    /// Adds the counts of another source.
    pub fn add(&mut self, other: &Self) {
        self.records += other.records;
        self.spans_stored += other.spans_stored;
        self.spans_duplicate += other.spans_duplicate;
        self.spans_dead_lettered += other.spans_dead_lettered;
        self.spans_dropped += other.spans_dropped;
        self.records_dead_lettered += other.records_dead_lettered;
    }
}

/// How far a source has been consumed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Progress {
    /// Grows by one with each commit.
    pub revision: i64,
    /// Every record with a lower offset is done. The offset to read from after a restart.
    pub watermark: i64,
    /// Offsets at or above the watermark that are done as well, to be skipped after a restart.
    pub done_above: RoaringTreemap,
    /// What became of the records that are done.
    pub counts: Counts,
    /// A record that was read, by which the log is known again; none before the first one.
    pub landmark: Option<Landmark>,
}

/// Moves a source's progress forward, in the same transaction as the traces.
#[derive(Debug, Clone)]
pub struct ProgressStep {
    /// Which source.
    pub source: Source,
    /// Who writes; must be the owner that claimed the source last.
    pub owner: Owner,
    /// The revision that this step follows.
    pub expected_revision: i64,
    /// The watermark after this step.
    pub watermark: i64,
    /// The done offsets at or above that watermark, after this step.
    pub done_above: RoaringTreemap,
    /// Records that this step finishes, dead-lettered ones included.
    pub records: u64,
    /// Of these, records that went to the dead letters (acknowledged there before this step).
    pub records_dead_lettered: u64,
    /// Spans in these dead-lettered records.
    pub spans_dead_lettered: u64,
    /// Whose records they are, each tenant once or more often.
    pub tenants: Vec<TenantRecords>,
    /// Offsets below the watermark that this step passes over.
    pub passed: PassedOffsets,
    /// By which record the log is known again after this step.
    pub landmark: Option<Landmark>,
}

/// Records of one tenant that a step finishes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantRecords {
    /// Whose they are; empty if that cannot be told.
    pub tenant: String,
    /// How many.
    pub records: u64,
    /// Of these, records that went to the dead letters.
    pub records_dead_lettered: u64,
    /// Spans in these dead-lettered records.
    pub spans_dead_lettered: u64,
}

/// Offsets that are done without a record of theirs having been read. With the records that are
/// done they make up every offset from the one where counting began.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PassedOffsets {
    /// No record has them.
    pub skipped: u64,
    /// The log had lost them before they were read.
    pub lost: u64,
    /// By how much the offset where counting began moves.
    pub base_moved: i64,
}
