//! Jaeger's model as protobuf: traces, catalogues and dependencies of its second gRPC API.

use model::{Event, Resource, Scope, Span, SpanKind, UnixNanos};
use prost_types::{Duration, Timestamp};
use schemas::jaeger_query::{api_v2, model as wire};
use storage::{Dependency, Operation};

use super::jaeger_model::{self as jaeger, RefType, Reference, Tag, TagValue};
use super::{Gone, Output, grpc};
use crate::adjust::Adjusted;

/// Spans of one message.
const SPANS: usize = 10;
const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Traces as chunks of spans; no chunk holds spans of two traces.
pub fn traces(out: &mut Output, traces: &[Adjusted]) -> Result<(), Gone> {
    traces.iter().try_for_each(|adjusted| trace(out, adjusted))
}

fn trace(out: &mut Output, adjusted: &Adjusted) -> Result<(), Gone> {
    let mut chunk = api_v2::SpansResponseChunk::default();
    let mut position = 0;
    for of_resource in &adjusted.trace.resources {
        let process = process(&of_resource.resource);
        for of_scope in &of_resource.scopes {
            for one in &of_scope.spans {
                let warnings = adjusted.warnings.of(position);
                chunk
                    .spans
                    .push(span(one, &of_scope.scope, &process, warnings));
                position += 1;
                if chunk.spans.len() == SPANS {
                    grpc::message(out, &chunk)?;
                    chunk.spans.clear();
                }
            }
        }
    }
    if chunk.spans.is_empty() {
        return Ok(());
    }
    grpc::message(out, &chunk)
}

fn process(resource: &Resource) -> wire::Process {
    wire::Process {
        service_name: resource.service_name().to_owned(),
        tags: jaeger::process_tags(resource).map(tag).collect(),
    }
}

fn span(span: &Span, scope: &Scope, process: &wire::Process, warnings: &[String]) -> wire::Span {
    wire::Span {
        trace_id: span.trace_id.as_bytes().to_vec(),
        span_id: span.span_id.as_bytes().to_vec(),
        operation_name: jaeger::operation_name(span).to_owned(),
        references: jaeger::references(span).map(reference).collect(),
        flags: span.flags,
        start_time: Some(timestamp(span.start)),
        duration: Some(duration(span.duration())),
        tags: jaeger::span_tags(span, scope).map(tag).collect(),
        logs: span.events.iter().map(log).collect(),
        process: Some(process.clone()),
        process_id: String::new(),
        warnings: jaeger::warnings(span, warnings),
    }
}

fn log(event: &Event) -> wire::Log {
    wire::Log {
        timestamp: Some(timestamp(event.time)),
        fields: jaeger::log_fields(event).map(tag).collect(),
    }
}

fn reference(reference: Reference) -> wire::SpanRef {
    let kind = match reference.kind {
        RefType::ChildOf => wire::SpanRefType::ChildOf,
        RefType::FollowsFrom => wire::SpanRefType::FollowsFrom,
    };
    wire::SpanRef {
        trace_id: reference.trace_id.as_bytes().to_vec(),
        span_id: reference.span_id.as_bytes().to_vec(),
        ref_type: kind as i32,
    }
}

fn tag(tag: Tag<'_>) -> wire::KeyValue {
    let mut written = wire::KeyValue {
        key: tag.key.to_owned(),
        ..wire::KeyValue::default()
    };
    let kind = match tag.value {
        TagValue::Text(text) => {
            written.v_str = text.into_owned();
            wire::ValueType::String
        }
        TagValue::Bool(is) => {
            written.v_bool = is;
            wire::ValueType::Bool
        }
        TagValue::Int(number) => {
            written.v_int64 = number;
            wire::ValueType::Int64
        }
        TagValue::Float(number) => {
            written.v_float64 = number;
            wire::ValueType::Float64
        }
        TagValue::Binary(bytes) => {
            written.v_binary = bytes.to_vec();
            wire::ValueType::Binary
        }
    };
    written.v_type = kind as i32;
    written
}

pub(super) fn timestamp(at: UnixNanos) -> Timestamp {
    let Duration { seconds, nanos } = duration(at);
    Timestamp { seconds, nanos }
}

fn duration(nanos: u64) -> Duration {
    Duration {
        // A u64 of nanoseconds is 584 years.
        seconds: (nanos / NANOS_PER_SECOND) as i64,
        nanos: (nanos % NANOS_PER_SECOND) as i32,
    }
}

/// What says that a trace is kept.
pub fn archived(out: &mut Output) -> Result<(), Gone> {
    grpc::message(out, &api_v2::ArchiveTraceResponse {})
}

/// The list of services; of both gRPC APIs.
pub fn services(out: &mut Output, services: &[String]) -> Result<(), Gone> {
    let services = services.to_vec();
    grpc::message(out, &api_v2::GetServicesResponse { services })
}

/// The operations, and their names alone for clients that know no kinds.
pub fn operations(out: &mut Output, operations: &[Operation]) -> Result<(), Gone> {
    let mut names: Vec<String> = operations.iter().map(|of| of.name.clone()).collect();
    names.dedup();
    let answer = api_v2::GetOperationsResponse {
        operation_names: names,
        operations: operations.iter().map(operation).collect(),
    };
    grpc::message(out, &answer)
}

/// One operation; a kind that was not told stays empty. Of both gRPC APIs.
pub(super) fn operation(operation: &Operation) -> api_v2::Operation {
    let kind = match operation.kind {
        SpanKind::Unspecified => "",
        kind => kind.as_str(),
    };
    api_v2::Operation {
        name: operation.name.clone(),
        span_kind: kind.to_owned(),
    }
}

/// Calls between services.
pub fn dependencies(out: &mut Output, dependencies: &[Dependency]) -> Result<(), Gone> {
    let link = |edge: &Dependency| wire::DependencyLink {
        parent: edge.parent.clone(),
        child: edge.child.clone(),
        call_count: edge.calls,
        source: String::new(),
    };
    let answer = api_v2::GetDependenciesResponse {
        dependencies: dependencies.iter().map(link).collect(),
    };
    grpc::message(out, &answer)
}
