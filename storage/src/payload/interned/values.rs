//! Rows and values of a payload that is being read.

use bumpalo::Bump;
use model::{AttributeRef, Extent, SpanBatch, ValueRef};

use super::decode::Header;
use super::{row_code, text_code};
use crate::bits::BitReader;
use crate::payload::dictionary::{Dictionary, Entry, NO_COLUMN, Of, Slot, own};
use crate::payload::number::{signed, unsigned};
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, tag, text, whole};

/// The streams that rows and values lie in, and what of them is known by now.
pub(super) struct Values<'a, 'p> {
    dictionary: &'a Dictionary,
    arena: &'a Bump,
    pub(super) rows: Cursor<'a>,
    pub(super) codes: Cursor<'a>,
    pub(super) texts: Cursor<'a>,
    pub(super) extra: Cursor<'p>,
    pub(super) bits: BitReader<'p>,
    known_texts: Vec<&'a str>,
    known_rows: Vec<NewRow<'a>>,
}

/// A row that the dictionary does not have.
#[derive(Debug)]
struct NewRow<'a> {
    of: Of,
    head: u8,
    flags: u32,
    name: &'a str,
    keys: Vec<NewKey<'a>>,
}

#[derive(Debug, Clone, Copy)]
struct NewKey<'a> {
    key: &'a str,
    tag: u8,
    column: u32,
}

/// What a row says.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadRow<'a> {
    pub(super) head: u8,
    pub(super) flags: u32,
    pub(super) name: &'a str,
    pub(super) attributes: Extent,
}

impl<'a, 'p> Values<'a, 'p> {
    pub(super) fn new(
        dictionary: &'a Dictionary,
        arena: &'a Bump,
        rows: Cursor<'a>,
        codes: Cursor<'a>,
        texts: Cursor<'a>,
        header: &Header<'p>,
    ) -> Self {
        let (extra, bits) = header.beside();
        Self {
            dictionary,
            arena,
            rows,
            codes,
            texts,
            extra,
            bits: BitReader::new(bits),
            known_texts: Vec::new(),
            known_rows: Vec::new(),
        }
    }

    /// Whether nothing is left.
    pub(super) fn is_read(&self) -> bool {
        [self.rows, self.codes, self.texts]
            .iter()
            .all(|stream| stream.0.is_empty())
            && self.extra.0.is_empty()
    }

