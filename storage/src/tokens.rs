//! Search tokens: hashes of what a span can be found by.

use model::SpanBatch;

/// Replaces `out` with the tokens of a segment's spans, sorted and distinct.
pub(crate) fn of_segment(
    _tenant: &str,
    _batch: &SpanBatch<'_>,
    _spans: &[u32],
    out: &mut Vec<u32>,
) {
    out.clear();
}
