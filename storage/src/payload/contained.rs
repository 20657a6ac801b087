//! Version 1: everything that a segment refers to lies in it.
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

mod decode;
mod encode;

#[cfg(test)]
mod golden;

pub(super) use decode::decode;
pub(crate) use encode::Encoder;

/// The version's number.
pub(super) const VERSION: u8 = 1;
