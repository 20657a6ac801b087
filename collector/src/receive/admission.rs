//! The one limit on work under way: bytes of requests received and not yet answered.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::metrics;

/// A budget of bytes. Clones share it.
#[derive(Debug, Clone)]
pub(crate) struct Admission(Arc<Budget>);

#[derive(Debug)]
struct Budget {
    max: usize,
    used: AtomicUsize,
}

/// There is no room for more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Full;

impl Admission {
    pub(crate) fn new(max: usize) -> Self {
        Self(Arc::new(Budget {
            max,
            used: AtomicUsize::new(0),
        }))
    }

    /// Whether so many bytes would fit now.
    pub(crate) fn has_room(&self, bytes: usize) -> bool {
        self.0.used.load(Ordering::Relaxed).saturating_add(bytes) <= self.0.max
    }

    /// Room for one request, none of it taken yet.
    pub(crate) fn permit(&self) -> Permit {
        Permit {
            budget: self.0.clone(),
            bytes: 0,
        }
    }
}

/// The room that one request takes, given back when dropped.
#[derive(Debug)]
pub(crate) struct Permit {
    budget: Arc<Budget>,
    bytes: usize,
}

impl Permit {
    /// Takes more room, or none if there is not enough.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), Full> {
        let max = self.budget.max;
        let fits = |used: usize| used.checked_add(bytes).filter(|used| *used <= max);
        let order = Ordering::Relaxed;
        let before = self
            .budget
            .used
            .fetch_update(order, order, fits)
            .map_err(|_| Full)?;
        self.bytes += bytes;
        metrics::bytes_in_flight(before + bytes);
        Ok(())
    }

    /// Takes room for what an admitted body became, whatever the limit, and gives the body's back.
    pub(crate) fn exchange(&mut self, body: usize, became: usize) {
        self.budget.used.fetch_add(became, Ordering::Relaxed);
        self.bytes += became;
        self.shrink(body);
    }

    /// Gives back room that is not needed any more.
    pub(crate) fn shrink(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        let before = self.budget.used.fetch_sub(bytes, Ordering::Relaxed);
        self.bytes -= bytes;
        metrics::bytes_in_flight(before - bytes);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.shrink(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn room_that_is_taken_is_given_back() {
        let admission = Admission::new(100);
        let mut first = admission.permit();
        assert_eq!(first.grow(60), Ok(()));
        assert_eq!(admission.permit().grow(60), Err(Full));
        drop(first);
        assert_eq!(admission.permit().grow(100), Ok(()));
    }

    #[test]
    fn what_was_admitted_may_go_beyond_the_limit_and_blocks_others() {
        let admission = Admission::new(100);
        let mut permit = admission.permit();
        permit.grow(90).expect("it fits");
        permit.exchange(90, 150);
        assert!(!admission.has_room(0));
        permit.shrink(120);
        assert!(admission.has_room(70) && !admission.has_room(71));
    }
}
