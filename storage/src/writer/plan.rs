//! What a batch holds: its traces by day, each span once, the locks and days it needs. Pure.

use std::collections::{BTreeSet, HashMap, HashSet};

use model::{IdentityHasher, NANOS_PER_MINUTE, SpanBatch, SpanHash, TraceId, UnixNanos};

use crate::summary::KnownTrace;
use crate::tally::{TallyRows, TenantSpans};
use crate::{Day, ProgressStep, TraceSpans, WriteBatch, Written, slot};

/// A span this near to midnight may have its twin or its parent on the other side.
const NEAR_MIDNIGHT: u64 = 60 * NANOS_PER_MINUTE;

/// Most spans of a segment.
const MAX_SPANS: usize = 8_192;
/// Spans that fit into a segment whatever their size, which is at most some MiB each.
const FEW_SPANS: usize = 32;
/// Where a segment is cut, in bytes of its texts.
const MAX_TEXT: usize = 8 << 20;

/// Spans of one trace within one day: one segment.
#[derive(Debug)]
pub(super) struct Part {
    /// Index in the batch's traces.
    pub(super) of: usize,
    /// Number of the trace: parts of one trace share it.
    pub(super) trace: usize,
    pub(super) day: Day,
    /// Indices in the span batch.
    pub(super) spans: Vec<u32>,
    pub(super) hashes: Vec<SpanHash>,
}

/// A batch, looked through.
#[derive(Debug)]
pub(super) struct Plan<'b, 'a> {
    batch: WriteBatch<'b, 'a>,
    parts: Vec<Part>,
    traces: Vec<(&'b str, TraceId)>,
    steps: Vec<(usize, &'b ProgressStep)>,
    slots: Vec<i32>,
    days: BTreeSet<Day>,
    searched: BTreeSet<Day>,
    /// By index of the source, the last one being of spans without a source, and by tenant.
    counts: Vec<HashMap<&'b str, TenantSpans>>,
}

impl<'b, 'a> Plan<'b, 'a> {
    pub(super) fn new(batch: WriteBatch<'b, 'a>) -> Self {
        let mut plan = Self {
            batch,
            parts: Vec::with_capacity(batch.traces.len()),
            traces: Vec::with_capacity(batch.traces.len()),
            steps: batch.progress.iter().enumerate().collect(),
            slots: Vec::new(),
            days: BTreeSet::new(),
            searched: BTreeSet::new(),
            counts: vec![HashMap::new(); batch.progress.len() + 1],
        };
        plan.steps.sort_by(|a, b| a.1.source.cmp(&b.1.source));
        plan.split();
        plan.slots = plan.traces.iter().map(|(_, id)| slot::slot(*id)).collect();
        plan.slots.sort_unstable();
        plan.slots.dedup();
        plan
    }

    fn split(&mut self) {
        let mut numbers: HashMap<(&'b str, TraceId), usize> = HashMap::new();
        let mut seen: HashSet<SpanHash> = HashSet::new();
        // Many traces may lie in one span batch: what its spans share is hashed once.
        let mut hashers: HashMap<(usize, &'b str), IdentityHasher<'b, 'a>> = HashMap::new();
        for (of, spans) in self.batch.traces.iter().enumerate() {
            let tenant = spans.tenant.as_str();
            let place = std::ptr::from_ref(spans.batch).addr();
            let hasher = hashers
                .entry((place, tenant))
                .or_insert_with(|| IdentityHasher::new(tenant, spans.batch));
            let trace = *numbers.entry((tenant, spans.trace_id)).or_insert_with(|| {
                self.traces.push((tenant, spans.trace_id));
                self.traces.len() - 1
            });
            let mut open = OpenParts::new(of, trace);
            let mut duplicate = 0;
            for &index in spans.spans {
                let span = &spans.batch.spans[index as usize];
                let hash = hasher.span(span);
                if seen.insert(hash) {
                    self.note_days(span.start);
                    open.add(spans.batch, index, hash, &mut self.parts);
                } else {
                    duplicate += 1;
                }
            }
            self.parts.append(&mut open.parts);
            self.count(spans).duplicate += duplicate;
        }
    }

    fn count(&mut self, spans: &TraceSpans<'b, 'a>) -> &mut TenantSpans {
        let source = self.source(spans);
        self.counts[source]
            .entry(spans.tenant.as_str())
            .or_default()
    }

    fn note_days(&mut self, start: UnixNanos) {
        let day = Day::of(start);
        self.days.insert(day);
        self.searched.insert(day);
        self.searched
            .insert(Day::of(start.saturating_sub(NEAR_MIDNIGHT)));
        self.searched
            .insert(Day::of(start.saturating_add(NEAR_MIDNIGHT)));
    }

    fn source(&self, spans: &TraceSpans<'_, '_>) -> usize {
        let last = self.counts.len() - 1;
        spans.source.map_or(last, |source| source.min(last))
    }

    /// Takes out the spans that are stored already, and counts what is left as stored.
    pub(super) fn drop_known(&mut self, known: &Known) {
        let mut parts = std::mem::take(&mut self.parts);
        for part in &mut parts {
            let before = part.spans.len();
            if let Some(known) = &known[part.trace] {
                part.retain(|hash| !known.holds(hash));
            }
            let spans = &self.batch.traces[part.of];
            let counts = self.count(spans);
            counts.duplicate += (before - part.spans.len()) as u64;
            counts.stored += part.spans.len() as u64;
        }
        parts.retain(|part| !part.spans.is_empty());
        // Segments of one day are neighbours, in numbers and in the table.
        parts.sort_by_key(|part| part.day);
        self.parts = parts;
    }

    /// Whether these are spans that are read once more, or were made long ago.
    pub(super) fn is_replayed(&self) -> bool {
        self.steps.iter().any(|(_, step)| !step.source.is_live())
    }

    /// Days that spans start on.
    pub(super) fn days(&self) -> &BTreeSet<Day> {
        &self.days
    }

    /// Days on which stored spans of the traces are looked for.
    pub(super) fn searched(&self) -> &BTreeSet<Day> {
        &self.searched
    }

    /// Slots of the traces, ascending.
    pub(super) fn slots(&self) -> &[i32] {
        &self.slots
    }

    /// The traces, each once, by number.
    pub(super) fn traces(&self) -> &[(&'b str, TraceId)] {
        &self.traces
    }

    /// What is to be written, by day.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }

    /// What a part is of.
    pub(super) fn of(&self, part: &Part) -> &'b TraceSpans<'b, 'a> {
        &self.batch.traces[part.of]
    }

    /// Progress by source.
    pub(super) fn steps(&self) -> impl Iterator<Item = &'b ProgressStep> {
        self.steps.iter().map(|(_, step)| *step)
    }

    /// Progress by source, with what became of its records and spans.
    pub(super) fn steps_with_tallies(
        &self,
    ) -> impl Iterator<Item = (&'b ProgressStep, TallyRows<'b>)> {
        let tallies = |source: usize, step: &'b ProgressStep| {
            let spans = self.counts[source].iter().map(|(tenant, n)| (*tenant, *n));
            TallyRows::new(&step.tenants, spans)
        };
        self.steps
            .iter()
            .map(move |(source, step)| (*step, tallies(*source, step)))
    }

    /// What became of spans that came without a source.
    pub(super) fn sourceless_tallies(&self) -> TallyRows<'b> {
        let last = self.counts.last().into_iter().flatten();
        TallyRows::new(&[], last.map(|(tenant, spans)| (*tenant, *spans)))
    }

    /// What the transaction does.
    pub(super) fn written(&self, segments: u64) -> Written {
        let mut written = Written {
            segments,
            ..Written::default()
        };
        for counts in self.counts.iter().flat_map(HashMap::values) {
            written.spans_stored += counts.stored;
            written.spans_duplicate += counts.duplicate;
        }
        written
    }
}

/// Stored spans by number of the trace.
pub(super) type Known = Vec<Option<KnownTrace>>;

impl Part {
    fn retain(&mut self, keep: impl Fn(SpanHash) -> bool) {
        let kept = self.hashes.iter().map(|hash| keep(*hash));
        let mut kept = kept.collect::<Vec<_>>().into_iter();
        self.spans.retain(|_| kept.next().unwrap_or(true));
        self.hashes.retain(|hash| keep(*hash));
    }
}

/// Parts of one trace that still grow: one a day.
struct OpenParts {
    of: usize,
    trace: usize,
    parts: Vec<Part>,
    text: HashMap<Day, usize>,
}

impl OpenParts {
    fn new(of: usize, trace: usize) -> Self {
        Self {
            of,
            trace,
            parts: Vec::new(),
            text: HashMap::new(),
        }
    }

