//! A transactional store. Cloned, it is a standby.

use std::collections::{BTreeMap, BTreeSet};

use ingester::{FailureKind, Load};
use storage::{Owner, PassedOffsets, Progress, ProgressStep, Written};

use super::derived::Derived;
use super::log::{Entry, Log, SimSpan};
use super::mutation::Mutation;
use super::sampling::Sampling;

/// Slots of traces: few, so that writers meet.
const SLOTS: u64 = 5;
/// Stored spans that a process remembers of traces, so that it need not read them again.
pub type Remembered = BTreeMap<u64, Vec<SimSpan>>;

/// The position of one partition.
#[derive(Debug, Clone, Default)]
pub struct SourceRow {
    pub owner: Option<Owner>,
    pub progress: Progress,
    /// Offsets that the watermark has passed without a record of theirs.
    pub passed: PassedOffsets,
    /// The session that holds the lock of the progress row.
    pub session: Option<u64>,
    /// Offsets that a step has finished.
    pub finished: BTreeSet<i64>,
}

/// What is committed, and which sessions are in the middle of a transaction.
#[derive(Debug, Clone)]
pub struct Store {
    pub sources: Vec<SourceRow>,
    /// Which session has the lock of a slot.
    slots: BTreeMap<u64, u64>,
    /// Every span stored, as often as it is stored.
    pub rows: Vec<SimSpan>,
    /// What is remembered of spans that a policy dropped.
    pub dropped: Vec<SimSpan>,
    /// By trace, whether it is kept.
    decisions: BTreeMap<u64, bool>,
    /// By trace, the spans that its first part had when it was decided.
    pub firsts: BTreeMap<u64, Vec<SimSpan>>,
    pub sampling: Sampling,
    pub derived: Derived,
    pub mutation: Option<Mutation>,
}

/// What a transaction is to add of each trace, as it looked once the locks were taken.
#[derive(Debug, Clone, Default)]
pub struct Planned {
    traces: Vec<PlannedTrace>,
    spans_dead: u64,
}

#[derive(Debug, Clone)]
struct PlannedTrace {
    trace: u64,
    known: Vec<SimSpan>,
    fresh: Vec<SimSpan>,
    sent: Vec<SimSpan>,
    /// What was decided, or is decided now; nothing without sampling.
    kept: Option<bool>,
    /// What is decided of now.
    judged: Vec<SimSpan>,
}

impl Store {
    /// An empty store for so many partitions.
    pub fn new(partitions: usize, sampling: Sampling, mutation: Option<Mutation>) -> Self {
        Self {
            sources: vec![SourceRow::default(); partitions],
            slots: BTreeMap::new(),
            rows: Vec::new(),
            dropped: Vec::new(),
            decisions: BTreeMap::new(),
            firsts: BTreeMap::new(),
            sampling,
            derived: Derived::default(),
            mutation,
        }
    }

    /// Takes a source over, and ends the transaction that is in the way.
    pub fn claim(&mut self, partition: usize, by: Owner) -> Progress {
        if let Some(session) = self.sources[partition].session {
            self.abort(session);
        }
        let forgets = self.is(Mutation::BitmapNotRestored);
        let source = &mut self.sources[partition];
        source.owner = Some(by);
        source.progress.revision += 1;
        let mut progress = source.progress.clone();
        if forgets {
            progress.done_above.clear();
        }
        progress
    }

    /// Begins a transaction: locks the row, compares owner and revision.
    pub fn begin(
        &mut self,
        partition: usize,
        session: u64,
        step: &ProgressStep,
    ) -> Result<(), FailureKind> {
        if self.sources[partition].session.is_some() {
            return Err(FailureKind::Transient);
        }
        if !self.accepts(partition, step) {
            return Err(FailureKind::Fenced);
        }
        self.sources[partition].session = Some(session);
        Ok(())
    }

    fn accepts(&self, partition: usize, step: &ProgressStep) -> bool {
        let zombie = self.is(Mutation::ZombieAccepted);
        let source = &self.sources[partition];
        let owner = source.owner == Some(step.owner) || self.is(Mutation::OwnerNotCompared);
        let revision = source.progress.revision == step.expected_revision
            || self.is(Mutation::RevisionNotCompared);
        zombie || (owner && revision)
    }

    /// Whether a session is in the middle of its transaction.
    pub fn is_open(&self, partition: usize, session: u64) -> bool {
        self.sources[partition].session == Some(session)
    }

    /// Takes the locks of the traces' slots, in ascending order. Whether it has all of them; what
    /// it has it keeps.
    pub fn lock_slots(&mut self, session: u64, load: &Load, log: &Log) -> bool {
        if self.is(Mutation::SlotsNotLocked) {
            return true;
        }
        let slots: BTreeSet<u64> = spans(load, log).map(|span| span.trace % SLOTS).collect();
        slots
            .into_iter()
            .all(|slot| *self.slots.entry(slot).or_insert(session) == session)
    }

    /// What a step says of its own commit afterwards: `None` when the history is another one.
    pub fn committed(&self, partition: usize, step: &ProgressStep) -> Option<bool> {
        let source = &self.sources[partition];
        match source.progress.revision - step.expected_revision {
            _ if source.owner != Some(step.owner) => None,
            1 => Some(true),
            0 => Some(false),
            _ => None,
        }
    }

    /// The transaction is gone.
    pub fn abort(&mut self, session: u64) {
        for source in &mut self.sources {
            source.session.take_if(|held| *held == session);
        }
        self.slots.retain(|_, held| *held != session);
    }

    /// All transactions are gone: the server is another one.
    pub fn abort_all(&mut self) {
        self.slots.clear();
        for source in &mut self.sources {
            source.session = None;
        }
    }

