//! What a writer remembers between transactions: committed facts alone, forgotten at any failure.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::TraceId;
use uuid::Uuid;

use super::plan::Known;
use crate::Day;
use crate::summary::KnownTrace;

/// Operations remembered before all are forgotten.
const MAX_OPERATIONS: usize = 200_000;
/// Spans from which on a trace is worth remembering.
const HUGE_TRACE: usize = 4_000;

/// Less than any number of purges.
const FORGOTTEN: i64 = -1;

/// An operation that is in the catalogue of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct SeenOperation {
    pub(super) day: Day,
    pub(super) key: Uuid,
}

/// Days with partitions, operations in the catalogue, spans of huge traces.
#[derive(Debug, Default)]
pub(crate) struct Memory {
    facts: Mutex<Facts>,
    max_spans: usize,
}

#[derive(Debug)]
struct Facts {
    /// The purge that they were learnt after; [`FORGOTTEN`] until a transaction says which.
    generation: i64,
    days: HashSet<Day>,
    operations: HashSet<SeenOperation>,
    huge: HashMap<(String, TraceId), Remembered>,
    spans: usize,
    clock: u64,
}

impl Default for Facts {
    /// What a transaction that is under way has learnt is not remembered: it may be of another
    /// server.
    fn default() -> Self {
        Self {
            generation: FORGOTTEN,
            days: HashSet::new(),
            operations: HashSet::new(),
            huge: HashMap::new(),
            spans: 0,
            clock: 0,
        }
    }
}

#[derive(Debug)]
struct Remembered {
    trace: KnownTrace,
    used: u64,
}

impl Memory {
    /// Remembers up to `max_spans` spans of huge traces.
    pub(crate) fn new(max_spans: usize) -> Self {
        Self {
            facts: Mutex::default(),
            max_spans,
        }
    }

    fn facts(&self) -> MutexGuard<'_, Facts> {
        // Facts are sets: a panic in another task leaves them whole.
        self.facts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets everything: another owner may have written, or the server gone back in time.
    pub(crate) fn forget(&self) {
        *self.facts() = Facts::default();
    }

    /// Forgets what may be of another server. Days are kept: one that is not there after all shows
    /// at once, when it is written to.
    pub(crate) fn doubt(&self) {
        let mut facts = self.facts();
        let days = std::mem::take(&mut facts.days);
        *facts = Facts {
            days,
            ..Facts::default()
        };
    }

    /// Forgets everything if it was learnt before this purge. The caller holds its slots, so that
    /// no purge is under way.
    pub(super) fn heed(&self, generation: i64) {
        let mut facts = self.facts();
        if facts.generation == FORGOTTEN {
            facts.generation = generation;
        } else if facts.generation != generation {
            *facts = Facts {
                generation,
                ..Facts::default()
            };
        }
    }

    pub(super) fn knows_day(&self, day: Day) -> bool {
        self.facts().days.contains(&day)
    }

    pub(super) fn day_exists(&self, day: Day) {
        self.facts().days.insert(day);
    }

    /// Keeps the operations that are not known to be in the catalogue.
    pub(super) fn retain_unseen<T>(&self, operations: &mut Vec<(SeenOperation, T)>) {
        let facts = self.facts();
        operations.retain(|(seen, _)| !facts.operations.contains(seen));
    }

    /// A transaction that added these operations is committed. It may have been purged since.
    pub(super) fn committed(&self, generation: i64, operations: Vec<SeenOperation>) {
        let mut facts = self.facts();
        if facts.generation != generation {
            return;
        }
        if facts.operations.len() + operations.len() > MAX_OPERATIONS {
            facts.operations.clear();
        }
        facts.operations.extend(operations);
    }

    /// Takes out what is remembered of these traces. The caller holds their slots.
    pub(super) fn recall(&self, traces: &[(&str, TraceId)]) -> Known {
        let mut facts = self.facts();
        if facts.huge.is_empty() {
            return traces.iter().map(|_| None).collect();
        }
        let mut recall = |(tenant, id): &(&str, TraceId)| {
            let remembered = facts.huge.remove(&((*tenant).to_owned(), *id))?;
            facts.spans -= remembered.trace.len();
            Some(remembered.trace)
        };
        traces.iter().map(&mut recall).collect()
    }

    /// Remembers what was read of huge traces, the least recently used ones making room.
    pub(super) fn remember(&self, generation: i64, traces: &[(&str, TraceId)], known: Known) {
        for ((tenant, id), trace) in traces.iter().zip(known) {
            // What was dropped may be kept by a replay.
            let lasts = |trace: &KnownTrace| trace.dropping().is_empty();
            let huge = |trace: &KnownTrace| trace.len() >= HUGE_TRACE && lasts(trace);
            let Some(trace) = trace.filter(huge) else {
                continue;
            };
            let mut facts = self.facts();
            if trace.len() <= self.max_spans && facts.generation == generation {
                facts.keep(((*tenant).to_owned(), *id), trace, self.max_spans);
            }
        }
    }
}

impl Facts {
    fn keep(&mut self, key: (String, TraceId), trace: KnownTrace, max_spans: usize) {
        self.clock += 1;
        self.spans += trace.len();
        let used = self.clock;
        if let Some(old) = self.huge.insert(key, Remembered { trace, used }) {
            self.spans -= old.trace.len();
        }
        while self.spans > max_spans {
            let oldest = self.huge.iter().min_by_key(|(_, held)| held.used);
            let Some(key) = oldest.map(|(key, _)| key.clone()) else {
                return;
            };
            if let Some(dropped) = self.huge.remove(&key) {
                self.spans -= dropped.trace.len();
            }
        }
    }
}
