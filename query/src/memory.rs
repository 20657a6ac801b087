//! A store that scans: the contract of [`TraceReader`] in its shortest form.
//!
//! What tests compare other stores and whole stacks with. Every call looks at every span.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::filter::Level;
use model::{
    AttributeRef, NANOS_PER_MINUTE, Page, PageMark, Rank, SpanBatch, SpanKind, SpanRef, StatusCode,
    Tenant, TimeRange, Trace, TraceFacts, TraceId, TraceOrder, TraceQuery,
};
use storage::{
    Archived, AttributeCount, AttributeCounts, AttributeQuery, Completeness, Dependency, FoundPage,
    Operation, ReadError, RedPoint, RedQuery, StoredTrace, TraceReader,
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
        completeness: Completeness::Complete,
    }
}

/// What a trace is as a whole.
fn facts(trace: &Trace) -> TraceFacts {
    let mut facts = TraceFacts::NONE;
    for (_, _, span) in trace.spans() {
        facts.add(&TraceFacts {
            start: span.start,
            end: span.end,
            spans: 1,
            errors: u64::from(span.status == StatusCode::Error),
        });
    }
    facts
}

/// The attributes of a span, with where they are.
fn attributes_of<'b, 'a>(
    batch: &'b SpanBatch<'a>,
    span: &'b SpanRef<'a>,
) -> impl Iterator<Item = (&'b AttributeRef<'a>, Level)> {
    let events = batch
        .events(span)
        .iter()
        .map(|of| (of.attributes, Level::Event));
    let links = batch
        .links(span)
        .iter()
        .map(|of| (of.attributes, Level::Link));
    let own = [
        (span.attributes, Level::Span),
        (batch.resource(span).attributes, Level::Resource),
        (batch.scope(span).attributes, Level::Scope),
    ];
    let all = own.into_iter().chain(events).chain(links);
    all.flat_map(|(extent, level)| batch.attributes(extent).iter().map(move |of| (of, level)))
}

fn has_key(batch: &SpanBatch<'_>, span: &SpanRef<'_>, query: &AttributeQuery) -> bool {
    attributes_of(batch, span).any(|(of, _)| query.key.as_deref() == Some(of.key))
}

/// The keys or values of a span that are asked for, each once per level.
fn listed(
    batch: &SpanBatch<'_>,
    span: &SpanRef<'_>,
    query: &AttributeQuery,
) -> HashSet<(String, Level)> {
    let mut listed = HashSet::new();
    for (attribute, level) in attributes_of(batch, span) {
        let text = match &query.key {
            None => attribute.key.to_owned(),
            Some(key) if key == attribute.key => batch.canonical(&attribute.value).into_owned(),
            Some(_) => continue,
        };
        if text.starts_with(&query.prefix) {
            listed.insert((text, level));
        }
    }
    listed
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

    async fn search(&self, tenant: &Tenant, query: &TraceQuery) -> Result<FoundPage, ReadError> {
        let rank = |trace: &Trace| {
            let newest = newest_match(trace, query)?;
            let facts = facts(trace);
            let score = query.order.score(newest, &facts);
            let rank = Rank::new(score, newest, trace.id);
            query.matches_trace(&facts).then_some(rank)
        };
        let of_tenant = self.of(tenant);
        let mut found: Vec<(Rank, &Trace)> = of_tenant
            .filter_map(|trace| Some((rank(trace)?, trace)))
            .collect();
        let all = found.len();
        if let Page::After(mark) = &query.page {
            found.retain(|(rank, _)| *rank > mark.rank);
        }
        found.sort_by_key(|(rank, _)| *rank);
        let more = found.len() > query.limit && query.page != Page::Only;
        found.truncate(query.limit);
        let last = found.last().filter(|_| more);
        let next = last.map(|(rank, _)| PageMark {
            rank: *rank,
            view: String::new(),
        });
        // What a store that stops when it has enough knows as well.
        let known = match query.page {
            Page::Only => all < query.limit,
            Page::First => all <= query.limit,
            Page::After(_) => false,
        };
        let known = known || query.order != TraceOrder::Newest;
        Ok(FoundPage {
            traces: found.into_iter().map(|(_, trace)| stored(trace)).collect(),
            next,
            total: known.then_some(all as u64),
        })
    }

    async fn attributes(
        &self,
        tenant: &Tenant,
        query: &AttributeQuery,
    ) -> Result<AttributeCounts, ReadError> {
        let asked = TraceQuery {
            predicates: query.predicates.clone(),
            start: query.start,
            ..TraceQuery::any(1)
        };
        let mut counts: BTreeMap<(String, &str), (Level, u64)> = BTreeMap::new();
        let mut spans = 0;
        for trace in self.of(tenant) {
            let batch = SpanBatch::of_trace(trace);
            for span in batch.spans.iter().filter(|of| asked.matches(&batch, of)) {
                let listed = listed(&batch, span, query);
                spans += u64::from(query.key.is_none() || has_key(&batch, span, query));
                for (text, level) in listed {
                    let count = counts.entry((text, level.as_str())).or_insert((level, 0));
                    count.1 += 1;
                }
            }
        }
        let count = |((text, _), (level, spans)): ((String, &str), (Level, u64))| AttributeCount {
            text,
            level,
            spans,
        };
        let mut counts: Vec<AttributeCount> = counts.into_iter().map(count).collect();
        // Of equals the order is that of the map: by text, then by level.
        counts.sort_by_key(|of| std::cmp::Reverse(of.spans));
        counts.truncate(query.limit);
        Ok(AttributeCounts {
            counts,
            spans,
            all: true,
        })
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
