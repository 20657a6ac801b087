//! A transactional store. Cloned, it is a standby.

use std::collections::{BTreeMap, BTreeSet};

use ingester::{FailureKind, Load};
use storage::{Owner, PassedOffsets, Progress, ProgressStep, Written};

use super::derived::Derived;
use super::log::{Entry, Log, SimSpan};
use super::mutation::Mutation;

/// Contents that a writer knows to be stored, so that it need not ask.
pub type Remembered = BTreeSet<u64>;

/// What is committed, and which session is in the middle of a transaction.
#[derive(Debug, Clone, Default)]
pub struct Store {
    pub owner: Option<Owner>,
    pub progress: Progress,
    /// Offsets that the watermark has passed without a record of theirs.
    pub passed: PassedOffsets,
    /// The session that holds the lock of the progress row.
    pub session: Option<u64>,
    pub sessions: u64,
    /// Offsets that a step has finished.
    pub finished: BTreeSet<i64>,
    /// Every span stored, as often as it is stored.
    pub rows: Vec<SimSpan>,
    pub derived: Derived,
    pub mutation: Option<Mutation>,
}

impl Store {
    /// Takes the source over, and ends the transaction that is in the way.
    pub fn claim(&mut self, by: Owner) -> Progress {
        self.session = None;
        self.owner = Some(by);
        self.progress.revision += 1;
        let mut progress = self.progress.clone();
        if self.is(Mutation::BitmapNotRestored) {
            progress.done_above.clear();
        }
        progress
    }

    /// Begins a transaction: locks the row, compares owner and revision.
    pub fn begin(&mut self, step: &ProgressStep) -> Result<u64, FailureKind> {
        if self.session.is_some() {
            return Err(FailureKind::Transient);
        }
        if !self.accepts(step) {
            return Err(FailureKind::Fenced);
        }
        self.sessions += 1;
        self.session = Some(self.sessions);
        Ok(self.sessions)
    }

    fn accepts(&self, step: &ProgressStep) -> bool {
        let owner = self.owner == Some(step.owner)
            || self.is(Mutation::OwnerNotCompared)
            || self.is(Mutation::ZombieAccepted);
        let revision = self.progress.revision == step.expected_revision
            || self.is(Mutation::RevisionNotCompared)
            || self.is(Mutation::ZombieAccepted);
        owner && revision
    }

    /// What a step says of its own commit afterwards: `None` when the history is another one.
    pub fn committed(&self, step: &ProgressStep) -> Option<bool> {
        match self.progress.revision - step.expected_revision {
            _ if self.owner != Some(step.owner) => None,
            1 => Some(true),
            0 => Some(false),
            _ => None,
        }
    }

    /// The transaction is gone.
    pub fn abort(&mut self, session: u64) {
        if self.session == Some(session) {
            self.session = None;
        }
    }

    /// Whether a load holds what the store refuses.
    pub fn refuses(load: &Load, log: &Log) -> bool {
        load.records().any(
            |record| matches!(&log.entries[&record.offset], Entry::Spans { poison, .. } if *poison),
        )
    }

    /// Commits the position.
    pub fn commit_progress(&mut self, step: &ProgressStep, load: &Load) {
        let high = i64::from(self.is(Mutation::WatermarkTooHigh));
        self.session = None;
        self.progress.revision += 1;
        self.progress.watermark = step.watermark + high;
        self.progress.done_above = step.done_above.clone();
        let counts = &mut self.progress.counts;
        counts.records += step.records;
        counts.records_dead_lettered += step.records_dead_lettered;
        let of_tenants = step.tenants.iter().map(|tenant| tenant.records);
        assert_eq!(of_tenants.sum::<u64>(), step.records, "records by tenant");
        self.passed.skipped += step.passed.skipped;
        self.passed.lost += step.passed.lost;
        self.passed.base_moved += step.passed.base_moved;
        for offset in load.offsets() {
            let first = self.finished.insert(offset);
            assert!(first, "offset {offset} is finished twice");
        }
    }

    /// Commits the spans of a load, those that are not there, with what follows from them.
    pub fn commit_spans(&mut self, load: &Load, log: &Log, memory: &mut Remembered) -> Written {
        let dead = load
            .dead
            .iter()
            .map(|dead| log.entries[&dead.offset].span_count());
        self.progress.counts.spans_dead_lettered += dead.sum::<u64>();
        let mut by_trace: BTreeMap<u64, Vec<SimSpan>> = BTreeMap::new();
        let mut sent = 0;
        for record in load.records() {
            if let Entry::Spans { spans, .. } = &log.entries[&record.offset] {
                sent += spans.len() as u64;
                for span in spans {
                    by_trace.entry(span.trace).or_default().push(*span);
                }
            }
        }
        let stored = by_trace
            .into_iter()
            .map(|(trace, spans)| self.segment(trace, &spans, memory))
            .sum();
        let counts = &mut self.progress.counts;
        counts.spans_stored += stored;
        counts.spans_duplicate += sent - stored;
        Written {
            spans_stored: stored,
            spans_duplicate: sent - stored,
            segments: stored.min(1),
        }
    }

    /// Stores what is new of one trace. How many spans that was.
    fn segment(&mut self, trace: u64, spans: &[SimSpan], memory: &mut Remembered) -> u64 {
        let known: Vec<SimSpan> = self
            .rows
            .iter()
            .filter(|row| row.trace == trace)
            .copied()
            .collect();
        let mut there: BTreeSet<u64> = known.iter().map(|span| span.content).collect();
        if !self.is(Mutation::DuplicatesStored) {
            there.extend(memory.iter());
        }
        let store_again = self.is(Mutation::DuplicatesStored);
        let fresh: Vec<SimSpan> = spans
            .iter()
            .filter(|span| there.insert(span.content) || store_again)
            .copied()
            .collect();
        memory.extend(fresh.iter().map(|span| span.content));
        let counted = match self.is(Mutation::DuplicatesCounted) {
            true => spans,
            false => &fresh,
        };
        self.derived.count(counted);
        if !self.is(Mutation::EdgesCountedTwice) {
            self.derived.add_edges(&known, -1);
        }
        let whole: Vec<SimSpan> = known.into_iter().chain(fresh.iter().copied()).collect();
        self.derived.add_edges(&whole, 1);
        self.rows.extend(&fresh);
        fresh.len() as u64
    }

    pub fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}
