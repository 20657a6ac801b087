//! The streams of a segment that is being written.

use model::{AttributeRef, SpanBatch, ValueRef};
use xxhash_rust::xxh3::xxh3_64;

use super::{row_code, text_code};
use crate::bits::BitWriter;
use crate::payload::dictionary::{Dictionary, NO_COLUMN, Of, own, put_shape};
use crate::payload::intern::Interner;
use crate::payload::number::{put_signed, put_unsigned};
use crate::payload::text;
use crate::payload::varint::put;
use crate::payload::{EncodeError, tag_of, whole};

/// What was written of a segment so far, and what in it is known by now.
pub(super) struct Segment<'d> {
    dictionary: &'d Dictionary,
    pub(super) named: Vec<u64>,
    pub(super) extra: Vec<u8>,
    pub(super) bits: BitWriter,
    pub(super) origins: Vec<u8>,
    pub(super) parents: Vec<u8>,
    pub(super) times: Vec<u8>,
    pub(super) rows: Vec<u8>,
    pub(super) values: Vec<u8>,
    pub(super) texts: Vec<u8>,
    known_texts: Interner,
    known_rows: Interner,
    /// Columns of all known rows.
    columns: Vec<u32>,
    /// Where those of each known row begin.
    columns_from: Vec<u32>,
    shape: Vec<u8>,
    template: Vec<u8>,
    numbers: Vec<u64>,
}

/// What is said of a span, an event or a link by its row.
#[derive(Debug, Clone, Copy)]
pub(super) struct RowOf<'s> {
    pub(super) of: Of,
    pub(super) head: u8,
    pub(super) flags: u32,
    pub(super) name: &'s str,
}

impl<'d> Segment<'d> {
    pub(super) fn new(dictionary: &'d Dictionary) -> Self {
        Self {
            dictionary,
            named: Vec::new(),
            extra: Vec::new(),
            bits: BitWriter::default(),
            origins: Vec::new(),
            parents: Vec::new(),
            times: Vec::new(),
            rows: Vec::new(),
            values: Vec::new(),
            texts: Vec::new(),
            known_texts: Interner::default(),
            known_rows: Interner::default(),
            columns: Vec::new(),
            columns_from: Vec::new(),
            shape: Vec::new(),
            template: Vec::new(),
            numbers: Vec::new(),
        }
    }

    /// Forgets everything, keeps the memory.
    pub(super) fn clear(&mut self) {
        self.named.clear();
        let mut bits = std::mem::take(&mut self.bits).finish();
        bits.clear();
        self.bits = BitWriter::after(bits);
        for stream in [
            &mut self.extra,
            &mut self.origins,
            &mut self.parents,
            &mut self.times,
            &mut self.rows,
            &mut self.values,
            &mut self.texts,
        ] {
            stream.clear();
        }
        self.known_texts.clear();
        self.known_rows.clear();
        self.columns.clear();
        self.columns_from.clear();
    }

    /// The streams of the body, without their lengths; texts are the last one.
    pub(super) fn streams(&self) -> [&[u8]; 6] {
        [
            &self.origins,
            &self.parents,
            &self.times,
            &self.rows,
            &self.values,
            &self.texts,
        ]
    }

