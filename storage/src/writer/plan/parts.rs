//! Spans that become one segment each, or are dropped together.

use model::{SpanBatch, SpanHash, SpanId};

use crate::Day;

/// Most spans of a segment.
const MAX_SPANS: usize = 8_192;
/// Spans that fit into a segment whatever their size, which is at most some MiB each.
const FEW_SPANS: usize = 32;
/// Where a segment is cut, in bytes of its texts.
const MAX_TEXT: usize = 8 << 20;

/// Spans of one trace within one day: one segment.
#[derive(Debug)]
pub(in crate::writer) struct Part {
    /// Index in the batch's traces.
    pub(in crate::writer) of: usize,
    /// Number of the trace: parts of one trace share it.
    pub(in crate::writer) trace: usize,
    pub(in crate::writer) day: Day,
    /// Indices in the span batch.
    pub(in crate::writer) spans: Vec<u32>,
    pub(in crate::writer) hashes: Vec<SpanHash>,
    /// How many of them, from the first on, were counted when they were dropped.
    pub(super) counted_before: usize,
}

impl Part {
    /// Those that are counted now: by index, and by identity.
    pub(in crate::writer) fn new_spans(&self) -> (&[u32], &[SpanHash]) {
        let from = self.counted_before;
        (&self.spans[from..], &self.hashes[from..])
    }

    /// Those that were counted when they were dropped.
    pub(in crate::writer) fn counted_before(&self) -> impl Iterator<Item = (u32, SpanHash)> {
        let both = self.spans.iter().copied().zip(self.hashes.iter().copied());
        both.take(self.counted_before)
    }

    /// Brings those to the front that were counted before.
    pub(super) fn put_first(
        &mut self,
        batch: &SpanBatch<'_>,
        is_counted: impl Fn(SpanId, SpanHash) -> bool,
    ) {
        let both = self.spans.iter().copied().zip(self.hashes.iter().copied());
        let (first, rest): (Vec<_>, Vec<_>) =
            both.partition(|(index, hash)| is_counted(batch.spans[*index as usize].span_id, *hash));
        self.counted_before = first.len();
        (self.spans, self.hashes) = first.into_iter().chain(rest).unzip();
    }

    /// Keeps some spans.
    pub(super) fn retain(
        &mut self,
        batch: &SpanBatch<'_>,
        keep: impl Fn(SpanId, SpanHash) -> bool,
    ) {
        let both = self.spans.iter().zip(&self.hashes);
        let kept = both.filter(|(index, hash)| keep(batch.spans[**index as usize].span_id, **hash));
        (self.spans, self.hashes) = kept.map(|(index, hash)| (*index, *hash)).unzip();
    }
}

/// Parts of one trace that still grow: one a day.
pub(super) struct OpenParts {
    of: usize,
    trace: usize,
    pub(super) parts: Vec<Part>,
    /// Room for this many spans is taken with each part.
    expected: usize,
    /// Bytes of the texts of each part, once it is worth measuring.
    texts: Vec<usize>,
}

impl OpenParts {
    pub(super) fn new(of: usize, trace: usize, expected: usize) -> Self {
        Self {
            of,
            trace,
            parts: Vec::new(),
            expected: expected.min(MAX_SPANS),
            texts: Vec::new(),
        }
    }

    pub(super) fn add(
        &mut self,
        batch: &SpanBatch<'_>,
        index: u32,
        hash: SpanHash,
        full: &mut Vec<Part>,
    ) {
        let day = Day::of(batch.spans[index as usize].start);
        let at = match self.parts.iter().position(|part| part.day == day) {
            Some(at) => at,
            None => {
                self.parts.push(self.empty(day));
                self.texts.push(0);
                self.parts.len() - 1
            }
        };
        self.parts[at].spans.push(index);
        self.parts[at].hashes.push(hash);
        if self.is_full(at, batch, index) {
            self.texts.swap_remove(at);
            full.push(self.parts.swap_remove(at));
        }
    }

    fn empty(&self, day: Day) -> Part {
        Part {
            of: self.of,
            trace: self.trace,
            day,
            spans: Vec::with_capacity(self.expected),
            hashes: Vec::with_capacity(self.expected),
            counted_before: 0,
        }
    }

    /// Few spans are not worth measuring.
    fn is_full(&mut self, at: usize, batch: &SpanBatch<'_>, index: u32) -> bool {
        let part = &self.parts[at];
        if part.spans.len() < FEW_SPANS {
            return false;
        }
        let text = &mut self.texts[at];
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