    /// The next row; its attributes go into the batch.
    pub(super) fn row(
        &mut self,
        of: Of,
        batch: &mut SpanBatch<'a>,
    ) -> Result<ReadRow<'a>, DecodeError> {
        match self.rows.number()? {
            row_code::NEW => {
                let row = self.new_row(of)?;
                self.known_rows.push(row);
                self.values_of_new(self.known_rows.len() - 1, of, batch)
            }
            row_code::OTHER => {
                let code = self.rows.number()?;
                match code & 1 {
                    0 => self.values_of_shared(code >> 1, false, of, batch),
                    _ => self.values_of_new((code >> 1) as usize, of, batch),
                }
            }
            code => self.values_of_shared(code - row_code::SHARED, true, of, batch),
        }
    }

    fn new_row(&mut self, of: Of) -> Result<NewRow<'a>, DecodeError> {
        let head = self.rows.byte()?;
        let flags = self.rows.small()?;
        let name = self.own_text(own::NAME)?;
        let count = self.rows.count()?;
        let mut keys = Vec::with_capacity(count.min(64));
        for _ in 0..count {
            let tag = self.rows.byte()?;
            let key = self.own_text(own::KEY)?;
            let column = self.dictionary.column(key, tag);
            keys.push(NewKey { key, tag, column });
        }
        Ok(NewRow {
            of,
            head,
            flags,
            name,
            keys,
        })
    }

    fn values_of_new(
        &mut self,
        number: usize,
        of: Of,
        batch: &mut SpanBatch<'a>,
    ) -> Result<ReadRow<'a>, DecodeError> {
        let bad = DecodeError::Impossible("row");
        let row = self.known_rows.get(number).filter(|row| row.of == of);
        let row = row.ok_or(bad)?;
        let (head, flags, name) = (row.head, row.flags, row.name);
        let count = row.keys.len();
        // Each value takes a byte at least, so that a row cannot multiply what there is.
        if count > self.codes.0.len() + self.texts.0.len() {
            return Err(DecodeError::Truncated);
        }
        let mut list = List::new(row.keys.iter().any(|key| key.tag >= tag::BYTES), batch);
        for place in 0..count {
            let NewKey { key, tag, column } = self.known_rows[number].keys[place];
            let value = self.value(tag, column, batch)?;
            list.push(AttributeRef { key, value }, batch);
        }
        let attributes = list.finish(batch);
        Ok(ReadRow {
            head,
            flags,
            name,
            attributes,
        })
    }

    fn values_of_shared(
        &mut self,
        number: u64,
        as_fixed: bool,
        of: Of,
        batch: &mut SpanBatch<'a>,
    ) -> Result<ReadRow<'a>, DecodeError> {
        let dictionary = self.dictionary;
        let row = usize::try_from(number)
            .ok()
            .and_then(|number| dictionary.rows.get(number));
        let row = row.filter(|row| row.of == of as u8);
        let row = row.ok_or(DecodeError::Impossible("row"))?;
        let mut list = List::new(row.nested, batch);
        for Slot { column, fixed } in &row.slots {
            let of = &dictionary.columns[*column as usize];
            let value = match fixed.filter(|_| as_fixed) {
                Some(number) => fixed_value(&of.entries[number as usize]),
                None => self.value(of.tag, *column, batch)?,
            };
            list.push(
                AttributeRef {
                    key: &of.key,
                    value,
                },
                batch,
            );
        }
        let attributes = list.finish(batch);
        Ok(ReadRow {
            head: row.head,
            flags: row.flags,
            name: &row.name,
            attributes,
        })
    }

    fn value(
        &mut self,
        tag: u8,
        column: u32,
        batch: &mut SpanBatch<'a>,
    ) -> Result<ValueRef<'a>, DecodeError> {
        Ok(match tag {
            tag::EMPTY => {
                self.codes.byte()?;
                ValueRef::Empty
            }
            tag::STRING => ValueRef::String(self.text(column)?),
            tag::BOOL => ValueRef::Bool(self.codes.byte()? != 0),
            tag::INT => ValueRef::Int(self.int(column)?),
            tag::DOUBLE => {
                let bits = unsigned(&mut self.codes, &mut self.bits)?;
                ValueRef::Double(f64::from_bits(bits.swap_bytes()))
            }
            tag::BYTES | tag::ARRAY | tag::MAP => whole::value(&mut self.texts, batch, 0)?,
            _ => return Err(DecodeError::Impossible("type")),
        })
    }

    fn int(&mut self, column: u32) -> Result<i64, DecodeError> {
        let known = self.dictionary.columns.get(column as usize);
        if known.is_some_and(|column| !column.entries.is_empty()) {
            let code = self.codes.small()?;
            if let Some(number) = code.checked_sub(1) {
                return match self.dictionary.entry(column, number) {
                    Some(Entry::Int(value)) => Ok(*value),
                    _ => Err(DecodeError::Impossible("entry")),
                };
            }
        }
        signed(&mut self.codes, &mut self.bits)
    }

    /// A text that is not of an attribute.
    pub(super) fn own_text(&mut self, own: u8) -> Result<&'a str, DecodeError> {
        self.text(self.dictionary.column("", own))
    }

    fn text(&mut self, column: u32) -> Result<&'a str, DecodeError> {
        let text = match self.codes.number()? {
            text_code::LITERAL => {
                let len = self.codes.number()? as usize;
                let text = std::str::from_utf8(self.texts.bytes(len)?);
                text.map_err(|_| DecodeError::Impossible("text"))?
            }
            text_code::UUID => text::uuid(&self.extra.array()?, self.arena)?,
            text_code::HEX => {
                let len = self.codes.number()? as usize;
                text::hex(self.extra.bytes(len)?, self.arena)?
            }
            text_code::AGAIN => {
                let ago = self.codes.number()?;
                let place = (self.known_texts.len() as u64).checked_sub(ago.saturating_add(1));
                let place = place.ok_or(DecodeError::Impossible("text"))?;
                return Ok(self.known_texts[place as usize]);
            }
            code => match self.entry_text(column, code - text_code::ENTRY)? {
                Text::Entry(text) => return Ok(text),
                Text::Filled(text) => text,
            },
        };
        self.known_texts.push(text);
        Ok(text)
    }

    fn entry_text(&mut self, column: u32, number: u64) -> Result<Text<'a>, DecodeError> {
        let bad = DecodeError::Impossible("entry");
        if column == NO_COLUMN {
            return Err(bad);
        }
        let number = u32::try_from(number).map_err(|_| DecodeError::Impossible("entry"))?;
        match self.dictionary.entry(column, number).ok_or(bad)? {
            Entry::Text(text) => Ok(Text::Entry(text)),
            Entry::Template(template) => {
                let next = || unsigned(&mut self.codes, &mut self.bits);
                Ok(Text::Filled(text::fill(template, self.arena, next)?))
            }
            _ => Err(DecodeError::Impossible("entry")),
        }
    }
}

enum Text<'a> {
    /// An entry as it is: not a text of the segment.
    Entry(&'a str),
    Filled(&'a str),
}

fn fixed_value(entry: &Entry) -> ValueRef<'_> {
    match entry {
        Entry::Text(text) | Entry::Template(text) => ValueRef::String(text),
        Entry::Bool(value) => ValueRef::Bool(*value),
        Entry::Int(number) => ValueRef::Int(*number),
        Entry::Double(bits) => ValueRef::Double(f64::from_bits(*bits)),
    }
}

/// Attributes of one owner: neighbours, though what they hold may come to lie before them.
struct List<'a> {
    start: usize,
    own: Option<Vec<AttributeRef<'a>>>,
}

impl<'a> List<'a> {
    fn new(nested: bool, batch: &SpanBatch<'a>) -> Self {
        Self {
            start: batch.attributes.len(),
            own: nested.then(Vec::new),
        }
    }

    fn push(&mut self, attribute: AttributeRef<'a>, batch: &mut SpanBatch<'a>) {
        match &mut self.own {
            Some(own) => own.push(attribute),
            None => batch.attributes.push(attribute),
        }
    }

    fn finish(self, batch: &mut SpanBatch<'a>) -> Extent {
        let start = match self.own {
            None => self.start,
            Some(own) => {
                let start = batch.attributes.len();
                batch.attributes.extend(own);
                start
            }
        };
        Extent::since(start, batch.attributes.len())
    }
}
