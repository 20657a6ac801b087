//! Bytes to spans. Bad bytes are an error: never a panic, never more memory than the bytes warrant.

use bumpalo::Bump;
use model::{
    AttributeRef, EventRef, Extent, LinkRef, Repairs, ResourceRef, ScopeRef, SpanBatch, SpanId,
    SpanKind, SpanRef, StatusCode, TraceId, UnixNanos, ValueRef,
};
use zstd::bulk::Decompressor;

use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, MAX_DEPTH, body_fits, head, parent_place, span_id, tag};

/// Decodes what follows the version. The body is decompressed into the arena, where the strings
/// then lie.
pub(in crate::payload) fn decode<'a>(
    payload: &[u8],
    arena: &'a Bump,
    zstd: &mut Decompressor<'_>,
) -> Result<SpanBatch<'a>, DecodeError> {
    let mut cursor = Cursor(payload);
    let body_len = cursor.number()? as usize;
    let ids_len = cursor.count()?;
    let ids = Cursor(cursor.bytes(ids_len)?);
    if !body_fits(body_len, cursor.0.len()) {
        return Err(DecodeError::Impossible("body length"));
    }
    let body = arena.alloc_slice_fill_copy(body_len, 0u8);
    let written = zstd
        .decompress_to_buffer(cursor.0, &mut *body)
        .map_err(DecodeError::Decompress)?;
    if written != body_len {
        return Err(DecodeError::Impossible("body length"));
    }
    Decoder::new(Cursor(body), ids).decode()
}

/// Keys and types of a list of attributes.
struct Shape<'a> {
    keys: Vec<(&'a str, u8)>,
    /// Whether its values may hold attributes of their own.
    nested: bool,
}

struct Decoder<'a, 'p> {
    body: Cursor<'a>,
    ids: Cursor<'p>,
    strings: Vec<&'a str>,
    shapes: Vec<Shape<'a>>,
    batch: SpanBatch<'a>,
}

impl<'a, 'p> Decoder<'a, 'p> {
    fn new(body: Cursor<'a>, ids: Cursor<'p>) -> Self {
        Self {
            body,
            ids,
            strings: Vec::new(),
            shapes: Vec::new(),
            batch: SpanBatch::default(),
        }
    }

