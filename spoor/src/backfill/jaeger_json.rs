//! The JSON of Jaeger's query API and of its UI's download button, as an OTLP request. What
//! Jaeger's model has only tags for becomes the fields that they were made of.

use std::collections::BTreeMap;

use anyhow::{Context, ensure};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{
    AnyValue, InstrumentationScope, KeyValue, any_value::Value,
};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::{Event, Link, SpanKind};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};
use serde::Deserialize;

#[derive(Deserialize)]
#[serde(untagged)]
enum File {
    Envelope { data: Vec<JaegerTrace> },
    Trace(JaegerTrace),
    Traces(Vec<JaegerTrace>),
}

#[derive(Deserialize)]
struct JaegerTrace {
    spans: Vec<JaegerSpan>,
    #[serde(default)]
    processes: BTreeMap<String, Process>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Process {
    service_name: String,
    #[serde(default)]
    tags: Vec<Tag>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct JaegerSpan {
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
    #[serde(default)]
    flags: u32,
    operation_name: String,
    #[serde(default)]
    references: Vec<Reference>,
    start_time: u64,
    duration: u64,
    #[serde(default)]
    tags: Vec<Tag>,
    #[serde(default)]
    logs: Option<Vec<Log>>,
    #[serde(rename = "processID", default)]
    process_id: String,
    process: Option<Process>,
}

#[derive(Deserialize)]
struct Reference {
    #[serde(rename = "refType")]
    kind: String,
    #[serde(rename = "traceID")]
    trace_id: String,
    #[serde(rename = "spanID")]
    span_id: String,
}

#[derive(Deserialize)]
struct Log {
    timestamp: u64,
    #[serde(default)]
    fields: Vec<Tag>,
}

#[derive(Clone, Deserialize)]
struct Tag {
    key: String,
    #[serde(rename = "type", default)]
    kind: String,
    value: serde_json::Value,
}

/// The request that a file of Jaeger's JSON amounts to.
pub(super) fn request(bytes: &[u8]) -> anyhow::Result<ExportTraceServiceRequest> {
    let file: File = serde_json::from_slice(bytes).context("it is not Jaeger's JSON")?;
    let traces = match file {
        File::Envelope { data } => data,
        File::Trace(trace) => vec![trace],
        File::Traces(traces) => traces,
    };
    let mut resource_spans = Vec::new();
    for JaegerTrace { spans, processes } in traces {
        for span in spans {
            let process = match &span.process {
                Some(process) => Some(process),
                None => processes.get(&span.process_id),
            };
            let resource = process.map(resource);
            resource_spans.push(of_span(span, resource)?);
        }
    }
    Ok(ExportTraceServiceRequest {
        resource_spans: merged(resource_spans),
    })
}

/// Neighbours of one resource and scope belong together.
fn merged(all: Vec<ResourceSpans>) -> Vec<ResourceSpans> {
    let mut merged: Vec<ResourceSpans> = Vec::new();
    for mut one in all {
        match merged.last_mut() {
            Some(last)
                if last.resource == one.resource
                    && last.scope_spans[0].scope == one.scope_spans[0].scope =>
            {
                last.scope_spans[0]
                    .spans
                    .append(&mut one.scope_spans[0].spans);
            }
            _ => merged.push(one),
        }
    }
    merged
}

fn resource(process: &Process) -> Resource {
    let name = text_attribute("service.name", process.service_name.clone());
    Resource {
        attributes: std::iter::once(name)
            .chain(process.tags.iter().map(attribute))
            .collect(),
        ..Resource::default()
    }
}

fn of_span(span: JaegerSpan, resource: Option<Resource>) -> anyhow::Result<ResourceSpans> {
    let trace_id = id::<16>(&span.trace_id)?;
    let start = span.start_time.saturating_mul(1_000);
    let mut made = Span {
        trace_id: trace_id.clone(),
        span_id: id::<8>(&span.span_id)?,
        flags: span.flags,
        name: span.operation_name,
        start_time_unix_nano: start,
        end_time_unix_nano: start.saturating_add(span.duration.saturating_mul(1_000)),
        events: span.logs.unwrap_or_default().iter().map(event).collect(),
        ..Span::default()
    };
    for reference in &span.references {
        let (trace, span) = (id::<16>(&reference.trace_id)?, id::<8>(&reference.span_id)?);
        let is_parent = reference.kind == "CHILD_OF" && trace == trace_id;
        if is_parent && made.parent_span_id.is_empty() {
            made.parent_span_id = span;
        } else {
            made.links.push(Link {
                trace_id: trace,
                span_id: span,
                ..Link::default()
            });
        }
    }
    let scope = take_fields(&mut made, &span.tags);
    Ok(ResourceSpans {
        resource,
        scope_spans: vec![ScopeSpans {
            scope,
            spans: vec![made],
            ..ScopeSpans::default()
        }],
        ..ResourceSpans::default()
    })
}

/// Puts the tags that were fields back into fields, and the others into attributes.
fn take_fields(span: &mut Span, tags: &[Tag]) -> Option<InstrumentationScope> {
    let mut scope = InstrumentationScope::default();
    let mut status = Status::default();
    let mut says_error = None;
    for tag in tags {
        let text = tag.value.as_str().unwrap_or_default();
        match (tag.key.as_str(), text) {
            ("span.kind", "internal") => span.kind = SpanKind::Internal as i32,
            ("span.kind", "server") => span.kind = SpanKind::Server as i32,
            ("span.kind", "client") => span.kind = SpanKind::Client as i32,
            ("span.kind", "producer") => span.kind = SpanKind::Producer as i32,
            ("span.kind", "consumer") => span.kind = SpanKind::Consumer as i32,
            ("otel.status_code", "OK") => status.code = 1,
            ("otel.status_code", "ERROR") => status.code = 2,
            ("otel.status_description", text) => status.message = text.to_owned(),
            ("otel.scope.name" | "otel.library.name", text) => scope.name = text.to_owned(),
            ("otel.scope.version" | "otel.library.version", text) => {
                scope.version = text.to_owned();
            }
            ("w3c.tracestate", text) => span.trace_state = text.to_owned(),
            ("error", _) => says_error = Some(tag),
            _ => span.attributes.push(attribute(tag)),
        }
    }
    if let Some(tag) = says_error {
        let is_error = tag.value == true || tag.value == "true";
        match (status.code, is_error) {
            (0, true) => status.code = 2,
            (2, true) => {}
            _ => span.attributes.push(attribute(tag)),
        }
    }
    span.status = (status != Status::default()).then_some(status);
    (scope != InstrumentationScope::default()).then_some(scope)
}

fn event(log: &Log) -> Event {
    let named = |tag: &&Tag| tag.key == "event";
    let name = log
        .fields
        .iter()
        .find(named)
        .and_then(|tag| tag.value.as_str());
    Event {
        time_unix_nano: log.timestamp.saturating_mul(1_000),
        name: name.unwrap_or_default().to_owned(),
        attributes: log
            .fields
            .iter()
            .filter(|tag| name.is_none() || tag.key != "event")
            .map(attribute)
            .collect(),
        ..Event::default()
    }
}

fn attribute(tag: &Tag) -> KeyValue {
    let text = || match &tag.value {
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    let number = || {
        tag.value
            .as_str()
            .map(str::to_owned)
            .unwrap_or_else(|| tag.value.to_string())
    };
    let value = match tag.kind.as_str() {
        "bool" => match tag.value == true || tag.value == "true" {
            true => Some(Value::BoolValue(true)),
            false => {
                (tag.value == false || tag.value == "false").then_some(Value::BoolValue(false))
            }
        },
        "int64" => number().parse().ok().map(Value::IntValue),
        "float64" => number().parse().ok().map(Value::DoubleValue),
        _ => None,
    };
    KeyValue {
        key: tag.key.clone(),
        value: Some(AnyValue {
            value: Some(value.unwrap_or_else(|| Value::StringValue(text()))),
        }),
        ..KeyValue::default()
    }
}

fn text_attribute(key: &str, text: String) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value: Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }),
        ..KeyValue::default()
    }
}

/// An id as Jaeger prints it: hex digits, zeros in front left out.
fn id<const N: usize>(text: &str) -> anyhow::Result<Vec<u8>> {
    ensure!(
        text.len() <= 2 * N
            && !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{text:?} is not an id of at most {} hex digits",
        2 * N
    );
    let padded = format!("{text:0>width$}", width = 2 * N);
    let byte = |at| u8::from_str_radix(&padded[at..at + 2], 16);
    Ok((0..2 * N).step_by(2).map(byte).collect::<Result<_, _>>()?)
}

#[cfg(test)]
mod tests;
