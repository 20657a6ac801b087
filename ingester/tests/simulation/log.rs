//! What the log holds.

use std::collections::BTreeMap;
use std::fmt;

use ingester::{DeadRecord, Decoded};
use model::RejectReason;
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use crate::build::{Rec, rec};

/// A span; `content` says which one it is, whoever sends it how often.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimSpan {
    pub content: u64,
    pub trace: u64,
    /// The content of its parent, which may come later or never.
    pub parent: Option<u64>,
    pub service: u8,
}

/// What an offset holds.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Spans. The store refuses poison, whatever is tried.
    Spans {
        rec: Rec,
        spans: Vec<SimSpan>,
        poison: bool,
    },
    /// No Avro.
    Garbage,
    /// No payload.
    Tombstone,
}

/// The log of one partition.
#[derive(Debug, Default)]
pub struct Log {
    pub entries: BTreeMap<i64, Entry>,
    end: i64,
    next_content: u64,
}

impl Log {
    /// Appends a few records: fresh ones, late ones, ones that a client sends again, bad ones.
    pub fn produce(&mut self, rng: &mut ChaCha8Rng) {
        for _ in 0..rng.random_range(1..6) {
            // Compaction and transaction markers leave holes.
            self.end += i64::from(rng.random_bool(0.05));
            let entry = match rng.random_range(0..100) {
                0..4 => Entry::Garbage,
                4..6 => Entry::Tombstone,
                6..18 if !self.entries.is_empty() => self.sent_again(rng),
                _ => self.fresh(rng),
            };
            self.entries.insert(self.end, entry);
            self.end += 1;
        }
    }

    /// The last offset that there is; -1 when there is none.
    pub fn last(&self) -> i64 {
        self.entries.last_key_value().map_or(-1, |(last, _)| *last)
    }

    fn fresh(&mut self, rng: &mut ChaCha8Rng) -> Entry {
        // A trace late by many records comes now and then.
        let late = if rng.random_bool(0.1) { 6 } else { 0 };
        let trace = ((self.end / 8 + rng.random_range(0..4)) as u64).saturating_sub(late);
        let count = rng.random_range(1..4);
        let spans = (0..count).map(|_| self.span(trace, rng)).collect();
        let large = if rng.random_bool(0.05) { 2_000 } else { 20 };
        Entry::Spans {
            rec: Rec {
                root: rng.random_bool(0.3),
                ..rec(self.end, trace)
            }
            .spans(rng.random_range(count..large))
            .bytes(rng.random_range(1..600)),
            spans,
            poison: rng.random_bool(0.02),
        }
    }

    fn span(&mut self, trace: u64, rng: &mut ChaCha8Rng) -> SimSpan {
        let content = self.next_content;
        self.next_content += 1;
        let parent = rng.random_bool(0.8).then(|| {
            let near = content + rng.random_range(0..12);
            near.saturating_sub(6)
        });
        SimSpan {
            content,
            trace,
            parent,
            service: rng.random_range(0..4),
        }
    }

    /// A client that has lost its answer: the same spans, in whatever grouping.
    fn sent_again(&mut self, rng: &mut ChaCha8Rng) -> Entry {
        let entries: Vec<&Entry> = self.entries.values().collect();
        match entries.choose(rng) {
            Some(Entry::Spans { rec, spans, poison }) => {
                let offset = self.end;
                let rec = Rec {
                    offset,
                    ..rec.clone()
                };
                let (spans, poison) = (spans.clone(), *poison);
                Entry::Spans { rec, spans, poison }
            }
            _ => Entry::Tombstone,
        }
    }
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spans { rec, spans, poison } => {
                let contents: Vec<u64> = spans.iter().map(|span| span.content).collect();
                write!(
                    f,
                    "spans {contents:?} of trace {}, poison: {poison}",
                    rec.trace
                )
            }
            Self::Garbage => f.write_str("garbage"),
            Self::Tombstone => f.write_str("a tombstone"),
        }
    }
}

impl Entry {
    /// How many spans it holds, as the store counts them.
    pub fn span_count(&self) -> u64 {
        match self {
            Self::Spans { spans, .. } => spans.len() as u64,
            Self::Garbage | Self::Tombstone => 0,
        }
    }

    /// What a member's decoder makes of it.
    pub fn decoded(self, offset: i64) -> Decoded {
        match self {
            Self::Spans { rec, .. } => rec.decoded(),
            Self::Tombstone => Decoded::Ignored { offset },
            Self::Garbage => Decoded::Dead(DeadRecord {
                offset,
                timestamp_ms: 0,
                key: None,
                payload: b"?".as_slice().into(),
                headers: Vec::new(),
                reason: RejectReason::Unframed,
                error: "no frame".to_owned(),
                spans: 0,
            }),
        }
    }
}
