//! OTLP protobuf: `ExportTraceServiceRequest` read in place, one function per level.
//!
//! Field numbers are those of `opentelemetry/proto/{collector/trace,trace,common,resource}/v1`.
//! Unknown fields are passed over, of a repeated scalar the last one counts, as protobuf demands.

use bumpalo::Bump;
use model::{EventRef, Extent, Repairs, SpanId, TraceId, ValueRef};

use super::builder::{Builder, LinkDraft, SpanDraft};
use super::wire::Reader;
use super::{DecodeError, DecodeLimits, Decoded};

/// A field of ours in OTLP's `Span`: the repairs that an agent has made before, bit by bit. The
/// largest number that a field can have, which OTLP will not give to another one.
pub const REPAIRS: u32 = (1 << 29) - 1;

/// Decodes a request.
///
/// # Errors
/// When the bytes are not a protobuf message of OTLP's types, or hold more than `limits` allows.
pub fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut builder = Builder::new(arena, limits, body.len());
    let mut request = Reader::new(body);
    while let Some(field) = request.field()? {
        match field.number {
            1 => resource_spans(&mut builder, request.bytes(field)?)?,
            _ => request.skip(field)?,
        }
    }
    Ok(builder.decoded)
}

fn resource_spans<'a>(to: &mut Builder<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let index = to.open_resource()?;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => resource(to, index, reader.bytes(field)?)?,
            2 => scope_spans(to, index, reader.bytes(field)?)?,
            3 => {
                let url = to.text(reader.bytes(field)?);
                to.set_resource(index, |resource| resource.schema_url = url);
            }
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

fn resource<'a>(to: &mut Builder<'a>, index: usize, message: &'a [u8]) -> Result<(), DecodeError> {
    let begin = to.begin_attributes();
    let mut dropped = 0;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => attribute(to, reader.bytes(field)?, 1)?,
            2 => dropped = reader.varint(field)? as u32,
            _ => reader.skip(field)?,
        }
    }
    let attributes = to.end_attributes(begin);
    to.set_resource(index, |resource| {
        resource.attributes = attributes;
        resource.dropped_attributes = dropped;
    });
    Ok(())
}

fn scope_spans<'a>(
    to: &mut Builder<'a>,
    of_resource: usize,
    message: &'a [u8],
) -> Result<(), DecodeError> {
    let index = to.open_scope(of_resource)?;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => scope(to, index, reader.bytes(field)?)?,
            2 => span(to, index, reader.bytes(field)?)?,
            3 => {
                let url = to.text(reader.bytes(field)?);
                to.set_scope(index, |scope| scope.schema_url = url);
            }
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

fn scope<'a>(to: &mut Builder<'a>, index: usize, message: &'a [u8]) -> Result<(), DecodeError> {
    let begin = to.begin_attributes();
    let (mut name, mut version, mut dropped) = ("", "", 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => name = to.text(reader.bytes(field)?),
            2 => version = to.text(reader.bytes(field)?),
            3 => attribute(to, reader.bytes(field)?, 1)?,
            4 => dropped = reader.varint(field)? as u32,
            _ => reader.skip(field)?,
        }
    }
    let attributes = to.end_attributes(begin);
    to.set_scope(index, |scope| {
        scope.name = name;
        scope.version = version;
        scope.attributes = attributes;
        scope.dropped_attributes = dropped;
    });
    Ok(())
}

fn span<'a>(to: &mut Builder<'a>, scope: usize, message: &'a [u8]) -> Result<(), DecodeError> {
    let before = to.mark();
    let begin = to.begin_attributes();
    let (first_event, first_link) = (to.decoded.batch.events.len(), to.decoded.batch.links.len());
    let mut links_without_target = 0;
    let mut draft = SpanDraft::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => draft.trace_id = TraceId::from_slice(reader.bytes(field)?).ok(),
            2 => draft.span_id = SpanId::from_slice(reader.bytes(field)?).ok(),
            3 => draft.trace_state = to.text(reader.bytes(field)?),
            4 => draft.parent_span_id = to.parent(SpanId::from_slice(reader.bytes(field)?)),
            5 => draft.name = to.text(reader.bytes(field)?),
            6 => draft.kind = to.kind(reader.varint(field)? as i64),
            7 => draft.start = reader.fixed64(field)?,
            8 => draft.end = reader.fixed64(field)?,
            9 => attribute(to, reader.bytes(field)?, 1)?,
            10 => draft.dropped_attributes = reader.varint(field)? as u32,
            11 => event(to, reader.bytes(field)?)?,
            12 => draft.dropped_events = reader.varint(field)? as u32,
            13 => link(to, reader.bytes(field)?, &mut links_without_target)?,
            14 => draft.dropped_links = reader.varint(field)? as u32,
            15 => status(to, reader.bytes(field)?, &mut draft)?,
            16 => draft.flags = reader.fixed32(field)?,
            REPAIRS => to.repaired_before(Repairs::from_bits(reader.varint(field)? as u32)),
            _ => reader.skip(field)?,
        }
    }
    draft.attributes = to.end_attributes(begin);
    draft.events = Extent::since(first_event, to.decoded.batch.events.len());
    draft.links = Extent::since(first_link, to.decoded.batch.links.len());
    draft.dropped_links = draft.dropped_links.saturating_add(links_without_target);
    to.push_span(scope, draft, before)
}

