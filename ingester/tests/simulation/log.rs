//! What the logs hold.

use std::collections::BTreeMap;
use std::fmt;

use ingester::{DeadRecord, Decoded};
use model::RejectReason;
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;

use super::odds::Habits;
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
}

/// The logs of all partitions, and the clients that fill them.
#[derive(Debug)]
pub struct Logs {
    pub partitions: Vec<Log>,
    pub habits: Habits,
    next_content: u64,
}

impl Log {
    /// The last offset that there is; -1 when there is none.
    pub fn last(&self) -> i64 {
        self.entries.last_key_value().map_or(-1, |(last, _)| *last)
    }
}

impl Logs {
    /// Empty logs.
    pub fn new(partitions: usize, habits: Habits) -> Self {
        Self {
            partitions: (0..partitions).map(|_| Log::default()).collect(),
            habits,
            next_content: 0,
        }
    }

    /// Appends a few records: fresh ones, late ones, ones that a client sends again, bad ones.
    pub fn produce(&mut self, partition: usize, rng: &mut ChaCha8Rng) {
        for _ in 0..rng.random_range(1..6) {
            // Compaction and transaction markers leave holes.
            self.partitions[partition].end += i64::from(rng.random_bool(0.05));
            let entry = match rng.random_range(0.0..1.0) {
                at if at < self.habits.garbage => Entry::Garbage,
                at if at < self.habits.garbage + 0.02 => Entry::Tombstone,
                at if at > 1.0 - self.habits.again => self.sent_again(partition, rng),
                _ => self.fresh(partition, rng),
            };
            let log = &mut self.partitions[partition];
            log.entries.insert(log.end, entry);
            log.end += 1;
        }
    }

    /// Appends a record with these spans, of one trace.
    pub fn append(&mut self, partition: usize, spans: Vec<SimSpan>) {
        let log = &mut self.partitions[partition];
        let trace = spans.first().map_or(0, |span| span.trace);
        let entry = Entry::Spans {
            rec: rec(log.end, trace).spans(spans.len() as u32),
            spans,
            poison: false,
        };
        log.entries.insert(log.end, entry);
        log.end += 1;
    }

    fn fresh(&mut self, partition: usize, rng: &mut ChaCha8Rng) -> Entry {
        // A trace late by many records comes now and then.
        let late = if rng.random_bool(0.1) { 6 } else { 0 };
        let offset = self.partitions[partition].end;
        let of_partition = ((offset / 8 + rng.random_range(0..4)) as u64).saturating_sub(late);
        let trace = of_partition * self.partitions.len() as u64 + partition as u64;
        let count = rng.random_range(1..4);
        let spans = (0..count).map(|_| self.span(trace, rng)).collect();
        let large = if rng.random_bool(0.05) { 2_000 } else { 20 };
        Entry::Spans {
            rec: Rec {
                root: rng.random_bool(0.3),
                ..rec(offset, trace)
            }
            .spans(rng.random_range(count..large))
            .bytes(rng.random_range(1..600)),
            spans,
            poison: rng.random_bool(self.habits.poison),
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

    /// A client that has lost its answer: the same spans, in whatever grouping. Now and then they
    /// come by another partition: a replay, or partitions that were added.
    fn sent_again(&self, partition: usize, rng: &mut ChaCha8Rng) -> Entry {
        let from = match rng.random_bool(self.habits.elsewhere) {
            true => rng.random_range(0..self.partitions.len()),
            false => partition,
        };
        let entries: Vec<&Entry> = self.partitions[from].entries.values().collect();
        // The latest ones more often: two partitions have them under way at the same time.
        let latest = &entries[entries.len().saturating_sub(8)..];
        let among = if rng.random_bool(0.5) {
            latest
        } else {
            &entries
        };
        match among.choose(rng) {
            Some(Entry::Spans { rec, spans, poison }) => Entry::Spans {
                rec: Rec {
                    offset: self.partitions[partition].end,
                    ..rec.clone()
                },
                spans: spans.clone(),
                poison: *poison,
            },
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

    /// Its spans, if the store takes them.
    pub fn storable(&self) -> &[SimSpan] {
        match self {
            Self::Spans {
                spans,
                poison: false,
                ..
            } => spans,
            _ => &[],
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
                headers: kafka::Headers::default(),
                reason: RejectReason::Unframed,
                error: "no frame".to_owned(),
                spans: 0,
            }),
        }
    }
}
