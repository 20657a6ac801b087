//! The payload of a segment: spans of one trace as bytes, without loss.
//!
//! One interface, versioned by the first byte; a version once written is read for ever. The
//! column `codec` repeats the version, for people. [`contained`] is version 1; [`interned`] is
//! version 2, which is written, and which leaves out what the installation's [`dictionary`] knows.

mod contained;
mod dictionary;
mod intern;
mod interned;
mod lens;
mod number;
mod reader;
mod text;
mod varint;
mod whole;

#[cfg(test)]
mod properties;
#[cfg(test)]
pub(crate) mod samples;

use model::{SpanId, SpanRef, ValueRef};

pub(crate) use contained::Encoder as ContainedEncoder;
pub(crate) use dictionary::{Dictionary, Learner, SharedResource};
pub(crate) use intern::HashedMap;
pub(crate) use interned::{Encoder, Stranger, VERSION, Words};
pub(crate) use lens::{Lens, Sight};
pub(crate) use reader::{Known, Names, Reader};
pub(crate) use varint::{Cursor, put, put_signed};

/// Most bytes of a body. A segment is cut long before: this is a bound for readers of bad bytes.
const MAX_BODY: usize = 256 << 20;

/// zstd cannot shrink more than this: 128 KiB of one byte make a block of 4.
const MAX_RATIO: usize = 33_000;

/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 128;

/// Types of values.
mod tag {
    pub(super) const EMPTY: u8 = 0;
    pub(super) const STRING: u8 = 1;
    pub(super) const BOOL: u8 = 2;
    pub(super) const INT: u8 = 3;
    pub(super) const DOUBLE: u8 = 4;
    pub(super) const BYTES: u8 = 5;
    pub(super) const ARRAY: u8 = 6;
    pub(super) const MAP: u8 = 7;
}

/// Bits of a span's head byte.
mod head {
    pub(super) const KIND: u8 = 0b111;
    pub(super) const STATUS_SHIFT: u8 = 3;
    pub(super) const STATUS: u8 = 0b11;
    pub(super) const RARE: u8 = 1 << 5;
    pub(super) const EVENTS: u8 = 1 << 6;
    pub(super) const LINKS: u8 = 1 << 7;
}

fn tag_of(value: &ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Empty => tag::EMPTY,
        ValueRef::String(_) => tag::STRING,
        ValueRef::Bool(_) => tag::BOOL,
        ValueRef::Int(_) => tag::INT,
        ValueRef::Double(_) => tag::DOUBLE,
        ValueRef::Bytes(_) => tag::BYTES,
        ValueRef::Array(_) => tag::ARRAY,
        ValueRef::Map(_) => tag::MAP,
    }
}

/// Kind and status of a span, and which of its optional parts follow.
fn head_of(span: &SpanRef<'_>) -> u8 {
    let dropped = span.dropped_attributes | span.dropped_events | span.dropped_links;
    let rare = dropped != 0
        || !span.repairs.is_empty()
        || !span.trace_state.is_empty()
        || !span.status_message.is_empty();
    let bit = |set: bool, bit: u8| if set { bit } else { 0 };
    span.kind.number()
        | span.status.number() << head::STATUS_SHIFT
        | bit(rare, head::RARE)
        | bit(span.events.len > 0, head::EVENTS)
        | bit(span.links.len > 0, head::LINKS)
}

/// 0: no parent. 1: its id lies elsewhere. Else how far before or behind the span it is.
fn parent_code(parent: Option<Option<u32>>, place: usize) -> u64 {
    match parent {
        None => 0,
        Some(None) => 1,
        Some(Some(at)) => {
            let distance = place as i64 - i64::from(at);
            2 + ((distance << 1) ^ (distance >> 63)) as u64
        }
    }
}

/// The parent's place, from a code of 2 and more.
fn parent_place(code: u64, place: usize) -> Result<usize, DecodeError> {
    let folded = code - 2;
    let distance = (folded >> 1) as i64 ^ -((folded & 1) as i64);
    let at = (place as i64).checked_sub(distance);
    at.and_then(|at| usize::try_from(at).ok())
        .ok_or(DecodeError::Impossible("parent"))
}

/// Whether so many bytes may have been compressed into so few.
fn body_fits(body_len: usize, frame_len: usize) -> bool {
    body_len <= MAX_BODY && body_len <= frame_len.saturating_mul(MAX_RATIO)
}

fn id_number(id: &SpanId) -> u64 {
    u64::from_be_bytes(*id.as_bytes())
}

fn span_id(ids: &mut varint::Cursor<'_>) -> Result<SpanId, DecodeError> {
    SpanId::new(ids.array()?).ok_or(DecodeError::Impossible("span id"))
}

/// Why spans cannot become a payload.
#[derive(Debug, thiserror::Error)]
pub(crate) enum EncodeError {
    /// Lists and maps are nested deeper than any reader follows.
    #[error("values are nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// The spans are larger than any reader accepts.
    #[error("the spans of one segment take {0} bytes")]
    TooLarge(usize),
    /// The compressor failed.
    #[error("the payload could not be compressed")]
    Compress(#[source] std::io::Error),
}

/// Why bytes are not a payload, or not a dictionary.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// Written by a newer program.
    #[error("version {0} is not known")]
    Version(u8),
    /// The bytes end too early.
    #[error("the bytes end too early")]
    Truncated,
    /// A count, length, index or number is impossible.
    #[error("an impossible {0}")]
    Impossible(&'static str),
    /// The payload names something that the store does not have.
    #[error("the {what} {name:016x} is not stored")]
    Missing {
        /// A dictionary or a resource.
        what: &'static str,
        /// Its name.
        name: u64,
    },
    /// The frame does not decompress to what was announced.
    #[error("the bytes cannot be decompressed")]
    Decompress(#[source] std::io::Error),
}

impl From<crate::bits::OutOfBits> for DecodeError {
    fn from(_: crate::bits::OutOfBits) -> Self {
        Self::Truncated
    }
}
