//! What follows from a set of spans: rates, edges, the catalogue.

use std::collections::{BTreeMap, BTreeSet};

use super::log::SimSpan;

/// Counts that follow from spans.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Derived {
    /// Spans of each service.
    pub calls: BTreeMap<u8, i64>,
    /// Calls from service to service.
    pub edges: BTreeMap<(u8, u8), i64>,
    /// Services that were seen.
    pub services: BTreeSet<u8>,
}

impl Derived {
    /// By definition, from all spans there are.
    pub fn of(spans: &[SimSpan]) -> Self {
        let mut derived = Self::default();
        derived.count(spans);
        let mut by_trace = spans.to_vec();
        by_trace.sort_unstable_by_key(|span| span.trace);
        for of_trace in by_trace.chunk_by(|a, b| a.trace == b.trace) {
            derived.add_edges(of_trace, 1);
        }
        derived
    }

    /// Adds the rates and the services of spans.
    pub fn count(&mut self, spans: &[SimSpan]) {
        for span in spans {
            *self.calls.entry(span.service).or_default() += 1;
            self.services.insert(span.service);
        }
    }

    /// Adds the edges of one trace's spans, so many times.
    pub fn add_edges(&mut self, of_trace: &[SimSpan], times: i64) {
        let services: BTreeMap<u64, u8> = of_trace
            .iter()
            .map(|span| (span.content, span.service))
            .collect();
        for span in of_trace {
            let parent = span.parent.and_then(|parent| services.get(&parent));
            if let Some(parent) = parent.filter(|parent| **parent != span.service) {
                *self.edges.entry((*parent, span.service)).or_default() += times;
            }
        }
        self.edges.retain(|_, calls| *calls != 0);
    }
}
