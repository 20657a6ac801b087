//! OTLP JSON: the protobuf messages in lower camel case, ids in hex, read in one pass.
//!
//! As the specification of OTLP/HTTP has it: unknown keys are ignored, enums are numbers only,
//! 64-bit numbers are strings or numbers. Of duplicate keys the last one counts. The nesting of
//! the whole document ends at serde_json's 128.

mod span;
mod value;

use bumpalo::Bump;
use serde::de::{DeserializeSeed, Deserializer, MapAccess};

use self::span::Span;
use self::value::Attributes;
use super::builder::Builder;
use super::json::object::{Element, Fields, Ignored, List, Object};
use super::json::scalar::{Count, Text};
use super::{DecodeError, DecodeLimits, Decoded};

/// Decodes a request.
///
/// # Errors
/// When the bytes are not JSON of OTLP's types, or hold more than `limits` allows.
pub fn decode<'a>(
    body: &'a [u8],
    arena: &'a Bump,
    limits: DecodeLimits,
) -> Result<Decoded<'a>, DecodeError> {
    let mut builder = Builder::new(arena, limits, body.len());
    let mut json = serde_json::Deserializer::from_slice(body);
    let mut request = Request { to: &mut builder };
    let outcome = Object(&mut request)
        .deserialize(&mut json)
        .and_then(|()| json.end());
    match (builder.failure.take(), outcome) {
        (Some(failure), _) => Err(failure),
        (None, Err(error)) => Err(DecodeError::Json(error)),
        (None, Ok(())) => Ok(builder.decoded),
    }
}

struct Request<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Fields<'a> for Request<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "resourceSpans" => {
                self.to.forget_spans(0);
                map.next_value_seed(List(&mut AllResourceSpans { to: self.to }))
            }
            _ => Ignored::skip(map),
        }
    }
}

struct AllResourceSpans<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Element<'a> for AllResourceSpans<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let index = self
            .to
            .open_resource()
            .map_err(|error| self.to.fail(error))?;
        let first_span = self.to.decoded.batch.spans.len();
        let mut of_resource = ResourceSpans {
            to: self.to,
            index,
            first_span,
        };
        Object(&mut of_resource).deserialize(json)
    }
}

struct ResourceSpans<'x, 'a> {
    to: &'x mut Builder<'a>,
    index: usize,
    first_span: usize,
}

impl<'a> Fields<'a> for ResourceSpans<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "resource" => {
                let mut resource = Resource {
                    to: self.to,
                    index: self.index,
                };
                map.next_value_seed(Object(&mut resource))
            }
            "scopeSpans" => {
                self.to.forget_spans(self.first_span);
                let mut scopes = AllScopeSpans {
                    to: self.to,
                    resource: self.index,
                };
                map.next_value_seed(List(&mut scopes))
            }
            "schemaUrl" => {
                let url = map.next_value_seed(Text(self.to))?;
                self.to
                    .set_resource(self.index, |resource| resource.schema_url = url);
                Ok(())
            }
            _ => Ignored::skip(map),
        }
    }
}

struct Resource<'x, 'a> {
    to: &'x mut Builder<'a>,
    index: usize,
}

impl<'a> Fields<'a> for Resource<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "attributes" => {
                let attributes = map.next_value_seed(Attributes {
                    to: self.to,
                    depth: 1,
                })?;
                self.to
                    .set_resource(self.index, |resource| resource.attributes = attributes);
            }
            "droppedAttributesCount" => {
                let dropped = map.next_value_seed(Count)?;
                self.to
                    .set_resource(self.index, |resource| resource.dropped_attributes = dropped);
            }
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}

struct AllScopeSpans<'x, 'a> {
    to: &'x mut Builder<'a>,
    resource: usize,
}

impl<'a> Element<'a> for AllScopeSpans<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let opened = self.to.open_scope(self.resource);
        let index = opened.map_err(|error| self.to.fail(error))?;
        let first_span = self.to.decoded.batch.spans.len();
        let mut of_scope = ScopeSpans {
            to: self.to,
            index,
            first_span,
        };
        Object(&mut of_scope).deserialize(json)
    }
}

struct ScopeSpans<'x, 'a> {
    to: &'x mut Builder<'a>,
    index: usize,
    first_span: usize,
}

impl<'a> Fields<'a> for ScopeSpans<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "scope" => {
                let mut scope = Scope {
                    to: self.to,
                    index: self.index,
                };
                map.next_value_seed(Object(&mut scope))
            }
            "spans" => {
                self.to.forget_spans(self.first_span);
                let mut spans = Spans {
                    to: self.to,
                    scope: self.index,
                };
                map.next_value_seed(List(&mut spans))
            }
            "schemaUrl" => {
                let url = map.next_value_seed(Text(self.to))?;
                self.to
                    .set_scope(self.index, |scope| scope.schema_url = url);
                Ok(())
            }
            _ => Ignored::skip(map),
        }
    }
}

struct Scope<'x, 'a> {
    to: &'x mut Builder<'a>,
    index: usize,
}

impl<'a> Fields<'a> for Scope<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        let index = self.index;
        match key {
            "name" => {
                let name = map.next_value_seed(Text(self.to))?;
                self.to.set_scope(index, |scope| scope.name = name);
            }
            "version" => {
                let version = map.next_value_seed(Text(self.to))?;
                self.to.set_scope(index, |scope| scope.version = version);
            }
            "attributes" => {
                let attributes = map.next_value_seed(Attributes {
                    to: self.to,
                    depth: 1,
                })?;
                self.to
                    .set_scope(index, |scope| scope.attributes = attributes);
            }
            "droppedAttributesCount" => {
                let dropped = map.next_value_seed(Count)?;
                self.to
                    .set_scope(index, |scope| scope.dropped_attributes = dropped);
            }
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}

struct Spans<'x, 'a> {
    to: &'x mut Builder<'a>,
    scope: usize,
}

impl<'a> Element<'a> for Spans<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let before = self.to.mark();
        let mut span = Span::new(self.to);
        Object(&mut span).deserialize(json)?;
        let draft = span.finish();
        let pushed = self.to.push_span(self.scope, draft, before);
        pushed.map_err(|error| self.to.fail(error))
    }
}
