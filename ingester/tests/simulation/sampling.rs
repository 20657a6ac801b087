//! Tail sampling: what the policies of a schedule keep.

use std::collections::{BTreeMap, HashSet};

use ingester::{Load, TraceVerdict};
use rand::{Rng, seq::IndexedRandom};

use super::log::{Entry, Log, SimSpan};
use super::world::World;

/// The service whose spans the policies are after.
const WANTED: u8 = 0;

/// Which traces are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sampling {
    /// All, without a decision.
    Off,
    /// One of three, by its id.
    ById,
    /// These, and those with a span of the wanted service.
    ByContent,
}

impl Sampling {
    /// That of one schedule.
    pub fn draw(rng: &mut impl Rng) -> Self {
        let all = [Self::Off, Self::Off, Self::ById, Self::ByContent];
        all.choose(rng).copied().unwrap_or(Self::Off)
    }

    /// What the policies say of these spans of a trace.
    pub fn keeps(self, trace: u64, spans: &[SimSpan]) -> bool {
        let by_content = || spans.iter().any(|span| span.service == WANTED);
        match self {
            Self::Off => true,
            Self::ById => trace.is_multiple_of(3),
            Self::ByContent => trace.is_multiple_of(3) || by_content(),
        }
    }

    /// The verdicts on a load's traces, each given once for all tries, and the spans that they are
    /// of: that of the first part of a trace goes for all of them.
    pub fn verdicts(self, load: &Load, log: &Log) -> BTreeMap<u64, (bool, Vec<SimSpan>)> {
        let mut verdicts = BTreeMap::new();
        for due in load.traces.iter().filter(|_| self != Self::Off) {
            let records = due.records.iter();
            let spans: Vec<SimSpan> = records
                .flat_map(|record| match &log.entries[&record.offset] {
                    Entry::Spans { spans, .. } => spans.clone(),
                    Entry::Garbage | Entry::Tombstone => Vec::new(),
                })
                .collect();
            let Some(first) = spans.first() else { continue };
            let verdict = due.verdict.get_or_init(|| TraceVerdict {
                kept: self.keeps(first.trace, &spans),
                policy: "of the schedule".into(),
                weight: None,
            });
            let trace = first.trace;
            verdicts.entry(trace).or_insert((verdict.kept, spans));
        }
        verdicts
    }
}

impl World {
    /// Each trace is stored or dropped, whole, as the policies have it.
    pub fn check_sampling(&self) {
        let store = &self.store;
        if store.sampling == Sampling::Off {
            return;
        }
        let stored: HashSet<u64> = store.rows.iter().map(|row| row.trace).collect();
        let dropped: HashSet<u64> = store.dropped.iter().map(|row| row.trace).collect();
        let both: Vec<&u64> = stored.intersection(&dropped).collect();
        assert!(both.is_empty(), "traces that are stored in part: {both:?}");
        let mut sent: BTreeMap<u64, Vec<SimSpan>> = BTreeMap::new();
        for log in &self.logs.partitions {
            for entry in log.entries.values() {
                // Policies see poison too: only the store refuses it.
                if let Entry::Spans { spans, rec, .. } = entry {
                    sent.entry(rec.trace).or_default().extend(spans);
                }
            }
        }
        for trace in stored {
            let may_be = store.sampling.keeps(trace, &sent[&trace]);
            assert!(may_be, "no policy keeps trace {trace}, and it is stored");
        }
        for trace in dropped {
            let first = &store.firsts[&trace];
            let is_kept = store.sampling.keeps(trace, first);
            assert!(!is_kept, "a policy keeps trace {trace}, and it is dropped");
        }
    }
}
