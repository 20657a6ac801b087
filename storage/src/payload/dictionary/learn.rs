//! Learns a dictionary from spans, in two passes: first what occurs how often, then the words.

mod columns;

use model::{AttributeRef, Extent, SpanBatch, SpanRef, ValueRef};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use columns::{Columns, SeenColumn};

use super::open::{MAX_SLOTS, MAX_TEMPLATE};
use super::{Entry, Of, own, put_shape};
use crate::payload::intern::HashedMap;
use crate::payload::varint::put;
use crate::payload::whole::{put_resource, put_scope, put_text};
use crate::payload::{EncodeError, head_of, tag_of, text};

/// Segments that a value, a resource or a scope must occur in.
const MIN_SEGMENTS: u32 = 3;
/// Segments that a row must occur in, and those from which on its values may be taken for fixed.
const MIN_ROW_SEGMENTS: u32 = 2;
const MIN_FIXED_SEGMENTS: u32 = 5;
/// Most rows, resources and scopes.
const MAX_ROWS: usize = 8_192;
const MAX_RESOURCES: usize = 2_048;
const MAX_SCOPES: usize = 512;
/// Longest text that becomes an entry.
const MAX_TEXT: usize = 16 << 10;

/// In how many segments something occurs.
#[derive(Debug, Default, Clone, Copy)]
struct Count {
    segments: u32,
    last: u32,
}

impl Count {
    fn note(&mut self, segment: u32) {
        if self.last != segment {
            self.last = segment;
            self.segments += 1;
        }
    }
}

#[derive(Debug)]
struct SeenBytes {
    bytes: Vec<u8>,
    count: Count,
}

#[derive(Debug)]
struct SeenRow {
    of: u8,
    head: u8,
    flags: u32,
    name: String,
    keys: Vec<(u8, String)>,
    shape: Vec<u8>,
    /// The hash of each value, as long as it has always been the same.
    values: Vec<Option<u64>>,
    count: Count,
}

/// Counts what spans have in common.
#[derive(Debug, Default)]
pub(crate) struct Learner {
    segment: u32,
    resources: HashedMap<SeenBytes>,
    scopes: HashedMap<SeenBytes>,
    rows: HashedMap<SeenRow>,
    values: HashedMap<Count>,
    columns: HashedMap<SeenColumn>,
}

impl Learner {
    /// First pass: counts what a segment holds.
    pub(crate) fn count(&mut self, batch: &SpanBatch<'_>) -> Result<(), EncodeError> {
        self.segment += 1;
        let segment = self.segment;
        let mut bytes = Vec::new();
        for resource in &batch.resources {
            bytes.clear();
            put_resource(batch, resource, &mut bytes)?;
            note_bytes(&mut self.resources, &bytes, segment);
        }
        for scope in &batch.scopes {
            bytes.clear();
            put_scope(batch, scope, &mut bytes)?;
            note_bytes(&mut self.scopes, &bytes, segment);
        }
        each_row(batch, |row| self.count_row(&row));
        each_value(batch, |key, tag, value| {
            if let Some(hash) = value_hash(value) {
                let hash = hash ^ column_hash(key, tag);
                self.values.entry(hash).or_default().note(segment);
            }
        });
        Ok(())
    }

    fn count_row(&mut self, row: &RowIn<'_, '_>) {
        let mut shape = Vec::new();
        let keys = || row.attributes.iter().map(|of| (tag_of(&of.value), of.key));
        put_shape(row.of, row.head, row.flags, row.name, keys(), &mut shape);
        let values = || row.attributes.iter().map(|of| value_hash(&of.value));
        let seen = self.rows.entry(xxh3_64(&shape)).or_insert_with(|| SeenRow {
            of: row.of,
            head: row.head,
            flags: row.flags,
            name: row.name.to_owned(),
            keys: keys().map(|(tag, key)| (tag, key.to_owned())).collect(),
            shape: Vec::new(),
            values: values().collect(),
            count: Count::default(),
        });
        seen.count.note(self.segment);
        for (known, value) in seen.values.iter_mut().zip(values()) {
            if *known != value {
                *known = None;
            }
        }
        if seen.shape.is_empty() {
            seen.shape = shape;
        }
    }

