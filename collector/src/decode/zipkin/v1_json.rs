//! Zipkin's JSON, version 1: a list of spans with annotations and binary annotations.

use std::fmt;

use bumpalo::Bump;
use model::ValueRef;
use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, Visitor};

use super::v1::Annotations;
use super::v2_json::{Reading, endpoint, parent, read_list};
use super::{Begin, Endpoint, Request, Span, span_id, trace_id};
use crate::decode::builder::Builder;
use crate::decode::json::object::{Element, Fields, Ignored, List, Object};
use crate::decode::json::scalar::{Parsed, Text, Whole};
use crate::decode::{DecodeError, DecodeLimits, Decoded};

/// Fields that only spans of version 2 have.
const OF_V2: [&str; 5] = ["kind", "localEndpoint", "remoteEndpoint", "tags", "shared"];

/// Decodes a request.
///
/// # Errors
/// When the bytes are not JSON of Zipkin's spans, or hold more than `limits` allows.
pub(in crate::decode) fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut request = Request::new(Builder::new(arena, limits, body.len()));
    read_list(body, &mut request, |request| Spans { request })?;
    Ok(request.finish())
}

struct Spans<'x, 'a> {
    request: &'x mut Request<'a>,
}

impl<'a> Reading<'a> for Spans<'_, 'a> {
    fn failure(&mut self) -> Option<DecodeError> {
        self.request.to.failure.take()
    }
}

impl<'a> Element<'a> for Spans<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let begin = Begin::of(&self.request.to);
        let mut reading = OneSpan {
            request: self.request,
            span: Span::default(),
            known: Annotations::default(),
        };
        Object(&mut reading).deserialize(json)?;
        let mut span = reading.span;
        reading.known.complete(&mut span);
        let pushed = reading.request.push_span(span, begin);
        pushed.map_err(|error| self.request.to.fail(error))
    }
}

struct OneSpan<'x, 'a> {
    request: &'x mut Request<'a>,
    span: Span<'a>,
    known: Annotations<'a>,
}

impl<'a> Fields<'a> for OneSpan<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let to = &mut self.request.to;
        match key {
            "traceId" => self.span.trace_id = map.next_value_seed(Parsed(trace_id))?.ok(),
            "id" => self.span.id = map.next_value_seed(Parsed(span_id))?.ok(),
            "parentId" => self.span.parent = parent(to, map)?,
            "name" => self.span.name = map.next_value_seed(Text(to))?,
            "timestamp" => self.span.timestamp = map.next_value_seed(Whole::new())?,
            "duration" => self.span.duration = map.next_value_seed(Whole::new())?,
            "debug" => self.span.debug = map.next_value::<Option<bool>>()?.unwrap_or_default(),
            "annotations" => self.annotations::<A, false>(map)?,
            "binaryAnnotations" => self.annotations::<A, true>(map)?,
            key => match OF_V2.iter().find(|field| **field == key) {
                Some(field) => return Err(to.fail(DecodeError::OtherVersion { field })),
                None => return Ignored::skip(map),
            },
        }
        Ok(())
    }
}

impl<'a> OneSpan<'_, 'a> {
    fn annotations<A: MapAccess<'a>, const BINARY: bool>(
        &mut self,
        map: &mut A,
    ) -> Result<(), A::Error> {
        let mut list = ListOf::<BINARY> {
            request: self.request,
            known: &mut self.known,
        };
        map.next_value_seed(List(&mut list))
    }
}

/// Annotations, or binary ones.
struct ListOf<'x, 'a, const BINARY: bool> {
    request: &'x mut Request<'a>,
    known: &'x mut Annotations<'a>,
}

impl<'a, const BINARY: bool> Element<'a> for ListOf<'_, 'a, BINARY> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let mut reading = Annotation {
            to: &mut self.request.to,
            time: 0,
            key: "",
            value: ValueRef::Empty,
            endpoint: Endpoint::default(),
        };
        Object(&mut reading).deserialize(json)?;
        let Annotation {
            time,
            key,
            value,
            endpoint,
            ..
        } = reading;
        let taken = match value {
            value if BINARY => self.known.binary(self.request, key, value, endpoint),
            ValueRef::String(value) => self.known.annotation(self.request, time, value, endpoint),
            ValueRef::Empty => self.known.annotation(self.request, time, "", endpoint),
            _ => return Err(D::Error::custom("the value of an annotation is a string")),
        };
        taken.map_err(|error| self.request.to.fail(error))
    }
}

struct Annotation<'x, 'a> {
    to: &'x mut Builder<'a>,
    time: i64,
    key: &'a str,
    value: ValueRef<'a>,
    endpoint: Endpoint<'a>,
}

impl<'a> Fields<'a> for Annotation<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "timestamp" => self.time = map.next_value_seed(Whole::new())?,
            "key" => self.key = map.next_value_seed(Text(self.to))?,
            "value" => self.value = map.next_value_seed(Scalar(self.to))?,
            "endpoint" => self.endpoint = endpoint(self.to, map)?,
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

/// A string, a number or a boolean.
struct Scalar<'x, 'a>(&'x mut Builder<'a>);

impl<'a> DeserializeSeed<'a> for Scalar<'_, 'a> {
    type Value = ValueRef<'a>;

    fn deserialize<D: Deserializer<'a>>(self, json: D) -> Result<ValueRef<'a>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'a> Visitor<'a> for Scalar<'_, 'a> {
    type Value = ValueRef<'a>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string, a number or a boolean")
    }

    fn visit_borrowed_str<E>(self, text: &'a str) -> Result<ValueRef<'a>, E> {
        Ok(ValueRef::String(self.0.valid_text(text)))
    }

    fn visit_str<E>(self, text: &str) -> Result<ValueRef<'a>, E> {
        Ok(ValueRef::String(self.0.owned_text(text)))
    }

    fn visit_bool<E>(self, value: bool) -> Result<ValueRef<'a>, E> {
        Ok(ValueRef::Bool(value))
    }

    fn visit_i64<E>(self, number: i64) -> Result<ValueRef<'a>, E> {
        Ok(ValueRef::Int(number))
    }

    fn visit_u64<E>(self, number: u64) -> Result<ValueRef<'a>, E> {
        let exact = i64::try_from(number).map(ValueRef::Int);
        Ok(exact.unwrap_or(ValueRef::Double(number as f64)))
    }

    fn visit_f64<E>(self, number: f64) -> Result<ValueRef<'a>, E> {
        Ok(ValueRef::Double(number))
    }

    fn visit_unit<E>(self) -> Result<ValueRef<'a>, E> {
        Ok(ValueRef::Empty)
    }
}
