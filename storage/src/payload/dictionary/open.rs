//! Bytes to a dictionary. Bad bytes are an error, and take no more memory than they warrant.

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::{
    Column, Dictionary, Entry, Lookup, Row, SharedResource, SharedScope, Slot, is_text, put_shape,
};
use crate::payload::text::HOLE;
use crate::payload::varint::Cursor;
use crate::payload::{DecodeError, tag, whole};

const VERSION: u8 = 1;

/// Most attributes of a row: a span in a payload brings forth as many.
pub(super) const MAX_SLOTS: usize = 128;

/// Longest template: a text in a payload is at least as long.
pub(super) const MAX_TEMPLATE: usize = 1_024;

impl Dictionary {
    /// A dictionary that knows nothing.
    pub(crate) fn empty() -> Self {
        Self {
            name: 0,
            bytes: Vec::new(),
            resources: Vec::new(),
            scopes: Vec::new(),
            columns: Vec::new(),
            rows: Vec::new(),
            lookup: Lookup::default(),
            zstd: 0,
            compressing: None,
            decompressing: None,
        }
    }

    /// The dictionary of these bytes, for writing at this level of zstd.
    pub(crate) fn open(bytes: &[u8], level: i32) -> Result<Self, DecodeError> {
        let mut from = Cursor(bytes);
        match from.byte()? {
            VERSION => {}
            other => return Err(DecodeError::Version(other)),
        }
        let mut dictionary = Self::empty();
        dictionary.name = xxh3_64(bytes);
        dictionary.read(&mut from)?;
        dictionary.zstd = from.0.len();
        if !from.0.is_empty() {
            let compressing = EncoderDictionary::try_copy(from.0, level);
            let decompressing = DecoderDictionary::try_copy(from.0);
            dictionary.compressing = Some(compressing.map_err(DecodeError::Decompress)?);
            dictionary.decompressing = Some(decompressing.map_err(DecodeError::Decompress)?);
        }
        dictionary.bytes = bytes.to_vec();
        dictionary.fill_lookup();
        Ok(dictionary)
    }

    fn read(&mut self, from: &mut Cursor<'_>) -> Result<(), DecodeError> {
        for _ in 0..from.count()? {
            let len = from.count()?;
            let resource = SharedResource::open(from.bytes(len)?)?;
            self.resources.push(resource);
        }
        for _ in 0..from.count()? {
            let len = from.count()?;
            let bytes = from.bytes(len)?;
            let scope = whole::own_scope(bytes)?;
            let bytes = bytes.into();
            self.scopes.push(SharedScope { bytes, scope });
        }
        for _ in 0..from.count()? {
            self.columns.push(column(from)?);
        }
        for _ in 0..from.count()? {
            let row = self.row_from(from)?;
            self.rows.push(row);
        }
        Ok(())
    }

    fn row_from(&self, from: &mut Cursor<'_>) -> Result<Row, DecodeError> {
        let (of, head) = (from.byte()?, from.byte()?);
        let flags = from.small()?;
        let name = whole::text(from)?;
        let count = from.count()?;
        if count > MAX_SLOTS {
            return Err(DecodeError::Impossible("number of attributes"));
        }
        let mut slots = Vec::with_capacity(count);
        for _ in 0..count {
            slots.push(self.slot(from)?);
        }
        let mut shape = Vec::new();
        let keys = slots.iter().map(|slot| {
            let column = &self.columns[slot.column as usize];
            (column.tag, &*column.key)
        });
        put_shape(of, head, flags, name, keys, &mut shape);
        let tag = |slot: &Slot| self.columns[slot.column as usize].tag;
        let nested = slots.iter().any(|slot| tag(slot) >= tag::BYTES);
        Ok(Row {
            nested,
            of,
            head,
            flags,
            name: name.into(),
            slots,
            shape: shape.into(),
        })
    }

    fn slot(&self, from: &mut Cursor<'_>) -> Result<Slot, DecodeError> {
        let column = from.small()?;
        let of = self.columns.get(column as usize);
        let of = of.filter(|column| column.tag <= tag::MAP);
        let of = of.ok_or(DecodeError::Impossible("column"))?;
        let fixed = from.small()?.checked_sub(1);
        if let Some(number) = fixed {
            match of.entries.get(number as usize) {
                None | Some(Entry::Template(_)) => return Err(DecodeError::Impossible("entry")),
                Some(_) => {}
            }
        }
        Ok(Slot { column, fixed })
    }

    fn fill_lookup(&mut self) {
        let lookup = &mut self.lookup;
        for (number, resource) in (0..).zip(&self.resources) {
            lookup.resources.entry(resource.name).or_insert(number);
        }
        for (number, scope) in (0..).zip(&self.scopes) {
            let hash = xxh3_64(&scope.bytes);
            lookup.scopes.entry(hash).or_insert(number);
        }
        for (number, row) in (0..).zip(&self.rows) {
            lookup.rows.entry(xxh3_64(&row.shape)).or_insert(number);
        }
        for (number, column) in (0u32..).zip(&self.columns) {
            let hash = xxh3_64_with_seed(column.key.as_bytes(), u64::from(column.tag));
            lookup.columns.entry(hash).or_insert(number);
            for (place, entry) in (0..).zip(&column.entries) {
                lookup.entries.entry(entry.hash(number)).or_insert(place);
            }
        }
    }
}

fn column(from: &mut Cursor<'_>) -> Result<Column, DecodeError> {
    let key = whole::text(from)?;
    let tag = from.byte()?;
    let count = from.count()?;
    let mut entries = Vec::with_capacity(count.min(4_096));
    for _ in 0..count {
        entries.push(entry(tag, from)?);
    }
    let has_templates = entries
        .iter()
        .any(|entry| matches!(entry, Entry::Template(_)));
    Ok(Column {
        key: key.into(),
        tag,
        entries,
        has_templates,
    })
}

fn entry(tag: u8, from: &mut Cursor<'_>) -> Result<Entry, DecodeError> {
    Ok(match tag {
        tag::BOOL => Entry::Bool(from.byte()? != 0),
        tag::INT => Entry::Int(from.signed()?),
        tag::DOUBLE => Entry::Double(u64::from_le_bytes(from.array()?)),
        tag if is_text(tag) => {
            let is_template = from.byte()? != 0;
            let text = whole::text(from)?;
            match is_template {
                true if text.len() > MAX_TEMPLATE || !text.as_bytes().contains(&HOLE) => {
                    return Err(DecodeError::Impossible("template"));
                }
                true => Entry::Template(text.into()),
                false => Entry::Text(text.into()),
            }
        }
        _ => return Err(DecodeError::Impossible("type")),
    })
}
