//! Jaeger's protobuf model in protobuf's JSON: one `Span` alone, as Jaeger writes it to Kafka.
//!
//! Ids and binary values are base64, times RFC 3339 in UTC, durations seconds with an `s`, enums
//! names. The body is read twice: for the process first, which belongs to the resource and must
//! outlive a span that is left out.

mod time;

use bumpalo::Bump;
use model::{SpanId, TraceId, ValueRef};
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess};

use self::time::{duration, timestamp};
use super::builder::Builder;
use super::jaeger::{self, Begin, Reference, Span, Tag, TagType};
use super::json::object::{Element, Fields, Ignored, List, Object};
use super::json::scalar::{Base64, Double, Parsed, Text, Whole};
use super::scopes::{self, Scopes};
use super::{DecodeError, DecodeLimits, Decoded};

/// Decodes one span.
///
/// # Errors
/// When the bytes are not JSON of Jaeger's span, or hold more than `limits` allows.
pub(super) fn decode_span<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut to = Builder::new(arena, limits, body.len());
    let resource = to.open_resource()?;
    let mut of_process = ProcessOfSpan {
        to: &mut to,
        resource,
    };
    let outcome = read(body, &mut of_process);
    told(&mut to, outcome)?;
    let begin = Begin::of(&to);
    let mut reading = OneSpan {
        to: &mut to,
        span: Span::default(),
    };
    let outcome = read(body, &mut reading);
    let span = reading.span;
    told(&mut to, outcome)?;
    jaeger::push_span(&mut to, &mut Scopes::default(), span, begin, |_| {
        Ok(resource)
    })?;
    Ok(scopes::in_order(to.decoded))
}

fn read<'a>(body: &'a [u8], fields: &mut impl Fields<'a>) -> Result<(), serde_json::Error> {
    let mut json = serde_json::Deserializer::from_slice(body);
    Object(fields)
        .deserialize(&mut json)
        .and_then(|()| json.end())
}

/// The builder's own failure, which serde cannot carry, comes first.
fn told(to: &mut Builder<'_>, outcome: Result<(), serde_json::Error>) -> Result<(), DecodeError> {
    match to.failure.take() {
        Some(failure) => Err(failure),
        None => outcome.map_err(DecodeError::Json),
    }
}

struct ProcessOfSpan<'x, 'a> {
    to: &'x mut Builder<'a>,
    resource: usize,
}

impl<'a> Fields<'a> for ProcessOfSpan<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        if key != "process" {
            return Ignored::skip(map);
        }
        let begin = self.to.begin_attributes();
        let mut process = Process {
            to: self.to,
            service: "",
        };
        map.next_value_seed(Object(&mut process))?;
        let service = process.service;
        jaeger::set_process(self.to, self.resource, service, begin)
            .map_err(|error| self.to.fail(error))
    }
}

struct Process<'x, 'a> {
    to: &'x mut Builder<'a>,
    service: &'a str,
}

impl<'a> Fields<'a> for Process<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "serviceName" => self.service = map.next_value_seed(Text(self.to))?,
            "tags" => map.next_value_seed(List(&mut Tags { to: self.to }))?,
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

struct OneSpan<'x, 'a> {
    to: &'x mut Builder<'a>,
    span: Span<'a>,
}

