//! What a running and a draining partition have in common.

use std::{collections::VecDeque, sync::Arc, time::Duration};

use kafka::{OffsetTracker, Passed};
use storage::{Owner, Source, Written};

use super::agreement::Agreement;
use super::{Assigned, Commit, Consume, Halved, Load, PartitionSettings, Verdict, WriteRequest};
use crate::{Backoff, BudgetShare, Decoded, FailureKind, Moment, TraceAssembler, WriteFailure};

/// Failures in a row after which the log is paused: a single one is over before that pays.
const FAILURES_BEFORE_PAUSE: u32 = 2;

/// The revision of a source that was claimed and never written for.
const FIRST_REVISION: i64 = 1;

#[derive(Debug)]
pub(super) struct Core {
    pub(super) source: Source,
    pub(super) tracker: OffsetTracker,
    pub(super) assembler: TraceAssembler,
    settings: PartitionSettings,
    owner: Owner,
    revision: i64,
    share: BudgetShare,
    backoff: Backoff,
    /// Records that need no assembly and wait for the next write, with the moment since when.
    aside: Load,
    aside_since: Option<Moment>,
    writing: Option<Writing>,
    agreement: Agreement,
    /// Halves of a load that the store refused.
    halves: VecDeque<Load>,
}

/// The load that is to be committed before any other.
#[derive(Debug)]
struct Writing {
    load: Arc<Load>,
    bytes: u64,
    /// The position after it, and what is passed over up to there.
    ends: (i64, Passed),
    /// `None` while the write is under way, else when to try again.
    retry_at: Option<Moment>,
}

impl Core {
    pub(super) fn new(
        assigned: Assigned,
        owner: Owner,
        revision: i64,
        tracker: OffsetTracker,
    ) -> Self {
        Self {
            source: assigned.source,
            tracker,
            assembler: TraceAssembler::new(assigned.settings.completion),
            settings: assigned.settings,
            owner,
            revision,
            share: assigned.share,
            backoff: assigned.backoff,
            aside: Load::default(),
            aside_since: None,
            writing: None,
            agreement: Agreement::default(),
            halves: VecDeque::new(),
        }
    }

    /// Drops everything that is held, to be claimed anew after the wait.
    pub(super) fn forget(mut self) -> (Assigned, Duration) {
        let wait = self.backoff.failed();
        self.share.give_back(self.share.used());
        let assigned = Assigned {
            source: self.source,
            settings: self.settings,
            share: self.share,
            backoff: self.backoff,
        };
        (assigned, wait)
    }

    /// Whether traces that are not due are left to the next owner.
    pub(super) fn leaves_undecided(&self) -> bool {
        self.settings.leave_undecided
    }

    /// Whether nobody has ever written for this source.
    pub(super) fn is_untouched(&self) -> bool {
        self.revision == FIRST_REVISION && self.tracker.position() == 0
    }

    pub(super) fn admit(&mut self, record: Decoded, now: Moment) {
        if !self.tracker.take(record.offset()) {
            return;
        }
        match record {
            Decoded::Spans(record) => {
                self.share.take(record.held.cost());
                self.assembler.add(record, now);
            }
            Decoded::Dead(record) => {
                self.share.take(record.cost());
                self.aside.dead.push(record);
                self.aside_since.get_or_insert(now);
            }
            Decoded::Ignored { offset } => {
                self.aside.ignored.push(offset);
                self.aside_since.get_or_insert(now);
            }
        }
    }

    pub(super) fn is_writing(&self) -> bool {
        self.writing
            .as_ref()
            .is_some_and(|writing| writing.retry_at.is_none())
    }

    pub(super) fn has_work(&self) -> bool {
        self.writing.is_some()
            || !self.halves.is_empty()
            || !self.aside.is_empty()
            || self.assembler.traces() > 0
    }

    /// The next write, unless one is under way or it is too early.
    pub(super) fn next_write(&mut self, now: Moment, hurry: bool) -> Option<WriteRequest> {
        self.agreement.begin(now);
        self.assembler.advance(now);
        self.assembler.relieve(self.shortage(), now);
        match &self.writing {
            Some(writing) if writing.retry_at.is_none_or(|at| at > now) => return None,
            Some(_) => {}
            None => {
                let load = match self.halves.pop_front() {
                    Some(half) => half,
                    None => self.next_load(now, hurry)?,
                };
                self.writing = Some(Writing {
                    bytes: load.bytes(),
                    load: Arc::new(load),
                    ends: (0, Passed::default()),
                    retry_at: None,
                });
            }
        }
        let writing = self.writing.as_mut()?;
        writing.retry_at = None;
        let ahead = self.tracker.with_finished(writing.load.offsets());
        writing.ends = (ahead.watermark, ahead.passed);
        Some(WriteRequest {
            step: writing
                .load
                .step(&self.source, self.owner, self.revision, ahead),
            load: writing.load.clone(),
        })
    }

    /// Bytes that assembly should give up: so that it leaves room to write, and to read on.
    fn shortage(&self) -> u64 {
        let under_way = self.share.used() - self.assembler.bytes();
        let readable = self.share.room() + under_way;
        let to_read_on = self.settings.max_record_bytes.saturating_sub(readable);
        self.share.excess(self.assembler.bytes()).max(to_read_on)
    }

