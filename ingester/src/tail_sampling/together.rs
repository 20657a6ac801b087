//! Parts of a trace that one transaction writes are decided together, by all of their spans.

use std::collections::HashMap;

use model::{IdentityHasher, TimeRange};
use storage::TraceSpans;

use super::{TailSampler, TraceVerdict, distinct};
use crate::DueTrace;

/// Hashers by tenant.
type Hashers<'b, 'a> = HashMap<&'b str, IdentityHasher<'b, 'a>>;

impl TailSampler {
    /// Says of each trace what the policies make of it, once: a write that is tried again finds the
    /// same verdict, and so does a part that joins it then.
    pub(crate) fn judge<'b, 'a>(&self, traces: &[&'b DueTrace], spans: &mut [TraceSpans<'b, 'a>]) {
        let mut hashers = Hashers::new();
        let order = in_parts(spans);
        let mut groups: Vec<&[usize]> = order
            .chunk_by(|a, b| key(&spans[*a]) == key(&spans[*b]))
            .collect();
        // Budgets are taken in the order in which traces became due.
        groups.sort_unstable_by_key(|parts| parts[0]);
        for parts in groups {
            let told = parts.iter().find_map(|part| traces[*part].verdict.get());
            let told = told.cloned();
            let verdict = told.unwrap_or_else(|| self.judge_together(parts, spans, &mut hashers));
            for part in parts {
                let held = traces[*part].verdict.get_or_init(|| verdict.clone());
                spans[*part].verdict = Some(held.borrow());
            }
        }
    }

    fn judge_together<'b, 'a>(
        &self,
        parts: &[usize],
        spans: &[TraceSpans<'b, 'a>],
        hashers: &mut Hashers<'b, 'a>,
    ) -> TraceVerdict {
        let first = spans[parts[0]];
        let tenant = first.tenant.as_str();
        let mut distinct = |spans: &TraceSpans<'_, 'a>| {
            let hasher = hashers.entry(tenant);
            let hasher = hasher.or_insert_with(|| IdentityHasher::new(tenant, first.batch));
            distinct(spans, hasher)
        };
        if parts.len() == 1 {
            return self.verdict(&first, || distinct(&first));
        }
        let of_parts = parts.iter().map(|part| &spans[*part]);
        let indices = of_parts.clone().flat_map(|part| part.spans).copied();
        let indices: Vec<u32> = indices.collect();
        let received = of_parts.fold(first.received, |all, part| TimeRange {
            start: all.start.min(part.received.start),
            end: all.end.max(part.received.end),
        });
        let whole = TraceSpans {
            received,
            spans: &indices,
            ..first
        };
        self.verdict(&whole, || distinct(&whole))
    }
}

fn key<'b>(spans: &TraceSpans<'b, '_>) -> (&'b str, model::TraceId) {
    (spans.tenant.as_str(), spans.trace_id)
}

/// All places, those of one trace as neighbours and in their order.
fn in_parts(spans: &[TraceSpans<'_, '_>]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..spans.len()).collect();
    // Stable.
    order.sort_by_key(|place| key(&spans[*place]));
    order
}
