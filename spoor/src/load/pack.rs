//! Packs spans into requests as their processes would export them.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::InstrumentationScope;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span};

use super::attributes;
use super::tree::Node;

/// Spans of one request, about.
const SPANS_PER_REQUEST: usize = 300;

/// A process of one of the shops.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Process {
    /// Which shop; the first one's services have plain names.
    pub shop: u64,
    /// Which of its services.
    pub service: usize,
    /// Which process of that service.
    pub instance: usize,
}

/// Packs the spans of each process into requests of about [`SPANS_PER_REQUEST`].
pub fn requests(
    by_process: BTreeMap<Process, Vec<(Node, Span)>>,
) -> Vec<ExportTraceServiceRequest> {
    let mut requests = vec![ExportTraceServiceRequest::default()];
    let mut filled = 0;
    for (process, mut spans) in by_process {
        while !spans.is_empty() {
            if filled >= SPANS_PER_REQUEST {
                requests.push(ExportTraceServiceRequest::default());
                filled = 0;
            }
            let rest = spans.split_off(spans.len().min(SPANS_PER_REQUEST - filled));
            filled += spans.len();
            let packed = resource_spans(process, spans);
            if let Some(request) = requests.last_mut() {
                request.resource_spans.push(packed);
            }
            spans = rest;
        }
    }
    requests
}

fn resource_spans(process: Process, spans: Vec<(Node, Span)>) -> ResourceSpans {
    let Process {
        shop,
        service,
        instance,
    } = process;
    let mut by_scope: BTreeMap<(&str, &str), Vec<Span>> = BTreeMap::new();
    for (node, span) in spans {
        by_scope
            .entry(attributes::scope(&node))
            .or_default()
            .push(span);
    }
    let scope_spans = by_scope
        .into_iter()
        .map(|((name, version), spans)| ScopeSpans {
            scope: Some(InstrumentationScope {
                name: name.to_owned(),
                version: version.to_owned(),
                ..Default::default()
            }),
            spans,
            ..Default::default()
        });
    ResourceSpans {
        resource: Some(attributes::resource(shop, service, instance)),
        scope_spans: scope_spans.collect(),
        schema_url: "https://opentelemetry.io/schemas/1.38.0".to_owned(),
    }
}