    fn add(&mut self, batch: &SpanBatch<'_>, index: u32, hash: SpanHash, full: &mut Vec<Part>) {
        let day = Day::of(batch.spans[index as usize].start);
        let at = match self.parts.iter().position(|part| part.day == day) {
            Some(at) => at,
            None => {
                self.parts.push(self.empty(day));
                self.parts.len() - 1
            }
        };
        self.parts[at].spans.push(index);
        self.parts[at].hashes.push(hash);
        if self.is_full(at, batch, index) {
            self.text.remove(&day);
            full.push(self.parts.swap_remove(at));
        }
    }

    fn empty(&self, day: Day) -> Part {
        Part {
            of: self.of,
            trace: self.trace,
            day,
            spans: Vec::new(),
            hashes: Vec::new(),
        }
    }

    /// Few spans are not worth measuring.
    fn is_full(&mut self, at: usize, batch: &SpanBatch<'_>, index: u32) -> bool {
        let part = &self.parts[at];
        if part.spans.len() < FEW_SPANS {
            return false;
        }
        let text = self.text.entry(part.day).or_default();
        *text += text_of(batch, index);
        part.spans.len() >= MAX_SPANS || *text > MAX_TEXT
    }
}

/// Bytes of the texts of a span, roughly: those of its own and its events' attributes.
fn text_of(batch: &SpanBatch<'_>, index: u32) -> usize {
    let span = &batch.spans[index as usize];
    let events = batch.events(span).iter().map(|event| event.attributes);
    let lists = events.chain(std::iter::once(span.attributes));
    let of_value = |value: &model::ValueRef<'_>| match value {
        model::ValueRef::String(text) => text.len(),
        model::ValueRef::Bytes(bytes) => bytes.len(),
        // Nested values are limited as a whole: taken at that limit's order.
        model::ValueRef::Array(_) | model::ValueRef::Map(_) => 1 << 10,
        _ => 8,
    };
    let of_list = |list| {
        let values = batch.attributes(list).iter().map(|a| of_value(&a.value));
        values.sum::<usize>()
    };
    lists.map(of_list).sum()
}
