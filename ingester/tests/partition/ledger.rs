//! What the log holds and what the store has committed: models that honour their contracts.

use std::collections::{BTreeMap, BTreeSet};

use ingester::{DeadRecord, Decoded, FailureKind, Load};
use model::RejectReason;
use storage::{Owner, Progress, ProgressStep, Written};

use crate::build::Rec;

/// What an offset of the log holds.
#[derive(Debug, Clone)]
pub enum Entry {
    /// Spans; `content` is the same when a client has sent them twice.
    Spans {
        rec: Rec,
        content: u64,
        poison: bool,
    },
    /// No Avro.
    Garbage,
    /// No payload.
    Tombstone,
}

/// What the store has committed. Cloned, it is a backup.
#[derive(Debug, Clone, Default)]
pub struct Store {
    owner: Option<Owner>,
    pub progress: Progress,
    /// Records that a step has finished.
    pub finished: BTreeSet<i64>,
    /// Spans, by content.
    pub stored: BTreeSet<u64>,
}

impl Store {
    pub fn claim(&mut self, by: Owner) -> Progress {
        self.owner = Some(by);
        self.progress.revision += 1;
        self.progress.clone()
    }

    pub fn write(
        &mut self,
        step: &ProgressStep,
        load: &Load,
        world: &BTreeMap<i64, Entry>,
    ) -> Result<Written, FailureKind> {
        if self.owner != Some(step.owner) || self.progress.revision != step.expected_revision {
            return Err(FailureKind::Fenced);
        }
        let spans = load
            .records()
            .filter_map(|record| match &world[&record.offset] {
                Entry::Spans {
                    content, poison, ..
                } => Some((*content, *poison)),
                Entry::Garbage | Entry::Tombstone => None,
            });
        let spans: Vec<(u64, bool)> = spans.collect();
        if spans.iter().any(|(_, poison)| *poison) {
            return Err(FailureKind::Poison);
        }
        let before = self.stored.len();
        self.stored
            .extend(spans.iter().map(|(content, _)| *content));
        for offset in load.offsets() {
            assert!(
                self.finished.insert(offset),
                "offset {offset} is finished twice"
            );
        }
        self.progress.revision += 1;
        self.progress.watermark = step.watermark;
        self.progress.done_above = step.done_above.clone();
        self.progress.counts.records += step.records;
        let stored = (self.stored.len() - before) as u64;
        Ok(Written {
            spans_stored: stored,
            spans_duplicate: spans.len() as u64 - stored,
            segments: stored,
        })
    }
}

pub fn decoded(offset: i64, entry: Entry) -> Decoded {
    match entry {
        Entry::Spans { rec, .. } => rec.decoded(),
        Entry::Tombstone => Decoded::Ignored { offset },
        Entry::Garbage => Decoded::Dead(DeadRecord {
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
