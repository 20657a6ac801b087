//! Messages of an answer → spans, parted by trace.

use std::collections::HashMap;

use model::{
    Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    StatusCode, Trace, TraceId, Value,
};
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as wire;

/// Something that no span has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a span in the answer has {0}")]
pub(crate) struct Unreadable(&'static str);

/// The traces that a message holds parts of, in order.
pub(crate) fn pieces(message: wire::TracesData) -> Result<Vec<Trace>, Unreadable> {
    let mut traces: Vec<Trace> = Vec::new();
    let mut places: HashMap<TraceId, usize> = HashMap::new();
    for of_resource in message.resource_spans {
        let resource = self::resource(of_resource.resource, of_resource.schema_url);
        for of_scope in of_resource.scope_spans {
            let scope = self::scope(of_scope.scope, of_scope.schema_url);
            let mut by_trace: Vec<(TraceId, Vec<Span>)> = Vec::new();
            for span in of_scope.spans {
                let span = self::span(span)?;
                match by_trace.last_mut().filter(|(id, _)| *id == span.trace_id) {
                    Some((_, spans)) => spans.push(span),
                    None => by_trace.push((span.trace_id, vec![span])),
                }
            }
            for (id, spans) in by_trace {
                let place = *places.entry(id).or_insert_with(|| {
                    let resources = Vec::new();
                    traces.push(Trace { id, resources });
                    traces.len() - 1
                });
                traces[place].resources.push(ResourceSpans {
                    resource: resource.clone(),
                    scopes: vec![ScopeSpans {
                        scope: scope.clone(),
                        spans,
                    }],
                });
            }
        }
    }
    Ok(traces)
}

fn resource(of: Option<resource::Resource>, schema_url: String) -> Resource {
    let of = of.unwrap_or_default();
    Resource {
        attributes: attributes(of.attributes),
        dropped_attributes: of.dropped_attributes_count,
        schema_url,
    }
}

fn scope(of: Option<common::InstrumentationScope>, schema_url: String) -> Scope {
    let of = of.unwrap_or_default();
    Scope {
        name: of.name,
        version: of.version,
        attributes: attributes(of.attributes),
        dropped_attributes: of.dropped_attributes_count,
        schema_url,
    }
}

fn span(of: wire::Span) -> Result<Span, Unreadable> {
    let parent_span_id = match of.parent_span_id.as_slice() {
        [] => None,
        bytes => SpanId::from_slice(bytes).ok(),
    };
    let (links, unreadable_links) = links(of.links);
    let status = of.status.unwrap_or_default();
    Ok(Span {
        trace_id: TraceId::from_slice(&of.trace_id).map_err(|_| Unreadable("no trace id"))?,
        span_id: SpanId::from_slice(&of.span_id).map_err(|_| Unreadable("no span id"))?,
        parent_span_id,
        trace_state: of.trace_state,
        flags: of.flags,
        name: of.name,
        kind: SpanKind::from_number(of.kind.into()).unwrap_or_default(),
        start: of.start_time_unix_nano,
        end: of.end_time_unix_nano,
        attributes: attributes(of.attributes),
        dropped_attributes: of.dropped_attributes_count,
        events: of.events.into_iter().map(event).collect(),
        dropped_events: of.dropped_events_count,
        links,
        dropped_links: of.dropped_links_count.saturating_add(unreadable_links),
        status: StatusCode::from_number(status.code.into()).unwrap_or_default(),
        status_message: status.message,
        repairs: model::Repairs::NONE,
    })
}

fn event(of: wire::span::Event) -> Event {
    Event {
        time: of.time_unix_nano,
        name: of.name,
        attributes: attributes(of.attributes),
        dropped_attributes: of.dropped_attributes_count,
    }
}

/// The links, and how many lead nowhere.
fn links(all: Vec<wire::span::Link>) -> (Vec<Link>, u32) {
    let count = all.len();
    let link = |of: wire::span::Link| {
        Some(Link {
            trace_id: TraceId::from_slice(&of.trace_id).ok()?,
            span_id: SpanId::from_slice(&of.span_id).ok()?,
            trace_state: of.trace_state,
            attributes: attributes(of.attributes),
            dropped_attributes: of.dropped_attributes_count,
            flags: of.flags,
        })
    };
    let links: Vec<Link> = all.into_iter().filter_map(link).collect();
    let unreadable = (count - links.len()) as u32;
    (links, unreadable)
}

fn attributes(all: Vec<common::KeyValue>) -> Vec<KeyValue> {
    let attribute = |of: common::KeyValue| KeyValue {
        key: of.key,
        value: of.value.map(value).unwrap_or_default(),
    };
    all.into_iter().map(attribute).collect()
}

// The protobuf decoder bounds nesting, so recursion is bounded here.
fn value(of: common::AnyValue) -> Value {
    use any_value::Value as Wire;
    match of.value {
        Some(Wire::StringValue(text)) => Value::String(text),
        Some(Wire::BoolValue(is)) => Value::Bool(is),
        Some(Wire::IntValue(number)) => Value::Int(number),
        Some(Wire::DoubleValue(number)) => Value::Double(number),
        Some(Wire::BytesValue(bytes)) => Value::Bytes(bytes),
        Some(Wire::ArrayValue(list)) => Value::Array(list.values.into_iter().map(value).collect()),
        Some(Wire::KvlistValue(map)) => Value::Map(attributes(map.values)),
        // A place in a table of texts, which traces do not have.
        Some(Wire::StringValueStrindex(_)) | None => Value::Empty,
    }
}
