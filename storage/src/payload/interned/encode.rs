//! Spans to bytes.

use std::sync::Arc;

use model::{SpanBatch, SpanRef, UnixNanos};
use zstd::bulk::Compressor;

use super::order::{NO_PARENT, Ordering};
use super::origins::Stranger;
use super::segment::{RowOf, Segment};
use super::{MAGIC, VERSION};
use crate::bits::BitWriter;
use crate::payload::dictionary::{Dictionary, Of, SharedResource, own};
use crate::payload::intern::{HashedMap, Interner};
use crate::payload::number::put_signed;
use crate::payload::varint::put;
use crate::payload::{EncodeError, Known, MAX_BODY, head, head_of, id_number, parent_code};

/// What a writer refers to.
#[derive(Debug, Clone)]
pub(crate) struct Words {
    /// The dictionary.
    pub(crate) dictionary: Arc<Dictionary>,
    /// Resources by their names, beside those of the dictionary.
    pub(crate) named: Arc<HashedMap<Arc<SharedResource>>>,
}

impl Default for Words {
    fn default() -> Self {
        Self {
            dictionary: Arc::new(Dictionary::empty()),
            named: Arc::default(),
        }
    }
}

impl Words {
    /// All that a payload may refer to that was written with these words.
    pub(crate) fn known(&self) -> Known {
        let mut known = Known::default();
        let name = self.dictionary.name();
        known.dictionaries.insert(name, self.dictionary.clone());
        known.resources = HashedMap::clone(&self.named);
        known
    }
}

/// Encodes one segment after the other, keeping its memory.
pub(crate) struct Encoder<'w> {
    pub(super) words: &'w Words,
    compressor: Compressor<'w>,
    pub(super) segment: Segment<'w>,
    /// Number of a batch's scope in this segment.
    pub(super) scope_numbers: HashedMap<u32>,
    /// Number of an origin by resource and scope.
    pub(super) origins: Interner,
    /// Resources that lie in this segment.
    pub(super) written: Interner,
    /// Index in the segment of the first span with this id.
    places: HashedMap<u32>,
    parents: Vec<u32>,
    ordering: Ordering,
    /// What the start of each span is told from.
    told_from: Vec<UnixNanos>,
    ids: Vec<u8>,
    pub(super) bytes: Vec<u8>,
    body: Vec<u8>,
    frame: Vec<u8>,
    pub(super) referenced: HashedMap<()>,
    pub(super) strangers: HashedMap<Stranger>,
}

impl<'w> Encoder<'w> {
    /// An encoder that refers to these words, at this level of zstd where they have no dictionary
    /// of zstd.
    pub(crate) fn new(words: &'w Words, level: i32) -> Result<Self, EncodeError> {
        let compressor = match &words.dictionary.compressing {
            Some(prepared) => Compressor::with_prepared_dictionary(prepared),
            None => Compressor::new(level),
        };
        let mut compressor = compressor.map_err(EncodeError::Compress)?;
        let plain = [
            compressor.include_contentsize(false),
            compressor.include_dictid(false),
            compressor.include_checksum(false),
        ];
        let plain: Result<(), _> = plain.into_iter().collect();
        plain.map_err(EncodeError::Compress)?;
        Ok(Self {
            words,
            compressor,
            segment: Segment::new(&words.dictionary),
            scope_numbers: HashedMap::default(),
            origins: Interner::default(),
            written: Interner::default(),
            places: HashedMap::default(),
            parents: Vec::new(),
            ordering: Ordering::default(),
            told_from: Vec::new(),
            ids: Vec::new(),
            bytes: Vec::new(),
            body: Vec::new(),
            frame: Vec::new(),
            referenced: HashedMap::default(),
            strangers: HashedMap::default(),
        })
    }

    /// Names of the resources, beside those of the dictionary, that payloads refer to so far.
    pub(crate) fn referenced(&self) -> impl Iterator<Item = u64> {
        self.referenced.keys().copied()
    }

    /// Resources that were written out so far.
    pub(crate) fn into_strangers(self) -> Vec<Stranger> {
        self.strangers.into_values().collect()
    }

    /// Appends the payload of these spans, which all belong to one trace, to `out`.
    pub(crate) fn encode(
        &mut self,
        batch: &SpanBatch<'_>,
        spans: &[u32],
        out: &mut Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.make_body(batch, spans)?;
        self.put_payload(spans.len(), out)
    }

    /// The body of these spans, before it is compressed.
    pub(crate) fn body(
        &mut self,
        batch: &SpanBatch<'_>,
        spans: &[u32],
    ) -> Result<&[u8], EncodeError> {
        self.make_body(batch, spans)?;
        Ok(&self.body)
    }

    fn make_body(&mut self, batch: &SpanBatch<'_>, spans: &[u32]) -> Result<(), EncodeError> {
        self.clear();
        for (place, &index) in spans.iter().enumerate() {
            let id = &batch.spans[index as usize].span_id;
            self.ids.extend_from_slice(id.as_bytes());
            self.places.entry(id_number(id)).or_insert(place as u32);
        }
        self.put_parents(batch, spans);
        self.put_times(batch, spans);
        // New resources and scopes come before all other texts.
        for &index in spans {
            self.origin(batch, batch.spans[index as usize].scope)?;
        }
        for &index in spans {
            self.put_span(batch, &batch.spans[index as usize])?;
        }
        self.join_streams()
    }

    fn clear(&mut self) {
        self.segment.clear();
        self.scope_numbers.clear();
        self.origins.clear();
        self.written.clear();
        self.places.clear();
        self.parents.clear();
        self.ids.clear();
        self.body.clear();
    }

