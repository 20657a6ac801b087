//! What writers and readers of payloads know beforehand: an installation's own words.
//!
//! A dictionary is learnt from stored segments ([`learn`]) and named by the hash of its bytes
//! (xxh3, 64 bits); payloads name it. Its entries are numbered from the most frequent one down.
//! Format, version 1; texts, resources and scopes as in [`super::whole`]:
//!
//! ```text
//! dictionary = 0x01, resources, scopes, columns, rows, zstd
//! resources  = varint count, count × (varint length, resource)
//! scopes     = varint count, count × (varint length, scope)
//! columns    = varint count, count × (text key, type byte, varint count, count × entry)
//! entry      = by type: string (byte 0: text, 1: template), bool byte, int zigzag,
//!              double 8 bytes little-endian; other types have no entries
//! rows       = varint count, count × (byte of what, head byte, varint flags, text name,
//!              varint count, count × (varint column, varint fixed))
//! fixed      = 0: the value varies; else 1 + number of the entry that it always is
//! zstd       = the rest: a dictionary of zstd, or nothing
//! ```
//!
//! A column is what the values of one key and type have in common; those without a key and with a
//! type from 32 on are of a span's own texts. A template is a text with zero bytes for numbers. A
//! row is what spans (or events, links) have in common: head as in version 1, and their attributes
//! with those values that are always the same.

mod learn;
mod open;

use model::{Resource, Scope, ValueRef};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

use super::intern::HashedMap;
use super::varint::put;
use super::whole::put_text;
use super::{DecodeError, tag};
pub(crate) use learn::Learner;

/// No column: what no dictionary knows.
pub(super) const NO_COLUMN: u32 = u32::MAX;

/// Types of the columns of texts that have no key.
pub(super) mod own {
    pub(in crate::payload) const NAME: u8 = 32;
    pub(in crate::payload) const STATUS_MESSAGE: u8 = 33;
    pub(in crate::payload) const TRACE_STATE: u8 = 34;
    pub(in crate::payload) const KEY: u8 = 35;
}

/// Of what a row is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum Of {
    Span = 0,
    Event = 1,
    Link = 2,
}

/// An installation's words, ready for writing and reading.
pub(crate) struct Dictionary {
    name: u64,
    bytes: Vec<u8>,
    pub(super) resources: Vec<SharedResource>,
    pub(super) scopes: Vec<SharedScope>,
    pub(super) columns: Vec<Column>,
    pub(super) rows: Vec<Row>,
    lookup: Lookup,
    /// Length of the dictionary of zstd, at the end of the bytes.
    zstd: usize,
    pub(super) compressing: Option<EncoderDictionary<'static>>,
    pub(super) decompressing: Option<DecoderDictionary<'static>>,
}

/// A resource that payloads refer to.
#[derive(Debug)]
pub(crate) struct SharedResource {
    /// The hash of its bytes.
    pub(crate) name: u64,
    /// As in [`super::whole`].
    pub(crate) bytes: Box<[u8]>,
    pub(super) resource: Resource,
}

/// A scope that payloads refer to.
#[derive(Debug)]
pub(super) struct SharedScope {
    bytes: Box<[u8]>,
    pub(super) scope: Scope,
}

/// Values of one key and type.
#[derive(Debug)]
pub(super) struct Column {
    pub(super) key: Box<str>,
    pub(super) tag: u8,
    pub(super) entries: Vec<Entry>,
    /// Whether an entry is a template.
    pub(super) has_templates: bool,
}

/// A value that occurs often.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    Text(Box<str>),
    Template(Box<str>),
    Bool(bool),
    Int(i64),
    /// The bits of a double.
    Double(u64),
}

/// What spans, events or links have in common.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) of: u8,
    pub(super) head: u8,
    pub(super) flags: u32,
    pub(super) name: Box<str>,
    pub(super) slots: Vec<Slot>,
    /// Whether values of it may hold others.
    pub(super) nested: bool,
    shape: Box<[u8]>,
}

/// An attribute of a row.
#[derive(Debug, Clone, Copy)]
pub(super) struct Slot {
    pub(super) column: u32,
    /// The entry that its value always is.
    pub(super) fixed: Option<u32>,
}

/// Numbers by hash.
#[derive(Debug, Default)]
struct Lookup {
    resources: HashedMap<u32>,
    scopes: HashedMap<u32>,
    rows: HashedMap<u32>,
    columns: HashedMap<u32>,
    entries: HashedMap<u32>,
}

impl std::fmt::Debug for Dictionary {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "Dictionary({:016x}, {} bytes)",
            self.name,
            self.bytes.len()
        )
    }
}

impl SharedResource {
    /// The resource that these bytes are.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self, DecodeError> {
        Ok(Self {
            name: xxh3_64(bytes),
            bytes: bytes.into(),
            resource: super::whole::own_resource(bytes)?,
        })
    }
}

