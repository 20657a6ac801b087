//! Jaeger's protobuf: `PostSpansRequest`, or one `Span` alone as Jaeger writes it to Kafka, read in
//! place, one function per level.
//!
//! Field numbers are those of `jaeger/api_v2/{collector,model}.proto`.

use std::collections::HashMap;

use bumpalo::Bump;
use model::{SpanId, TraceId, ValueRef};

use super::builder::Builder;
use super::jaeger::{self, Begin, Reference, Span, Tag, TagType};
use super::scopes::{self, Scopes};
use super::wire::Reader;
use super::{DecodeError, DecodeLimits, Decoded};

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// What spans of one request share.
#[derive(Default)]
struct Shared<'a> {
    scopes: Scopes<'a>,
    /// Resources by the processes that spans carry themselves.
    processes: HashMap<&'a [u8], usize>,
}

/// Decodes a request.
///
/// # Errors
/// When the bytes are not a protobuf message of Jaeger's types, or hold more than `limits` allows.
pub(super) fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut builder = Builder::new(arena, limits, body.len());
    let mut shared = Shared::default();
    let mut request = Reader::new(body);
    while let Some(field) = request.field()? {
        match field.number {
            1 => batch(&mut builder, &mut shared, request.bytes(field)?)?,
            _ => request.skip(field)?,
        }
    }
    Ok(scopes::in_order(builder.decoded))
}

/// Decodes one span alone, which carries its process itself; without one it has no resource's
/// attributes.
///
/// # Errors
/// When the bytes are not a protobuf message of Jaeger's types, or hold more than `limits` allows.
pub(super) fn decode_span<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut builder = Builder::new(arena, limits, body.len());
    span(&mut builder, &mut Shared::default(), None, body)?;
    Ok(scopes::in_order(builder.decoded))
}

fn batch<'a>(
    to: &mut Builder<'a>,
    shared: &mut Shared<'a>,
    message: &'a [u8],
) -> Result<(), DecodeError> {
    let resource = to.open_resource()?;
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span(to, shared, Some(resource), reader.bytes(field)?)?,
            2 => process(to, resource, reader.bytes(field)?)?,
            _ => reader.skip(field)?,
        }
    }
    Ok(())
}

fn process<'a>(
    to: &mut Builder<'a>,
    resource: usize,
    message: &'a [u8],
) -> Result<(), DecodeError> {
    let begin = to.begin_attributes();
    let mut service = "";
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => service = to.text(reader.bytes(field)?),
            2 => tag(to, reader.bytes(field)?)?,
            _ => reader.skip(field)?,
        }
    }
    jaeger::set_process(to, resource, service, begin)
}

fn span<'a>(
    to: &mut Builder<'a>,
    shared: &mut Shared<'a>,
    of_batch: Option<usize>,
    message: &'a [u8],
) -> Result<(), DecodeError> {
    let begin = Begin::of(to);
    let (mut span, mut own_process) = (Span::default(), None);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span.trace_id = TraceId::from_slice(reader.bytes(field)?).ok(),
            2 => span.span_id = SpanId::from_slice(reader.bytes(field)?).ok(),
            3 => span.name = to.text(reader.bytes(field)?),
            4 => {
                to.count_item()?;
                span.references.push(reference(reader.bytes(field)?)?);
            }
            5 => span.flags = reader.varint(field)? as u32,
            6 => span.start = time(reader.bytes(field)?)?,
            7 => span.duration = time(reader.bytes(field)?)?,
            8 => tag(to, reader.bytes(field)?)?,
            9 => log(to, reader.bytes(field)?)?,
            10 => own_process = Some(reader.bytes(field)?),
            12 => {
                let warning = to.text(reader.bytes(field)?);
                to.push_value(ValueRef::String(warning))?;
            }
            _ => reader.skip(field)?,
        }
    }
    let Shared { scopes, processes } = shared;
    jaeger::push_span(to, scopes, span, begin, |to| match own_process {
        None => of_batch.map_or_else(|| to.open_resource(), Ok),
        Some(message) => own_resource(to, processes, message),
    })
}

/// The resource of a process that a span carries itself.
fn own_resource<'a>(
    to: &mut Builder<'a>,
    processes: &mut HashMap<&'a [u8], usize>,
    message: &'a [u8],
) -> Result<usize, DecodeError> {
    if let Some(resource) = processes.get(message) {
        return Ok(*resource);
    }
    let resource = to.open_resource()?;
    process(to, resource, message)?;
    processes.insert(message, resource);
    Ok(resource)
}

fn reference(message: &[u8]) -> Result<Reference, DecodeError> {
    let mut reference = Reference::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => reference.trace_id = TraceId::from_slice(reader.bytes(field)?).ok(),
            2 => reference.span_id = SpanId::from_slice(reader.bytes(field)?).ok(),
            3 => reference.follows_from = reader.varint(field)? == 1,
            _ => reader.skip(field)?,
        }
    }
    Ok(reference)
}

/// Nanoseconds of a `Timestamp` or a `Duration`, which are alike.
fn time(message: &[u8]) -> Result<i128, DecodeError> {
    let (mut seconds, mut nanos) = (0, 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => seconds = reader.varint(field)? as i64,
            2 => nanos = reader.varint(field)? as i64,
            _ => reader.skip(field)?,
        }
    }
    Ok(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos))
}

fn log<'a>(to: &mut Builder<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let (begin, mut at) = (to.begin_attributes(), 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => at = time(reader.bytes(field)?)?,
            2 => tag(to, reader.bytes(field)?)?,
            _ => reader.skip(field)?,
        }
    }
    jaeger::push_log(to, begin, at)
}

fn tag<'a>(to: &mut Builder<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let (mut tag, mut of_type) = (Tag::default(), 0);
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => tag.key = to.text(reader.bytes(field)?),
            2 => of_type = reader.varint(field)?,
            3 => tag.text = to.text(reader.bytes(field)?),
            4 => tag.bool = reader.varint(field)? != 0,
            5 => tag.int = reader.varint(field)? as i64,
            6 => tag.double = f64::from_bits(reader.fixed64(field)?),
            7 => tag.bytes = reader.bytes(field)?,
            _ => reader.skip(field)?,
        }
    }
    tag.push(
        to,
        match of_type {
            0 => TagType::Text,
            1 => TagType::Bool,
            2 => TagType::Int,
            3 => TagType::Double,
            4 => TagType::Bytes,
            _ => TagType::Unknown,
        },
    )
}
