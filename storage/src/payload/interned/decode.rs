//! Bytes to spans. Bad bytes are an error: never a panic, never more memory than the bytes and the
//! rows of the dictionary warrant.

use bumpalo::Bump;
use model::{
    EventRef, Extent, LinkRef, Repairs, ResourceRef, ScopeRef, SpanBatch, SpanId, SpanKind,
    SpanRef, StatusCode, TraceId, UnixNanos,
};

use super::order::{NO_PARENT, parents_first};
use super::resource_code;
use super::values::Values;
use crate::payload::dictionary::{Dictionary, Of, SharedResource, own};
use crate::payload::number::signed;
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, Known, head, parent_place, span_id, whole};

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

/// Decodes the spans of a trace from the body, which lies in the arena.
pub(in crate::payload) fn decode<'a, 'p>(
    trace: TraceId,
    header: &Header<'p>,
    body: &'a [u8],
    dictionary: &'a Dictionary,
    known: &'a Known,
    arena: &'a Bump,
) -> Result<SpanBatch<'a>, DecodeError> {
    let mut body = Cursor(body);
    let mut lens = [0; 5];
    for len in &mut lens {
        *len = body.count()?;
    }
    let mut streams = [Cursor(&[]); 5];
    for (stream, len) in streams.iter_mut().zip(lens) {
        *stream = Cursor(body.bytes(len)?);
    }
    let [origins, parents, times, rows, values] = streams;
    let decoder = Decoder {
        trace,
        header: *header,
        known,
        dictionary,
        times,
        batch: SpanBatch::default(),
        values: Values::new(dictionary, arena, rows, values, body, header),
    };
    decoder.decode(origins, parents)
}

struct Decoder<'a, 'p> {
    trace: TraceId,
    header: Header<'p>,
    known: &'a Known,
    dictionary: &'a Dictionary,
    times: Cursor<'a>,
    batch: SpanBatch<'a>,
    values: Values<'a, 'p>,
}

/// Of one span, what lies in streams of its own.
#[derive(Debug, Clone, Copy)]
struct Frame {
    id: SpanId,
    parent: Option<SpanId>,
    start: UnixNanos,
    end: UnixNanos,
}

