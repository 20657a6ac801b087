//! Groups spans by trace: open addressing over the ids, then a counting sort. Linear.

use std::hash::{BuildHasher, RandomState};
use std::sync::LazyLock;

use model::{SpanRef, TraceId};

/// Keys of the hash, drawn once per process, so that no sender can choose ids that collide.
static KEYS: LazyLock<(u64, u64)> = LazyLock::new(|| {
    let random = RandomState::new();
    (random.hash_one(1u8) | 1, random.hash_one(2u8) | 1)
});

/// The spans of a batch by trace, traces in order of their first span.
#[derive(Debug)]
pub(super) struct Groups {
    /// Each trace with the end of its spans in `order`.
    traces: Vec<(TraceId, u32)>,
    /// Indices of spans, trace by trace, ascending within a trace.
    order: Vec<u32>,
}

impl Groups {
    pub(super) fn by_trace(spans: &[SpanRef<'_>]) -> Self {
        let mut finder = Finder::new(spans.len());
        let group_of: Vec<u32> = spans
            .iter()
            .map(|span| finder.group(span.trace_id))
            .collect();
        // Counts become starts, starts become ends while the spans are put in their places.
        let mut traces = finder.traces;
        let mut start = 0;
        for (_, count) in &mut traces {
            start += std::mem::replace(count, start);
        }
        let mut order = vec![0; spans.len()];
        for (index, group) in group_of.into_iter().enumerate() {
            let next = &mut traces[group as usize].1;
            order[*next as usize] = index as u32;
            *next += 1;
        }
        Self { traces, order }
    }

    pub(super) fn len(&self) -> usize {
        self.traces.len()
    }

    /// Each trace with the indices of its spans.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TraceId, &[u32])> {
        let mut start = 0;
        self.traces.iter().map(move |(trace_id, end)| {
            let spans = &self.order[start as usize..*end as usize];
            start = *end;
            (*trace_id, spans)
        })
    }
}

/// Finds the group of a trace id, or makes it.
struct Finder {
    /// Trace ids with the count of their spans.
    traces: Vec<(TraceId, u32)>,
    /// Index in `traces` plus one; zero is free. At most half full.
    slots: Vec<u32>,
    last: u32,
}

impl Finder {
    fn new(spans: usize) -> Self {
        let slots = (2 * spans).next_power_of_two();
        Self {
            traces: Vec::new(),
            slots: vec![0; slots],
            last: 0,
        }
    }

    /// The group of the trace, which gets one span more.
    fn group(&mut self, trace_id: TraceId) -> u32 {
        // Neighbours mostly belong to one trace.
        if self
            .traces
            .get(self.last as usize)
            .is_none_or(|(last, _)| *last != trace_id)
        {
            self.last = self.find(trace_id);
        }
        self.traces[self.last as usize].1 += 1;
        self.last
    }

    fn find(&mut self, trace_id: TraceId) -> u32 {
        let mask = self.slots.len() - 1;
        let mut slot = hash(trace_id) as usize & mask;
        loop {
            match self.slots[slot] {
                0 => {
                    self.traces.push((trace_id, 0));
                    self.slots[slot] = self.traces.len() as u32;
                    return self.traces.len() as u32 - 1;
                }
                taken if self.traces[taken as usize - 1].0 == trace_id => return taken - 1,
                _ => slot = (slot + 1) & mask,
            }
        }
    }
}

/// Folds the 128-bit product of both halves, each mixed with a key.
fn hash(trace_id: TraceId) -> u64 {
    let bits = u128::from_le_bytes(*trace_id.as_bytes());
    let (low, high) = KEYS.to_owned();
    let product = u128::from(bits as u64 ^ low) * u128::from((bits >> 64) as u64 ^ high);
    (product as u64) ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Span, SpanBatch, SpanId};
    use proptest::prelude::*;

    fn grouped(ids: &[u8]) -> Vec<(TraceId, Vec<u32>)> {
        let span = |id: &u8| {
            let trace_id = TraceId::new([id + 1; 16]).expect("not zero");
            Span::new(trace_id, SpanId::new([1; 8]).expect("not zero"), "", 1, 1)
        };
        let of_scope = model::ScopeSpans {
            spans: ids.iter().map(span).collect(),
            ..Default::default()
        };
        let of_resource = model::ResourceSpans {
            scopes: vec![of_scope],
            ..Default::default()
        };
        let mut batch = SpanBatch::default();
        batch.push_resource_spans(&of_resource);
        let groups = Groups::by_trace(&batch.spans);
        groups
            .iter()
            .map(|(id, spans)| (id, spans.to_vec()))
            .collect()
    }

    proptest! {
        #[test]
        fn every_span_is_in_the_group_of_its_trace(ids in prop::collection::vec(0u8..20, 0..200)) {
            let groups = grouped(&ids);
            let mut seen: Vec<u32> = Vec::new();
            for (trace_id, spans) in &groups {
                prop_assert!(spans.is_sorted());
                prop_assert!(spans.iter().all(|span| ids[*span as usize] + 1 == trace_id.as_bytes()[0]));
                seen.extend(spans);
            }
            seen.sort_unstable();
            prop_assert_eq!(seen, (0..ids.len() as u32).collect::<Vec<_>>());
            let distinct: std::collections::BTreeSet<_> = ids.iter().collect();
            prop_assert_eq!(groups.len(), distinct.len());
        }
    }
}
