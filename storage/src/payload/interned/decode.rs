//! Bytes to spans. Bad bytes are an error: never a panic, never more memory than the bytes and the
//! rows of the dictionary warrant.

use bumpalo::Bump;
use model::{
    Extent, Repairs, SpanBatch, SpanId, SpanKind, SpanRef, StatusCode, TraceId, UnixNanos,
};

use super::order::{NO_PARENT, parents_first};
use super::places::PassedOrigin;
use super::values::{ReadRow, Values};
use crate::payload::dictionary::{Dictionary, Of};
use crate::payload::number::signed;
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, Known, Lens, head, parent_place, span_id};

/// What comes before the body.
#[derive(Debug, Clone, Copy)]
pub(in crate::payload) struct Header<'p> {
    /// Name of the dictionary; zero for none.
    pub(in crate::payload) dictionary: u64,
    named: Cursor<'p>,
    ids: Cursor<'p>,
    extra: Cursor<'p>,
    bits: &'p [u8],
    /// Length of the body, and whether it is compressed.
    pub(in crate::payload) body_len: usize,
    pub(in crate::payload) compressed: bool,
    /// The body, or its frame.
    pub(in crate::payload) body: &'p [u8],
}

impl<'p> Header<'p> {
    /// Reads what follows the version.
    pub(in crate::payload) fn read(payload: &'p [u8]) -> Result<Self, DecodeError> {
        let mut from = Cursor(payload);
        let dictionary = u64::from_le_bytes(from.array()?);
        let spans = from.count()?;
        let named = from.count()?;
        let named = Cursor(from.bytes(named.saturating_mul(size_of::<u64>()))?);
        let (extra, bits) = (from.count()?, from.count()?);
        let body_code = from.number()?;
        let ids = Cursor(from.bytes(spans.saturating_mul(SpanId::LEN))?);
        let extra = Cursor(from.bytes(extra)?);
        let bits = from.bytes(bits)?;
        Ok(Self {
            dictionary,
            named,
            ids,
            extra,
            bits,
            body_len: (body_code >> 1) as usize,
            compressed: body_code & 1 != 0,
            body: from.0,
        })
    }

    /// What lies beside the body: ids and other bytes, and bits of numbers.
    pub(super) fn beside(&self) -> (Cursor<'p>, &'p [u8]) {
        (self.extra, self.bits)
    }

    /// Bytes between the body code and the body.
    #[cfg(test)]
    pub(in crate::payload) fn beside_len(&self) -> usize {
        self.ids.0.len() + self.extra.0.len() + self.bits.len()
    }

    /// Names of resources, beside those of the dictionary.
    pub(in crate::payload) fn named(&self) -> impl Iterator<Item = u64> + use<'p> {
        let names = self.named.0.as_chunks::<{ size_of::<u64>() }>().0;
        names.iter().map(|name| u64::from_le_bytes(*name))
    }
}

/// What is needed to read a body.
#[derive(Clone, Copy)]
pub(in crate::payload) struct Source<'a, 'p> {
    /// The trace that the spans are of.
    pub(in crate::payload) trace: TraceId,
    pub(in crate::payload) header: Header<'p>,
    /// The body, in the arena.
    pub(in crate::payload) body: &'a [u8],
    pub(in crate::payload) dictionary: &'a Dictionary,
    pub(in crate::payload) known: &'a Known,
    pub(in crate::payload) arena: &'a Bump,
}

/// Decodes the spans of a trace.
pub(in crate::payload) fn decode<'a>(source: Source<'a, '_>) -> Result<SpanBatch<'a>, DecodeError> {
    let (mut decoder, frames) = Decoder::open(source, None)?;
    decoder.batch.spans.reserve_exact(frames.len());
    for frame in &frames {
        let span = decoder.span(frame)?;
        decoder.batch.spans.push(span);
    }
    let read = decoder.times.0.is_empty() && decoder.values.is_read();
    read.then_some(decoder.batch)
        .ok_or(DecodeError::Impossible("length"))
}

/// Reads a body from its begin to its end.
pub(super) struct Decoder<'a, 'p> {
    trace: TraceId,
    pub(super) header: Header<'p>,
    pub(super) known: &'a Known,
    pub(super) dictionary: &'a Dictionary,
    times: Cursor<'a>,
    /// Scopes of the batch that were passed over.
    pub(super) passed: Vec<Option<PassedOrigin<'a>>>,
    /// Resources and scopes, and spans with what belongs to them as far as they were read.
    pub(super) batch: SpanBatch<'a>,
    pub(super) values: Values<'a, 'p>,
}

/// Of one span, what lies in streams of its own.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    id: SpanId,
    parent: Option<SpanId>,
    pub(super) start: UnixNanos,
    end: UnixNanos,
}

