//! Groups records into traces. No I/O, no clock, no channels: records and moments go in, traces
//! that are due come out, each record exactly once.
//!
//! Absent on purpose: sampling (`tail_sampling.rs` decides of what is taken), and dropping for size. A
//! giant trace becomes many.

mod pending;
mod completion;
mod budget;

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use model::{Tenant, TraceId};

pub use budget::{BudgetShare, MemoryBudget};
pub use completion::CompletionRules;
use pending::PendingTrace;
pub use pending::{DueTrace, HeldRecord};

use crate::{Moment, SpanRecord};

/// Names a held trace: the offset of its first record. Offsets grow, so the least is the oldest.
type Entry = i64;

/// How much one write may carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchTargets {
    /// Traces after which a batch is full.
    pub traces: usize,
    /// Spans after which a batch is full.
    pub spans: u64,
}

/// The traces of one partition that are held until they are due.
#[derive(Debug)]
pub struct TraceAssembler {
    rules: CompletionRules,
    held: BTreeMap<Entry, PendingTrace>,
    /// Where further records of a trace go. A trace that grew too large is no longer here.
    open: HashMap<(Tenant, TraceId), Entry>,
    /// Traces that are not due yet, by when they will be.
    waiting: BTreeSet<(Moment, Entry)>,
    /// Traces that are due, with the moment since when.
    due: VecDeque<(Moment, Entry)>,
    due_spans: u64,
    due_bytes: u64,
    bytes: u64,
}

impl TraceAssembler {
    /// An assembler that holds nothing.
    pub fn new(rules: CompletionRules) -> Self {
        Self {
            rules,
            held: BTreeMap::new(),
            open: HashMap::new(),
            waiting: BTreeSet::new(),
            due: VecDeque::new(),
            due_spans: 0,
            due_bytes: 0,
            bytes: 0,
        }
    }

    /// Adds a record seen at `now`. Offsets MUST be unique and grow from call to call.
    pub fn add(&mut self, record: SpanRecord, now: Moment) {
        let key = (record.tenant.clone(), record.trace_id);
        let entry = *self.open.entry(key).or_insert(record.held.offset);
        let trace = self
            .held
            .entry(entry)
            .or_insert_with(|| PendingTrace::begin(&record, now));
        let (waited_until, due) = (trace.due_at, trace.due);
        let (spans, bytes) = (u64::from(record.held.spans), record.cost());
        self.bytes += bytes;
        trace.add(record, now, &self.rules);
        if due {
            self.due_spans += spans;
            self.due_bytes += bytes;
        } else {
            self.waiting.remove(&(waited_until, entry));
            self.waiting.insert((trace.due_at, entry));
        }
        if trace.spans > u64::from(self.rules.max_held_spans) {
            self.open.remove(&(trace.tenant.clone(), trace.trace_id));
            self.make_due(entry, now);
        }
    }

    /// Moves on to `now`: traces whose time has come are due.
    pub fn advance(&mut self, now: Moment) {
        while let Some(&(due_at, entry)) = self.waiting.first() {
            if due_at > now {
                break;
            }
            self.make_due(entry, due_at);
        }
    }

    /// Makes the oldest traces due, whatever the rules say, until those that are not due have
    /// given up `bytes`.
    pub fn relieve(&mut self, bytes: u64, now: Moment) {
        let mut freed = self.due_bytes;
        if freed >= bytes {
            return;
        }
        let waiting: Vec<Entry> = self
            .held
            .iter()
            .filter(|(_, trace)| !trace.due)
            .take_while(|(_, trace)| {
                let wanted = freed < bytes;
                freed += trace.bytes;
                wanted
            })
            .map(|(entry, _)| *entry)
            .collect();
        waiting
            .into_iter()
            .for_each(|entry| self.make_due(entry, now));
    }

    /// Makes all traces due: the process is about to stop.
    pub fn flush(&mut self, now: Moment) {
        self.relieve(u64::MAX, now);
    }

    /// Whether the due traces fill a batch.
    pub fn fills(&self, targets: BatchTargets) -> bool {
        self.due.len() >= targets.traces || self.due_spans >= targets.spans
    }

    /// Since when the trace that has been due for longest is due.
    pub fn due_since(&self) -> Option<Moment> {
        self.due.front().map(|(since, _)| *since)
    }

    /// When the next trace will be due.
    pub fn next_due(&self) -> Option<Moment> {
        self.waiting.first().map(|(due_at, _)| *due_at)
    }

    /// Takes due traces, those due for longest first, until a batch is full.
    pub fn take(&mut self, targets: BatchTargets, now: Moment) -> Vec<DueTrace> {
        let mut taken = Vec::new();
        let mut spans = 0;
        while taken.len() < targets.traces && spans < targets.spans {
            let Some((_, entry)) = self.due.pop_front() else {
                break;
            };
            let trace = self.held.remove(&entry).expect("a due trace is held");
            let key = (trace.tenant.clone(), trace.trace_id);
            if self.open.get(&key) == Some(&entry) {
                self.open.remove(&key);
            }
            spans += trace.spans;
            self.due_spans -= trace.spans;
            self.due_bytes -= trace.bytes;
            self.bytes -= trace.bytes;
            taken.push(trace.into_due(now, &self.rules));
        }
        taken
    }

    /// The record with the lowest offset that is held.
    pub fn oldest(&self) -> Option<&HeldRecord> {
        self.held
            .values()
            .next()
            .and_then(|trace| trace.records().first())
    }

    /// Traces held, due ones included.
    pub fn traces(&self) -> usize {
        self.held.len()
    }

    /// Bytes held, due ones included.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    fn make_due(&mut self, entry: Entry, since: Moment) {
        let Some(trace) = self.held.get_mut(&entry).filter(|trace| !trace.due) else {
            return;
        };
        trace.due = true;
        self.waiting.remove(&(trace.due_at, entry));
        self.due.push_back((since, entry));
        self.due_spans += trace.spans;
        self.due_bytes += trace.bytes;
    }
}
