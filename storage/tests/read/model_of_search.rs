//! What a search must answer: a scan over every span, in memory.

use std::collections::{BTreeMap, BTreeSet};

use model::{IdentityHasher, SpanBatch, SpanHash, Tenant, Trace, TraceId, TraceQuery};

/// Everything that was written, in the order of writing.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) traces: Vec<Trace>,
}

/// A trace's id and the identities of its spans.
pub(crate) type Answer = (TraceId, BTreeSet<SpanHash>);

impl Model {
    /// The traces that answer, newest first, then by id.
    pub(crate) fn search(&self, query: &TraceQuery) -> Vec<Answer> {
        let mut newest: BTreeMap<TraceId, u64> = BTreeMap::new();
        for trace in &self.traces {
            let batch = SpanBatch::of_trace(trace);
            let answers = batch.spans.iter().filter(|s| query.matches(&batch, s));
            if let Some(start) = answers.map(|span| span.start).max() {
                let known = newest.entry(trace.id).or_default();
                *known = start.max(*known);
            }
        }
        let mut found: Vec<(u64, TraceId)> = newest.into_iter().map(|(id, at)| (at, id)).collect();
        found.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        found.truncate(query.limit);
        found.into_iter().map(|(_, id)| self.whole(id)).collect()
    }

    fn whole(&self, id: TraceId) -> Answer {
        let parts = self.traces.iter().filter(|trace| trace.id == id);
        (id, parts.flat_map(identities).collect())
    }
}

/// The identities of a trace's spans, as often as they occur.
pub(crate) fn identities(trace: &Trace) -> Vec<SpanHash> {
    let batch = SpanBatch::of_trace(trace);
    let hasher = IdentityHasher::new(Tenant::DEFAULT, &batch);
    batch.spans.iter().map(|span| hasher.span(span)).collect()
}
