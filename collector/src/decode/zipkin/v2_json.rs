//! Zipkin's JSON, version 2: a list of spans, read in one pass.

use bumpalo::Bump;
use model::{Repair, SpanKind, ValueRef};
use serde::de::{DeserializeSeed, Deserializer, MapAccess};

use super::{Begin, Endpoint, Request, Span, parent_id, span_id, trace_id};
use crate::decode::builder::Builder;
use crate::decode::json::object::{Element, Fields, Ignored, List, Object};
use crate::decode::json::scalar::{Parsed, Text, Whole};
use crate::decode::{DecodeError, DecodeLimits, Decoded};

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

/// Reads a body that is one list.
pub(super) fn read_list<'x, 'a: 'x, E: Element<'a> + Reading<'a>>(
    body: &'a [u8],
    request: &'x mut Request<'a>,
    elements: impl FnOnce(&'x mut Request<'a>) -> E,
) -> Result<(), DecodeError> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut elements = elements(request);
    let outcome = List(&mut elements)
        .deserialize(&mut json)
        .and_then(|()| json.end());
    match (elements.failure(), outcome) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(DecodeError::Json(error)),
        (None, Ok(())) => Ok(()),
    }
}

/// Whatever reads into a request, whose failure it can tell.
pub(super) trait Reading<'a> {
    /// Why reading stopped, if serde cannot say.
    fn failure(&mut self) -> Option<DecodeError>;
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
        };
        Object(&mut reading).deserialize(json)?;
        let pushed = reading.request.push_span(reading.span, begin);
        pushed.map_err(|error| self.request.to.fail(error))
    }
}

struct OneSpan<'x, 'a> {
    request: &'x mut Request<'a>,
    span: Span<'a>,
}

impl<'a> Fields<'a> for OneSpan<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let to = &mut self.request.to;
        match key {
            "traceId" => self.span.trace_id = map.next_value_seed(Parsed(trace_id))?.ok(),
            "id" => self.span.id = map.next_value_seed(Parsed(span_id))?.ok(),
            "parentId" => self.span.parent = parent(to, map)?,
            "kind" => {
                let kind = map.next_value_seed(Parsed(kind))?;
                self.span.kind = kind.unwrap_or_else(|| {
                    to.repair(Repair::UnknownEnum);
                    SpanKind::Unspecified
                });
            }
            "name" => self.span.name = map.next_value_seed(Text(to))?,
            "timestamp" => self.span.timestamp = map.next_value_seed(Whole::new())?,
            "duration" => self.span.duration = map.next_value_seed(Whole::new())?,
            "debug" => self.span.debug = map.next_value::<Option<bool>>()?.unwrap_or_default(),
            "localEndpoint" => self.span.local = endpoint(to, map)?,
            "remoteEndpoint" => self.span.remote = endpoint(to, map)?,
            "annotations" => {
                let request = &mut *self.request;
                map.next_value_seed(List(&mut Annotations { request }))?;
            }
            "tags" => map.next_value_seed(Object(&mut Tags { to }))?,
            "binaryAnnotations" => {
                let field = "binaryAnnotations";
                return Err(to.fail(DecodeError::OtherVersion { field }));
            }
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

/// The parent's id, none when there is none.
pub(super) fn parent<'a, A: MapAccess<'a>>(
    to: &mut Builder<'a>,
    map: &mut A,
) -> Result<Option<model::SpanId>, A::Error> {
    let field = "parentId";
    let sent = map.next_value_seed(Parsed(parent_id))?;
    sent.map_err(|_| to.fail(DecodeError::InvalidId { field }))
}

fn kind(name: &str) -> Option<SpanKind> {
    match name {
        "CLIENT" => Some(SpanKind::Client),
        "SERVER" => Some(SpanKind::Server),
        "PRODUCER" => Some(SpanKind::Producer),
        "CONSUMER" => Some(SpanKind::Consumer),
        "" => Some(SpanKind::Unspecified),
        _ => None,
    }
}

/// An endpoint, empty when there is none.
pub(super) fn endpoint<'a, A: MapAccess<'a>>(
    to: &mut Builder<'a>,
    map: &mut A,
) -> Result<Endpoint<'a>, A::Error> {
    let mut reading = OneEndpoint {
        to,
        endpoint: Endpoint::default(),
    };
    map.next_value_seed(Object(&mut reading))?;
    Ok(reading.endpoint)
}

struct OneEndpoint<'x, 'a> {
    to: &'x mut Builder<'a>,
    endpoint: Endpoint<'a>,
}

impl<'a> Fields<'a> for OneEndpoint<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "serviceName" => self.endpoint.service = map.next_value_seed(Text(self.to))?,
            "ipv4" => self.endpoint.ipv4 = map.next_value_seed(Text(self.to))?,
            "ipv6" => self.endpoint.ipv6 = map.next_value_seed(Text(self.to))?,
            "port" => self.endpoint.port = map.next_value_seed(Whole::new())?,
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

struct Annotations<'x, 'a> {
    request: &'x mut Request<'a>,
}

impl<'a> Element<'a> for Annotations<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let mut reading = Annotation {
            to: &mut self.request.to,
            time: 0,
            value: "",
        };
        Object(&mut reading).deserialize(json)?;
        let (time, value) = (reading.time, reading.value);
        let pushed = self.request.push_event(time, value);
        pushed.map_err(|error| self.request.to.fail(error))
    }
}

struct Annotation<'x, 'a> {
    to: &'x mut Builder<'a>,
    time: i64,
    value: &'a str,
}

impl<'a> Fields<'a> for Annotation<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "timestamp" => self.time = map.next_value_seed(Whole::new())?,
            "value" => self.value = map.next_value_seed(Text(self.to))?,
            "endpoint" => {
                let field = "endpoint";
                return Err(self.to.fail(DecodeError::OtherVersion { field }));
            }
            _ => return Ignored::skip(map),
        }
        Ok(())
    }
}

struct Tags<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Fields<'a> for Tags<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let key = self.to.owned_text(key);
        let value = map.next_value_seed(Text(self.to))?;
        let pushed = self.to.push_attribute(key, ValueRef::String(value));
        pushed.map_err(|error| self.to.fail(error))
    }
}