impl<'a, 'p> Decoder<'a, 'p> {
    /// Reads resources, scopes, ids and times. Of the rest the lens keeps what it looks at.
    pub(super) fn open(
        source: Source<'a, 'p>,
        lens: Option<&'a Lens>,
    ) -> Result<(Self, Vec<Frame>), DecodeError> {
        let Source {
            trace,
            header,
            known,
            dictionary,
            arena,
            ..
        } = source;
        let mut body = Cursor(source.body);
        let mut lengths = [0; 5];
        for len in &mut lengths {
            *len = body.count()?;
        }
        let mut streams = [Cursor(&[]); 5];
        for (stream, len) in streams.iter_mut().zip(lengths) {
            *stream = Cursor(body.bytes(len)?);
        }
        let [origins, parents, times, rows, codes] = streams;
        let spans = header.ids.0.len() / SpanId::LEN;
        let mut decoder = Self {
            trace,
            header,
            known,
            dictionary,
            times,
            passed: Vec::new(),
            batch: SpanBatch::default(),
            values: Values::new(dictionary, arena, lens, [rows, codes, body], &header, spans),
        };
        decoder.origins(origins, lens.is_some())?;
        let frames = decoder.frames(parents)?;
        Ok((decoder, frames))
    }

    /// Ids, parents and times of all spans: a start may depend on one that comes later.
    fn frames(&mut self, mut from: Cursor<'a>) -> Result<Vec<Frame>, DecodeError> {
        let mut ids = self.header.ids;
        let count = ids.0.len() / SpanId::LEN;
        let mut frames = Vec::with_capacity(count);
        let mut parents = Vec::with_capacity(count);
        for place in 0..count {
            let (parent, external) = match from.number()? {
                0 => (NO_PARENT, None),
                1 => (NO_PARENT, Some(span_id(&mut self.values.extra)?)),
                code => {
                    let at = parent_place(code, place)?;
                    if at >= count {
                        return Err(DecodeError::Impossible("parent"));
                    }
                    (at as u32, None)
                }
            };
            parents.push(parent);
            frames.push(Frame {
                id: span_id(&mut ids)?,
                parent: external,
                start: 0,
                end: 0,
            });
        }
        if !from.0.is_empty() {
            return Err(DecodeError::Impossible("length"));
        }
        self.times(&parents, &mut frames)?;
        for place in 0..count {
            if parents[place] != NO_PARENT {
                frames[place].parent = Some(frames[parents[place] as usize].id);
            }
        }
        Ok(frames)
    }

    fn times(&mut self, parents: &[u32], frames: &mut [Frame]) -> Result<(), DecodeError> {
        let base = self.times.number()?;
        let mut durations = Vec::with_capacity(frames.len());
        for frame in frames.iter_mut() {
            let (times, bits) = (&mut self.times, &mut self.values.bits);
            frame.start = base.wrapping_add(signed(times, bits)? as u64);
            durations.push(signed(times, bits)? as u64);
        }
        for at in parents_first(parents) {
            let parent = frames[parents[at as usize] as usize].start;
            let frame = &mut frames[at as usize];
            frame.start = frame.start.wrapping_sub(base).wrapping_add(parent);
        }
        for (frame, duration) in frames.iter_mut().zip(durations) {
            frame.end = frame.start.wrapping_add(duration);
        }
        Ok(())
    }

    fn span(&mut self, frame: &Frame) -> Result<SpanRef<'a>, DecodeError> {
        let mut span = self.framed(frame);
        let row = self.row_of(&mut span)?;
        span.attributes = self.values.of_row(&row, true, &mut self.batch)?;
        self.optional(row.head, &mut span)?;
        Ok(span)
    }

    /// A span of which no more is known than its frame.
    pub(super) fn framed(&self, frame: &Frame) -> SpanRef<'a> {
        SpanRef {
            scope: 0,
            trace_id: self.trace,
            span_id: frame.id,
            parent_span_id: frame.parent,
            trace_state: "",
            flags: 0,
            name: "",
            kind: SpanKind::Unspecified,
            start: frame.start,
            end: frame.end,
            attributes: Extent::default(),
            dropped_attributes: 0,
            events: Extent::default(),
            dropped_events: 0,
            links: Extent::default(),
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: "",
            repairs: Repairs::NONE,
        }
    }

    /// Reads the span's scope and row, and sets what they say.
    pub(super) fn row_of(&mut self, span: &mut SpanRef<'a>) -> Result<ReadRow<'a>, DecodeError> {
        span.scope = self.values.rows.small()?;
        if span.scope as usize >= self.batch.scopes.len() {
            return Err(DecodeError::Impossible("origin"));
        }
        let row = self.values.row(Of::Span)?;
        let kind = SpanKind::from_number(i64::from(row.head & head::KIND));
        let status = row.head >> head::STATUS_SHIFT & head::STATUS;
        let status = StatusCode::from_number(i64::from(status));
        span.flags = row.flags;
        span.name = row.name;
        span.kind = kind.ok_or(DecodeError::Impossible("kind"))?;
        span.status = status.ok_or(DecodeError::Impossible("status"))?;
        Ok(row)
    }
}