    fn put_parents(&mut self, batch: &SpanBatch<'_>, spans: &[u32]) {
        for (place, &index) in spans.iter().enumerate() {
            let id = batch.spans[index as usize].parent_span_id;
            let parent = id.map(|id| {
                let at = self.places.get(&id_number(&id)).copied();
                if at.is_none() {
                    self.segment.extra.extend_from_slice(id.as_bytes());
                }
                at
            });
            self.parents.push(parent.flatten().unwrap_or(NO_PARENT));
            put(parent_code(parent, place), &mut self.segment.parents);
        }
    }

    fn put_times(&mut self, batch: &SpanBatch<'_>, spans: &[u32]) {
        let of = |place: usize| &batch.spans[spans[place] as usize];
        let base = (0..spans.len()).map(|place| of(place).start).min();
        let base: UnixNanos = base.unwrap_or_default();
        self.told_from.clear();
        self.told_from.resize(spans.len(), base);
        for &at in self.ordering.parents_first(&self.parents) {
            let parent = self.parents[at as usize];
            self.told_from[at as usize] = of(parent as usize).start;
        }
        let Segment { times, bits, .. } = &mut self.segment;
        put(base, times);
        for (place, &told_from) in self.told_from.iter().enumerate() {
            let span = of(place);
            put_signed(span.start.wrapping_sub(told_from) as i64, times, bits);
            put_signed(span.end.wrapping_sub(span.start) as i64, times, bits);
        }
    }

    fn put_span(&mut self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> Result<(), EncodeError> {
        let origin = self.origin(batch, span.scope)?;
        put(u64::from(origin), &mut self.segment.rows);
        let row = RowOf {
            of: Of::Span,
            head: head_of(span),
            flags: span.flags,
            name: span.name,
        };
        self.segment
            .put_row(batch, row, batch.attributes(span.attributes))?;
        if row.head & head::RARE != 0 {
            self.put_rare(span);
        }
        self.put_events(batch, span)?;
        self.put_links(batch, span)
    }

    fn put_rare(&mut self, span: &SpanRef<'_>) {
        self.segment
            .put_own_text(own::TRACE_STATE, span.trace_state);
        self.segment
            .put_own_text(own::STATUS_MESSAGE, span.status_message);
        for number in [
            span.dropped_attributes,
            span.dropped_events,
            span.dropped_links,
            span.repairs.bits(),
        ] {
            put(u64::from(number), &mut self.segment.values);
        }
    }

    fn put_events(&mut self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> Result<(), EncodeError> {
        if span.events.len == 0 {
            return Ok(());
        }
        let segment = &mut self.segment;
        put(u64::from(span.events.len), &mut segment.values);
        for event in &batch.events[span.events.range()] {
            let after = event.time.wrapping_sub(span.start) as i64;
            put_signed(after, &mut segment.values, &mut segment.bits);
            let row = RowOf {
                of: Of::Event,
                head: 0,
                flags: 0,
                name: event.name,
            };
            segment.put_row(batch, row, batch.attributes(event.attributes))?;
            put(u64::from(event.dropped_attributes), &mut segment.values);
        }
        Ok(())
    }

    fn put_links(&mut self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) -> Result<(), EncodeError> {
        if span.links.len == 0 {
            return Ok(());
        }
        let segment = &mut self.segment;
        put(u64::from(span.links.len), &mut segment.values);
        for link in &batch.links[span.links.range()] {
            segment.extra.extend_from_slice(link.trace_id.as_bytes());
            segment.extra.extend_from_slice(link.span_id.as_bytes());
            let row = RowOf {
                of: Of::Link,
                head: 0,
                flags: 0,
                name: "",
            };
            segment.put_row(batch, row, batch.attributes(link.attributes))?;
            segment.put_own_text(own::TRACE_STATE, link.trace_state);
            put(u64::from(link.dropped_attributes), &mut segment.values);
            put(u64::from(link.flags), &mut segment.values);
        }
        Ok(())
    }

    fn join_streams(&mut self) -> Result<(), EncodeError> {
        let streams = self.segment.streams();
        let len: usize = streams.iter().map(|stream| stream.len()).sum();
        if len > MAX_BODY {
            return Err(EncodeError::TooLarge(len));
        }
        for stream in &streams[..streams.len() - 1] {
            put(stream.len() as u64, &mut self.body);
        }
        for stream in streams {
            self.body.extend_from_slice(stream);
        }
        Ok(())
    }

    fn put_payload(&mut self, spans: usize, out: &mut Vec<u8>) -> Result<(), EncodeError> {
        self.frame.clear();
        self.frame
            .reserve(zstd::zstd_safe::compress_bound(self.body.len()));
        self.compressor
            .compress_to_buffer(&self.body, &mut self.frame)
            .map_err(EncodeError::Compress)?;
        let frame = &self.frame[MAGIC.len()..];
        let compressed = frame.len() < self.body.len();
        let bits = std::mem::take(&mut self.segment.bits).finish();
        out.push(VERSION);
        out.extend_from_slice(&self.words.dictionary.name().to_le_bytes());
        put(spans as u64, out);
        put(self.segment.named.len() as u64, out);
        for name in &self.segment.named {
            out.extend_from_slice(&name.to_le_bytes());
        }
        put(self.segment.extra.len() as u64, out);
        put(bits.len() as u64, out);
        put((self.body.len() as u64) << 1 | u64::from(compressed), out);
        out.extend_from_slice(&self.ids);
        out.extend_from_slice(&self.segment.extra);
        out.extend_from_slice(&bits);
        out.extend_from_slice(if compressed { frame } else { &self.body });
        self.segment.bits = BitWriter::after(bits);
        Ok(())
    }
}
