//! A process that may own the partition, or believe it: the shell around the product's core.

use std::collections::VecDeque;

use ingester::{Assigned, Draining, MemoryBudget, Running, WriteRequest};

use super::log::Entry;
use super::store::Remembered;

/// Bytes that a member may hold: little, so that memory is short now and then.
pub const BUDGET: u64 = 20_000;

/// How far the partition's life has come.
#[derive(Debug)]
pub enum Role {
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
    /// The row is locked and compared, the spans are being copied, by this session.
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
}

/// Records that were fetched for an assignment and have not reached the core yet.
#[derive(Debug)]
pub struct Fetched {
    pub epoch: u64,
    pub records: Vec<(i64, Entry)>,
}

/// A process.
#[derive(Debug)]
pub struct Member {
    pub role: Role,
    pub budget: MemoryBudget,
    /// Which assignment this is.
    pub epoch: u64,
    /// The next offset to fetch.
    pub position: i64,
    pub queue: VecDeque<Fetched>,
    pub writing: Option<Writing>,
    pub remembered: Remembered,
    /// Stopped in the middle of whatever it does.
    pub frozen: bool,
    /// The next half of a refused batch is to be forgotten: only where that is the bug.
    pub forgets_half: bool,
}

impl Member {
    /// A process without the partition.
    pub fn absent() -> Self {
        Self {
            role: Role::Absent,
            budget: MemoryBudget::new(BUDGET),
            epoch: 0,
            position: 0,
            queue: VecDeque::new(),
            writing: None,
            remembered: Remembered::new(),
            frozen: false,
            forgets_half: false,
        }
    }

    /// The session that a write of it holds.
    pub fn session(&self) -> Option<u64> {
        match self.writing.as_ref()?.phase {
            Phase::Copying(session) | Phase::Committing(session) => Some(session),
            _ => None,
        }
    }
}
