//! The messages of an answer, put together: each trace whole, each span once. Pure.

use std::collections::HashMap;

use model::{SpanBatch, Trace, TraceId};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use prost::Message;
use storage::{ReadError, TraceMerger};

use crate::client::Enough;
use crate::metrics;
use crate::otlp;

/// Which traces of an answer are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// This one.
    One(TraceId),
    /// The first so many.
    First(usize),
}

/// Traces on their way.
pub(crate) struct Gather<'t> {
    tenant: &'t str,
    wanted: Wanted,
    max_bytes: u64,
    bytes: u64,
    order: Vec<TraceId>,
    mergers: HashMap<TraceId, TraceMerger>,
    failed: Option<ReadError>,
}

impl<'t> Gather<'t> {
    pub(crate) fn new(tenant: &'t str, wanted: Wanted, max_bytes: u64) -> Self {
        Self {
            tenant,
            wanted,
            max_bytes,
            bytes: 0,
            order: Vec::new(),
            mergers: HashMap::new(),
            failed: None,
        }
    }

    /// Takes a message in. The messages of one trace follow one another, so that nothing of the
    /// wanted ones comes after the first one beyond them.
    pub(crate) fn take(&mut self, message: TracesData) -> Enough {
        let bytes = message.encoded_len() as u64;
        metrics::read(bytes);
        self.bytes += bytes;
        if self.bytes > self.max_bytes {
            self.failed = Some(ReadError::TooLarge {
                limit: self.max_bytes,
            });
            return Enough::Yes;
        }
        let pieces = match otlp::pieces(message) {
            Ok(pieces) => pieces,
            Err(error) => {
                self.failed = Some(ReadError::PluginFailed(Box::new(error)));
                return Enough::Yes;
            }
        };
        let mut enough = Enough::No;
        for piece in pieces {
            if self.is_wanted(piece.id) {
                self.add(&piece);
            } else if matches!(self.wanted, Wanted::First(_)) {
                enough = Enough::Yes;
            }
        }
        enough
    }

    fn is_wanted(&self, id: TraceId) -> bool {
        match self.wanted {
            Wanted::One(wanted) => id == wanted,
            Wanted::First(most) => self.mergers.contains_key(&id) || self.order.len() < most,
        }
    }

    fn add(&mut self, piece: &Trace) {
        let order = &mut self.order;
        let merger = self.mergers.entry(piece.id).or_insert_with(|| {
            order.push(piece.id);
            TraceMerger::new(piece.id)
        });
        merger.add(self.tenant, &SpanBatch::of_trace(piece));
    }

    /// The traces, in the order in which they came.
    pub(crate) fn finish(mut self) -> Result<Vec<Trace>, ReadError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        let mergers = &mut self.mergers;
        let order = self.order.iter();
        Ok(order
            .filter_map(|id| mergers.remove(id)?.finish())
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use opentelemetry_proto::tonic::trace::v1 as wire;

    use super::*;

    fn message(spans: &[(u8, u8)]) -> TracesData {
        let span = |(trace, span): &(u8, u8)| wire::Span {
            trace_id: vec![*trace; 16],
            span_id: vec![*span; 8],
            ..wire::Span::default()
        };
        let scope_spans = vec![wire::ScopeSpans {
            spans: spans.iter().map(span).collect(),
            ..wire::ScopeSpans::default()
        }];
        TracesData {
            resource_spans: vec![wire::ResourceSpans {
                scope_spans,
                ..wire::ResourceSpans::default()
            }],
        }
    }

    fn counts(traces: &[Trace]) -> Vec<(u8, usize)> {
        let count = |trace: &Trace| (trace.id.as_bytes()[0], trace.span_count());
        traces.iter().map(count).collect()
    }

    #[test]
    fn a_trace_in_several_messages_is_one_with_each_span_once() {
        let mut gather = Gather::new("default", Wanted::First(10), 10_000);
        for of in [&[(2, 1), (2, 2)][..], &[(2, 2), (2, 3)], &[(1, 1)]] {
            assert_eq!(gather.take(message(of)), Enough::No);
        }
        assert_eq!(counts(&gather.finish().expect("read")), [(2, 3), (1, 1)]);
    }

    #[test]
    fn no_more_is_read_once_there_are_as_many_as_asked_for() {
        let mut gather = Gather::new("default", Wanted::First(1), 10_000);
        assert_eq!(gather.take(message(&[(1, 1)])), Enough::No);
        assert_eq!(gather.take(message(&[(2, 1)])), Enough::Yes);
        assert_eq!(counts(&gather.finish().expect("read")), [(1, 1)]);
    }

    #[test]
    fn an_answer_that_is_too_large_is_refused_and_not_cut() {
        let mut gather = Gather::new("default", Wanted::First(9), 100);
        let taken: Vec<Enough> = (1..9).map(|id| gather.take(message(&[(id, 1)]))).collect();
        assert!(taken.contains(&Enough::Yes));
        let refused = gather.finish();
        assert!(matches!(refused, Err(ReadError::TooLarge { limit: 100 })));
    }

    #[test]
    fn a_trace_that_was_not_asked_for_is_passed_over() {
        let id = TraceId::new([2; 16]).expect("not zero");
        let mut gather = Gather::new("default", Wanted::One(id), 10_000);
        assert_eq!(gather.take(message(&[(1, 1), (2, 1)])), Enough::No);
        assert_eq!(counts(&gather.finish().expect("read")), [(2, 1)]);
    }

    #[test]
    fn a_span_without_an_id_fails_the_answer() {
        let mut gather = Gather::new("default", Wanted::First(9), 10_000);
        assert_eq!(gather.take(message(&[(0, 1)])), Enough::Yes);
        assert!(matches!(gather.finish(), Err(ReadError::PluginFailed(_))));
    }
}
