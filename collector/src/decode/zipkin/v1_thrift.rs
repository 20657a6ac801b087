//! Zipkin's Thrift: a list of the spans of `zipkincore.thrift` in the binary protocol.

use bumpalo::Bump;
use model::{Repair, ValueRef};

use super::v1::Annotations;
use super::{Begin, Endpoint, Request, Span};
use crate::decode::builder::Builder;
use crate::decode::jaeger_thrift::{span_id, trace_id};
use crate::decode::thrift::{Protocol, Reader, ThriftError, kind};
use crate::decode::{DecodeError, DecodeLimits, Decoded};

/// Decodes a request.
///
/// # Errors
/// When the bytes are not a list of spans in Thrift's binary protocol, or hold more than `limits`
/// allows.
pub(in crate::decode) fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut request = Request::new(Builder::new(arena, limits, body.len()));
    let mut reader = Reader::new(Protocol::Binary, body);
    list(&mut request, &mut reader)?;
    reader.end()?;
    Ok(request.finish())
}

/// Reads a list of spans.
pub(in crate::decode) fn list<'a>(
    request: &mut Request<'a>,
    reader: &mut Reader<'a>,
) -> Result<(), DecodeError> {
    for _ in 0..reader.structs()? {
        span(request, reader)?;
    }
    Ok(())
}

fn span<'a>(request: &mut Request<'a>, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
    let (begin, mut span) = (Begin::of(&request.to), Span::default());
    let (mut low, mut high, mut known) = (0, 0, Annotations::default());
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::I64) => low = reader.i64()?,
            (3, kind::STRING) => span.name = request.to.text(reader.bytes()?),
            (4, kind::I64) => span.id = span_id(reader.i64()?),
            (5, kind::I64) => span.parent = span_id(reader.i64()?),
            (6, kind::LIST) => {
                for _ in 0..reader.structs()? {
                    annotation(request, reader, &mut known)?;
                }
            }
            (8, kind::LIST) => {
                for _ in 0..reader.structs()? {
                    binary_annotation(request, reader, &mut known)?;
                }
            }
            (9, kind::BOOL) => span.debug = reader.bool()?,
            (10, kind::I64) => span.timestamp = reader.i64()?,
            (11, kind::I64) => span.duration = reader.i64()?,
            (12, kind::I64) => high = reader.i64()?,
            _ => reader.skip(field.kind)?,
        }
    }
    span.trace_id = trace_id(high, low);
    known.complete(&mut span);
    request.push_span(span, begin)
}

fn annotation<'a>(
    request: &mut Request<'a>,
    reader: &mut Reader<'a>,
    known: &mut Annotations<'a>,
) -> Result<(), DecodeError> {
    let (mut time, mut value, mut host) = (0, "", Endpoint::default());
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::I64) => time = reader.i64()?,
            (2, kind::STRING) => value = request.to.text(reader.bytes()?),
            (3, kind::STRUCT) => host = endpoint(request, reader)?,
            _ => reader.skip(field.kind)?,
        }
    }
    known.annotation(request, time, value, host)
}

fn binary_annotation<'a>(
    request: &mut Request<'a>,
    reader: &mut Reader<'a>,
    known: &mut Annotations<'a>,
) -> Result<(), DecodeError> {
    let (mut key, mut bytes, mut of_type) = ("", &[][..], 0);
    let mut host = Endpoint::default();
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::STRING) => key = request.to.text(reader.bytes()?),
            (2, kind::STRING) => bytes = reader.bytes()?,
            (3, kind::I32) => of_type = reader.i32()?,
            (4, kind::STRUCT) => host = endpoint(request, reader)?,
            _ => reader.skip(field.kind)?,
        }
    }
    let value = value(&mut request.to, of_type, bytes);
    known.binary(request, key, value, host)
}

/// The value of one of the types; bytes of another length than the type's stay bytes.
fn value<'a>(to: &mut Builder<'a>, of_type: i32, bytes: &'a [u8]) -> ValueRef<'a> {
    let typed = match of_type {
        0 => Some(ValueRef::Bool(bytes == [1])),
        1 => None,
        2 => fixed(bytes).map(|bytes| ValueRef::Int(i16::from_be_bytes(bytes).into())),
        3 => fixed(bytes).map(|bytes| ValueRef::Int(i32::from_be_bytes(bytes).into())),
        4 => fixed(bytes).map(|bytes| ValueRef::Int(i64::from_be_bytes(bytes))),
        5 => fixed(bytes).map(|bytes| ValueRef::Double(f64::from_be_bytes(bytes))),
        6 => Some(ValueRef::String(to.text(bytes))),
        _ => {
            to.repair(Repair::UnknownEnum);
            None
        }
    };
    typed.unwrap_or(ValueRef::Bytes(bytes))
}

fn fixed<const N: usize>(bytes: &[u8]) -> Option<[u8; N]> {
    bytes.try_into().ok()
}

fn endpoint<'a>(
    request: &mut Request<'a>,
    reader: &mut Reader<'a>,
) -> Result<Endpoint<'a>, ThriftError> {
    let mut endpoint = Endpoint::default();
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::I32) => {
                let ipv4 = reader.i32()?;
                if ipv4 != 0 {
                    endpoint.ipv4 = super::ipv4(&request.to, &ipv4.to_be_bytes());
                }
            }
            // Thrift has no unsigned numbers: ports above 32767 come as negative ones.
            (2, kind::I16) => endpoint.port = i64::from(reader.i16()? as u16),
            (3, kind::STRING) => endpoint.service = request.to.text(reader.bytes()?),
            (4, kind::STRING) => endpoint.ipv6 = super::ipv6(&request.to, reader.bytes()?),
            _ => reader.skip(field.kind)?,
        }
    }
    Ok(endpoint)
}