impl Entry {
    /// Whether a value is this one.
    pub(super) fn is(&self, value: &ValueRef<'_>) -> bool {
        match (self, value) {
            (Self::Text(text), ValueRef::String(value)) => **text == **value,
            (Self::Bool(known), ValueRef::Bool(value)) => known == value,
            (Self::Int(known), ValueRef::Int(value)) => known == value,
            (Self::Double(bits), ValueRef::Double(value)) => *bits == value.to_bits(),
            _ => false,
        }
    }

    fn hash(&self, column: u32) -> u64 {
        match self {
            Self::Text(text) => text_hash(xxh3_64(text.as_bytes()), column),
            Self::Template(text) => template_hash(text.as_bytes(), column),
            Self::Int(number) => int_hash(*number, column),
            Self::Bool(value) => int_hash(i64::from(*value), column),
            Self::Double(bits) => int_hash(*bits as i64, column),
        }
    }
}

const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;

fn text_hash(hash: u64, column: u32) -> u64 {
    hash ^ u64::from(column + 1).wrapping_mul(SPREAD)
}

fn template_hash(template: &[u8], column: u32) -> u64 {
    xxh3_64_with_seed(template, u64::from(column + 1))
}

fn int_hash(number: i64, column: u32) -> u64 {
    text_hash((number as u64).wrapping_mul(SPREAD).rotate_left(29), column)
}

/// Whether values of this type are texts.
fn is_text(tag: u8) -> bool {
    tag == tag::STRING || tag >= own::NAME
}

/// Everything by which a row is found.
pub(super) fn put_shape<'a>(
    of: u8,
    head: u8,
    flags: u32,
    name: &str,
    slots: impl Iterator<Item = (u8, &'a str)>,
    out: &mut Vec<u8>,
) {
    out.push(of);
    out.push(head);
    put(u64::from(flags), out);
    put_text(name, out);
    for (tag, key) in slots {
        out.push(tag);
        put_text(key, out);
    }
}

impl Dictionary {
    /// Its name; zero if it is empty.
    pub(crate) fn name(&self) -> u64 {
        self.name
    }

    /// Its bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Its bytes without its dictionary of zstd.
    pub(crate) fn words(&self) -> &[u8] {
        &self.bytes[..self.bytes.len() - self.zstd]
    }

    pub(super) fn resource(&self, hash: u64, bytes: &[u8]) -> Option<u32> {
        let number = self.lookup.resources.get(&hash).copied()?;
        (*self.resources[number as usize].bytes == *bytes).then_some(number)
    }

    pub(super) fn scope(&self, bytes: &[u8]) -> Option<u32> {
        let number = self.lookup.scopes.get(&xxh3_64(bytes)).copied()?;
        (*self.scopes[number as usize].bytes == *bytes).then_some(number)
    }

    pub(super) fn row(&self, hash: u64, shape: &[u8]) -> Option<u32> {
        let number = self.lookup.rows.get(&hash).copied()?;
        (*self.rows[number as usize].shape == *shape).then_some(number)
    }

    /// The column of a key and type, or [`NO_COLUMN`].
    pub(super) fn column(&self, key: &str, tag: u8) -> u32 {
        let hash = xxh3_64_with_seed(key.as_bytes(), u64::from(tag));
        let number = self.lookup.columns.get(&hash).copied();
        let is = |number: &u32| {
            let column = &self.columns[*number as usize];
            *column.key == *key && column.tag == tag
        };
        number.filter(is).unwrap_or(NO_COLUMN)
    }

    /// The entry of a text with this hash.
    pub(super) fn text_entry(&self, column: u32, hash: u64, text: &str) -> Option<u32> {
        let number = self.lookup.entries.get(&text_hash(hash, column)).copied()?;
        let entry = self.entry(column, number)?;
        matches!(entry, Entry::Text(known) if **known == *text).then_some(number)
    }

    /// The entry of a template.
    pub(super) fn template_entry(&self, column: u32, template: &[u8]) -> Option<u32> {
        let hash = template_hash(template, column);
        let number = self.lookup.entries.get(&hash).copied()?;
        let entry = self.entry(column, number)?;
        matches!(entry, Entry::Template(known) if known.as_bytes() == template).then_some(number)
    }

    /// The entry of an integer.
    pub(super) fn int_entry(&self, column: u32, value: i64) -> Option<u32> {
        let number = self.lookup.entries.get(&int_hash(value, column)).copied()?;
        (self.entry(column, number)? == &Entry::Int(value)).then_some(number)
    }

    pub(super) fn entry(&self, column: u32, number: u32) -> Option<&Entry> {
        self.columns
            .get(column as usize)?
            .entries
            .get(number as usize)
    }
}
