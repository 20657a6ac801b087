//! A partition that takes no more records in, until it is let go.

use storage::{Source, Written};

use super::{Verdict, WriteRequest, core::Core};
use crate::{Moment, WriteFailure};

/// How much is finished before the partition is let go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Drain {
    /// The write under way.
    FinishWrite,
    /// Everything that is held.
    WriteAll,
}

/// A partition that takes no more records in.
#[derive(Debug)]
pub struct Draining {
    core: Core,
    mode: Drain,
}

/// What the shell is to do with a partition that drains.
#[derive(Debug)]
pub enum DrainNext {
    /// Begin this write.
    Write(Box<WriteRequest>),
    /// Wait for the write under way, or until then.
    Wait(Option<Moment>),
    /// Let go.
    Release,
}

impl Draining {
    pub(super) fn new(core: Core, mode: Drain) -> Self {
        Self { core, mode }
    }

    /// What to do now. Ask after each event.
    pub fn next(&mut self, now: Moment) -> DrainNext {
        if self.mode == Drain::WriteAll
            && let Some(request) = self.core.next_write(now, true)
        {
            return DrainNext::Write(Box::new(request));
        }
        let unfinished = self.mode == Drain::WriteAll && self.core.has_work();
        if self.core.is_writing() || unfinished {
            DrainNext::Wait(self.core.wake_at())
        } else {
            DrainNext::Release
        }
    }

    /// The write under way has ended.
    pub fn written(&mut self, outcome: Result<Written, WriteFailure>, now: Moment) -> Verdict {
        let verdict = self.core.written(outcome, now);
        if matches!(verdict, Verdict::Fenced) {
            self.mode = Drain::FinishWrite;
        }
        verdict
    }

    /// Lets go, whatever is left.
    pub fn release(self) -> Released {
        Released {
            watermark: self.core.tracker.watermark(),
            records_left: self.core.tracker.pending(),
            source: self.core.source,
        }
    }
}

/// A partition that is ours no longer.
#[derive(Debug, PartialEq, Eq)]
pub struct Released {
    /// Which partition.
    pub source: Source,
    /// Where its next owner goes on.
    pub watermark: i64,
    /// Records that were in memory and will be read again.
    pub records_left: usize,
}
