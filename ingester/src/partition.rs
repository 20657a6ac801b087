//! The life of one assigned partition as a state machine without I/O: events and moments go in,
//! what to do next comes out. The shell in `pipeline.rs` does it; a simulator may as well.
//!
//! [`Assigned`] → claimed in the store → [`Running`] → revoked or stopped → [`Draining`] →
//! [`Released`]. A partition that is fenced while running is [`Assigned`] again, and has forgotten
//! everything: what it held is read again from the watermark that the next claim returns.
//!
//! Invariants: a record is finished by exactly one committed write; at most one write is under
//! way; the watermark of a step never passes a record that neither it nor an earlier one finished;
//! a running partition never goes long without the store having compared its revision.

mod core;
mod agreement;
mod load;
mod draining;

use std::{sync::Arc, time::Duration};

use kafka::OffsetTracker;
use storage::{Owner, Progress, ProgressStep, Source, Written};

use self::core::Core;
use self::draining::Drain;
pub use self::draining::{DrainNext, Draining, Released};
pub use self::load::{Halved, Load};
use crate::{
    Backoff, BatchTargets, BudgetShare, CompletionRules, Decoded, FailureKind, MemoryBudget,
    Moment, RetryPolicy, WriteFailure,
};

/// What the state machine of a partition goes by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PartitionSettings {
    /// When traces are due.
    pub completion: CompletionRules,
    /// When a batch is full.
    pub targets: BatchTargets,
    /// How long a due trace waits for its batch to fill.
    pub linger: Duration,
    /// How long to wait after failures.
    pub retry: RetryPolicy,
    /// Whether a process that stops leaves what is not due yet to the next owner: a trace is then
    /// decided of as a whole, by whoever has all of it.
    pub leave_undecided: bool,
    /// Room that the memory budget must have before more is consumed: the largest record.
    pub max_record_bytes: u64,
}

/// A partition that the group has given us and that is not claimed in the store yet.
#[derive(Debug)]
pub struct Assigned {
    source: Source,
    settings: PartitionSettings,
    share: BudgetShare,
    backoff: Backoff,
}

impl Assigned {
    /// A newly assigned partition. `seed` is for the jitter of its retries.
    pub fn new(
        source: Source,
        settings: PartitionSettings,
        budget: &MemoryBudget,
        seed: u64,
    ) -> Self {
        Self {
            source,
            settings,
            share: budget.share(),
            backoff: Backoff::new(settings.retry, seed),
        }
    }

    /// Which partition.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The claim failed: how long to wait before the next try.
    pub fn claim_failed(&mut self, kind: FailureKind) -> Duration {
        match kind {
            FailureKind::Operator => self.backoff.needs_operator(),
            FailureKind::Transient | FailureKind::Fenced | FailureKind::Poison => {
                self.backoff.failed()
            }
        }
    }

    /// Failures in a row, of claims and of writes.
    pub fn failures(&self) -> u32 {
        self.backoff.failures()
    }

    /// The store has accepted `owner`; records are to be read from the watermark on.
    pub fn claimed(self, owner: Owner, progress: Progress) -> Running {
        let tracker = OffsetTracker::restore(progress.watermark, progress.done_above);
        Running {
            core: Core::new(self, owner, progress.revision, tracker),
        }
    }
}

/// One write to be done. Its outcome MUST be reported before the next one is asked for.
#[derive(Debug, Clone)]
pub struct WriteRequest {
    /// Where the partition stands after the write.
    pub step: ProgressStep,
    /// What is written.
    pub load: Arc<Load>,
}

/// Whether more records are to be consumed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Consume {
    /// Yes, so many bytes of them.
    Room(u64),
    /// Not now: memory is short.
    Full,
    /// Not now: the store is away, and the log need not even be read ahead.
    Paused,
}

/// What the shell is to do now.
#[derive(Debug)]
pub struct Next {
    /// A write to begin.
    pub write: Option<WriteRequest>,
    /// Whether to consume.
    pub consume: Consume,
    /// When to ask again if nothing happens before.
    pub wake_at: Option<Moment>,
}

