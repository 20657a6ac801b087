//! One stored trace, counted from its contents.

use std::collections::HashSet;

use bumpalo::Bump;
use model::{
    IdentityHasher, NANOS_PER_MINUTE, SpanBatch, SpanHash, SpanKind, StatusCode, TraceId, UnixNanos,
};
use uuid::Uuid;

use super::{Figures, Recounted, shape};
use crate::payload::Reader;
use crate::summary::dropped::{self, DroppedSpan, dropped_span};
use crate::summary::{Edges, Node};
use crate::traces::inconsistent;
use crate::{Day, DurationHistogram, ReadError};

/// A segment as it was read.
pub(super) struct SegmentRow {
    pub(super) tenant: String,
    pub(super) trace: Uuid,
    pub(super) segment: i64,
    pub(super) spans: i32,
    pub(super) payload: Vec<u8>,
    /// Whether these are spans that a policy dropped: what is remembered of them.
    pub(super) is_dropped: bool,
}

impl SegmentRow {
    pub(super) fn is_same_trace(&self, other: &Self) -> bool {
        self.trace == other.trace && self.tenant == other.tenant
    }
}

/// A span as far as figures need it.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedSpan<'a> {
    pub(super) start: UnixNanos,
    pub(super) service: &'a str,
    pub(super) operation: &'a str,
    pub(super) kind: SpanKind,
    /// Whether a policy dropped it. Then it has no operation and no more than a minute.
    pub(super) is_dropped: bool,
    duration: u64,
    error: bool,
}

impl CountedSpan<'_> {
    pub(super) fn minute(&self) -> UnixNanos {
        self.start - self.start % NANOS_PER_MINUTE
    }

    pub(super) fn figures(&self) -> Figures {
        let bucket = DurationHistogram::bucket(self.duration);
        Figures {
            calls: 1,
            errors: i64::from(self.error),
            duration: i64::try_from(self.duration).unwrap_or(i64::MAX),
            shape: shape(u64::from(bucket), 1),
        }
    }
}

/// Who called whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct CountedEdge<'a> {
    pub(super) minute: UnixNanos,
    pub(super) parent: &'a str,
    pub(super) child: &'a str,
}

/// The spans of one trace, each once.
pub(super) struct TraceCount<'a> {
    rows: &'a [SegmentRow],
    spans: Vec<CountedSpan<'a>>,
    nodes: Vec<Node<'a>>,
    /// Spans found in each segment.
    found: Vec<usize>,
    doubled: Vec<(SpanHash, UnixNanos)>,
}

impl<'a> TraceCount<'a> {
    pub(super) fn read<'k: 'a>(
        rows: &'a [SegmentRow],
        reader: &mut Reader<'k>,
        arena: &'a Bump,
    ) -> Result<Self, ReadError> {
        let mut trace = Self {
            rows,
            spans: Vec::new(),
            nodes: Vec::new(),
            found: Vec::new(),
            doubled: Vec::new(),
        };
        let mut seen = HashSet::new();
        for row in rows.iter().filter(|row| !row.is_dropped) {
            let id = TraceId::from_slice(row.trace.as_bytes());
            let id = id.map_err(|e| inconsistent("trace_id", &e))?;
            let decoded = reader.decode(id, &row.payload, arena);
            let batch = decoded.map_err(|e| inconsistent("payload", &e))?;
            trace.found.push(batch.spans.len());
            trace.add(&row.tenant, &batch, &mut seen);
        }
        let mut known: HashSet<DroppedSpan> = HashSet::new();
        known.extend(trace.nodes.iter().map(|n| dropped_span(n.id, n.hash)));
        for row in rows.iter().filter(|row| row.is_dropped) {
            trace.add_dropped(row, &mut known)?;
        }
        Ok(trace)
    }

