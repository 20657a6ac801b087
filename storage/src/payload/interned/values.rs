//! Rows and values of a payload that is being read.

use bumpalo::Bump;
use model::{AttributeRef, Extent, SpanBatch, ValueRef};

use super::decode::Header;
use super::row_code;
use super::texts::{KnownText, Unread};
use crate::bits::BitReader;
use crate::payload::dictionary::{Dictionary, Entry, Of, Row, Slot, own};
use crate::payload::number::{signed, unsigned};
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, Lens, tag, whole};

/// The streams that rows and values lie in, and what of them is known by now.
pub(super) struct Values<'a, 'p> {
    pub(super) dictionary: &'a Dictionary,
    pub(super) arena: &'a Bump,
    /// What is kept; everything without one.
    pub(super) lens: Option<&'a Lens>,
    pub(super) rows: Cursor<'a>,
    pub(super) codes: Cursor<'a>,
    pub(super) texts: Cursor<'a>,
    pub(super) extra: Cursor<'p>,
    pub(super) bits: BitReader<'p>,
    pub(super) known_texts: Vec<KnownText<'a>>,
    pub(super) unread_texts: Vec<Unread<'a, 'p>>,
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
    /// Whether its values are kept.
    kept: bool,
}

/// What a row says; its values come next.
#[derive(Debug, Clone, Copy)]
pub(super) struct ReadRow<'a> {
    pub(super) head: u8,
    pub(super) flags: u32,
    pub(super) name: &'a str,
    keys: Keys<'a>,
}

/// What the values of a row are of.
#[derive(Debug, Clone, Copy)]
enum Keys<'a> {
    /// A row of the dictionary, and whether its fixed values are left out.
    Shared(&'a Row, bool),
    /// The row with this number in the segment.
    New(usize),
}

impl<'a, 'p> Values<'a, 'p> {
    pub(super) fn new(
        dictionary: &'a Dictionary,
        arena: &'a Bump,
        lens: Option<&'a Lens>,
        [rows, codes, texts]: [Cursor<'a>; 3],
        header: &Header<'p>,
        spans: usize,
    ) -> Self {
        let (extra, bits) = header.beside();
        Self {
            dictionary,
            arena,
            lens,
            rows,
            codes,
            texts,
            extra,
            bits: BitReader::new(bits),
            known_texts: Vec::with_capacity(spans),
            unread_texts: Vec::with_capacity(if lens.is_some() { spans } else { 0 }),
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

    /// The next row.
    pub(super) fn row(&mut self, of: Of) -> Result<ReadRow<'a>, DecodeError> {
        match self.rows.number()? {
            row_code::NEW => {
                let row = self.new_row(of)?;
                self.known_rows.push(row);
                self.known_row(self.known_rows.len() - 1, of)
            }
            row_code::OTHER => {
                let code = self.rows.number()?;
                match code & 1 {
                    0 => self.shared_row(code >> 1, false, of),
                    _ => self.known_row((code >> 1) as usize, of),
                }
            }
            code => self.shared_row(code - row_code::SHARED, true, of),
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
            let kept = self.lens.is_none_or(|lens| lens.keeps(key));
            keys.push(NewKey {
                key,
                tag,
                column,
                kept,
            });
        }
        Ok(NewRow {
            of,
            head,
            flags,
            name,
            keys,
        })
    }

    fn known_row(&self, number: usize, of: Of) -> Result<ReadRow<'a>, DecodeError> {
        let row = self.known_rows.get(number).filter(|row| row.of == of);
        let row = row.ok_or(DecodeError::Impossible("row"))?;
        Ok(ReadRow {
            head: row.head,
            flags: row.flags,
            name: row.name,
            keys: Keys::New(number),
        })
    }

    fn shared_row(&self, number: u64, as_fixed: bool, of: Of) -> Result<ReadRow<'a>, DecodeError> {
        let rows = &self.dictionary.rows;
        let row = usize::try_from(number).ok().and_then(|at| rows.get(at));
        let row = row.filter(|row| row.of == of as u8);
        let row = row.ok_or(DecodeError::Impossible("row"))?;
        Ok(ReadRow {
            head: row.head,
            flags: row.flags,
            name: &row.name,
            keys: Keys::Shared(row, as_fixed),
        })
    }

    /// The values of a row, into the batch as far as they are kept; none if `kept` is false.
    pub(super) fn of_row(
        &mut self,
        row: &ReadRow<'a>,
        kept: bool,
        batch: &mut SpanBatch<'a>,
    ) -> Result<Extent, DecodeError> {
        match row.keys {
            Keys::Shared(row, as_fixed) => self.of_shared(row, as_fixed, kept, batch),
            Keys::New(number) => self.of_new(number, kept, batch),
        }
    }

    fn of_new(
        &mut self,
        number: usize,
        kept: bool,
        batch: &mut SpanBatch<'a>,
    ) -> Result<Extent, DecodeError> {
        let keys = &self.known_rows[number].keys;
        let count = keys.len();
        // Each value takes a byte at least, so that a row cannot multiply what there is.
        if count > self.codes.0.len() + self.texts.0.len() {
            return Err(DecodeError::Truncated);
        }
        let mut list = List::new(keys.iter().any(|key| key.tag >= tag::BYTES), batch);
        for place in 0..count {
            let of = self.known_rows[number].keys[place];
            if kept && of.kept {
                let (key, value) = (of.key, self.value(of.tag, of.column, batch)?);
                list.push(AttributeRef { key, value }, batch);
            } else {
                self.pass_value(of.tag, of.column)?;
            }
        }
        Ok(list.finish(batch))
    }

    fn of_shared(
        &mut self,
        row: &'a Row,
        as_fixed: bool,
        kept: bool,
        batch: &mut SpanBatch<'a>,
    ) -> Result<Extent, DecodeError> {
        let dictionary = self.dictionary;
        let mut list = List::new(row.nested, batch);
        for Slot { column, fixed } in &row.slots {
            let of = &dictionary.columns[*column as usize];
            let fixed = fixed.filter(|_| as_fixed);
            if !kept || self.lens.is_some_and(|lens| !lens.keeps_column(*column)) {
                if fixed.is_none() {
                    self.pass_value(of.tag, *column)?;
                }
                continue;
            }
            let value = match fixed {
                Some(number) => fixed_value(&of.entries[number as usize]),
                None => self.value(of.tag, *column, batch)?,
            };
            let key = &of.key;
            list.push(AttributeRef { key, value }, batch);
        }
        Ok(list.finish(batch))
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

    /// Passes over a value.
    fn pass_value(&mut self, tag: u8, column: u32) -> Result<(), DecodeError> {
        match tag {
            tag::EMPTY | tag::BOOL => self.codes.byte().map(drop),
            tag::STRING => self.pass_text(column),
            tag::INT => self.int(column).map(drop),
            tag::DOUBLE => unsigned(&mut self.codes, &mut self.bits).map(drop),
            tag::BYTES | tag::ARRAY | tag::MAP => whole::pass(&mut self.texts, 0),
            _ => Err(DecodeError::Impossible("type")),
        }
    }
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
