//! What spans add up to: the columns of a segment, RED, operations and edges. Pure.

mod edges;
pub(crate) mod dropped;
mod node;
mod red;
#[cfg(test)]
mod properties;

use model::{SpanBatch, SpanKind, StatusCode, UnixNanos};
use uuid::Uuid;
use xxhash_rust::xxh3::Xxh3;

pub(crate) use edges::{EdgeDelta, EdgeKey, Edges};
pub(crate) use node::{KnownTrace, Node, StoredDecision};
pub(crate) use red::{Bar, Red, RedDelta, RedKey};

/// The columns of a segment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct SegmentSummary<'a> {
    pub(crate) start: UnixNanos,
    pub(crate) last_start: UnixNanos,
    pub(crate) end: UnixNanos,
    pub(crate) spans: u32,
    pub(crate) errors: u32,
    /// Service and operation of the earliest span without a parent.
    pub(crate) root: Option<(&'a str, &'a str)>,
    /// Sorted, distinct.
    pub(crate) services: Vec<&'a str>,
}

impl<'a> SegmentSummary<'a> {
    /// Of some spans of a batch, at least one.
    pub(crate) fn of(batch: &SpanBatch<'a>, spans: &[u32]) -> Self {
        let mut summary = Self {
            start: UnixNanos::MAX,
            last_start: 0,
            end: 0,
            spans: spans.len() as u32,
            errors: 0,
            root: None,
            services: Vec::new(),
        };
        let mut root_start = UnixNanos::MAX;
        let mut scope = None;
        for &index in spans {
            let span = &batch.spans[index as usize];
            summary.start = summary.start.min(span.start);
            summary.last_start = summary.last_start.max(span.start);
            summary.end = summary.end.max(span.end);
            summary.errors += u32::from(span.status == StatusCode::Error);
            if scope != Some(span.scope) {
                scope = Some(span.scope);
                summary
                    .services
                    .push(batch.service_name(batch.resource(span)));
            }
            let earlier = summary.root.is_none() || span.start < root_start;
            if span.parent_span_id.is_none() && earlier {
                root_start = span.start;
                let service = batch.service_name(batch.resource(span));
                summary.root = Some((service, span.operation_name()));
            }
        }
        summary.services.sort_unstable();
        summary.services.dedup();
        summary
    }
}

/// The key of an operation of a tenant: names may be longer than an index row.
pub(crate) fn operation_key(tenant: &str, service: &str, operation: &str, kind: SpanKind) -> Uuid {
    let mut hash = Xxh3::new();
    for text in [tenant, service, operation] {
        hash.update(&(text.len() as u64).to_le_bytes());
        hash.update(text.as_bytes());
    }
    hash.update(&[kind.number()]);
    Uuid::from_u128(hash.digest128())
}
