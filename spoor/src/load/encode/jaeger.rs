//! Jaeger's model, as Jaeger's own translation makes it of OTLP's, and its protobuf.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::{Event, SpanKind};
use prost::Message;
use prost_types::{Duration, Timestamp};
use schemas::jaeger_query::model as wire;

use super::{Placed, service, spans};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// `jaeger.api_v2.Batch`.
#[derive(Clone, PartialEq, Message)]
struct Batch {
    #[prost(message, repeated, tag = "1")]
    spans: Vec<wire::Span>,
}

/// `jaeger.api_v2.PostSpansRequest`.
#[derive(Clone, PartialEq, Message)]
struct PostSpans {
    #[prost(message, optional, tag = "1")]
    batch: Option<Batch>,
}

/// One batch whose spans carry their processes: a request may hold spans of many.
pub(super) fn post_spans(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let mut batch = Batch::default();
    for of_resource in &request.resource_spans {
        let process = process(of_resource.resource.as_ref());
        let of_process = spans(of_resource).map(|placed| span(placed, process.clone()));
        batch.spans.extend(of_process);
    }
    PostSpans { batch: Some(batch) }.encode_to_vec()
}

fn process(resource: Option<&Resource>) -> wire::Process {
    let (name, attributes) = service(resource);
    wire::Process {
        service_name: name.to_owned(),
        tags: attributes.map(tag).collect(),
    }
}

fn span(placed: Placed<'_>, process: wire::Process) -> wire::Span {
    let Span {
        start_time_unix_nano: start,
        end_time_unix_nano: end,
        ..
    } = *placed.span;
    let lasts = end.saturating_sub(start);
    wire::Span {
        trace_id: placed.span.trace_id.clone(),
        span_id: placed.span.span_id.clone(),
        operation_name: placed.span.name.clone(),
        references: references(placed.span).map(reference).collect(),
        flags: placed.span.flags,
        start_time: Some(timestamp(start)),
        duration: Some(Duration {
            seconds: (lasts / NANOS_PER_SECOND) as i64,
            nanos: (lasts % NANOS_PER_SECOND) as i32,
        }),
        tags: tags(placed).iter().map(tag).collect(),
        logs: placed.span.events.iter().map(log).collect(),
        process: Some(process),
        ..wire::Span::default()
    }
}

fn timestamp(nanos: u64) -> Timestamp {
    Timestamp {
        seconds: (nanos / NANOS_PER_SECOND) as i64,
        nanos: (nanos % NANOS_PER_SECOND) as i32,
    }
}

fn log(event: &Event) -> wire::Log {
    wire::Log {
        timestamp: Some(timestamp(event.time_unix_nano)),
        fields: fields(event).iter().map(tag).collect(),
    }
}

fn reference(of: Reference<'_>) -> wire::SpanRef {
    let kind = match of.follows_from {
        true => wire::SpanRefType::FollowsFrom,
        false => wire::SpanRefType::ChildOf,
    };
    wire::SpanRef {
        trace_id: of.trace_id.to_vec(),
        span_id: of.span_id.to_vec(),
        ref_type: kind as i32,
    }
}

fn tag(of: &KeyValue) -> wire::KeyValue {
    let mut written = wire::KeyValue {
        key: of.key.clone(),
        ..wire::KeyValue::default()
    };
    let kind = match of.value.as_ref().and_then(|of| of.value.as_ref()) {
        Some(Value::BoolValue(is)) => {
            written.v_bool = *is;
            wire::ValueType::Bool
        }
        Some(Value::IntValue(number)) => {
            written.v_int64 = *number;
            wire::ValueType::Int64
        }
        Some(Value::DoubleValue(number)) => {
            written.v_float64 = *number;
            wire::ValueType::Float64
        }
        Some(Value::BytesValue(bytes)) => {
            written.v_binary.clone_from(bytes);
            wire::ValueType::Binary
        }
        _ => {
            written.v_str = crate::load::carry::text(&of.value);
            wire::ValueType::String
        }
    };
    written.v_type = kind as i32;
    written
}

/// How a span refers to another.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reference<'a> {
    pub(super) trace_id: &'a [u8],
    pub(super) span_id: &'a [u8],
    pub(super) follows_from: bool,
}

/// The parent, then the links.
pub(super) fn references(span: &Span) -> impl Iterator<Item = Reference<'_>> {
    let parent = (!span.parent_span_id.is_empty()).then_some(Reference {
        trace_id: &span.trace_id,
        span_id: &span.parent_span_id,
        follows_from: false,
    });
    let links = span.links.iter().map(|link| Reference {
        trace_id: &link.trace_id,
        span_id: &link.span_id,
        follows_from: true,
    });
    parent.into_iter().chain(links)
}

fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue { value: Some(value) }),
        ..KeyValue::default()
    }
}

fn told(key: &str, value: &str) -> KeyValue {
    attribute(key, Value::StringValue(value.to_owned()))
}

/// Attributes, and what there are only tags for.
pub(super) fn tags(placed: Placed<'_>) -> Vec<KeyValue> {
    let of_fields = placed.field_tags().map(|(key, text)| told(key, text));
    let mut tags: Vec<KeyValue> = of_fields.collect();
    let kind = match placed.kind() {
        SpanKind::Unspecified => None,
        SpanKind::Internal => Some("internal"),
        SpanKind::Server => Some("server"),
        SpanKind::Client => Some("client"),
        SpanKind::Producer => Some("producer"),
        SpanKind::Consumer => Some("consumer"),
    };
    tags.extend(kind.map(|kind| told("span.kind", kind)));
    if let Some(status) = &placed.span.status {
        match status.code {
            1 => tags.push(told("otel.status_code", "OK")),
            2 => {
                tags.push(told("otel.status_code", "ERROR"));
                tags.push(attribute("error", Value::BoolValue(true)));
            }
            _ => {}
        }
        if !status.message.is_empty() {
            tags.push(told("otel.status_description", &status.message));
        }
    }
    tags.extend_from_slice(&placed.span.attributes);
    tags
}

/// The name of an event and its attributes.
pub(super) fn fields(event: &Event) -> Vec<KeyValue> {
    let name = (!event.name.is_empty()).then(|| told("event", &event.name));
    name.into_iter()
        .chain(event.attributes.iter().cloned())
        .collect()
}
