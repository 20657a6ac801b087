//! Answers of `jaeger.storage.v2` that no other API has in the same form.

use schemas::jaeger_storage as wire;
use storage::{Capabilities, Dependency};

use super::jaeger_protobuf::timestamp;
use super::otlp_protobuf::{SUMMARIES, count, root, services};
use super::{Gone, Output, grpc};
use crate::parse::filter::{LEVELS, OPERATORS};
use crate::read::SummaryPage;
use crate::summarise::TraceSummary;

/// Ids of traces and when they were, in one message.
pub fn trace_ids(out: &mut Output, found: &SummaryPage) -> Result<(), Gone> {
    let trace_id = |summary: &TraceSummary| wire::FoundTraceId {
        trace_id: summary.id.as_bytes().to_vec(),
        start: Some(timestamp(summary.start)),
        end: Some(timestamp(summary.end)),
    };
    let trace_ids = found.summaries.iter().map(trace_id).collect();
    grpc::message(out, &wire::FindTraceIdsResponse { trace_ids })
}

/// Summaries, some in each message.
pub fn summaries(out: &mut Output, page: &SummaryPage) -> Result<(), Gone> {
    page.summaries.chunks(SUMMARIES).try_for_each(|some| {
        let summaries = some.iter().map(summary).collect();
        grpc::message(out, &wire::FindTraceSummariesResponse { summaries })
    })
}

fn summary(summary: &TraceSummary) -> wire::TraceSummary {
    let (service, operation) = root(summary);
    wire::TraceSummary {
        trace_id: summary.id.as_bytes().to_vec(),
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

/// Calls between services.
pub fn dependencies(out: &mut Output, dependencies: &[Dependency]) -> Result<(), Gone> {
    let edge = |edge: &Dependency| wire::Dependency {
        parent: edge.parent.clone(),
        child: edge.child.clone(),
        call_count: edge.calls,
        source: String::new(),
    };
    let dependencies = dependencies.iter().map(edge).collect();
    grpc::message(out, &wire::GetDependenciesResponse { dependencies })
}

/// What the store can do. Filters, where it reads any, may hold whatever Jaeger's may.
pub fn capabilities(out: &mut Output, able: &Capabilities) -> Result<(), Gone> {
    let texts = |all: &[&str]| all.iter().map(|of| (*of).to_owned()).collect();
    let search = Some(wire::SearchCapabilities {
        without_service_name: able.without_service,
        same_span_conjunction: able.same_span,
        filter: able.filters.then(|| wire::FilterCapabilities {
            levels: texts(&LEVELS),
            operators: texts(&OPERATORS),
        }),
    });
    grpc::message(out, &wire::GetCapabilitiesResponse { search })
}
