//! Zipkin's model, and its version 2 in JSON and protobuf.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use serde_json::{Map, Value as Json, json};

use super::{Placed, service, spans};
use crate::load::carry;

pub(super) const NANOS_PER_MICRO: u64 = 1_000;

/// A span in the terms of every encoding.
pub(super) struct ZipkinSpan<'a> {
    pub(super) service: &'a str,
    pub(super) placed: Placed<'a>,
}

pub(super) fn all(request: &ExportTraceServiceRequest) -> impl Iterator<Item = ZipkinSpan<'_>> {
    request.resource_spans.iter().flat_map(|of_resource| {
        let (service, _) = service(of_resource.resource.as_ref());
        spans(of_resource).map(move |placed| ZipkinSpan { service, placed })
    })
}

impl ZipkinSpan<'_> {
    /// In microseconds, as the duration.
    pub(super) fn start(&self) -> u64 {
        self.placed.span.start_time_unix_nano / NANOS_PER_MICRO
    }

    pub(super) fn duration(&self) -> u64 {
        let of = self.placed.span;
        let lasts = of
            .end_time_unix_nano
            .saturating_sub(of.start_time_unix_nano);
        lasts / NANOS_PER_MICRO
    }

    /// What there are only tags for: scope, trace state, status, work inside a service.
    pub(super) fn field_tags(&self) -> Vec<(String, String)> {
        let of_fields = self.placed.field_tags();
        let of_fields = of_fields.map(|(key, text)| (key.to_owned(), text.to_owned()));
        let mut tags: Vec<(String, String)> = of_fields.collect();
        let mut told = |key: &str, text: &str| tags.push((key.to_owned(), text.to_owned()));
        if self.placed.kind() == SpanKind::Internal {
            told("span.kind", "internal");
        }
        if let Some(status) = &self.placed.span.status {
            match (status.code, status.message.as_str()) {
                (1, message) => {
                    told("otel.status_code", "OK");
                    if !message.is_empty() {
                        told("otel.status_description", message);
                    }
                }
                (2, "") => told("error", "true"),
                (2, message) => told("error", message),
                _ => {}
            }
        }
        tags
    }

    /// The same and the attributes.
    fn tags(&self) -> Vec<(String, String)> {
        let mut tags = self.field_tags();
        let own = self.placed.span.attributes.iter();
        tags.extend(own.map(|of| (of.key.clone(), carry::text(&of.value))));
        tags
    }
}

pub(super) fn hex(id: &[u8]) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A list of spans.
pub(super) fn json(request: &ExportTraceServiceRequest) -> anyhow::Result<Vec<u8>> {
    let list: Vec<Json> = all(request).map(|span| json_span(&span)).collect();
    Ok(serde_json::to_vec(&list)?)
}

fn json_span(of: &ZipkinSpan<'_>) -> Json {
    let span = of.placed.span;
    let annotations = span.events.iter().map(|event| {
        let at = event.time_unix_nano / NANOS_PER_MICRO;
        json!({ "timestamp": at, "value": event.name })
    });
    let annotations: Vec<Json> = annotations.collect();
    let tags = of.tags().into_iter();
    let tags: Map<String, Json> = tags.map(|(key, text)| (key, text.into())).collect();
    let mut json = json!({
        "traceId": hex(&span.trace_id),
        "id": hex(&span.span_id),
        "name": span.name,
        "timestamp": of.start(),
        "duration": of.duration(),
        "localEndpoint": { "serviceName": of.service },
        "annotations": annotations,
        "tags": tags,
    });
    if !span.parent_span_id.is_empty() {
        json["parentId"] = hex(&span.parent_span_id).into();
    }
    match of.placed.kind() {
        SpanKind::Client => json["kind"] = "CLIENT".into(),
        SpanKind::Server => json["kind"] = "SERVER".into(),
        SpanKind::Producer => json["kind"] = "PRODUCER".into(),
        SpanKind::Consumer => json["kind"] = "CONSUMER".into(),
        SpanKind::Unspecified | SpanKind::Internal => {}
    }
    json
}

/// `zipkin.proto3.ListOfSpans`.
#[derive(Clone, PartialEq, Message)]
struct List {
    #[prost(message, repeated, tag = "1")]
    spans: Vec<WireSpan>,
}

/// `zipkin.proto3.Span`.
#[derive(Clone, PartialEq, Message)]
struct WireSpan {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "2")]
    parent_id: Vec<u8>,
    #[prost(bytes = "vec", tag = "3")]
    id: Vec<u8>,
    #[prost(int32, tag = "4")]
    kind: i32,
    #[prost(string, tag = "5")]
    name: String,
    #[prost(fixed64, tag = "6")]
    timestamp: u64,
    #[prost(uint64, tag = "7")]
    duration: u64,
    #[prost(message, optional, tag = "8")]
    local_endpoint: Option<Endpoint>,
    #[prost(message, repeated, tag = "10")]
    annotations: Vec<Annotation>,
    #[prost(message, repeated, tag = "11")]
    tags: Vec<Tag>,
}

#[derive(Clone, PartialEq, Message)]
struct Endpoint {
    #[prost(string, tag = "1")]
    service_name: String,
}

#[derive(Clone, PartialEq, Message)]
struct Annotation {
    #[prost(fixed64, tag = "1")]
    timestamp: u64,
    #[prost(string, tag = "2")]
    value: String,
}

/// An entry of the map `tags`.
#[derive(Clone, PartialEq, Message)]
struct Tag {
    #[prost(string, tag = "1")]
    key: String,
    #[prost(string, tag = "2")]
    value: String,
}

/// A list of spans.
pub(super) fn protobuf(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let spans = all(request).map(|span| wire_span(&span)).collect();
    List { spans }.encode_to_vec()
}

fn wire_span(of: &ZipkinSpan<'_>) -> WireSpan {
    let span = of.placed.span;
    let annotations = span.events.iter().map(|event| Annotation {
        timestamp: event.time_unix_nano / NANOS_PER_MICRO,
        value: event.name.clone(),
    });
    let tags = of.tags().into_iter().map(|(key, value)| Tag { key, value });
    WireSpan {
        trace_id: span.trace_id.clone(),
        parent_id: span.parent_span_id.clone(),
        id: span.span_id.clone(),
        kind: match of.placed.kind() {
            SpanKind::Client => 1,
            SpanKind::Server => 2,
            SpanKind::Producer => 3,
            SpanKind::Consumer => 4,
            SpanKind::Unspecified | SpanKind::Internal => 0,
        },
        name: span.name.clone(),
        timestamp: of.start(),
        duration: of.duration(),
        local_endpoint: Some(Endpoint {
            service_name: of.service.to_owned(),
        }),
        annotations: annotations.collect(),
        tags: tags.collect(),
    }
}
