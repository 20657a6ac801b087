//! Replay jobs: what is to be read once more, how far it is, and who works on it.
//!
//! A job's consumed positions are rows of `progress` like any other source's, under the consumer
//! that [`replay_consumer`] names, moved by the same compare-and-set. What is kept here beside
//! them is the job itself, its frozen offsets and leases, which spare two processes the same work
//! and fence nobody.

mod jobs;
mod positions;
mod lease;
mod hold;
mod lag;

use model::{Tenant, TimeRange, UnixNanos};
use uuid::Uuid;

pub(crate) use hold::{Held, hold_expired};

use crate::{Counts, Source, WriteError};

/// The consumer under which a job's positions lie.
pub fn replay_consumer(job: i64) -> String {
    format!("replay-{job}")
}

/// Whether a source is read for a job.
pub(crate) fn is_replay(source: &Source) -> bool {
    source.consumer.starts_with("replay-")
}

/// What becomes of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayState {
    /// Ingesters work on it.
    Running,
    /// It waits to be resumed.
    Paused,
    /// It was ended before it was done. What it has stored stays.
    Cancelled,
    /// Every record of its range is done.
    Done,
    /// It cannot go on.
    Failed,
}

impl ReplayState {
    /// The name in the store and in what people read.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Paused => "paused",
            Self::Cancelled => "cancelled",
            Self::Done => "done",
            Self::Failed => "failed",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        let all = [
            Self::Running,
            Self::Paused,
            Self::Cancelled,
            Self::Done,
            Self::Failed,
        ];
        all.into_iter().find(|state| state.as_str() == name)
    }
}

/// What an operator may want of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayCommand {
    /// Let it wait.
    Pause,
    /// Let it go on: after a pause, or after a failure that has been mended.
    Resume,
    /// End it.
    Cancel,
}

impl ReplayCommand {
    /// The states in which it makes sense, and the one that it leads to.
    const fn transition(self) -> (&'static [ReplayState], ReplayState) {
        use ReplayState::{Cancelled, Failed, Paused, Running};
        match self {
            Self::Pause => (&[Running, Paused], Paused),
            Self::Resume => (&[Running, Paused, Failed], Running),
            Self::Cancel => (&[Running, Paused, Failed, Cancelled], Cancelled),
        }
    }
}

/// What a job reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplaySpec {
    /// Topic.
    pub topic: String,
    /// Records that a collector received at or after the start and before the end.
    pub received: TimeRange,
    /// Of this tenant alone.
    pub tenant: Option<Tenant>,
    /// With spans of this service alone.
    pub service: Option<String>,
    /// Most spans per second, over all partitions.
    pub spans_per_second: Option<u64>,
}

/// The offsets of one partition that a job reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayStretch {
    /// Partition of the topic.
    pub partition: i32,
    /// The first offset.
    pub start: i64,
    /// The offset after the last one.
    pub end: i64,
}

/// A job and how far it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayJob {
    /// Its number.
    pub id: i64,
    /// What it reads.
    pub spec: ReplaySpec,
    /// What becomes of it.
    pub state: ReplayState,
    /// Why it waits, or why it failed.
    pub reason: Option<String>,
    /// When it was made.
    pub created_at: UnixNanos,
    /// When it was done, cancelled or had failed.
    pub ended_at: Option<UnixNanos>,
    /// Its partitions, in order.
    pub partitions: Vec<ReplayPartition>,
}

/// One partition of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplayPartition {
    /// What is read of it.
    pub stretch: ReplayStretch,
    /// Everything below is done.
    pub watermark: i64,
    /// What became of its records.
    pub counts: Counts,
    /// Whether an ingester works on it.
    pub leased: bool,
    /// Whether it is done.
    pub finished: bool,
}

impl ReplayPartition {
    /// Offsets that are done, of how many.
    pub fn done(&self) -> (u64, u64) {
        let all = (self.stretch.end - self.stretch.start).max(0) as u64;
        let done = (self.watermark - self.stretch.start).max(0) as u64;
        (if self.finished { all } else { done.min(all) }, all)
    }
}

impl ReplayJob {
    /// The part of its offsets that is done, from 0 to 1.
    pub fn ratio(&self) -> f64 {
        let (done, all) = self
            .partitions
            .iter()
            .map(ReplayPartition::done)
            .fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        if all == 0 {
            1.0
        } else {
            done as f64 / all as f64
        }
    }

    /// What became of its records, over all partitions.
    pub fn counts(&self) -> Counts {
        let mut sum = Counts::default();
        self.partitions.iter().for_each(|one| sum.add(&one.counts));
        sum
    }
}

/// The right to work on one partition of a job for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReplayLease {
    /// The job.
    pub job: i64,
    /// What it reads.
    pub spec: ReplaySpec,
    /// What is to be read of the partition.
    pub stretch: ReplayStretch,
    /// Drawn for this lease.
    pub holder: Uuid,
}

/// What the holder of a lease is told when it asks for more time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplayRenewal {
    /// Go on. So many partitions of the job are being worked on, this one included.
    Granted {
        /// How many.
        working: u32,
    },
    /// Stop: the job is not running any more, or somebody else has the lease.
    Ended,
}

/// Why a job cannot be made, found or changed.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// There is no job of this number.
    #[error("there is no replay {id}")]
    Unknown {
        /// The number.
        id: i64,
    },
    /// The job's state does not allow it.
    #[error("replay {id} is {}", state.as_str())]
    State {
        /// The number.
        id: i64,
        /// Its state.
        state: ReplayState,
    },
    /// The store did not do it.
    #[error("the store does not answer for replays")]
    Store(#[source] WriteError),
}

impl From<sqlx::Error> for ReplayError {
    fn from(error: sqlx::Error) -> Self {
        Self::Store(error.into())
    }
}

impl From<ReplayError> for WriteError {
    fn from(error: ReplayError) -> Self {
        match error {
            ReplayError::Store(error) => error,
            ReplayError::Unknown { id } | ReplayError::State { id, .. } => Self::Inconsistent {
                table: "replay_job",
                column: "id",
                what: id.to_string(),
            },
        }
    }
}

/// A stored value that this program did not write.
fn inconsistent(column: &'static str, what: impl ToString) -> ReplayError {
    ReplayError::Store(WriteError::Inconsistent {
        table: "replay_job",
        column,
        what: what.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn partition(start: i64, end: i64, watermark: i64, finished: bool) -> ReplayPartition {
        ReplayPartition {
            stretch: ReplayStretch {
                partition: 0,
                start,
                end,
            },
            watermark,
            counts: Counts::default(),
            leased: false,
            finished,
        }
    }

    #[test]
    fn a_partition_is_as_far_as_its_watermark_and_all_of_it_once_finished() {
        assert_eq!(partition(100, 200, 150, false).done(), (50, 100));
        assert_eq!(partition(100, 200, 0, false).done(), (0, 100));
        // Records that the filter passed over move no watermark.
        assert_eq!(partition(100, 200, 100, true).done(), (100, 100));
        assert_eq!(partition(100, 200, 900, false).done(), (100, 100));
    }

    #[test]
    fn every_state_is_found_again_by_its_name() {
        for name in ["running", "paused", "cancelled", "done", "failed"] {
            assert_eq!(
                ReplayState::parse(name).map(ReplayState::as_str),
                Some(name)
            );
        }
        assert_eq!(ReplayState::parse("lost"), None);
    }
}