    /// Second pass, over the same segments: gathers the words that occur often enough.
    pub(crate) fn collect(&mut self, batch: &SpanBatch<'_>) {
        self.segment += 1;
        let segment = self.segment;
        let (mut template, mut numbers) = (Vec::new(), Vec::new());
        each_value(batch, |key, tag, value| {
            let Some(hash) = value_hash(value) else {
                return;
            };
            let of = column_hash(key, tag);
            let column = self.columns.entry(of).or_insert_with(|| SeenColumn {
                key: key.to_owned(),
                tag,
                total: 0,
                entries: HashedMap::default(),
            });
            column.total += 1;
            let count = self.values.get(&(hash ^ of)).copied().unwrap_or_default();
            if count.segments >= MIN_SEGMENTS {
                if let Some(entry) = entry(value) {
                    column.entries.entry(hash).or_insert((entry, count));
                }
            } else if let ValueRef::String(text) = value
                && text::cut(text, &mut template, &mut numbers)
                && template.len() <= MAX_TEMPLATE
                && let Ok(text) = std::str::from_utf8(&template)
            {
                // Seeded, so that it is not taken for a text.
                let hash = xxh3_64_with_seed(&template, 1);
                let new = || (Entry::Template(text.into()), Count::default());
                let seen = column.entries.entry(hash).or_insert_with(new);
                seen.1.note(segment);
            }
        });
    }

    /// The bytes of the dictionary, as yet without one of zstd.
    pub(crate) fn words(mut self) -> Vec<u8> {
        let mut rows: Vec<SeenRow> = std::mem::take(&mut self.rows).into_values().collect();
        rows.retain(|row| row.count.segments >= MIN_ROW_SEGMENTS && row.keys.len() <= MAX_SLOTS);
        rows.sort_by(|a, b| {
            let by_count = b.count.segments.cmp(&a.count.segments);
            by_count.then_with(|| a.shape.cmp(&b.shape))
        });
        rows.truncate(MAX_ROWS);
        for row in &rows {
            for (tag, key) in &row.keys {
                let new = || SeenColumn {
                    key: key.clone(),
                    tag: *tag,
                    total: 0,
                    entries: HashedMap::default(),
                };
                self.columns
                    .entry(column_hash(key, *tag))
                    .or_insert_with(new);
            }
        }
        let columns = Columns::new(self.columns);
        let mut out = vec![1];
        put_frequent(self.resources, MAX_RESOURCES, &mut out);
        put_frequent(self.scopes, MAX_SCOPES, &mut out);
        columns.put(&mut out);
        put(rows.len() as u64, &mut out);
        for row in &rows {
            put_row(row, &columns, &mut out);
        }
        out
    }
}

fn note_bytes(seen: &mut HashedMap<SeenBytes>, bytes: &[u8], segment: u32) {
    let new = || SeenBytes {
        bytes: bytes.to_vec(),
        count: Count::default(),
    };
    let seen = seen.entry(xxh3_64(bytes)).or_insert_with(new);
    seen.count.note(segment);
}

fn put_frequent(seen: HashedMap<SeenBytes>, most: usize, out: &mut Vec<u8>) {
    let mut seen: Vec<SeenBytes> = seen.into_values().collect();
    seen.retain(|seen| seen.count.segments >= MIN_SEGMENTS);
    seen.sort_by(|a, b| {
        let by_count = b.count.segments.cmp(&a.count.segments);
        by_count.then_with(|| a.bytes.cmp(&b.bytes))
    });
    seen.truncate(most);
    put(seen.len() as u64, out);
    for SeenBytes { bytes, .. } in &seen {
        put(bytes.len() as u64, out);
        out.extend_from_slice(bytes);
    }
}