    fn next_load(&mut self, now: Moment, hurry: bool) -> Option<Load> {
        let lingered = |since: Option<Moment>| {
            since.is_some_and(|since| hurry || now >= beat_after(since, self.settings.linger))
        };
        let ready = self.assembler.fills(self.settings.targets)
            || lingered(self.assembler.due_since())
            || lingered(self.aside_since)
            || (!hurry && self.confirm_at().is_some_and(|at| now >= at));
        ready.then(|| {
            self.aside_since = None;
            let mut load = std::mem::take(&mut self.aside);
            load.traces = self.assembler.take(self.settings.targets, now);
            load
        })
    }

    /// When to write, be it nothing. Where nothing was read yet, nothing can have been taken back.
    fn confirm_at(&self) -> Option<Moment> {
        let has_read = self.tracker.position() > 0;
        self.agreement.ends_at().filter(|_| has_read)
    }

    pub(super) fn consume(&self) -> Consume {
        let failing = self.writing.is_some() && self.backoff.failures() >= FAILURES_BEFORE_PAUSE;
        if failing {
            return Consume::Paused;
        }
        let room = self.share.room();
        if room >= self.settings.max_record_bytes || self.share.used() == 0 {
            Consume::Room(room)
        } else {
            Consume::Full
        }
    }

    pub(super) fn wake_at(&self) -> Option<Moment> {
        let linger = self.settings.linger;
        let write = match &self.writing {
            Some(writing) => writing.retry_at,
            None => [self.assembler.due_since(), self.aside_since]
                .into_iter()
                .flatten()
                .map(|since| beat_after(since, linger))
                .chain(self.confirm_at())
                .min(),
        };
        [write, self.assembler.next_due()]
            .into_iter()
            .flatten()
            .min()
    }

    pub(super) fn written(
        &mut self,
        outcome: Result<Written, WriteFailure>,
        now: Moment,
    ) -> Verdict {
        let Some(writing) = self.writing.take() else {
            debug_assert!(false, "an outcome without a write");
            return Verdict::Fenced;
        };
        match outcome {
            Ok(written) => self.committed(writing, written, now),
            Err(failure) => self.failed(writing, &failure, now),
        }
    }

    fn committed(&mut self, writing: Writing, written: Written, now: Moment) -> Verdict {
        self.backoff.succeeded();
        self.agreement.renew(now);
        self.revision += 1;
        writing
            .load
            .offsets()
            .for_each(|offset| self.tracker.finish(offset));
        let (watermark, passed) = writing.ends;
        self.tracker.settle(watermark, passed);
        self.share.give_back(writing.bytes);
        Verdict::Committed(Commit {
            // Holes that were found since are not committed yet.
            watermark,
            load: writing.load,
            written,
        })
    }

    fn failed(&mut self, mut writing: Writing, failure: &WriteFailure, now: Moment) -> Verdict {
        if failure.dead_letters_acked && writing.load.dead_acked < writing.load.dead.len() {
            let load = Arc::make_mut(&mut writing.load);
            load.dead_acked = load.dead.len();
        }
        let wait = match failure.kind {
            FailureKind::Fenced => return Verdict::Fenced,
            FailureKind::Transient => self.backoff.failed(),
            FailureKind::Operator => self.backoff.needs_operator(),
            FailureKind::Poison => match self.split(&writing.load, failure) {
                true => {
                    return Verdict::Split {
                        reason: failure.reason(),
                    };
                }
                false => self.backoff.needs_operator(),
            },
        };
        self.writing = Some(Writing {
            retry_at: Some(now + wait),
            ..writing
        });
        Verdict::Retried {
            kind: failure.kind,
            failures: self.backoff.failures(),
            reason: failure.reason(),
        }
    }

    /// Halves a refused load; false if it holds nothing that could be to blame.
    fn split(&mut self, load: &Load, failure: &WriteFailure) -> bool {
        match load.clone().halve(&failure.reason()) {
            Halved::Two(halves) => halves.into_iter().rev().for_each(|half| {
                self.halves.push_front(half);
            }),
            Halved::Condemned(condemned) => {
                // As a dead letter it has headers again.
                self.share
                    .take(condemned.bytes().saturating_sub(load.bytes()));
                self.halves.push_front(condemned);
            }
            Halved::Blameless(_) => return false,
        }
        true
    }

    pub(super) fn oldest_timestamp_ms(&self) -> Option<i64> {
        let writing = self.writing.iter().map(|writing| &*writing.load);
        let loads = writing.chain(&self.halves).chain([&self.aside]);
        let held = self.assembler.oldest().map(|record| record.timestamp_ms);
        loads
            .filter_map(Load::oldest_timestamp_ms)
            .chain(held)
            .min()
    }
}

/// The beat at which what was due at `since` is written: the next multiple of `linger`. All
/// partitions of a process share the beats, so that their writes can share a transaction.
fn beat_after(since: Moment, linger: Duration) -> Moment {
    let beat = linger.as_nanos();
    if beat == 0 {
        return since;
    }
    let beats = since.as_nanos() / beat + 1;
    u64::try_from(beats * beat).map_or(Moment::MAX, Duration::from_nanos)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn what_is_due_between_two_beats_is_written_at_the_next() {
        assert_eq!(beat_after(ms(0), ms(250)), ms(250));
        assert_eq!(beat_after(ms(249), ms(250)), ms(250));
        assert_eq!(beat_after(ms(250), ms(250)), ms(500));
    }

    #[test]
    fn without_a_linger_it_is_written_at_once() {
        assert_eq!(beat_after(ms(7), Duration::ZERO), ms(7));
    }
}