impl<'a, 'p> Decoder<'a, 'p> {
    fn decode(
        mut self,
        origins: Cursor<'a>,
        parents: Cursor<'a>,
    ) -> Result<SpanBatch<'a>, DecodeError> {
        self.origins(origins)?;
        let frames = self.frames(parents)?;
        self.batch.spans.reserve_exact(frames.len());
        for frame in frames {
            let span = self.span(&frame)?;
            self.batch.spans.push(span);
        }
        let read = self.times.0.is_empty() && self.values.is_read();
        read.then_some(self.batch)
            .ok_or(DecodeError::Impossible("length"))
    }

    fn origins(&mut self, mut from: Cursor<'a>) -> Result<(), DecodeError> {
        let mut named = self.header.named();
        // Resources of the batch, by their number in this segment.
        let mut here: Vec<u32> = Vec::new();
        while !from.0.is_empty() {
            let resource = match from.number()? {
                resource_code::NEW => {
                    let resource = whole::resource(&mut self.values.texts, &mut self.batch)?;
                    here.push(self.push_resource(resource));
                    self.batch.resources.len() as u32 - 1
                }
                resource_code::NAMED => {
                    let name = named.next().ok_or(DecodeError::Impossible("resource"))?;
                    let shared = self.known.resource(name)?;
                    here.push(self.push_shared(shared));
                    self.batch.resources.len() as u32 - 1
                }
                code if code % 2 == resource_code::AGAIN % 2 => {
                    let number = ((code - resource_code::AGAIN) / 2) as usize;
                    let found = here.get(number).copied();
                    found.ok_or(DecodeError::Impossible("resource"))?
                }
                code => {
                    let number = ((code - resource_code::SHARED) / 2) as usize;
                    let shared = self.dictionary.resources.get(number);
                    self.push_shared(shared.ok_or(DecodeError::Impossible("resource"))?)
                }
            };
            let scope = self.scope(from.number()?, resource)?;
            self.batch.scopes.push(scope);
        }
        Ok(())
    }

    fn push_resource(&mut self, resource: ResourceRef<'a>) -> u32 {
        self.batch.resources.push(resource);
        self.batch.resources.len() as u32 - 1
    }

    fn push_shared(&mut self, shared: &'a SharedResource) -> u32 {
        let resource = &shared.resource;
        let attributes = self.batch.push_attributes(&resource.attributes);
        self.push_resource(ResourceRef {
            attributes,
            dropped_attributes: resource.dropped_attributes,
            schema_url: &resource.schema_url,
        })
    }

    fn scope(&mut self, code: u64, resource: u32) -> Result<ScopeRef<'a>, DecodeError> {
        let Some(number) = code.checked_sub(1) else {
            return whole::scope(&mut self.values.texts, resource, &mut self.batch);
        };
        let shared = self.dictionary.scopes.get(number as usize);
        let scope = &shared.ok_or(DecodeError::Impossible("scope"))?.scope;
        Ok(ScopeRef {
            resource,
            name: &scope.name,
            version: &scope.version,
            attributes: self.batch.push_attributes(&scope.attributes),
            dropped_attributes: scope.dropped_attributes,
            schema_url: &scope.schema_url,
        })
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
        let scope = self.values.rows.small()?;
        if scope as usize >= self.batch.scopes.len() {
            return Err(DecodeError::Impossible("origin"));
        }
        let row = self.values.row(Of::Span, &mut self.batch)?;
        let kind = SpanKind::from_number(i64::from(row.head & head::KIND));
        let status = row.head >> head::STATUS_SHIFT & head::STATUS;
        let status = StatusCode::from_number(i64::from(status));
        let mut span = SpanRef {
            scope,
            trace_id: self.trace,
            span_id: frame.id,
            parent_span_id: frame.parent,
            trace_state: "",
            flags: row.flags,
            name: row.name,
            kind: kind.ok_or(DecodeError::Impossible("kind"))?,
            start: frame.start,
            end: frame.end,
            attributes: row.attributes,
            dropped_attributes: 0,
            events: Extent::default(),
            dropped_events: 0,
            links: Extent::default(),
            dropped_links: 0,
            status: status.ok_or(DecodeError::Impossible("status"))?,
            status_message: "",
            repairs: Repairs::NONE,
        };
        self.optional(row.head, &mut span)?;
        Ok(span)
    }

    fn optional(&mut self, head: u8, span: &mut SpanRef<'a>) -> Result<(), DecodeError> {
        if head & head::RARE != 0 {
            span.trace_state = self.values.own_text(own::TRACE_STATE)?;
            span.status_message = self.values.own_text(own::STATUS_MESSAGE)?;
            span.dropped_attributes = self.values.codes.small()?;
            span.dropped_events = self.values.codes.small()?;
            span.dropped_links = self.values.codes.small()?;
            span.repairs = Repairs::from_bits(self.values.codes.small()?);
        }
        if head & head::EVENTS != 0 {
            let start = self.batch.events.len();
            for _ in 0..self.values.codes.count()? {
                let event = self.event(span.start)?;
                self.batch.events.push(event);
            }
            span.events = Extent::since(start, self.batch.events.len());
        }
        if head & head::LINKS != 0 {
            let start = self.batch.links.len();
            for _ in 0..self.values.codes.count()? {
                let link = self.link()?;
                self.batch.links.push(link);
            }
            span.links = Extent::since(start, self.batch.links.len());
        }
        Ok(())
    }

    fn event(&mut self, start: UnixNanos) -> Result<EventRef<'a>, DecodeError> {
        let after = signed(&mut self.values.codes, &mut self.values.bits)?;
        let row = self.values.row(Of::Event, &mut self.batch)?;
        Ok(EventRef {
            time: start.wrapping_add(after as u64),
            name: row.name,
            attributes: row.attributes,
            dropped_attributes: self.values.codes.small()?,
        })
    }

    fn link(&mut self) -> Result<LinkRef<'a>, DecodeError> {
        let trace = TraceId::new(self.values.extra.array()?);
        let span_id = span_id(&mut self.values.extra)?;
        let row = self.values.row(Of::Link, &mut self.batch)?;
        Ok(LinkRef {
            trace_id: trace.ok_or(DecodeError::Impossible("trace id"))?,
            span_id,
            trace_state: self.values.own_text(own::TRACE_STATE)?,
            attributes: row.attributes,
            dropped_attributes: self.values.codes.small()?,
            flags: self.values.codes.small()?,
        })
    }
}
