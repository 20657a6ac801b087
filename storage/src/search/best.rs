//! The best traces so far: those whose newest answering span is the newest.

use std::cmp::Reverse;
use std::collections::{BTreeSet, HashMap};

use model::{TraceId, UnixNanos};

/// At most so many traces, each with the start of its newest span that answers.
#[derive(Debug)]
pub(super) struct Best {
    limit: usize,
    starts: HashMap<TraceId, UnixNanos>,
    ranked: BTreeSet<(Reverse<UnixNanos>, TraceId)>,
}

impl Best {
    /// None yet, of at most `limit`.
    pub(super) fn new(limit: usize) -> Self {
        Self {
            limit,
            starts: HashMap::new(),
            ranked: BTreeSet::new(),
        }
    }

    /// A span of the trace answers and starts then.
    pub(super) fn offer(&mut self, trace: TraceId, start: UnixNanos) {
        if let Some(known) = self.starts.get(&trace).copied() {
            if known >= start {
                return;
            }
            self.ranked.remove(&(Reverse(known), trace));
        }
        self.starts.insert(trace, start);
        self.ranked.insert((Reverse(start), trace));
        if self.ranked.len() > self.limit
            && let Some((_, worst)) = self.ranked.pop_last()
        {
            self.starts.remove(&worst);
        }
    }

    /// Once there are as many as wanted: what starts earlier than this changes nothing.
    pub(super) fn threshold(&self) -> Option<UnixNanos> {
        let (Reverse(worst), _) = self.ranked.last()?;
        (self.ranked.len() >= self.limit).then_some(*worst)
    }

    /// The least start of a span of this trace that changes anything, if one can.
    pub(super) fn least(&self, trace: TraceId) -> Option<UnixNanos> {
        let threshold = self.threshold().unwrap_or(0);
        match self.starts.get(&trace) {
            Some(known) => Some(known.checked_add(1)?.max(threshold)),
            None => Some(threshold),
        }
    }

    /// The traces, newest first, then by id.
    pub(super) fn into_sorted(self) -> Vec<(UnixNanos, TraceId)> {
        let ranked = self.ranked.into_iter();
        ranked
            .map(|(Reverse(start), trace)| (start, trace))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn the_best_are_those_that_sorting_all_would_choose(
            offers in prop::collection::vec((1u8..12, 0u64..20), 0..60),
            limit in 1usize..8,
        ) {
            let id = |n: u8| TraceId::new([n; 16]).expect("not zero");
            let mut best = Best::new(limit);
            let mut newest: BTreeMap<TraceId, u64> = BTreeMap::new();
            for (trace, start) in offers {
                if best.least(id(trace)).is_some_and(|least| least <= start) {
                    best.offer(id(trace), start);
                }
                let known = newest.entry(id(trace)).or_default();
                *known = start.max(*known);
            }
            let mut sorted: Vec<_> = newest.into_iter().map(|(id, start)| (start, id)).collect();
            sorted.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
            sorted.truncate(limit);
            prop_assert_eq!(best.into_sorted(), sorted);
        }
    }
}
