//! summarise: due traces → one batch of decoded spans, with what the store is to know of each
//! trace: when it was received, whether it is complete, where its spans lie.
//!
//! What follows from the content of spans (services, edges, RED counts) is the store's to derive:
//! only it knows which of them are new.

use std::ops::Range;

use bumpalo::Bump;
use model::SpanBatch;
use schemas::{DecodeError, SchemaSet};
use storage::TraceSpans;

use crate::DueTrace;

/// Decodes the records of all traces into `batch`, and says which spans belong to which trace.
///
/// # Errors
/// If a record cannot be decoded. It could when it was consumed, so this is a fault of its own.
pub(crate) fn decode_traces<'a>(
    schemas: &SchemaSet,
    traces: &'a [DueTrace],
    arena: &'a Bump,
    batch: &mut SpanBatch<'a>,
) -> Result<Vec<Range<u32>>, DecodeError> {
    traces
        .iter()
        .map(|trace| {
            let start = batch.spans.len() as u32;
            for record in &trace.records {
                schemas.decode(&record.payload, arena, batch)?;
            }
            Ok(start..batch.spans.len() as u32)
        })
        .collect()
}

/// What the store is told about each trace. `indices` are `0..` over all spans of the batch.
pub(crate) fn summarise<'b, 'a>(
    traces: &'b [DueTrace],
    ranges: &[Range<u32>],
    batch: &'b SpanBatch<'a>,
    indices: &'b [u32],
    source: Option<usize>,
) -> Vec<TraceSpans<'b, 'a>> {
    traces
        .iter()
        .zip(ranges)
        .map(|(trace, range)| TraceSpans {
            source,
            tenant: &trace.tenant,
            trace_id: trace.trace_id,
            received: trace.received,
            completeness: trace.completeness,
            verdict: None,
            batch,
            spans: &indices[range.start as usize..range.end as usize],
        })
        .collect()
}
