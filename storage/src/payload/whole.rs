//! Resources and scopes as bytes that need nothing else to be read.
//!
//! ```text
//! resource = list, varint dropped attributes, text schema URL
//! scope    = text name, text version, list, varint dropped attributes, text schema URL
//! list     = varint count, count × (text key, value)
//! value    = type byte, then by type: empty nothing, string text, bool byte, int zigzag,
//!            double 8 bytes little-endian, bytes (varint length, bytes),
//!            array (varint count, count × value), map list
//! text     = varint length in bytes, UTF-8
//! ```

use model::{AttributeRef, Extent, Resource, ResourceRef, Scope, ScopeRef, SpanBatch, ValueRef};

use super::varint::{Cursor, put, put_signed};
use super::{DecodeError, EncodeError, MAX_DEPTH, tag, tag_of};

/// Writes a resource.
pub(super) fn put_resource(
    batch: &SpanBatch<'_>,
    resource: &ResourceRef<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    put_list(batch, resource.attributes, 0, out)?;
    put(u64::from(resource.dropped_attributes), out);
    put_text(resource.schema_url, out);
    Ok(())
}

/// Writes a scope, without the resource that it belongs to.
pub(super) fn put_scope(
    batch: &SpanBatch<'_>,
    scope: &ScopeRef<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    put_text(scope.name, out);
    put_text(scope.version, out);
    put_list(batch, scope.attributes, 0, out)?;
    put(u64::from(scope.dropped_attributes), out);
    put_text(scope.schema_url, out);
    Ok(())
}

/// Writes a text.
pub(super) fn put_text(text: &str, out: &mut Vec<u8>) {
    put(text.len() as u64, out);
    out.extend_from_slice(text.as_bytes());
}

fn put_list(
    batch: &SpanBatch<'_>,
    list: Extent,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    if depth > MAX_DEPTH {
        return Err(EncodeError::TooDeep);
    }
    put(u64::from(list.len), out);
    for attribute in batch.attributes(list) {
        put_text(attribute.key, out);
        put_value(batch, &attribute.value, depth, out)?;
    }
    Ok(())
}

/// Writes a value with its type.
pub(super) fn put_value(
    batch: &SpanBatch<'_>,
    value: &ValueRef<'_>,
    depth: usize,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    out.push(tag_of(value));
    match *value {
        ValueRef::Empty => {}
        ValueRef::String(text) => put_text(text, out),
        ValueRef::Bool(value) => out.push(u8::from(value)),
        ValueRef::Int(number) => put_signed(number, out),
        ValueRef::Double(number) => out.extend_from_slice(&number.to_le_bytes()),
        ValueRef::Bytes(bytes) => {
            put(bytes.len() as u64, out);
            out.extend_from_slice(bytes);
        }
        ValueRef::Array(items) => {
            if depth > MAX_DEPTH {
                return Err(EncodeError::TooDeep);
            }
            put(u64::from(items.len), out);
            for item in batch.values(items) {
                put_value(batch, item, depth + 1, out)?;
            }
        }
        ValueRef::Map(entries) => put_list(batch, entries, depth + 1, out)?,
    }
    Ok(())
}

/// Reads a resource, its attributes into the batch.
pub(super) fn resource<'a>(
    from: &mut Cursor<'a>,
    batch: &mut SpanBatch<'a>,
) -> Result<ResourceRef<'a>, DecodeError> {
    Ok(ResourceRef {
        attributes: list(from, batch, 0)?,
        dropped_attributes: from.small()?,
        schema_url: text(from)?,
    })
}

/// Reads a scope of the resource with this index, its attributes into the batch.
pub(super) fn scope<'a>(
    from: &mut Cursor<'a>,
    resource: u32,
    batch: &mut SpanBatch<'a>,
) -> Result<ScopeRef<'a>, DecodeError> {
    Ok(ScopeRef {
        resource,
        name: text(from)?,
        version: text(from)?,
        attributes: list(from, batch, 0)?,
        dropped_attributes: from.small()?,
        schema_url: text(from)?,
    })
}

