//! A store that scans: the contract of [`TraceReader`] in its shortest form.
//!
//! What tests compare other stores and whole stacks with. Every call looks at every span.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{
    NANOS_PER_MINUTE, SpanBatch, SpanKind, StatusCode, Tenant, TimeRange, Trace, TraceId,
    TraceQuery,
};
use storage::{
    Archived, Dependency, Operation, ReadError, RedPoint, RedQuery, StoredTrace, TraceReader,
};

/// Traces by tenant.
#[derive(Debug, Clone, Default)]
pub struct MemoryReader {
    traces: Vec<(Tenant, Trace)>,
}

impl MemoryReader {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a trace, which must not be there yet.
    #[must_use]
    pub fn with(mut self, tenant: &Tenant, trace: Trace) -> Self {
        self.traces.push((tenant.clone(), trace));
        self
    }

    fn of<'s>(&'s self, tenant: &'s Tenant) -> impl Iterator<Item = &'s Trace> {
        let of_tenant = move |(of, trace): &'s (Tenant, Trace)| (of == tenant).then_some(trace);
        self.traces.iter().filter_map(of_tenant)
    }
}

fn stored(trace: &Trace) -> StoredTrace {
    StoredTrace {
        trace: trace.clone(),
        complete: true,
    }
}

/// Start of the newest span that answers the query.
fn newest_match(trace: &Trace, query: &TraceQuery) -> Option<u64> {
    let batch = SpanBatch::of_trace(trace);
    let matching = batch
        .spans
        .iter()
        .filter(|span| query.matches(&batch, span));
    matching.map(|span| span.start).max()
}

fn operation_name(span: &model::Span) -> String {
    if span.name.is_empty() {
        model::EMPTY_SPAN_NAME.to_owned()
    } else {
        span.name.clone()
    }
}

fn minute(at: u64) -> u64 {
    at - at % NANOS_PER_MINUTE
}

impl TraceReader for MemoryReader {
    async fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        _: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        Ok(self.of(tenant).find(|trace| trace.id == id).map(stored))
    }

    async fn search(
        &self,
        tenant: &Tenant,
        query: &TraceQuery,
    ) -> Result<Vec<StoredTrace>, ReadError> {
        let mut found: Vec<(u64, &Trace)> = self
            .of(tenant)
            .filter_map(|trace| Some((newest_match(trace, query)?, trace)))
            .collect();
        found.sort_by_key(|(newest, trace)| (std::cmp::Reverse(*newest), trace.id));
        found.truncate(query.limit);
        Ok(found.into_iter().map(|(_, trace)| stored(trace)).collect())
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        let resources = self.of(tenant).flat_map(|trace| &trace.resources);
        let names = resources.map(|of| of.resource.service_name().to_owned());
        Ok(names.collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        let spans = self.of(tenant).flat_map(Trace::spans);
        let operations = spans
            .filter(|(resource, _, _)| resource.service_name() == service)
            .filter(|(_, _, span)| kind.is_none_or(|kind| span.kind == kind))
            .map(|(_, _, span)| Operation {
                name: operation_name(span),
                kind: span.kind,
            });
        Ok(operations.collect::<BTreeSet<_>>().into_iter().collect())
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        let minutes = TimeRange {
            start: minute(range.start),
            end: range.end,
        };
        let mut edges: BTreeMap<(String, String), Dependency> = BTreeMap::new();
        for trace in self.of(tenant) {
            let services: HashMap<_, _> = trace
                .spans()
                .map(|(resource, _, span)| (span.span_id, resource.service_name()))
                .collect();
            for (resource, _, span) in trace.spans() {
                let parent = span.parent_span_id.and_then(|parent| services.get(&parent));
                let Some(parent) = parent.filter(|_| minutes.contains(minute(span.start))) else {
                    continue;
                };
                let key = ((*parent).to_owned(), resource.service_name().to_owned());
                let edge = edges.entry(key.clone()).or_insert(Dependency {
                    parent: key.0,
                    child: key.1,
                    calls: 0,
                    errors: 0,
                    duration_sum: 0,
                });
                edge.calls += 1;
                edge.errors += u64::from(span.status == StatusCode::Error);
                edge.duration_sum += span.duration();
            }
        }
        Ok(edges.into_values().collect())
    }

    async fn red(&self, tenant: &Tenant, query: &RedQuery) -> Result<Vec<RedPoint>, ReadError> {
        let mut points: BTreeMap<(String, String, u64), RedPoint> = BTreeMap::new();
        for (resource, _, span) in self.of(tenant).flat_map(Trace::spans) {
            let service = resource.service_name().to_owned();
            let minute = minute(span.start);
            let asked = query.services.contains(&service)
                && query.kinds.contains(&span.kind)
                && query.range.contains(minute);
            if !asked {
                continue;
            }
            let operation = if query.by_operation {
                operation_name(span)
            } else {
                String::new()
            };
            let key = (service.clone(), operation.clone(), minute);
            let point = points.entry(key).or_insert_with(|| RedPoint {
                minute,
                service,
                operation,
                calls: 0,
                errors: 0,
                duration_sum: 0,
                histogram: Default::default(),
            });
            point.calls += 1;
            point.errors += u64::from(span.status == StatusCode::Error);
            point.duration_sum += span.duration();
            point.histogram.add(span.duration());
        }
        Ok(points.into_values().collect())
    }

    /// Nothing is ever dropped here.
    async fn archive(&self, tenant: &Tenant, id: TraceId) -> Result<Archived, ReadError> {
        let known = self.of(tenant).any(|trace| trace.id == id);
        Ok(if known {
            Archived::Kept
        } else {
            Archived::NotFound
        })
    }
}