    /// Whether a load holds what the store refuses.
    pub fn refuses(load: &Load, log: &Log) -> bool {
        load.records().any(
            |record| matches!(&log.entries[&record.offset], Entry::Spans { poison, .. } if *poison),
        )
    }

    /// Looks for what is stored of the traces already: what is remembered is not read again.
    pub fn plan(&self, load: &Load, log: &Log, memory: &mut Remembered) -> Planned {
        let mut by_trace: BTreeMap<u64, Vec<SimSpan>> = BTreeMap::new();
        for span in spans(load, log) {
            by_trace.entry(span.trace).or_default().push(span);
        }
        let dead = load
            .dead
            .iter()
            .map(|dead| log.entries[&dead.offset].span_count());
        let verdicts = self.sampling.verdicts(load, log);
        let forgets = self.is(Mutation::DroppedForgotten);
        let decides_anew = self.is(Mutation::DecidedAnew);
        let planned = |(trace, sent): (u64, Vec<SimSpan>)| {
            let mut known = memory.remove(&trace).unwrap_or_default();
            known.extend(self.rows.iter().filter(|row| row.trace == trace));
            let dropped = self.dropped.iter().filter(|_| !forgets);
            known.extend(dropped.filter(|row| row.trace == trace));
            let decided = self.decisions.get(&trace).filter(|_| !decides_anew);
            let verdict = verdicts.get(&trace);
            let kept = decided.or(verdict.map(|(kept, _)| kept)).copied();
            let judged = verdict.map_or_else(Vec::new, |(_, spans)| spans.clone());
            known.sort_unstable();
            known.dedup();
            let again = self.is(Mutation::DuplicatesStored);
            let mut there: BTreeSet<u64> = known.iter().map(|span| span.content).collect();
            let fresh = sent
                .iter()
                .filter(|span| there.insert(span.content) || again)
                .copied()
                .collect();
            PlannedTrace {
                trace,
                known,
                fresh,
                sent,
                kept,
                judged,
            }
        };
        Planned {
            spans_dead: dead.sum(),
            traces: by_trace.into_iter().map(planned).collect(),
        }
    }

    /// Commits the position, and lets the locks go.
    pub fn commit_progress(&mut self, partition: usize, step: &ProgressStep, load: &Load) {
        let high = i64::from(self.is(Mutation::WatermarkTooHigh));
        if let Some(session) = self.sources[partition].session {
            self.abort(session);
        }
        let source = &mut self.sources[partition];
        source.progress.revision += 1;
        source.progress.watermark = step.watermark + high;
        source.progress.done_above = step.done_above.clone();
        source.progress.landmark = step.landmark;
        let counts = &mut source.progress.counts;
        counts.records += step.records;
        counts.records_dead_lettered += step.records_dead_lettered;
        let of_tenants = step.tenants.iter().map(|tenant| tenant.records);
        assert_eq!(of_tenants.sum::<u64>(), step.records, "records by tenant");
        source.passed.skipped += step.passed.skipped;
        source.passed.lost += step.passed.lost;
        source.passed.base_moved += step.passed.base_moved;
        for offset in load.offsets() {
            let first = source.finished.insert(offset);
            assert!(first, "offset {offset} is finished twice");
        }
    }

    /// Commits the spans that were planned, with what follows from them.
    pub fn commit_spans(&mut self, partition: usize, planned: Planned) -> Written {
        let mut written = Written::default();
        for of_trace in &planned.traces {
            let PlannedTrace {
                trace,
                known,
                fresh,
                sent,
                kept,
                judged,
            } = of_trace;
            let is_dropped = *kept == Some(false);
            let uncounted = is_dropped && self.is(Mutation::DroppedNotCounted);
            let counted = match self.is(Mutation::DuplicatesCounted) {
                true => sent,
                false => fresh,
            };
            self.derived.count(if uncounted { &[] } else { counted });
            if !self.is(Mutation::EdgesCountedTwice) {
                self.derived.add_edges(known, -1);
            }
            let whole: Vec<SimSpan> = known.iter().chain(fresh).copied().collect();
            self.derived.add_edges(&whole, 1);
            self.firsts.entry(*trace).or_insert_with(|| judged.clone());
            if let Some(kept) = kept {
                self.decisions.entry(*trace).or_insert(*kept);
            }
            if is_dropped {
                self.dropped.extend(fresh);
                written.spans_dropped += fresh.len() as u64;
            } else {
                self.rows.extend(fresh);
                written.spans_stored += fresh.len() as u64;
            }
            written.spans_duplicate += (sent.len() - fresh.len()) as u64;
            written.segments += u64::from(!fresh.is_empty() && !is_dropped);
        }
        let counts = &mut self.sources[partition].progress.counts;
        counts.spans_dead_lettered += planned.spans_dead;
        counts.spans_stored += written.spans_stored;
        counts.spans_duplicate += written.spans_duplicate;
        counts.spans_dropped += written.spans_dropped;
        written
    }

    pub fn is(&self, mutation: Mutation) -> bool {
        self.mutation == Some(mutation)
    }
}

impl Planned {
    /// What a writer remembers of it: what it has read; what it writes too, only where that is the
    /// bug.
    pub fn remember(&self, memory: &mut Remembered, written_too: bool) {
        for of_trace in &self.traces {
            let mut known = of_trace.known.clone();
            if written_too {
                known.extend(&of_trace.fresh);
            }
            memory.insert(of_trace.trace, known);
        }
    }
}

/// The spans of a load's records.
fn spans(load: &Load, log: &Log) -> impl Iterator<Item = SimSpan> {
    load.records()
        .flat_map(|record| match &log.entries[&record.offset] {
            Entry::Spans { spans, .. } => spans.as_slice(),
            Entry::Garbage | Entry::Tombstone => &[],
        })
        .copied()
}