/// A resource that is nothing but these bytes.
pub(super) fn own_resource(bytes: &[u8]) -> Result<Resource, DecodeError> {
    let (mut from, mut batch) = (Cursor(bytes), SpanBatch::default());
    let resource = resource(&mut from, &mut batch)?;
    if !from.0.is_empty() {
        return Err(DecodeError::Impossible("length"));
    }
    Ok(batch.own_resource(&resource))
}

/// A scope that is nothing but these bytes.
pub(super) fn own_scope(bytes: &[u8]) -> Result<Scope, DecodeError> {
    let (mut from, mut batch) = (Cursor(bytes), SpanBatch::default());
    let scope = scope(&mut from, 0, &mut batch)?;
    if !from.0.is_empty() {
        return Err(DecodeError::Impossible("length"));
    }
    Ok(batch.own_scope(&scope))
}

/// Reads a text.
pub(super) fn text<'a>(from: &mut Cursor<'a>) -> Result<&'a str, DecodeError> {
    let len = from.count()?;
    std::str::from_utf8(from.bytes(len)?).map_err(|_| DecodeError::Impossible("text"))
}

fn list<'a>(
    from: &mut Cursor<'a>,
    batch: &mut SpanBatch<'a>,
    depth: usize,
) -> Result<Extent, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::Impossible("depth"));
    }
    let count = from.count()?;
    // What its values hold comes to lie before the list itself.
    let mut own = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        let key = text(from)?;
        let value = value(from, batch, depth)?;
        own.push(AttributeRef { key, value });
    }
    let start = batch.attributes.len();
    batch.attributes.extend(own);
    Ok(Extent::since(start, batch.attributes.len()))
}

/// Reads a value with its type.
pub(super) fn value<'a>(
    from: &mut Cursor<'a>,
    batch: &mut SpanBatch<'a>,
    depth: usize,
) -> Result<ValueRef<'a>, DecodeError> {
    Ok(match from.byte()? {
        tag::EMPTY => ValueRef::Empty,
        tag::STRING => ValueRef::String(text(from)?),
        tag::BOOL => ValueRef::Bool(from.byte()? != 0),
        tag::INT => ValueRef::Int(from.signed()?),
        tag::DOUBLE => ValueRef::Double(f64::from_le_bytes(from.array()?)),
        tag::BYTES => {
            let len = from.count()?;
            ValueRef::Bytes(from.bytes(len)?)
        }
        tag::ARRAY => ValueRef::Array(array(from, batch, depth)?),
        tag::MAP => ValueRef::Map(list(from, batch, depth + 1)?),
        _ => return Err(DecodeError::Impossible("type")),
    })
}

/// Passes over a value with its type.
pub(super) fn pass(from: &mut Cursor<'_>, depth: usize) -> Result<(), DecodeError> {
    if depth > MAX_DEPTH + 1 {
        return Err(DecodeError::Impossible("depth"));
    }
    match from.byte()? {
        tag::EMPTY => {}
        tag::BOOL => drop(from.byte()?),
        tag::INT => drop(from.number()?),
        tag::DOUBLE => drop(from.array::<{ size_of::<f64>() }>()?),
        tag::STRING | tag::BYTES => pass_bytes(from)?,
        tag::ARRAY => {
            for _ in 0..from.count()? {
                pass(from, depth + 1)?;
            }
        }
        tag::MAP => {
            for _ in 0..from.count()? {
                pass_bytes(from)?;
                pass(from, depth + 1)?;
            }
        }
        _ => return Err(DecodeError::Impossible("type")),
    }
    Ok(())
}

fn pass_bytes(from: &mut Cursor<'_>) -> Result<(), DecodeError> {
    let len = from.count()?;
    from.bytes(len).map(drop)
}

fn array<'a>(
    from: &mut Cursor<'a>,
    batch: &mut SpanBatch<'a>,
    depth: usize,
) -> Result<Extent, DecodeError> {
    if depth > MAX_DEPTH {
        return Err(DecodeError::Impossible("depth"));
    }
    let count = from.count()?;
    let mut own = Vec::with_capacity(count.min(64));
    for _ in 0..count {
        own.push(value(from, batch, depth + 1)?);
    }
    let start = batch.values.len();
    batch.values.extend(own);
    Ok(Extent::since(start, batch.values.len()))
}
