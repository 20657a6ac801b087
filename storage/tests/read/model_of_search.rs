//! What a search must answer: a scan over every span, in memory.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    IdentityHasher, Page, Rank, SpanBatch, SpanHash, StatusCode, Tenant, Trace, TraceFacts,
    TraceId, TraceQuery,
};

/// Everything that was written, in the order of writing.
#[derive(Debug, Default)]
pub(crate) struct Model {
    pub(crate) traces: Vec<Trace>,
}

/// A trace's id and the identities of its spans.
pub(crate) type Answer = (TraceId, BTreeSet<SpanHash>);

impl Model {
    /// The traces that answer, in the order of the query: those after the mark, if it has one.
    pub(crate) fn search(&self, query: &TraceQuery) -> Vec<Answer> {
        let mut ranks = self.ranks(query);
        if let Page::After(mark) = &query.page {
            ranks.retain(|rank| *rank > mark.rank);
        }
        ranks.truncate(query.limit);
        let traces = ranks.into_iter();
        traces.map(|rank| self.whole(rank.trace())).collect()
    }

    /// Every trace that answers, in order.
    pub(crate) fn ranks(&self, query: &TraceQuery) -> Vec<Rank> {
        let mut newest: BTreeMap<TraceId, u64> = BTreeMap::new();
        for trace in &self.traces {
            let batch = SpanBatch::of_trace(trace);
            let answers = batch.spans.iter().filter(|s| query.matches(&batch, s));
            if let Some(start) = answers.map(|span| span.start).max() {
                let known = newest.entry(trace.id).or_default();
                *known = start.max(*known);
            }
        }
        let rank = |(id, newest): (TraceId, u64)| {
            let facts = self.facts(id);
            let score = query.order.score(newest, &facts);
            query
                .matches_trace(&facts)
                .then(|| Rank::new(score, newest, id))
        };
        let mut ranks: Vec<Rank> = newest.into_iter().filter_map(rank).collect();
        ranks.sort_unstable();
        ranks
    }

    /// What a trace is as a whole, each of its spans counted once.
    fn facts(&self, id: TraceId) -> TraceFacts {
        let mut facts = TraceFacts::NONE;
        let mut seen = BTreeSet::new();
        for trace in self.traces.iter().filter(|trace| trace.id == id) {
            for (hash, (_, _, span)) in identities(trace).into_iter().zip(trace.spans()) {
                if seen.insert(hash) {
                    facts.add(&TraceFacts {
                        start: span.start,
                        end: span.end,
                        spans: 1,
                        errors: u64::from(span.status == StatusCode::Error),
                    });
                }
            }
        }
        facts
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
