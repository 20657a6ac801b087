//! Spans to bytes.

use model::{Extent, ResourceRef, ScopeRef, SpanBatch, SpanRef, TraceId, UnixNanos, ValueRef};
use zstd::bulk::Compressor;

use super::VERSION;
use crate::payload::intern::{HashedMap, Interner};
use crate::payload::varint::{put, put_signed};
use crate::payload::{
    EncodeError, MAX_BODY, MAX_DEPTH, head, head_of, id_number, parent_code, tag_of,
};

/// Encodes one segment after the other, keeping its memory.
pub(crate) struct Encoder {
    compressor: Compressor<'static>,
    strings: Interner,
    shapes: Interner,
    resources: Interner,
    scopes: Interner,
    /// Number of a batch's scope in this segment.
    scope_numbers: HashedMap<u32>,
    /// Index in the segment of the first span with this id.
    places: HashedMap<u32>,
    ids: Vec<u8>,
    spans: Vec<u8>,
    body: Vec<u8>,
}

impl Encoder {
    /// An encoder at this level of zstd.
    pub(crate) fn new(level: i32) -> Result<Self, EncodeError> {
        Ok(Self {
            compressor: Compressor::new(level).map_err(EncodeError::Compress)?,
            strings: Interner::default(),
            shapes: Interner::default(),
            resources: Interner::default(),
            scopes: Interner::default(),
            scope_numbers: HashedMap::default(),
            places: HashedMap::default(),
            ids: Vec::new(),
            spans: Vec::new(),
            body: Vec::new(),
        })
    }

    /// Appends the payload of these spans, which all belong to the trace, to `out`.
    pub(crate) fn encode(
        &mut self,
        trace: TraceId,
        batch: &SpanBatch<'_>,
        spans: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.clear();
        self.ids.extend_from_slice(trace.as_bytes());
        for (place, &index) in spans.iter().enumerate() {
            let id = &batch.spans[index as usize].span_id;
            self.ids.extend_from_slice(id.as_bytes());
            self.places.entry(id_number(id)).or_insert(place as u32);
        }
        self.put_spans(batch, spans)?;
        self.put_body();
        self.put_payload(out)
    }

    fn clear(&mut self) {
        self.strings.clear();
        self.shapes.clear();
        self.resources.clear();
        self.scopes.clear();
        self.scope_numbers.clear();
        self.places.clear();
        self.ids.clear();
        self.spans.clear();
        self.body.clear();
    }

    fn put_body(&mut self) {
        let body = &mut self.body;
        put(self.strings.len() as u64, body);
        self.strings
            .lengths()
            .for_each(|length| put(length as u64, body));
        body.extend_from_slice(self.strings.bytes());
        for table in [&self.shapes, &self.resources, &self.scopes] {
            put(table.len() as u64, body);
            body.extend_from_slice(table.bytes());
        }
        body.extend_from_slice(&self.spans);
    }

    fn put_payload(&mut self, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        if self.body.len() > MAX_BODY {
            return Err(EncodeError::TooLarge(self.body.len()));
        }
        out.push(VERSION);
        put(self.body.len() as u64, out);
        put(self.ids.len() as u64, out);
        out.extend_from_slice(&self.ids);
        let frame = self
            .compressor
            .compress(&self.body)
            .map_err(EncodeError::Compress)?;
        out.extend_from_slice(&frame);
        Ok(())
    }

    fn put_spans(&mut self, batch: &SpanBatch<'_>, spans: &[u32]) -> Result<(), EncodeError> {
        let mut out = std::mem::take(&mut self.spans);
        let of = |index: u32| &batch.spans[index as usize];
        let base = spans.iter().map(|&index| of(index).start).min();
        let base = base.unwrap_or_default();
        put(spans.len() as u64, &mut out);
        put(base, &mut out);
        for (place, &index) in spans.iter().enumerate() {
            let span = of(index);
            let parent = self.parent(span);
            let origin = match parent {
                Some(Some(at)) if (at as usize) < place => of(spans[at as usize]).start,
                _ => base,
            };
            self.put_span(batch, span, place, parent, origin, &mut out)?;
        }
        self.spans = out;
        Ok(())
    }

    /// None: no parent. `Some(None)`: its id was put with the ids. Else its index.
    fn parent(&mut self, span: &SpanRef<'_>) -> Option<Option<u32>> {
        let parent = span.parent_span_id?;
        let place = self.places.get(&id_number(&parent)).copied();
        if place.is_none() {
            self.ids.extend_from_slice(parent.as_bytes());
        }
        Some(place)
    }

    fn put_span(
        &mut self,
        batch: &SpanBatch<'_>,
        span: &SpanRef<'_>,
        place: usize,
        parent: Option<Option<u32>>,
        origin: UnixNanos,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        let scope = self.scope(batch, span.scope)?;
        put(u64::from(scope), out);
        let bits = head_of(span);
        out.push(bits);
        self.put_string(span.name, out);
        put(parent_code(parent, place), out);
        put_signed(span.start.wrapping_sub(origin) as i64, out);
        put_signed(span.end.wrapping_sub(span.start) as i64, out);
        put(u64::from(span.flags), out);
        self.put_list(batch, span.attributes, 0, out)?;
        if bits & head::RARE != 0 {
            self.put_rare(span, out);
        }
        self.put_events(batch, span, out)?;
        self.put_links(batch, span, out)
    }

