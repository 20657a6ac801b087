//! What a batch comes to, given what is stored: pure, no I/O.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::{
    IdentityHasher, NANOS_PER_MINUTE, SpanBatch, SpanHash, SpanKind, StatusCode, TimeRange, TraceId,
};

use super::edges::{self, EdgeChange, EdgeKey, EdgeSpan};
use crate::{Completeness, Day, DurationHistogram, TraceSpans, WriteBatch, Written};

/// Most spans of one segment: what a reader has to decode at once.
pub(crate) const MAX_SEGMENT_SPANS: usize = 5_000;

/// A segment to be written.
#[derive(Debug)]
pub(crate) struct Segment<'b, 'a> {
    pub(crate) day: Day,
    pub(crate) tenant: &'b str,
    pub(crate) trace_id: TraceId,
    pub(crate) received: TimeRange,
    pub(crate) completeness: Completeness,
    pub(crate) batch: &'b SpanBatch<'a>,
    pub(crate) spans: Vec<u32>,
}

/// One series of rate, errors and durations in one minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct RedKey<'b> {
    pub(crate) minute: u64,
    pub(crate) tenant: &'b str,
    pub(crate) service: &'b str,
    pub(crate) operation: &'b str,
    pub(crate) kind: SpanKind,
}

/// What is added to a series.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct RedChange {
    pub(crate) calls: i64,
    pub(crate) errors: i64,
    pub(crate) duration_sum: i64,
    pub(crate) histogram: DurationHistogram,
}

/// An operation with spans on a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Seen<'b> {
    pub(crate) day: Day,
    pub(crate) tenant: &'b str,
    pub(crate) service: &'b str,
    pub(crate) operation: &'b str,
    pub(crate) kind: SpanKind,
}

/// Everything that a transaction writes beside the progress of its sources.
#[derive(Debug, Default)]
pub(crate) struct Plan<'b, 'a> {
    pub(crate) segments: Vec<Segment<'b, 'a>>,
    pub(crate) red: HashMap<RedKey<'b>, RedChange>,
    pub(crate) edges: BTreeMap<&'b str, HashMap<EdgeKey<'b>, EdgeChange>>,
    pub(crate) seen: BTreeSet<Seen<'b>>,
    /// By source, in the order of the batch's progress; one more for traces without a source.
    pub(crate) written: Vec<Written>,
}

/// Segments that are stored already, by tenant and trace.
pub(crate) type Stored<'s> = HashMap<(String, TraceId), Vec<SpanBatch<'s>>>;

/// Plans a batch. `'b` outlives the stored segments' borrow too, so that names need no copies.
pub(crate) fn plan<'b, 'a: 'b>(batch: WriteBatch<'b, 'a>, stored: &'b Stored<'b>) -> Plan<'b, 'a> {
    let mut planner = Planner {
        plan: Plan {
            written: vec![Written::default(); batch.progress.len() + 1],
            ..Plan::default()
        },
        hashers: HashMap::new(),
    };
    let mut traces: BTreeMap<(&'b str, TraceId), Vec<&'b TraceSpans<'b, 'a>>> = BTreeMap::new();
    for trace in batch.traces {
        traces
            .entry((trace.tenant.as_str(), trace.trace_id))
            .or_default()
            .push(trace);
    }
    for ((tenant, trace_id), parts) in traces {
        let stored = stored
            .get(&(tenant.to_owned(), trace_id))
            .map_or(&[][..], Vec::as_slice);
        planner.trace(tenant, &parts, stored);
    }
    planner.plan
}

