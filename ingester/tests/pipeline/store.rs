//! A store in memory that honours the contract, and fails as it is told to.

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    sync::{Arc, Mutex},
};

use model::{IdentityHasher, RejectReason, SpanHash};
use storage::{
    Completeness, DeadLetter, Owner, Progress, Source, TraceWriter, WriteBatch, WriteError, Written,
};

/// The name of a span that the store refuses.
pub const POISON: &str = "poison";

/// What the next call comes to, instead of what it should.
#[derive(Debug, Clone, Copy)]
pub enum Fault {
    Transient,
    Operator,
    /// No answer, ever.
    Hang,
}

#[derive(Default)]
pub struct MemoryStore(Mutex<State>);

#[derive(Default, Clone)]
pub struct State {
    sources: HashMap<Source, (Owner, Progress)>,
    pub spans: BTreeMap<SpanHash, String>,
    pub completeness: Vec<Completeness>,
    pub transactions: usize,
    pub dead_letters: Vec<(RejectReason, Vec<u8>)>,
    pub faults: VecDeque<Fault>,
    pub tries: usize,
    /// Calls that get no answer.
    pub hanging: usize,
}

impl MemoryStore {
    pub fn new() -> Arc<Self> {
        Arc::default()
    }

    pub fn look<T>(&self, at: impl FnOnce(&mut State) -> T) -> T {
        at(&mut self.0.lock().unwrap())
    }

    pub fn fail(&self, faults: impl IntoIterator<Item = Fault>) {
        self.look(|state| state.faults.extend(faults));
    }

    pub fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = self.look(|state| state.spans.values().cloned().collect());
        names.sort();
        names
    }

    pub fn progress(&self, source: &Source) -> Progress {
        self.look(|state| {
            state
                .sources
                .get(source)
                .map(|(_, progress)| progress.clone())
        })
        .unwrap_or_default()
    }

    /// As another process would.
    pub fn steal(&self, source: &Source, owner: Owner) {
        self.look(|state| state.claim(source, owner));
    }
}

impl State {
    fn claim(&mut self, source: &Source, owner: Owner) -> Progress {
        let row = self
            .sources
            .entry(source.clone())
            .or_insert((owner, Progress::default()));
        row.0 = owner;
        row.1.revision += 1;
        row.1.clone()
    }

    fn fault(&mut self) -> Result<(), WriteError> {
        self.tries += 1;
        let source = || std::io::Error::other("as the test wants it").into();
        match self.faults.pop_front() {
            None | Some(Fault::Hang) => Ok(()),
            Some(Fault::Transient) => Err(WriteError::Transient {
                sqlstate: None,
                source: source(),
            }),
            Some(Fault::Operator) => Err(WriteError::Operator {
                sqlstate: None,
                source: source(),
            }),
        }
    }

    fn write(&mut self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        self.fault()?;
        for step in batch.progress {
            let known = self.sources.get(&step.source);
            let ours = known.is_some_and(|(owner, progress)| {
                *owner == step.owner && progress.revision == step.expected_revision
            });
            if !ours {
                let Source {
                    topic, partition, ..
                } = step.source.clone();
                return Err(WriteError::Fenced { topic, partition });
            }
        }
        let spans = hashed(&batch);
        if spans.iter().any(|(_, name)| name == POISON) {
            let source = std::io::Error::other("refused").into();
            return Err(WriteError::Poison {
                sqlstate: "22021".to_owned(),
                source,
            });
        }
        let (before, total) = (self.spans.len(), spans.len());
        self.spans.extend(spans);
        self.completeness
            .extend(batch.traces.iter().map(|trace| trace.completeness));
        for step in batch.progress {
            let (_, progress) = self.sources.get_mut(&step.source).expect("compared above");
            progress.revision += 1;
            progress.watermark = step.watermark;
            progress.done_above = step.done_above.clone();
            progress.landmark = step.landmark;
            progress.counts.records += step.records;
            progress.counts.records_dead_lettered += step.records_dead_lettered;
        }
        self.transactions += 1;
        let stored = (self.spans.len() - before) as u64;
        Ok(Written {
            spans_stored: stored,
            spans_duplicate: total as u64 - stored,
            segments: batch.traces.len() as u64,
            ..Written::default()
        })
    }
}

fn hashed(batch: &WriteBatch<'_, '_>) -> Vec<(SpanHash, String)> {
    let of_trace = |trace: &storage::TraceSpans<'_, '_>| {
        let mut hasher = IdentityHasher::new(trace.tenant.as_str(), trace.batch);
        let spans = trace
            .spans
            .iter()
            .map(|index| &trace.batch.spans[*index as usize]);
        spans
            .map(|span| (hasher.span(span), span.name.to_owned()))
            .collect::<Vec<_>>()
    };
    batch.traces.iter().flat_map(of_trace).collect()
}

impl TraceWriter for MemoryStore {
    async fn claim(&self, source: &Source, owner: Owner) -> Result<Progress, WriteError> {
        self.look(|state| {
            state.fault()?;
            Ok(state.claim(source, owner))
        })
    }

    async fn write(&self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        if self.look(|state| matches!(state.faults.front(), Some(Fault::Hang))) {
            self.look(|state| state.hanging += 1);
            std::future::pending::<()>().await;
        }
        self.look(|state| state.write(batch))
    }

    async fn dead_letter(&self, letters: &[DeadLetter<'_>]) -> Result<(), WriteError> {
        self.look(|state| {
            let kept = letters
                .iter()
                .map(|letter| (letter.reason, letter.record.to_vec()));
            state.dead_letters.extend(kept);
            Ok(())
        })
    }
}
