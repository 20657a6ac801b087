//! Version 2: interned rows. What a [`Dictionary`] knows is a number; the rest lies in the segment.
//!
//! ```text
//! payload  = 0x02, name of the dictionary (8 bytes, 0: none), varint spans,
//!            varint count, count × name of a resource (8 bytes),
//!            varint length of extra, varint length of bits, varint body code,
//!            span ids (8 bytes each), extra, bits, body
//! body code = 2 × length of the body + 1 if it is compressed: a frame of zstd without its magic
//! body     = varint lengths of origins, parents, times, rows, values; these streams; texts
//! origins  = (resource, scope) until the stream ends: each resource with each of its scopes
//! resource = varint: 0 a new one in texts; 1 the next one that is named; 2 + 2 × number in the
//!            dictionary; 3 + 2 × number among the new and the named ones of this segment
//! scope    = varint: 0 a new one in texts; 1 + number in the dictionary
//! parents  = for each span, varint: 0 none; 1 an id in extra; 2 + zigzag(own − parent's place)
//! times    = varint base, then for each span start and duration, each a signed number
//! start    = less the parent's, if the span goes back to a root by parents in the segment, else
//!            less base
//! rows     = for each span, varint origin and row; within values, for each event and link, row
//! row      = varint: 0 a new one, then head byte, varint flags, text, varint count,
//!                      count × (type byte, text of the key)
//!                    1, then varint: 2 × number in the dictionary, with no value fixed;
//!                      or 1 + 2 × number of a new one in this segment
//!                    2 + number in the dictionary
//! values   = for each span: the values of its row that are not fixed, [rare], [events], [links]
//! value    = by type: empty a zero byte, string a text, bool a byte,
//!            int: if its column has entries varint 0 and a signed number, or 1 + entry; else a
//!            signed number; double: its bytes in reverse order as an unsigned number;
//!            bytes, array, map: as in `whole`, in texts
//! text     = varint: 0, varint length, its UTF-8 in texts
//!                    1, UUID, 16 bytes in extra
//!                    2, varint count of bytes in extra, of which it is the hexadecimal digits
//!                    3, varint how many texts of the segment ago it was
//!                    4 + entry of its column, then an unsigned number for each hole
//! rare     = text trace state, text status message, varint dropped attributes, events, links,
//!            varint repairs
//! events   = varint count, count × (row, signed time less the span's start, its values,
//!            varint dropped attributes)
//! links    = varint count, count × (row, its values, text trace state, varint dropped
//!            attributes, varint flags); trace id (16) and span id (8) in extra
//! ```
//!
//! Texts of the segment are all but entries that are no templates, and those that refer to one.
//! The class of a number (`number`) lies where the number is named, its other bits in bits. The
//! trace's id is not in the payload: who reads it knows the trace.

mod decode;
mod optional;
mod encode;
mod order;
mod origins;
mod places;
mod segment;
mod skim;
mod texts;
mod values;

#[cfg(test)]
mod golden;

pub(super) use decode::{Header, Source, decode};
pub(crate) use encode::{Encoder, Words};
pub(crate) use origins::Stranger;
pub(super) use skim::newest;

/// The version's number.
pub(crate) const VERSION: u8 = 2;

/// What every frame of zstd begins with, and what is left out here.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];

/// Codes of resources.
mod resource_code {
    pub(super) const NEW: u64 = 0;
    pub(super) const NAMED: u64 = 1;
    pub(super) const SHARED: u64 = 2;
    pub(super) const AGAIN: u64 = 3;
}

/// Codes of texts.
mod text_code {
    pub(super) const LITERAL: u64 = 0;
    pub(super) const UUID: u64 = 1;
    pub(super) const HEX: u64 = 2;
    pub(super) const AGAIN: u64 = 3;
    pub(super) const ENTRY: u64 = 4;
}

/// Codes of rows.
mod row_code {
    pub(super) const NEW: u64 = 0;
    pub(super) const OTHER: u64 = 1;
    pub(super) const SHARED: u64 = 2;
}
