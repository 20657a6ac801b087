//! OTLP as protobuf: traces, catalogues, dependencies and summaries of Jaeger's third gRPC API.
//!
//! Traces say the same as [`super::otlp_json`].

mod trace;

use schemas::jaeger_query::api_v3;
use storage::{Dependency, Operation};

use super::{Gone, Output, grpc, jaeger_protobuf};
use crate::read::SummaryPage;
use crate::summarise::{SpanCounts, TraceSummary};

pub use self::trace::traces;

/// Summaries of one message.
pub(super) const SUMMARIES: usize = 100;

/// The operations.
pub fn operations(out: &mut Output, operations: &[Operation]) -> Result<(), Gone> {
    let operations = operations.iter().map(jaeger_protobuf::operation).collect();
    grpc::message(out, &api_v3::GetOperationsResponse { operations })
}

/// Calls between services.
pub fn dependencies(out: &mut Output, dependencies: &[Dependency]) -> Result<(), Gone> {
    let edge = |edge: &Dependency| api_v3::Dependency {
        parent: edge.parent.clone(),
        child: edge.child.clone(),
        call_count: edge.calls,
    };
    let dependencies = dependencies.iter().map(edge).collect();
    grpc::message(out, &api_v3::DependenciesResponse { dependencies })
}

/// Summaries, some in each message; the last one says what asks for the next page.
pub fn summaries(out: &mut Output, page: &SummaryPage) -> Result<(), Gone> {
    let mut left = page.summaries.chunks(SUMMARIES).peekable();
    while let Some(some) = left.next() {
        let token = page.next.as_ref().filter(|_| left.peek().is_none());
        let message = api_v3::FindTraceSummariesResponse {
            summaries: some.iter().map(summary).collect(),
            next_page_token: token.cloned().unwrap_or_default(),
        };
        grpc::message(out, &message)?;
    }
    Ok(())
}

fn summary(summary: &TraceSummary) -> api_v3::TraceSummary {
    let (service, operation) = root(summary);
    api_v3::TraceSummary {
        trace_id: summary.id.to_string(),
        root_service_name: service,
        root_operation_name: operation,
        min_start_time_unix_nano: summary.start,
        max_end_time_unix_nano: summary.end,
        span_count: count(summary.counts.spans),
        error_span_count: count(summary.counts.errors),
        orphan_span_count: count(summary.orphans),
        services: services(summary),
    }
}

/// Service and operation of the root; empty without one.
pub(super) fn root(summary: &TraceSummary) -> (String, String) {
    let root = summary.root.clone();
    root.map(|of| (of.service, of.operation))
        .unwrap_or_default()
}

/// The services of a trace.
pub(super) fn services(summary: &TraceSummary) -> Vec<api_v3::ServiceSummary> {
    let of_service = |(name, counts): &(String, SpanCounts)| api_v3::ServiceSummary {
        name: name.clone(),
        span_count: count(counts.spans),
        error_span_count: count(counts.errors),
    };
    summary.services.iter().map(of_service).collect()
}

pub(super) fn count(count: u64) -> i32 {
    i32::try_from(count).unwrap_or(i32::MAX)
}