struct Planner<'b, 'a> {
    plan: Plan<'b, 'a>,
    /// By address of the batch and tenant: what the spans of a batch share is hashed once.
    hashers: HashMap<(usize, &'b str), IdentityHasher<'b, 'a>>,
}

impl<'b, 'a: 'b> Planner<'b, 'a> {
    fn trace(
        &mut self,
        tenant: &'b str,
        parts: &[&'b TraceSpans<'b, 'a>],
        stored: &'b [SpanBatch<'b>],
    ) {
        let mut known = stored_hashes(tenant, stored);
        let mut new_edges: Vec<EdgeSpan<'b>> = Vec::new();
        for part in parts {
            let (new, duplicates) = self.new_spans(part, tenant, &mut known);
            let source = part.source.unwrap_or(self.plan.written.len() - 1);
            let written = &mut self.plan.written[source];
            written.spans_stored += new.len() as u64;
            written.spans_duplicate += duplicates;
            for index in &new {
                let span = &part.batch.spans[*index as usize];
                new_edges.push(EdgeSpan::of(part.batch, span));
                self.count(tenant, part.batch, *index);
            }
            let before = self.plan.segments.len();
            self.segments(part, tenant, new);
            let segments = self.plan.segments.len() - before;
            self.plan.written[source].segments += segments as u64;
        }
        if !new_edges.is_empty() {
            let stored_edges = stored.iter().flat_map(|batch| {
                batch
                    .spans
                    .iter()
                    .map(move |span| EdgeSpan::of(batch, span))
            });
            let stored_edges: Vec<EdgeSpan<'b>> = stored_edges.collect();
            let total = self.plan.edges.entry(tenant).or_default();
            edges::add_changes(&stored_edges, &new_edges, total);
        }
    }

    /// The spans of a part that are not known yet, and how many are.
    fn new_spans(
        &mut self,
        part: &'b TraceSpans<'b, 'a>,
        tenant: &'b str,
        known: &mut HashSet<SpanHash>,
    ) -> (Vec<u32>, u64) {
        let address = std::ptr::from_ref(part.batch).addr();
        let hasher = self
            .hashers
            .entry((address, tenant))
            .or_insert_with(|| IdentityHasher::new(tenant, part.batch));
        let is_new = |index: &u32| known.insert(hasher.span(&part.batch.spans[*index as usize]));
        let new: Vec<u32> = part.spans.iter().copied().filter(is_new).collect();
        let duplicates = (part.spans.len() - new.len()) as u64;
        (new, duplicates)
    }

    /// Counts one stored span in its series and its operation.
    fn count(&mut self, tenant: &'b str, batch: &'b SpanBatch<'a>, index: u32) {
        let span = &batch.spans[index as usize];
        let service = batch.service_name(batch.resource(span));
        let (operation, kind) = (span.operation_name(), span.kind);
        let minute = span.start - span.start % NANOS_PER_MINUTE;
        let red = self.plan.red.entry(RedKey {
            minute,
            tenant,
            service,
            operation,
            kind,
        });
        let red = red.or_default();
        red.calls += 1;
        red.errors += i64::from(span.status == StatusCode::Error);
        let duration = i64::try_from(span.duration()).unwrap_or(i64::MAX);
        red.duration_sum = red.duration_sum.saturating_add(duration);
        red.histogram.add(span.duration());
        self.plan.seen.insert(Seen {
            day: Day::of(span.start),
            tenant,
            service,
            operation,
            kind,
        });
    }

    /// Splits new spans by day, and days by size.
    fn segments(&mut self, part: &'b TraceSpans<'b, 'a>, tenant: &'b str, new: Vec<u32>) {
        let mut by_day: BTreeMap<Day, Vec<u32>> = BTreeMap::new();
        for index in new {
            let day = Day::of(part.batch.spans[index as usize].start);
            by_day.entry(day).or_default().push(index);
        }
        for (day, spans) in by_day {
            for spans in spans.chunks(MAX_SEGMENT_SPANS) {
                self.plan.segments.push(Segment {
                    day,
                    tenant,
                    trace_id: part.trace_id,
                    received: part.received,
                    completeness: part.completeness,
                    batch: part.batch,
                    spans: spans.to_vec(),
                });
            }
        }
    }
}

fn stored_hashes(tenant: &str, stored: &[SpanBatch<'_>]) -> HashSet<SpanHash> {
    let of_batch = |batch| {
        let hasher = IdentityHasher::new(tenant, batch);
        let hashes: Vec<SpanHash> = batch.spans.iter().map(|span| hasher.span(span)).collect();
        hashes
    };
    stored.iter().flat_map(of_batch).collect()
}