impl<'a> Fields<'a> for OneSpan<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let Self { to, span } = self;
        match key {
            "traceId" => span.trace_id = TraceId::from_slice(&map.next_value_seed(Base64)?).ok(),
            "spanId" => span.span_id = SpanId::from_slice(&map.next_value_seed(Base64)?).ok(),
            "operationName" => span.name = map.next_value_seed(Text(to))?,
            "references" => map.next_value_seed(List(&mut References { to, span }))?,
            "flags" => span.flags = map.next_value_seed(Whole::<u32>::new())?,
            "startTime" => span.start = nanos(map, timestamp)?,
            "duration" => span.duration = nanos(map, duration)?,
            "tags" => map.next_value_seed(List(&mut Tags { to }))?,
            "logs" => map.next_value_seed(List(&mut Logs { to }))?,
            "warnings" => map.next_value_seed(List(&mut Warnings { to }))?,
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

fn nanos<'a, A: MapAccess<'a>>(
    map: &mut A,
    parse: fn(&str) -> Option<i128>,
) -> Result<i128, A::Error> {
    let parsed = map.next_value_seed(Parsed(parse))?;
    parsed.ok_or_else(|| A::Error::custom("a time or duration is not written as protobuf has it"))
}

struct References<'x, 'a> {
    to: &'x mut Builder<'a>,
    span: &'x mut Span<'a>,
}

impl<'a> Element<'a> for References<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let counted = self.to.count_item();
        counted.map_err(|error| self.to.fail::<D::Error>(error))?;
        let mut reference = Reference::default();
        Object(&mut reference).deserialize(json)?;
        self.span.references.push(reference);
        Ok(())
    }
}

impl<'a> Fields<'a> for Reference {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "traceId" => self.trace_id = TraceId::from_slice(&map.next_value_seed(Base64)?).ok(),
            "spanId" => self.span_id = SpanId::from_slice(&map.next_value_seed(Base64)?).ok(),
            "refType" => {
                self.follows_from =
                    map.next_value_seed(Parsed(|name: &str| name == "FOLLOWS_FROM"))?;
            }
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

struct Logs<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Element<'a> for Logs<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let begin = self.to.begin_attributes();
        let mut log = Log { to: self.to, at: 0 };
        Object(&mut log).deserialize(json)?;
        let at = log.at;
        jaeger::push_log(self.to, begin, at).map_err(|error| self.to.fail(error))
    }
}

struct Log<'x, 'a> {
    to: &'x mut Builder<'a>,
    at: i128,
}

impl<'a> Fields<'a> for Log<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "timestamp" => self.at = nanos(map, timestamp)?,
            "fields" => map.next_value_seed(List(&mut Tags { to: self.to }))?,
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

struct Warnings<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Element<'a> for Warnings<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let warning = Text(self.to).deserialize(json)?;
        let pushed = self.to.push_value(ValueRef::String(warning));
        pushed.map(drop).map_err(|error| self.to.fail(error))
    }
}

struct Tags<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Element<'a> for Tags<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let mut reading = OneTag {
            to: self.to,
            tag: Tag::default(),
            of_type: TagType::Text,
        };
        Object(&mut reading).deserialize(json)?;
        let (tag, of_type) = (reading.tag, reading.of_type);
        tag.push(self.to, of_type)
            .map_err(|error| self.to.fail(error))
    }
}

struct OneTag<'x, 'a> {
    to: &'x mut Builder<'a>,
    tag: Tag<'a>,
    of_type: TagType,
}

impl<'a> Fields<'a> for OneTag<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let tag = &mut self.tag;
        match key {
            "key" => tag.key = map.next_value_seed(Text(self.to))?,
            "vType" => self.of_type = map.next_value_seed(Parsed(tag_type))?,
            "vStr" => tag.text = map.next_value_seed(Text(self.to))?,
            "vBool" => tag.bool = map.next_value::<Option<bool>>()?.unwrap_or_default(),
            "vInt64" => tag.int = map.next_value_seed(Whole::<i64>::new())?,
            "vFloat64" => tag.double = map.next_value_seed(Double)?,
            "vBinary" => {
                let bytes = map.next_value_seed(Base64)?;
                tag.bytes = self.to.arena().alloc_slice_copy(&bytes);
            }
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

/// A type that is not known is marked as repaired when the tag is pushed.
fn tag_type(name: &str) -> TagType {
    match name {
        "" | "STRING" => TagType::Text,
        "BOOL" => TagType::Bool,
        "INT64" => TagType::Int,
        "FLOAT64" => TagType::Double,
        "BINARY" => TagType::Bytes,
        _ => TagType::Unknown,
    }
}
