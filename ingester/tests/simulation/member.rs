//! A process that may own partitions, or believe it: the shell around the product's core.

use std::collections::VecDeque;
use std::fmt;

use ingester::{Assigned, Draining, MemoryBudget, Running, WriteRequest};

use super::log::Entry;
use super::store::{Planned, Remembered};

/// Bytes that a member may hold: little, so that memory is short now and then.
pub const BUDGET: u64 = 20_000;

/// A partition at a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct At {
    pub member: usize,
    pub partition: usize,
}

impl fmt::Display for At {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "partition {} at member {}", self.partition, self.member)
    }
}

/// How far the partition's life has come.
#[derive(Debug, Default)]
pub enum Role {
    #[default]
    Absent,
    Assigned(Assigned),
    Running(Running),
    Draining(Draining),
}

/// How far a write is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// Dead letters are to be kept before anything else.
    Letters,
    /// The transaction is to begin.
    Begin,
    /// The row is locked and compared; the slots are being locked by this session.
    Locking(u64),
    /// It is known what is stored already, the rest is being copied.
    Copying(u64),
    /// All is copied; the commit is next.
    Committing(u64),
    /// The position is committed, the spans are not: only where that is the bug.
    HalfCommitted,
    /// The answer to the commit was lost.
    Ambiguous,
}

/// A write under way.
#[derive(Debug)]
pub struct Writing {
    pub request: WriteRequest,
    pub phase: Phase,
    pub planned: Planned,
}

/// Records that were fetched for an assignment and have not reached the core yet.
#[derive(Debug)]
pub struct Fetched {
    pub epoch: u64,
    pub records: Vec<(i64, Entry)>,
}

/// What a member has of a partition.
#[derive(Debug, Default)]
pub struct Holding {
    pub role: Role,
    /// Which assignment this is.
    pub epoch: u64,
    /// The next offset to fetch.
    pub position: i64,
    pub queue: VecDeque<Fetched>,
    pub writing: Option<Writing>,
    /// The next half of a refused batch is to be forgotten: only where that is the bug.
    pub forgets_half: bool,
}

/// A process.
#[derive(Debug)]
pub struct Member {
    pub holdings: Vec<Holding>,
    pub budget: MemoryBudget,
    pub remembered: Remembered,
    /// Which server its connections go to.
    pub server: u64,
    /// Stopped in the middle of whatever it does.
    pub frozen: bool,
}

impl Member {
    /// A process without partitions.
    pub fn idle(partitions: usize) -> Self {
        Self {
            holdings: (0..partitions).map(|_| Holding::default()).collect(),
            budget: MemoryBudget::new(BUDGET),
            remembered: Remembered::new(),
            server: 0,
            frozen: false,
        }
    }
}

impl Holding {
    /// The session that a write of it holds.
    pub fn session(&self) -> Option<u64> {
        match self.writing.as_ref()?.phase {
            Phase::Locking(session) | Phase::Copying(session) | Phase::Committing(session) => {
                Some(session)
            }
            _ => None,
        }
    }

    /// Whether there is anything to go on with.
    pub fn goes_on(&self) -> bool {
        matches!(self.role, Role::Assigned(_) | Role::Running(_))
    }
}