    /// Writes a row, and those of its values that the row does not say.
    pub(super) fn put_row(
        &mut self,
        batch: &SpanBatch<'_>,
        row: RowOf<'_>,
        attributes: &[AttributeRef<'_>],
    ) -> Result<(), EncodeError> {
        self.shape.clear();
        let keys = attributes.iter().map(|of| (tag_of(&of.value), of.key));
        let RowOf {
            of,
            head,
            flags,
            name,
        } = row;
        put_shape(of as u8, head, flags, name, keys, &mut self.shape);
        let hash = xxh3_64(&self.shape);
        if let Some(number) = self.dictionary.row(hash, &self.shape) {
            return self.put_shared_row(batch, number, attributes);
        }
        let known = self.known_rows.find(hash, &self.shape);
        let number = match known {
            Some(number) => {
                put(row_code::OTHER, &mut self.rows);
                put(u64::from(number) << 1 | 1, &mut self.rows);
                number
            }
            None => self.put_new_row(row, attributes, hash),
        };
        let from = self.columns_from[number as usize] as usize;
        for (at, attribute) in (from..).zip(attributes) {
            self.put_value(batch, self.columns[at], &attribute.value)?;
        }
        Ok(())
    }

    fn put_shared_row(
        &mut self,
        batch: &SpanBatch<'_>,
        number: u32,
        attributes: &[AttributeRef<'_>],
    ) -> Result<(), EncodeError> {
        let dictionary = self.dictionary;
        let slots = &dictionary.rows[number as usize].slots;
        let as_fixed = slots.iter().zip(attributes).all(|(slot, attribute)| {
            let entry = slot.fixed.and_then(|n| dictionary.entry(slot.column, n));
            entry.is_none_or(|entry| entry.is(&attribute.value))
        });
        if as_fixed {
            put(row_code::SHARED + u64::from(number), &mut self.rows);
        } else {
            put(row_code::OTHER, &mut self.rows);
            put(u64::from(number) << 1, &mut self.rows);
        }
        for (slot, attribute) in slots.iter().zip(attributes) {
            if !as_fixed || slot.fixed.is_none() {
                self.put_value(batch, slot.column, &attribute.value)?;
            }
        }
        Ok(())
    }

    fn put_new_row(&mut self, row: RowOf<'_>, attributes: &[AttributeRef<'_>], hash: u64) -> u32 {
        put(row_code::NEW, &mut self.rows);
        self.rows.push(row.head);
        put(u64::from(row.flags), &mut self.rows);
        self.put_own_text(own::NAME, row.name);
        put(attributes.len() as u64, &mut self.rows);
        self.columns_from.push(self.columns.len() as u32);
        for attribute in attributes {
            let tag = tag_of(&attribute.value);
            self.rows.push(tag);
            self.put_own_text(own::KEY, attribute.key);
            self.columns
                .push(self.dictionary.column(attribute.key, tag));
        }
        self.known_rows.add(hash, &self.shape)
    }

    /// Writes a text that is not of an attribute.
    pub(super) fn put_own_text(&mut self, own: u8, text: &str) {
        self.put_text(self.dictionary.column("", own), text);
    }

    fn put_value(
        &mut self,
        batch: &SpanBatch<'_>,
        column: u32,
        value: &ValueRef<'_>,
    ) -> Result<(), EncodeError> {
        match *value {
            ValueRef::Empty => self.values.push(0),
            ValueRef::String(text) => self.put_text(column, text),
            ValueRef::Bool(value) => self.values.push(u8::from(value)),
            ValueRef::Int(number) => self.put_int(column, number),
            ValueRef::Double(number) => {
                let bits = number.to_bits().swap_bytes();
                put_unsigned(bits, &mut self.values, &mut self.bits);
            }
            ValueRef::Bytes(_) | ValueRef::Array(_) | ValueRef::Map(_) => {
                whole::put_value(batch, value, 0, &mut self.texts)?;
            }
        }
        Ok(())
    }

    fn put_int(&mut self, column: u32, number: i64) {
        let known = self.dictionary.columns.get(column as usize);
        if known.is_some_and(|column| !column.entries.is_empty()) {
            if let Some(entry) = self.dictionary.int_entry(column, number) {
                put(1 + u64::from(entry), &mut self.values);
                return;
            }
            self.values.push(0);
        }
        put_signed(number, &mut self.values, &mut self.bits);
    }

    fn put_text(&mut self, column: u32, text: &str) {
        let hash = xxh3_64(text.as_bytes());
        if column != NO_COLUMN
            && let Some(entry) = self.dictionary.text_entry(column, hash, text)
        {
            put(text_code::ENTRY + u64::from(entry), &mut self.values);
            return;
        }
        if let Some(known) = self.known_texts.find(hash, text.as_bytes()) {
            put(text_code::AGAIN, &mut self.values);
            let ago = self.known_texts.len() as u64 - 1 - u64::from(known);
            put(ago, &mut self.values);
            return;
        }
        self.known_texts.add(hash, text.as_bytes());
        if column == NO_COLUMN || !self.put_filled_template(column, text) {
            self.put_new_text(text);
        }
    }

    fn put_filled_template(&mut self, column: u32, text: &str) -> bool {
        let dictionary = self.dictionary;
        if !dictionary.columns[column as usize].has_templates
            || !text::cut(text, &mut self.template, &mut self.numbers)
        {
            return false;
        }
        let Some(entry) = dictionary.template_entry(column, &self.template) else {
            return false;
        };
        put(text_code::ENTRY + u64::from(entry), &mut self.values);
        for number in &self.numbers {
            put_unsigned(*number, &mut self.values, &mut self.bits);
        }
        true
    }

    fn put_new_text(&mut self, text: &str) {
        let start = self.extra.len();
        if text::push_uuid(text, &mut self.extra) {
            put(text_code::UUID, &mut self.values);
        } else if text::push_hex(text, &mut self.extra) {
            put(text_code::HEX, &mut self.values);
            put((self.extra.len() - start) as u64, &mut self.values);
        } else {
            put(text_code::LITERAL, &mut self.values);
            put(text.len() as u64, &mut self.values);
            self.texts.extend_from_slice(text.as_bytes());
        }
    }
}
