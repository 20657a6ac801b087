//! Zipkin's protobuf: `ListOfSpans` read in place. Field numbers are those of `zipkin.proto`.

use bumpalo::Bump;
use model::{Repair, SpanId, SpanKind, TraceId, ValueRef};

use super::{Begin, Endpoint, Request, Span};
use crate::decode::builder::Builder;
use crate::decode::wire::Reader;
use crate::decode::{DecodeError, DecodeLimits, Decoded};

/// Decodes a request.
///
/// # Errors
/// When the bytes are not a protobuf message of Zipkin's types, or hold more than `limits` allows.
pub(in crate::decode) fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut request = Request::new(Builder::new(arena, limits, body.len()));
    let mut reader = Reader::new(body);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span(&mut request, reader.bytes(field)?)?,
            _ => reader.skip(field)?,
        }
    }
    Ok(request.finish())
}

fn span<'a>(request: &mut Request<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let (begin, mut span) = (Begin::of(&request.to), Span::default());
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => span.trace_id = padded(reader.bytes(field)?).and_then(TraceId::new),
            2 => span.parent = parent(reader.bytes(field)?)?,
            3 => span.id = padded(reader.bytes(field)?).and_then(SpanId::new),
            4 => span.kind = kind(request, reader.varint(field)?),
            5 => span.name = request.to.text(reader.bytes(field)?),
            6 => span.timestamp = micros(reader.fixed64(field)?),
            7 => span.duration = micros(reader.varint(field)?),
            8 => span.local = endpoint(request, reader.bytes(field)?)?,
            9 => span.remote = endpoint(request, reader.bytes(field)?)?,
            10 => annotation(request, reader.bytes(field)?)?,
            11 => tag(request, reader.bytes(field)?)?,
            12 => span.debug = reader.varint(field)? != 0,
            _ => reader.skip(field)?,
        }
    }
    request.push_span(span, begin)
}

/// The bytes of an id, padded on the left with zeros; none when there are too many.
fn padded<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    let mut id = [0; N];
    id[N.checked_sub(bytes.len())?..].copy_from_slice(bytes);
    Some(id)
}

fn parent(bytes: &[u8]) -> Result<Option<SpanId>, DecodeError> {
    let invalid = DecodeError::InvalidId { field: "parentId" };
    padded(bytes).map(SpanId::new).ok_or(invalid)
}

fn kind(request: &mut Request<'_>, number: u64) -> SpanKind {
    match number {
        0 => SpanKind::Unspecified,
        1 => SpanKind::Client,
        2 => SpanKind::Server,
        3 => SpanKind::Producer,
        4 => SpanKind::Consumer,
        _ => {
            request.to.repair(Repair::UnknownEnum);
            SpanKind::Unspecified
        }
    }
}

fn micros(unsigned: u64) -> i64 {
    i64::try_from(unsigned).unwrap_or(i64::MAX)
}

fn endpoint<'a>(request: &mut Request<'a>, message: &'a [u8]) -> Result<Endpoint<'a>, DecodeError> {
    let mut endpoint = Endpoint::default();
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => endpoint.service = request.to.text(reader.bytes(field)?),
            2 => endpoint.ipv4 = super::ipv4(&request.to, reader.bytes(field)?),
            3 => endpoint.ipv6 = super::ipv6(&request.to, reader.bytes(field)?),
            4 => endpoint.port = i64::from(reader.varint(field)? as i32),
            _ => reader.skip(field)?,
        }
    }
    Ok(endpoint)
}

fn annotation<'a>(request: &mut Request<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let (mut time, mut value) = (0, "");
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => time = micros(reader.fixed64(field)?),
            2 => value = request.to.text(reader.bytes(field)?),
            _ => reader.skip(field)?,
        }
    }
    request.push_event(time, value)
}

fn tag<'a>(request: &mut Request<'a>, message: &'a [u8]) -> Result<(), DecodeError> {
    let (mut key, mut value) = ("", "");
    let mut reader = Reader::new(message);
    while let Some(field) = reader.field()? {
        match field.number {
            1 => key = request.to.text(reader.bytes(field)?),
            2 => value = request.to.text(reader.bytes(field)?),
            _ => reader.skip(field)?,
        }
    }
    request.to.push_attribute(key, ValueRef::String(value))
}
