//! Jaeger's Thrift: a `Batch`, read in place; over HTTP in the binary protocol, without an envelope.
//!
//! Field numbers are those of `jaeger.thrift`. A field of another type than it should have is
//! passed over, as generated readers do.

use bumpalo::Bump;
use model::{SpanId, TraceId};

use super::builder::Builder;
use super::jaeger::{self, Begin, Reference, Span, Tag, TagType};
use super::scopes::{self, Scopes};
use super::thrift::{Protocol, Reader, ThriftError, kind};
use super::{ClientCount, DecodeError, DecodeLimits, Decoded};

const NANOS_PER_MICRO: i128 = 1_000;

/// Decodes a request.
///
/// # Errors
/// When the bytes are not a `Batch` in Thrift's binary protocol, or hold more than `limits` allows.
pub(super) fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut builder = Builder::new(arena, limits, body.len());
    let mut reader = Reader::new(Protocol::Binary, body);
    batch(&mut builder, &mut reader)?;
    reader.end()?;
    Ok(scopes::in_order(builder.decoded))
}

pub(super) fn batch<'a>(to: &mut Builder<'a>, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
    let (mut scopes, resource) = (Scopes::default(), to.open_resource()?);
    let (mut has_process, mut has_spans) = (false, false);
    let (mut number, mut client, mut last) = (0, ClientCount::default(), 0);
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::STRUCT) => {
                process(to, reader, resource)?;
                has_process = true;
            }
            (2, kind::LIST) => {
                for _ in 0..reader.structs()? {
                    span(to, reader, &mut scopes, resource)?;
                }
                has_spans = true;
            }
            (3, kind::I64) => number = reader.i64()?,
            (4, kind::STRUCT) => client = client_count(reader)?,
            _ => reader.skip(field.kind)?,
        }
    }
    for (is_set, name) in [(has_process, "process"), (has_spans, "spans")] {
        if !is_set {
            return Err(ThriftError::Missing(name).into());
        }
    }
    // Those that number their batches begin with one.
    to.decoded.client = u64::try_from(number)
        .ok()
        .filter(|batches| *batches > 0)
        .map(|batches| ClientCount { batches, ..client });
    Ok(())
}

fn client_count(reader: &mut Reader<'_>) -> Result<ClientCount, ThriftError> {
    let (mut count, mut last) = (ClientCount::default(), 0);
    while let Some(field) = reader.field(&mut last)? {
        let to = match (field.id, field.kind) {
            (1, kind::I64) => &mut count.queue_full,
            (2, kind::I64) => &mut count.too_large,
            (3, kind::I64) => &mut count.unsent,
            _ => {
                reader.skip(field.kind)?;
                continue;
            }
        };
        *to = u64::try_from(reader.i64()?).unwrap_or(0);
    }
    Ok(count)
}

fn process<'a>(
    to: &mut Builder<'a>,
    reader: &mut Reader<'a>,
    resource: usize,
) -> Result<(), DecodeError> {
    let (begin, mut service) = (to.begin_attributes(), "");
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::STRING) => service = to.text(reader.bytes()?),
            (2, kind::LIST) => tags(to, reader)?,
            _ => reader.skip(field.kind)?,
        }
    }
    jaeger::set_process(to, resource, service, begin)
}

