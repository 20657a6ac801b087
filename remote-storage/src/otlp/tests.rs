//! What goes out comes back, parted and whole.

use model::{SpanBatch, Tenant, TimeRange, Trace};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use proptest::prelude::*;
use prost::Message;
use storage::{Completeness, TraceMerger, TraceSpans};

use super::{Requests, pieces};
use crate::arbitrary;

/// The traces that come out of exports of at most so many bytes, and the sizes of these.
fn through(traces: &[Trace], max_bytes: usize) -> (Vec<Trace>, Vec<usize>) {
    let tenant = Tenant::default();
    let batches: Vec<SpanBatch<'_>> = traces.iter().map(SpanBatch::of_trace).collect();
    let indices: Vec<Vec<u32>> = batches
        .iter()
        .map(|batch| (0..batch.spans.len() as u32).collect())
        .collect();
    let parts: Vec<TraceSpans<'_, '_>> = traces
        .iter()
        .zip(batches.iter().zip(&indices))
        .map(|(trace, (batch, spans))| TraceSpans {
            source: None,
            tenant: &tenant,
            trace_id: trace.id,
            received: TimeRange::ALL,
            completeness: Completeness::Unknown,
            verdict: None,
            batch,
            spans,
        })
        .collect();
    let parts: Vec<&TraceSpans<'_, '_>> = parts.iter().collect();
    let (mut found, mut sizes) = (Vec::<(model::TraceId, TraceMerger)>::new(), Vec::new());
    for export in Requests::new(&parts, max_bytes) {
        sizes.push(export.request.encoded_len());
        let resource_spans = export.request.resource_spans;
        for piece in pieces(TracesData { resource_spans }).expect("readable") {
            let merger = match found.iter_mut().find(|(id, _)| *id == piece.id) {
                Some((_, merger)) => merger,
                None => {
                    found.push((piece.id, TraceMerger::new(piece.id)));
                    &mut found.last_mut().expect("pushed").1
                }
            };
            merger.add("default", &SpanBatch::of_trace(&piece));
        }
    }
    let found = found.into_iter().filter_map(|(_, merger)| merger.finish());
    (found.collect(), sizes)
}

/// What merging makes of a trace by itself: each span once, without what ingest had mended.
fn alone(trace: &Trace) -> Option<Trace> {
    let mut trace = trace.clone();
    trace
        .spans_mut()
        .for_each(|span| span.repairs = model::Repairs::NONE);
    let mut merger = TraceMerger::new(trace.id);
    merger.add("default", &SpanBatch::of_trace(&trace));
    merger.finish()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn what_is_exported_in_pieces_of_any_size_is_read_back_equal(
        trace in arbitrary::trace(1_700_000_000_000_000_000),
        max_bytes in 1usize..3_000,
    ) {
        let (found, _) = through(std::slice::from_ref(&trace), max_bytes);
        let expected: Vec<Trace> = alone(&trace).into_iter().collect();
        prop_assert_eq!(format!("{found:?}"), format!("{expected:?}"));
    }

    #[test]
    fn any_message_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        if let Ok(message) = TracesData::decode(bytes.as_slice()) {
            let _ = pieces(message);
        }
    }
}