/// What came of a write.
#[derive(Debug)]
pub enum Verdict {
    /// Committed: mirror the watermark, count, observe.
    Committed(Commit),
    /// Failed; it will be asked for again.
    Retried {
        /// What kind of failure.
        kind: FailureKind,
        /// How many there were in a row.
        failures: u32,
        /// Why, in words.
        reason: String,
    },
    /// Refused; its halves will be asked for.
    Split {
        /// Why, in words.
        reason: String,
    },
    /// Another owner has the partition. Nothing but [`Running::fenced`] makes sense now.
    Fenced,
}

/// A committed write.
#[derive(Debug)]
pub struct Commit {
    /// The watermark after it, to be mirrored.
    pub watermark: i64,
    /// What was written.
    pub load: Arc<Load>,
    /// What the store made of it.
    pub written: Written,
}

/// A partition that is consumed, assembled and written.
#[derive(Debug)]
pub struct Running {
    core: Core,
}

impl Running {
    /// Where to begin reading.
    pub fn watermark(&self) -> i64 {
        self.core.tracker.watermark()
    }

    /// Whether a record is not done yet: one that is was delivered twice, or is to be skipped
    /// after a restart.
    pub fn wants(&self, offset: i64) -> bool {
        u64::try_from(offset).is_ok_and(|offset| !self.core.tracker.is_done(offset))
    }

    /// Takes decoded records in, in the order of their offsets.
    pub fn admit(&mut self, records: impl IntoIterator<Item = Decoded>, now: Moment) {
        for record in records {
            self.core.admit(record, now);
        }
    }

    /// All records up to this one were admitted, or were not wanted: those in between do not exist.
    pub fn seen(&mut self, offset: i64) {
        self.core.tracker.see(offset);
    }

    /// What to do now. Ask after each event.
    pub fn next(&mut self, now: Moment) -> Next {
        let write = self.core.next_write(now, false);
        Next {
            write,
            consume: self.core.consume(),
            wake_at: self.core.wake_at(),
        }
    }

    /// Whether to consume, and how much.
    pub fn consume(&self) -> Consume {
        self.core.consume()
    }

    /// The write that was asked for has ended.
    pub fn written(&mut self, outcome: Result<Written, WriteFailure>, now: Moment) -> Verdict {
        self.core.written(outcome, now)
    }

    /// Forgets everything, to be claimed anew after the wait.
    pub fn fenced(self) -> (Assigned, Duration) {
        self.core.forget()
    }

    /// The group takes the partition away: the write under way is finished, what is held is left
    /// for the next owner to read again.
    pub fn revoke(self) -> Draining {
        Draining::new(self.core, Drain::FinishWrite)
    }

    /// The process stops: everything held is written, unless what is not due is to be left.
    pub fn stop(mut self, now: Moment) -> Draining {
        if self.core.leaves_undecided() {
            return self.revoke();
        }
        self.core.assembler.flush(now);
        Draining::new(self.core, Drain::WriteAll)
    }

    /// When the broker took the oldest record that is not done, in milliseconds.
    pub fn oldest_timestamp_ms(&self) -> Option<i64> {
        self.core.oldest_timestamp_ms()
    }

    /// Records in memory that are not done.
    pub fn records_left(&self) -> usize {
        self.core.tracker.pending()
    }

    /// Whether nothing is held, waiting or being written.
    pub fn is_idle(&self) -> bool {
        !self.core.has_work()
    }

    /// Whether nobody has ever written for this source, and nothing was read of it yet.
    pub fn is_untouched(&self) -> bool {
        self.core.is_untouched()
    }

    /// Begins anew at `offset`: the log is not the one that was read so far. Only when idle.
    pub fn rewind(&mut self, offset: i64) {
        debug_assert!(self.is_idle(), "records of the old log are done first");
        self.core.tracker.begin_anew(offset);
    }

    /// The log begins at `offset`, beyond what comes next: what lies between is not waited for.
    pub fn pass_to(&mut self, offset: i64) {
        match self.is_untouched() {
            true => self.core.tracker.begin(offset),
            false => self.core.tracker.lose(offset),
        }
    }

    /// Bytes and traces held for assembly.
    pub fn held(&self) -> (u64, usize) {
        (self.core.assembler.bytes(), self.core.assembler.traces())
    }
}