fn span<'a>(
    to: &mut Builder<'a>,
    reader: &mut Reader<'a>,
    scopes: &mut Scopes<'a>,
    resource: usize,
) -> Result<(), DecodeError> {
    let begin = Begin::of(to);
    let (mut low, mut high, mut parent) = (0, 0, 0);
    let mut span = Span::default();
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::I64) => low = reader.i64()?,
            (2, kind::I64) => high = reader.i64()?,
            (3, kind::I64) => span.span_id = span_id(reader.i64()?),
            (4, kind::I64) => parent = reader.i64()?,
            (5, kind::STRING) => span.name = to.text(reader.bytes()?),
            (6, kind::LIST) => {
                for _ in 0..reader.structs()? {
                    to.count_item()?;
                    span.references.push(reference(reader)?);
                }
            }
            (7, kind::I32) => span.flags = reader.i32()? as u32,
            (8, kind::I64) => span.start = i128::from(reader.i64()?) * NANOS_PER_MICRO,
            (9, kind::I64) => span.duration = i128::from(reader.i64()?) * NANOS_PER_MICRO,
            (10, kind::LIST) => tags(to, reader)?,
            (11, kind::LIST) => {
                for _ in 0..reader.structs()? {
                    log(to, reader)?;
                }
            }
            _ => reader.skip(field.kind)?,
        }
    }
    span.trace_id = trace_id(high, low);
    refer_to_parent(&mut span, parent);
    jaeger::push_span(to, scopes, span, begin, |_| Ok(resource))
}

/// The parent by its id stands before the references, unless one of them names it.
fn refer_to_parent(span: &mut Span<'_>, parent: i64) {
    let Some(parent) = span_id(parent) else {
        return;
    };
    let names_it = |of: &Reference| of.trace_id == span.trace_id && of.span_id == Some(parent);
    if !span.references.iter().any(names_it) {
        let reference = Reference {
            trace_id: span.trace_id,
            span_id: Some(parent),
            follows_from: false,
        };
        span.references.insert(0, reference);
    }
}

/// The id of these halves, high before low.
pub(super) fn trace_id(high: i64, low: i64) -> Option<TraceId> {
    let id = (u128::from(high as u64) << 64) | u128::from(low as u64);
    TraceId::new(id.to_be_bytes())
}

pub(super) fn span_id(id: i64) -> Option<SpanId> {
    SpanId::new(id.to_be_bytes())
}

fn reference(reader: &mut Reader<'_>) -> Result<Reference, ThriftError> {
    let (mut low, mut high, mut reference) = (0, 0, Reference::default());
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::I32) => reference.follows_from = reader.i32()? == 1,
            (2, kind::I64) => low = reader.i64()?,
            (3, kind::I64) => high = reader.i64()?,
            (4, kind::I64) => reference.span_id = span_id(reader.i64()?),
            _ => reader.skip(field.kind)?,
        }
    }
    reference.trace_id = trace_id(high, low);
    Ok(reference)
}

fn log<'a>(to: &mut Builder<'a>, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
    let (begin, mut micros) = (to.begin_attributes(), 0);
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::I64) => micros = reader.i64()?,
            (2, kind::LIST) => tags(to, reader)?,
            _ => reader.skip(field.kind)?,
        }
    }
    jaeger::push_log(to, begin, i128::from(micros) * NANOS_PER_MICRO)
}

fn tags<'a>(to: &mut Builder<'a>, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
    for _ in 0..reader.structs()? {
        tag(to, reader)?;
    }
    Ok(())
}

fn tag<'a>(to: &mut Builder<'a>, reader: &mut Reader<'a>) -> Result<(), DecodeError> {
    let (mut tag, mut of_type) = (Tag::default(), 0);
    let mut last = 0;
    while let Some(field) = reader.field(&mut last)? {
        match (field.id, field.kind) {
            (1, kind::STRING) => tag.key = to.text(reader.bytes()?),
            (2, kind::I32) => of_type = reader.i32()?,
            (3, kind::STRING) => tag.text = to.text(reader.bytes()?),
            (4, kind::DOUBLE) => tag.double = reader.double()?,
            (5, kind::BOOL) => tag.bool = reader.bool()?,
            (6, kind::I64) => tag.int = reader.i64()?,
            (7, kind::STRING) => tag.bytes = reader.bytes()?,
            _ => reader.skip(field.kind)?,
        }
    }
    tag.push(
        to,
        match of_type {
            0 => TagType::Text,
            1 => TagType::Double,
            2 => TagType::Bool,
            3 => TagType::Int,
            4 => TagType::Bytes,
            _ => TagType::Unknown,
        },
    )
}
