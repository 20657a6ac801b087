//! The bytes that all partitions of the process may hold together, and each one's share of them.

use std::sync::{
    Arc,
    atomic::{AtomicU64, AtomicUsize, Ordering},
};

/// A bound on the bytes of records in memory: held, waiting to be written, and being written.
///
/// Divided evenly among the partitions, so that one that cannot write does not starve the others.
#[derive(Debug, Clone)]
pub struct MemoryBudget(Arc<Pool>);

#[derive(Debug)]
struct Pool {
    limit: u64,
    used: AtomicU64,
    shares: AtomicUsize,
}

impl MemoryBudget {
    /// A budget of so many bytes.
    pub fn new(limit: u64) -> Self {
        Self(Arc::new(Pool {
            limit,
            used: AtomicU64::new(0),
            shares: AtomicUsize::new(0),
        }))
    }

    /// Bytes in use by all partitions.
    pub fn used(&self) -> u64 {
        self.0.used.load(Ordering::Acquire)
    }

    /// The bound.
    pub fn limit(&self) -> u64 {
        self.0.limit
    }

    /// One more partition's share.
    pub fn share(&self) -> BudgetShare {
        self.0.shares.fetch_add(1, Ordering::AcqRel);
        BudgetShare {
            pool: self.0.clone(),
            used: 0,
        }
    }
}

/// What one partition uses of the budget; given back when dropped.
#[derive(Debug)]
pub struct BudgetShare {
    pool: Arc<Pool>,
    used: u64,
}

impl BudgetShare {
    /// Most bytes that this partition may use now. Shrinks as partitions are added.
    pub fn limit(&self) -> u64 {
        self.pool.limit / self.pool.shares.load(Ordering::Acquire).max(1) as u64
    }

    /// Bytes that this partition uses.
    pub fn used(&self) -> u64 {
        self.used
    }

    /// Bytes that could be taken now.
    pub fn room(&self) -> u64 {
        let own = self.limit().saturating_sub(self.used);
        let all = self
            .pool
            .limit
            .saturating_sub(self.pool.used.load(Ordering::Acquire));
        own.min(all)
    }

    /// Takes bytes for records that are in memory already, whether they fit or not.
    pub fn take(&mut self, bytes: u64) {
        self.used += bytes;
        self.pool.used.fetch_add(bytes, Ordering::AcqRel);
    }

    /// Gives bytes back.
    pub fn give_back(&mut self, bytes: u64) {
        let bytes = bytes.min(self.used);
        self.used -= bytes;
        self.pool.used.fetch_sub(bytes, Ordering::AcqRel);
    }

    /// By how much `held` bytes exceed what may be held for assembly, three quarters of the share:
    /// the rest is for what is being written.
    pub fn excess(&self, held: u64) -> u64 {
        held.saturating_sub(self.limit() / 4 * 3)
    }
}

impl Drop for BudgetShare {
    fn drop(&mut self) {
        self.give_back(self.used);
        self.pool.shares.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_that_holds_its_share_leaves_the_others_theirs() {
        let budget = MemoryBudget::new(1_000);
        let (mut stuck, healthy) = (budget.share(), budget.share());
        stuck.take(500);
        assert_eq!((stuck.room(), healthy.room()), (0, 500));
    }

    #[test]
    fn a_dropped_share_gives_back_what_it_used() {
        let budget = MemoryBudget::new(1_000);
        let mut share = budget.share();
        share.take(700);
        drop(share);
        assert_eq!((budget.used(), budget.share().room()), (0, 1_000));
    }

    #[test]
    fn a_share_never_offers_more_than_the_whole_has_left() {
        let budget = MemoryBudget::new(1_000);
        let mut early = budget.share();
        early.take(900);
        assert_eq!(budget.share().room(), 100);
    }
}
