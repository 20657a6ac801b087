//! Traces as OTLP's `TracesData`, large ones in pieces.

use model::{Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Value};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as wire;
use prost::Message;

use super::super::grpc::MESSAGE;
use super::super::otlp_json::said_about;
use super::super::{Gone, Output, grpc};
use crate::adjust::Adjusted;

/// Traces, at least one message for each; no message holds spans of two traces.
pub fn traces(out: &mut Output, traces: &[Adjusted]) -> Result<(), Gone> {
    traces.iter().try_for_each(|adjusted| trace(out, adjusted))
}

fn trace(out: &mut Output, adjusted: &Adjusted) -> Result<(), Gone> {
    let mut piece = Piece::default();
    let mut position = 0;
    for (r, of_resource) in adjusted.trace.resources.iter().enumerate() {
        for (s, of_scope) in of_resource.scopes.iter().enumerate() {
            for one in &of_scope.spans {
                let said = if adjusted.raw {
                    Vec::new()
                } else {
                    said_about(one, adjusted.warnings.of(position))
                };
                piece.add((r, s), (of_resource, of_scope), span(one, &said));
                position += 1;
                if piece.bytes >= MESSAGE {
                    grpc::message(out, &piece.take())?;
                }
            }
        }
    }
    if piece.bytes == 0 {
        return Ok(());
    }
    grpc::message(out, &piece.take())
}

/// Part of a trace, with the resources and scopes of its spans.
#[derive(Default)]
struct Piece {
    data: wire::TracesData,
    /// Which resource and scope of the trace the last span had.
    place: Option<(usize, usize)>,
    bytes: usize,
}

impl Piece {
    fn add(
        &mut self,
        place: (usize, usize),
        (of_resource, of_scope): (&ResourceSpans, &ScopeSpans),
        span: wire::Span,
    ) {
        let resources = &mut self.data.resource_spans;
        if self.place.is_none_or(|(resource, _)| resource != place.0) {
            resources.push(wire::ResourceSpans {
                resource: Some(resource(&of_resource.resource)),
                scope_spans: Vec::new(),
                schema_url: of_resource.resource.schema_url.clone(),
            });
        }
        let Some(last) = resources.last_mut() else {
            return;
        };
        if self.place != Some(place) {
            last.scope_spans.push(wire::ScopeSpans {
                scope: Some(scope(&of_scope.scope)),
                spans: Vec::new(),
                schema_url: of_scope.scope.schema_url.clone(),
            });
        }
        self.place = Some(place);
        self.bytes += span.encoded_len();
        if let Some(last) = last.scope_spans.last_mut() {
            last.spans.push(span);
        }
    }

    fn take(&mut self) -> wire::TracesData {
        std::mem::take(self).data
    }
}

fn resource(resource: &Resource) -> resource::Resource {
    resource::Resource {
        attributes: attributes(&resource.attributes),
        dropped_attributes_count: resource.dropped_attributes,
        ..resource::Resource::default()
    }
}

fn scope(scope: &Scope) -> common::InstrumentationScope {
    common::InstrumentationScope {
        name: scope.name.clone(),
        version: scope.version.clone(),
        attributes: attributes(&scope.attributes),
        dropped_attributes_count: scope.dropped_attributes,
    }
}

fn span(span: &Span, said: &[KeyValue]) -> wire::Span {
    let parent = span.parent_span_id.map(|id| id.as_bytes().to_vec());
    let mut all = attributes(&span.attributes);
    all.extend(said.iter().map(attribute));
    wire::Span {
        trace_id: span.trace_id.as_bytes().to_vec(),
        span_id: span.span_id.as_bytes().to_vec(),
        trace_state: span.trace_state.clone(),
        parent_span_id: parent.unwrap_or_default(),
        flags: span.flags,
        name: span.name.clone(),
        kind: i32::from(span.kind.number()),
        start_time_unix_nano: span.start,
        end_time_unix_nano: span.end,
        attributes: all,
        dropped_attributes_count: span.dropped_attributes,
        events: span.events.iter().map(event).collect(),
        dropped_events_count: span.dropped_events,
        links: span.links.iter().map(link).collect(),
        dropped_links_count: span.dropped_links,
        status: Some(wire::Status {
            message: span.status_message.clone(),
            code: i32::from(span.status.number()),
        }),
    }
}

fn event(event: &Event) -> wire::span::Event {
    wire::span::Event {
        time_unix_nano: event.time,
        name: event.name.clone(),
        attributes: attributes(&event.attributes),
        dropped_attributes_count: event.dropped_attributes,
    }
}

fn link(link: &Link) -> wire::span::Link {
    wire::span::Link {
        trace_id: link.trace_id.as_bytes().to_vec(),
        span_id: link.span_id.as_bytes().to_vec(),
        trace_state: link.trace_state.clone(),
        attributes: attributes(&link.attributes),
        dropped_attributes_count: link.dropped_attributes,
        flags: link.flags,
    }
}

fn attributes(attributes: &[KeyValue]) -> Vec<common::KeyValue> {
    attributes.iter().map(attribute).collect()
}

fn attribute(attribute: &KeyValue) -> common::KeyValue {
    common::KeyValue {
        key: attribute.key.clone(),
        value: Some(value(&attribute.value)),
        ..common::KeyValue::default()
    }
}

// Nesting is bounded where spans come in, so recursion is bounded here.
fn value(value: &Value) -> common::AnyValue {
    let value = match value {
        Value::Empty => None,
        Value::String(text) => Some(any_value::Value::StringValue(text.clone())),
        Value::Bool(is) => Some(any_value::Value::BoolValue(*is)),
        Value::Int(number) => Some(any_value::Value::IntValue(*number)),
        Value::Double(number) => Some(any_value::Value::DoubleValue(*number)),
        Value::Bytes(bytes) => Some(any_value::Value::BytesValue(bytes.clone())),
        Value::Array(items) => {
            let values = items.iter().map(self::value).collect();
            Some(any_value::Value::ArrayValue(common::ArrayValue { values }))
        }
        Value::Map(entries) => {
            let values = attributes(entries);
            Some(any_value::Value::KvlistValue(common::KeyValueList {
                values,
            }))
        }
    };
    common::AnyValue { value }
}