fn put_row(row: &SeenRow, columns: &Columns, out: &mut Vec<u8>) {
    out.push(row.of);
    out.push(row.head);
    put(u64::from(row.flags), out);
    put_text(&row.name, out);
    put(row.keys.len() as u64, out);
    for ((tag, key), value) in row.keys.iter().zip(&row.values) {
        let of = column_hash(key, *tag);
        // Every column of a row was added before columns were numbered.
        let column = columns.numbers.get(&of).copied().unwrap_or(0);
        put(u64::from(column), out);
        let fixed = value.filter(|_| row.count.segments >= MIN_FIXED_SEGMENTS);
        let entry = fixed.and_then(|hash| columns.entries.get(&(hash ^ of)));
        put(entry.map_or(0, |number| 1 + u64::from(*number)), out);
    }
}

fn column_hash(key: &str, tag: u8) -> u64 {
    xxh3_64_with_seed(key.as_bytes(), u64::from(tag) + 1)
}

/// The hash of a value that can be an entry.
fn value_hash(value: &ValueRef<'_>) -> Option<u64> {
    match value {
        ValueRef::String(text) => Some(xxh3_64(text.as_bytes())),
        ValueRef::Bool(value) => Some(xxh3_64(&[u8::from(*value)])),
        ValueRef::Int(number) => Some(xxh3_64(&number.to_le_bytes())),
        ValueRef::Double(number) => Some(xxh3_64(&number.to_bits().to_le_bytes())),
        _ => None,
    }
}

fn entry(value: &ValueRef<'_>) -> Option<Entry> {
    match value {
        ValueRef::String(text) if text.len() <= MAX_TEXT => Some(Entry::Text((*text).into())),
        ValueRef::Bool(value) => Some(Entry::Bool(*value)),
        ValueRef::Int(number) => Some(Entry::Int(*number)),
        ValueRef::Double(number) => Some(Entry::Double(number.to_bits())),
        _ => None,
    }
}

struct RowIn<'r, 'a> {
    of: u8,
    head: u8,
    flags: u32,
    name: &'a str,
    attributes: &'r [AttributeRef<'a>],
}

/// Spans, events and links as rows.
fn each_row<'a>(batch: &SpanBatch<'a>, mut visit: impl FnMut(RowIn<'_, 'a>)) {
    let mut row = |of: Of, head, flags, name: &'a str, list: Extent| {
        visit(RowIn {
            of: of as u8,
            head,
            flags,
            name,
            attributes: batch.attributes(list),
        });
    };
    for span in &batch.spans {
        row(
            Of::Span,
            head_of(span),
            span.flags,
            span.name,
            span.attributes,
        );
        for event in batch.events(span) {
            row(Of::Event, 0, 0, event.name, event.attributes);
        }
        for link in batch.links(span) {
            row(Of::Link, 0, 0, "", link.attributes);
        }
    }
}

/// All values that columns may have, with key and type.
fn each_value<'a>(batch: &SpanBatch<'a>, mut visit: impl FnMut(&'a str, u8, &ValueRef<'a>)) {
    for span in &batch.spans {
        own_texts(span, &mut visit);
        for link in batch.links(span) {
            visit("", own::TRACE_STATE, &ValueRef::String(link.trace_state));
        }
    }
    each_row(batch, |row| {
        visit("", own::NAME, &ValueRef::String(row.name));
        for AttributeRef { key, value } in row.attributes {
            visit("", own::KEY, &ValueRef::String(key));
            visit(key, tag_of(value), value);
        }
    });
}

fn own_texts<'a>(span: &SpanRef<'a>, visit: &mut impl FnMut(&'a str, u8, &ValueRef<'a>)) {
    visit("", own::TRACE_STATE, &ValueRef::String(span.trace_state));
    let message = ValueRef::String(span.status_message);
    visit("", own::STATUS_MESSAGE, &message);
}