    /// Adds what is remembered of dropped spans. One that is stored as well is there twice.
    fn add_dropped(
        &mut self,
        row: &'a SegmentRow,
        known: &mut HashSet<DroppedSpan>,
    ) -> Result<(), ReadError> {
        let decoded = dropped::decode(&row.payload);
        let nodes = decoded.map_err(|error| ReadError::Inconsistent {
            table: "trace_decision",
            column: "dropped",
            what: error.to_string(),
        })?;
        self.found.push(nodes.len());
        for node in nodes {
            if !known.insert(dropped_span(node.id, node.hash)) {
                self.doubled.push((node.hash, node.start));
                continue;
            }
            self.nodes.push(node);
            self.spans.push(CountedSpan {
                start: node.start,
                service: node.service,
                operation: "",
                kind: node.kind,
                is_dropped: true,
                duration: node.duration,
                error: node.error,
            });
        }
        Ok(())
    }

    fn add(&mut self, tenant: &str, batch: &SpanBatch<'a>, seen: &mut HashSet<SpanHash>) {
        let mut hasher = IdentityHasher::new(tenant, batch);
        for span in &batch.spans {
            let hash = hasher.span(span);
            if !seen.insert(hash) {
                self.doubled.push((hash, span.start));
                continue;
            }
            self.nodes.push(Node::new(
                hash,
                batch.service_name(batch.resource(span)),
                span,
            ));
            self.spans.push(CountedSpan {
                start: span.start,
                service: batch.service_name(batch.resource(span)),
                operation: span.operation_name(),
                kind: span.kind,
                is_dropped: false,
                duration: span.duration(),
                error: span.status == StatusCode::Error,
            });
        }
    }

    /// Its spans.
    pub(super) fn spans(&self) -> impl Iterator<Item = CountedSpan<'a>> {
        self.spans.iter().copied()
    }

    /// Whether it has spans on more than one day: its writer may not have seen them together.
    pub(super) fn lasts_for_days(&self) -> bool {
        let mut days = self.spans.iter().map(|span| Day::of(span.start));
        let first = days.next();
        days.any(|day| Some(day) != first)
    }

    /// The calls between its services.
    pub(super) fn edges(&self) -> Vec<(CountedEdge<'a>, Figures)> {
        let mut edges = Edges::default();
        edges.add_trace("", None, &self.nodes);
        let figures = edges.sorted().into_iter().map(|(key, delta)| {
            let edge = CountedEdge {
                minute: key.minute,
                parent: key.parent,
                child: key.child,
            };
            let figures = Figures {
                calls: delta.calls,
                errors: delta.errors,
                duration: delta.duration_sum,
                shape: [0; 2],
            };
            (edge, figures)
        });
        figures.collect()
    }

    /// Segments that do not hold as many spans as they say.
    pub(super) fn miscounted(&self) -> Vec<Recounted> {
        // As they were read: what is stored first.
        let stored = self.rows.iter().filter(|row| !row.is_dropped);
        let dropped = self.rows.iter().filter(|row| row.is_dropped);
        let pairs = stored.chain(dropped).zip(&self.found);
        let wrong = pairs.filter(|(row, found)| usize::try_from(row.spans) != Ok(**found));
        wrong
            .map(|(row, found)| Recounted {
                what: "segment",
                tenant: row.tenant.clone(),
                at: self.spans.first().map_or(0, |span| span.start),
                of: format!("{} of trace {}", row.segment, row.trace.simple()),
                stored: row.spans.into(),
                counted: *found as i64,
            })
            .collect()
    }

    /// Spans that are stored more than once.
    pub(super) fn doubled(&self) -> Vec<Recounted> {
        let row = self.rows.first();
        let trace = row.map(|row| (row.tenant.clone(), row.trace.simple().to_string()));
        let (tenant, trace) = trace.unwrap_or_default();
        let doubled = self.doubled.iter();
        doubled
            .map(|(hash, start)| Recounted {
                what: "doubled",
                tenant: tenant.clone(),
                at: *start,
                of: format!("span {:032x} of trace {trace}", hash.0),
                stored: 2,
                counted: 1,
            })
            .collect()
    }
}
