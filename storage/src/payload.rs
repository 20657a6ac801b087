//! The payload of a segment: spans of one trace as bytes, without loss.
//!
//! One interface, versioned by the first byte; a version once written is read for ever. The
//! column `codec` repeats the version, for people. Version 1:
//!
//! ```text
//! payload   = 0x01, varint body length, varint ids length, ids, frame
//! ids       = trace id (16 bytes), then in the order of their use: span ids (8), parent ids (8)
//!             that are not in the segment, ids of linked traces (16) and spans (8)
//! frame     = the body as one zstd frame
//! body      = strings, shapes, resources, scopes, spans
//! strings   = varint count, count × varint length in bytes, then all of their UTF-8
//! shapes    = varint count, count × shape: the keys and types of a list of attributes
//! shape     = varint count, count × (string of the key, type byte)
//! resources = varint count, count × (list, varint dropped attributes, string schema URL)
//! scopes    = varint count, count × (varint resource, string name, string version, list,
//!             varint dropped attributes, string schema URL)
//! spans     = varint count, varint base time, count × span
//! span      = varint scope, head byte, string name, parent, zigzag start, zigzag duration,
//!             varint flags, list, [rare], [events], [links]
//! head      = kind (bits 0–2), status (bits 3–4), rare (bit 5), events (bit 6), links (bit 7)
//! parent    = varint: 0 none; 1 an id in `ids`; 2 + zigzag(own index − index of the parent)
//! start     = less the parent's start if that span lies before this one, else less base time
//! rare      = string trace state, string status message, varint dropped attributes, varint
//!             dropped events, varint dropped links, varint repairs
//! events    = varint count, count × (zigzag time less the span's start, string name, list,
//!             varint dropped attributes)
//! links     = varint count, count × (string trace state, list, varint dropped attributes,
//!             varint flags)
//! list      = varint shape, then one value for each of its keys
//! value     = by type: 0 empty (one zero byte), 1 string, 2 bool (byte), 3 int (zigzag),
//!             4 double (8 bytes, little-endian), 5 bytes (varint length, bytes),
//!             6 array (varint count, count × (type byte, value)), 7 map (list)
//! string    = varint index in `strings`
//! ```
//!
//! Varints are LEB128 of 64 bits; zigzag is the signed difference, wrapping, folded to a varint.

mod encode;
mod intern;
mod decode;
mod varint;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod properties;

pub(crate) use decode::decode;
pub(crate) use encode::Encoder;
pub(crate) use intern::HashedMap;

/// The version that is written.
pub(crate) const VERSION: u8 = 1;

/// Most bytes of a body. A segment is cut long before: this is a bound for readers of bad bytes.
const MAX_BODY: usize = 256 << 20;

/// zstd cannot shrink more than this: 128 KiB of one byte make a block of 4.
const MAX_RATIO: usize = 33_000;

/// Deepest nesting of lists and maps.
const MAX_DEPTH: usize = 128;

/// Types of values, as written in shapes and arrays.
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

/// Why bytes are not a payload.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DecodeError {
    /// Written by a newer program.
    #[error("payload version {0} is not known")]
    Version(u8),
    /// The bytes end too early.
    #[error("the payload ends too early")]
    Truncated,
    /// A count, length, index or number is impossible.
    #[error("the payload has an impossible {0}")]
    Impossible(&'static str),
    /// The frame does not decompress to what was announced.
    #[error("the payload cannot be decompressed")]
    Decompress(#[source] std::io::Error),
}