fn event<'a>(to: &mut Builder<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let begin = to.begin_attributes();
    let mut event = EventRef {
        time: 0,
        name: "",
        attributes: Extent::default(),
        dropped_attributes: 0,
    };
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => event.time = reader.fixed64(field)?,
            2 => event.name = to.text(reader.bytes(field)?),
            3 => attribute(to, reader.bytes(field)?, 1)?,
            4 => event.dropped_attributes = reader.varint(field)? as u32,
            _ => reader.skip(field)?,
        }
    }
    event.attributes = to.end_attributes(begin);
    to.push_event(event)
}

fn link<'a>(
    to: &mut Builder<'a>,
    message: &'a [u8],
    without_target: &mut u32,
) -> Result<(), DecodeError> {
    let begin = to.begin_attributes();
    let mut draft = LinkDraft::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => draft.trace_id = TraceId::from_slice(reader.bytes(field)?).ok(),
            2 => draft.span_id = SpanId::from_slice(reader.bytes(field)?).ok(),
            3 => draft.trace_state = to.text(reader.bytes(field)?),
            4 => attribute(to, reader.bytes(field)?, 1)?,
            5 => draft.dropped_attributes = reader.varint(field)? as u32,
            6 => draft.flags = reader.fixed32(field)?,
            _ => reader.skip(field)?,
        }
    }
    draft.attributes = to.end_attributes(begin);
    to.push_link(draft, without_target)
}

fn status<'a>(
    to: &mut Builder<'a>,
    message: &'a [u8],
    draft: &mut SpanDraft<'a>,
) -> Result<(), DecodeError> {
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            2 => draft.status_message = to.text(reader.bytes(field)?),
            3 => draft.status = to.status(reader.varint(field)? as i64),
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

/// A key and a value; the value is at `depth`.
fn attribute<'a>(to: &mut Builder<'a>, message: &'a [u8], depth: u32) -> Result<(), DecodeError> {
    let (mut key, mut of_key) = ("", ValueRef::Empty);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => key = to.text(reader.bytes(field)?),
            2 => of_key = value(to, reader.bytes(field)?, depth)?,
            _ => reader.skip(field)?,
        }
    }
    to.push_attribute(key, of_key)
}

fn value<'a>(
    to: &mut Builder<'a>,
    message: &'a [u8],
    depth: u32,
) -> Result<ValueRef<'a>, DecodeError> {
    to.check_depth(depth)?;
    let mut value = ValueRef::Empty;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        value = match field.number {
            1 => ValueRef::String(to.text(reader.bytes(field)?)),
            2 => ValueRef::Bool(reader.varint(field)? != 0),
            3 => ValueRef::Int(reader.varint(field)? as i64),
            4 => ValueRef::Double(f64::from_bits(reader.fixed64(field)?)),
            5 => array(to, reader.bytes(field)?, depth)?,
            6 => map(to, reader.bytes(field)?, depth)?,
            7 => ValueRef::Bytes(reader.bytes(field)?),
            _ => {
                reader.skip(field)?;
                value
            }
        };
    }
    Ok(value)
}

fn array<'a>(
    to: &mut Builder<'a>,
    message: &'a [u8],
    depth: u32,
) -> Result<ValueRef<'a>, DecodeError> {
    let (before, begin) = (to.mark(), to.begin_values());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => {
                let item = value(to, reader.bytes(field)?, depth + 1)?;
                to.push_value(item)?;
            }
            _ => reader.skip(field)?,
        }
    }
    let items = ValueRef::Array(to.end_values(begin));
    Ok(to.nested(items, depth, before))
}

fn map<'a>(
    to: &mut Builder<'a>,
    message: &'a [u8],
    depth: u32,
) -> Result<ValueRef<'a>, DecodeError> {
    let (before, begin) = (to.mark(), to.begin_attributes());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => attribute(to, reader.bytes(field)?, depth + 1)?,
            _ => reader.skip(field)?,
        }
    }
    let entries = ValueRef::Map(to.end_attributes(begin));
    Ok(to.nested(entries, depth, before))
}