    fn put_rare(&mut self, span: &SpanRef<'_>, out: &mut Vec<u8>) {
        self.put_string(span.trace_state, out);
        self.put_string(span.status_message, out);
        for number in [
            span.dropped_attributes,
            span.dropped_events,
            span.dropped_links,
            span.repairs.bits(),
        ] {
            put(u64::from(number), out);
        }
    }

    fn put_events(
        &mut self,
        batch: &SpanBatch<'_>,
        span: &SpanRef<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if span.events.len == 0 {
            return Ok(());
        }
        put(u64::from(span.events.len), out);
        for event in &batch.events[span.events.range()] {
            put_signed(event.time.wrapping_sub(span.start) as i64, out);
            self.put_string(event.name, out);
            self.put_list(batch, event.attributes, 0, out)?;
            put(u64::from(event.dropped_attributes), out);
        }
        Ok(())
    }

    fn put_links(
        &mut self,
        batch: &SpanBatch<'_>,
        span: &SpanRef<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if span.links.len == 0 {
            return Ok(());
        }
        put(u64::from(span.links.len), out);
        for link in &batch.links[span.links.range()] {
            self.ids.extend_from_slice(link.trace_id.as_bytes());
            self.ids.extend_from_slice(link.span_id.as_bytes());
            self.put_string(link.trace_state, out);
            self.put_list(batch, link.attributes, 0, out)?;
            put(u64::from(link.dropped_attributes), out);
            put(u64::from(link.flags), out);
        }
        Ok(())
    }

    /// The number of a scope; equal scopes of equal resources share one.
    fn scope(&mut self, batch: &SpanBatch<'_>, index: u32) -> Result<u32, EncodeError> {
        if let Some(&number) = self.scope_numbers.get(&u64::from(index)) {
            return Ok(number);
        }
        let scope: &ScopeRef<'_> = &batch.scopes[index as usize];
        let resource = self.resource(batch, &batch.resources[scope.resource as usize])?;
        let mut bytes = Vec::with_capacity(16);
        put(u64::from(resource), &mut bytes);
        self.put_string(scope.name, &mut bytes);
        self.put_string(scope.version, &mut bytes);
        self.put_list(batch, scope.attributes, 0, &mut bytes)?;
        put(u64::from(scope.dropped_attributes), &mut bytes);
        self.put_string(scope.schema_url, &mut bytes);
        let number = self.scopes.number(&bytes);
        self.scope_numbers.insert(u64::from(index), number);
        Ok(number)
    }

    fn resource(
        &mut self,
        batch: &SpanBatch<'_>,
        resource: &ResourceRef<'_>,
    ) -> Result<u32, EncodeError> {
        let mut bytes = Vec::with_capacity(64);
        self.put_list(batch, resource.attributes, 0, &mut bytes)?;
        put(u64::from(resource.dropped_attributes), &mut bytes);
        self.put_string(resource.schema_url, &mut bytes);
        Ok(self.resources.number(&bytes))
    }

    fn put_string(&mut self, text: &str, out: &mut Vec<u8>) {
        put(u64::from(self.strings.number(text.as_bytes())), out);
    }

    fn put_list(
        &mut self,
        batch: &SpanBatch<'_>,
        list: Extent,
        depth: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        if depth > MAX_DEPTH {
            return Err(EncodeError::TooDeep);
        }
        let attributes = &batch.attributes[list.range()];
        let mut shape = Vec::with_capacity(attributes.len() * 3 + 2);
        put(attributes.len() as u64, &mut shape);
        for attribute in attributes {
            self.put_string(attribute.key, &mut shape);
            shape.push(tag_of(&attribute.value));
        }
        put(u64::from(self.shapes.number(&shape)), out);
        attributes
            .iter()
            .try_for_each(|attribute| self.put_value(batch, &attribute.value, depth, out))
    }

    fn put_value(
        &mut self,
        batch: &SpanBatch<'_>,
        value: &ValueRef<'_>,
        depth: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        match *value {
            ValueRef::Empty => out.push(0),
            ValueRef::String(text) => self.put_string(text, out),
            ValueRef::Bool(value) => out.push(u8::from(value)),
            ValueRef::Int(number) => put_signed(number, out),
            ValueRef::Double(number) => out.extend_from_slice(&number.to_le_bytes()),
            ValueRef::Bytes(bytes) => {
                put(bytes.len() as u64, out);
                out.extend_from_slice(bytes);
            }
            ValueRef::Array(items) => {
                if depth > MAX_DEPTH {
                    return Err(EncodeError::TooDeep);
                }
                put(u64::from(items.len), out);
                for item in &batch.values[items.range()] {
                    out.push(tag_of(item));
                    self.put_value(batch, item, depth + 1, out)?;
                }
            }
            ValueRef::Map(entries) => self.put_list(batch, entries, depth + 1, out)?,
        }
        Ok(())
    }
}