    fn decode(mut self) -> Result<SpanBatch<'a>, DecodeError> {
        let trace = TraceId::new(self.ids.array()?).ok_or(DecodeError::Impossible("trace id"))?;
        self.strings()?;
        self.shapes()?;
        for _ in 0..self.body.count()? {
            let resource = self.resource()?;
            self.batch.resources.push(resource);
        }
        for _ in 0..self.body.count()? {
            let scope = self.scope()?;
            self.batch.scopes.push(scope);
        }
        self.spans(trace)?;
        if self.body.0.is_empty() && self.ids.0.is_empty() {
            Ok(self.batch)
        } else {
            Err(DecodeError::Impossible("length"))
        }
    }

    fn strings(&mut self) -> Result<(), DecodeError> {
        let count = self.body.count()?;
        let mut lengths = self.body;
        let mut total = 0usize;
        for _ in 0..count {
            total = total.saturating_add(self.body.number()? as usize);
        }
        let text = std::str::from_utf8(self.body.bytes(total)?);
        let text = text.map_err(|_| DecodeError::Impossible("text"))?;
        self.strings.reserve_exact(count);
        let mut start = 0;
        for _ in 0..count {
            let end = start + lengths.number()? as usize;
            let string = text.get(start..end);
            self.strings
                .push(string.ok_or(DecodeError::Impossible("text"))?);
            start = end;
        }
        Ok(())
    }

    fn shapes(&mut self) -> Result<(), DecodeError> {
        for _ in 0..self.body.count()? {
            let count = self.body.count()?;
            let mut keys = Vec::with_capacity(count);
            for _ in 0..count {
                keys.push((self.string()?, self.body.byte()?));
            }
            let nested = keys.iter().any(|(_, tag)| *tag >= tag::ARRAY);
            self.shapes.push(Shape { keys, nested });
        }
        Ok(())
    }

    fn string(&mut self) -> Result<&'a str, DecodeError> {
        let number = self.body.number()? as usize;
        let found = self.strings.get(number).copied();
        found.ok_or(DecodeError::Impossible("string"))
    }

    fn resource(&mut self) -> Result<ResourceRef<'a>, DecodeError> {
        Ok(ResourceRef {
            attributes: self.list(0)?,
            dropped_attributes: self.body.small()?,
            schema_url: self.string()?,
        })
    }

    fn scope(&mut self) -> Result<ScopeRef<'a>, DecodeError> {
        let resource = self.body.small()?;
        if resource as usize >= self.batch.resources.len() {
            return Err(DecodeError::Impossible("resource"));
        }
        Ok(ScopeRef {
            resource,
            name: self.string()?,
            version: self.string()?,
            attributes: self.list(0)?,
            dropped_attributes: self.body.small()?,
            schema_url: self.string()?,
        })
    }

    fn spans(&mut self, trace: TraceId) -> Result<(), DecodeError> {
        let count = self.body.count()?;
        let base = self.body.number()?;
        let mut ids = Cursor(self.ids.bytes(count.saturating_mul(SpanId::LEN))?);
        let all = ids;
        self.batch.spans.reserve_exact(count);
        for place in 0..count {
            let id = span_id(&mut ids)?;
            let span = self.span(trace, id, base, place, &all)?;
            self.batch.spans.push(span);
        }
        Ok(())
    }

    fn span(
        &mut self,
        trace_id: TraceId,
        span_id: SpanId,
        base: UnixNanos,
        place: usize,
        all: &Cursor<'p>,
    ) -> Result<SpanRef<'a>, DecodeError> {
        let scope = self.body.small()?;
        if scope as usize >= self.batch.scopes.len() {
            return Err(DecodeError::Impossible("scope"));
        }
        let head = self.body.byte()?;
        let kind = SpanKind::from_number(i64::from(head & head::KIND));
        let status = StatusCode::from_number(i64::from(head >> head::STATUS_SHIFT & head::STATUS));
        let name = self.string()?;
        let (parent_span_id, origin) = self.parent(base, place, all)?;
        let start = origin.wrapping_add(self.body.signed()? as u64);
        let end = start.wrapping_add(self.body.signed()? as u64);
        let mut span = SpanRef {
            scope,
            trace_id,
            span_id,
            parent_span_id,
            trace_state: "",
            flags: self.body.small()?,
            name,
            kind: kind.ok_or(DecodeError::Impossible("kind"))?,
            start,
            end,
            attributes: self.list(0)?,
            dropped_attributes: 0,
            events: Extent::default(),
            dropped_events: 0,
            links: Extent::default(),
            dropped_links: 0,
            status: status.ok_or(DecodeError::Impossible("status"))?,
            status_message: "",
            repairs: Repairs::NONE,
        };
        self.optional(head, &mut span)?;
        Ok(span)
    }

    /// The parent's id, and the time that the start is relative to.
    fn parent(
        &mut self,
        base: UnixNanos,
        place: usize,
        all: &Cursor<'p>,
    ) -> Result<(Option<SpanId>, UnixNanos), DecodeError> {
        let at = match self.body.number()? {
            0 => return Ok((None, base)),
            1 => return Ok((Some(span_id(&mut self.ids)?), base)),
            code => parent_place(code, place)?,
        };
        let bad = DecodeError::Impossible("parent");
        let id = at
            .checked_mul(SpanId::LEN)
            .and_then(|start| all.0.get(start..start + SpanId::LEN));
        let id = SpanId::from_slice(id.ok_or(bad)?);
        let id = id.map_err(|_| DecodeError::Impossible("span id"))?;
        let start = self.batch.spans.get(at).map_or(base, |span| span.start);
        Ok((Some(id), start))
    }

    fn optional(&mut self, head: u8, span: &mut SpanRef<'a>) -> Result<(), DecodeError> {
        if head & head::RARE != 0 {
            span.trace_state = self.string()?;
            span.status_message = self.string()?;
            span.dropped_attributes = self.body.small()?;
            span.dropped_events = self.body.small()?;
            span.dropped_links = self.body.small()?;
            span.repairs = Repairs::from_bits(self.body.small()?);
        }
        if head & head::EVENTS != 0 {
            let start = self.batch.events.len();
            for _ in 0..self.body.count()? {
                let event = self.event(span.start)?;
                self.batch.events.push(event);
            }
            span.events = Extent::since(start, self.batch.events.len());
        }
        if head & head::LINKS != 0 {
            let start = self.batch.links.len();
            for _ in 0..self.body.count()? {
                let link = self.link()?;
                self.batch.links.push(link);
            }
            span.links = Extent::since(start, self.batch.links.len());
        }
        Ok(())
    }

    fn event(&mut self, start: UnixNanos) -> Result<EventRef<'a>, DecodeError> {
        Ok(EventRef {
            time: start.wrapping_add(self.body.signed()? as u64),
            name: self.string()?,
            attributes: self.list(0)?,
            dropped_attributes: self.body.small()?,
        })
    }

    fn link(&mut self) -> Result<LinkRef<'a>, DecodeError> {
        let trace = TraceId::new(self.ids.array()?);
        Ok(LinkRef {
            trace_id: trace.ok_or(DecodeError::Impossible("trace id"))?,
            span_id: span_id(&mut self.ids)?,
            trace_state: self.string()?,
            attributes: self.list(0)?,
            dropped_attributes: self.body.small()?,
            flags: self.body.small()?,
        })
    }

    fn list(&mut self, depth: usize) -> Result<Extent, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::Impossible("depth"));
        }
        let number = self.body.number()? as usize;
        let shape = self
            .shapes
            .get(number)
            .ok_or(DecodeError::Impossible("shape"))?;
        let (count, nested) = (shape.keys.len(), shape.nested);
        // Each value takes a byte at least, so that a shape cannot multiply what there is.
        if count > self.body.0.len() {
            return Err(DecodeError::Truncated);
        }
        if nested {
            return self.nested_list(number, count, depth);
        }
        let start = self.batch.attributes.len();
        for index in 0..count {
            let (key, tag) = self.shapes[number].keys[index];
            let value = self.value(tag, depth)?;
            self.batch.attributes.push(AttributeRef { key, value });
        }
        Ok(Extent::since(start, self.batch.attributes.len()))
    }

    /// What its values hold comes to lie before the list itself.
    fn nested_list(
        &mut self,
        number: usize,
        count: usize,
        depth: usize,
    ) -> Result<Extent, DecodeError> {
        let mut own = Vec::with_capacity(count.min(64));
        for index in 0..count {
            let (key, tag) = self.shapes[number].keys[index];
            let value = self.value(tag, depth)?;
            own.push(AttributeRef { key, value });
        }
        let start = self.batch.attributes.len();
        self.batch.attributes.extend(own);
        Ok(Extent::since(start, self.batch.attributes.len()))
    }

    fn value(&mut self, tag: u8, depth: usize) -> Result<ValueRef<'a>, DecodeError> {
        Ok(match tag {
            tag::EMPTY => {
                self.body.byte()?;
                ValueRef::Empty
            }
            tag::STRING => ValueRef::String(self.string()?),
            tag::BOOL => ValueRef::Bool(self.body.byte()? != 0),
            tag::INT => ValueRef::Int(self.body.signed()?),
            tag::DOUBLE => ValueRef::Double(f64::from_le_bytes(self.body.array()?)),
            tag::BYTES => {
                let len = self.body.count()?;
                ValueRef::Bytes(self.body.bytes(len)?)
            }
            tag::ARRAY => ValueRef::Array(self.array(depth)?),
            tag::MAP => ValueRef::Map(self.list(depth + 1)?),
            _ => return Err(DecodeError::Impossible("type")),
        })
    }

    fn array(&mut self, depth: usize) -> Result<Extent, DecodeError> {
        if depth > MAX_DEPTH {
            return Err(DecodeError::Impossible("depth"));
        }
        let count = self.body.count()?;
        let mut own = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let tag = self.body.byte()?;
            own.push(self.value(tag, depth + 1)?);
        }
        let start = self.batch.values.len();
        self.batch.values.extend(own);
        Ok(Extent::since(start, self.batch.values.len()))
    }
}
