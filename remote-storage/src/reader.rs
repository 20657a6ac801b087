//! The plug-in as a [`TraceReader`].

use std::cmp::Reverse;

use model::{SpanBatch, SpanKind, SpanPredicate, Tenant, TimeRange, Trace, TraceId, TraceQuery};
use opentelemetry_proto::tonic::trace::v1::TracesData;
use schemas::jaeger_storage as wire;
use storage::{
    Archived, AttributeCounts, AttributeQuery, Capabilities, Completeness, Dependency, FoundPage,
    Operation, ReadError, RedPoint, RedQuery, StoredTrace, TraceReader,
};

use crate::RemoteStore;
use crate::client::Method;
use crate::gather::{Gather, Wanted};
use crate::search::{self, timestamp};

macro_rules! methods {
    ($($constant:ident = $service:literal $name:literal;)*) => {
        $(const $constant: Method = Method {
            name: $name,
            path: concat!("/jaeger.storage.v2.", $service, "/", $name),
        };)*
    };
}
methods! {
    GET_TRACES = "TraceReader" "GetTraces";
    FIND_TRACES = "TraceReader" "FindTraces";
    GET_SERVICES = "TraceReader" "GetServices";
    GET_OPERATIONS = "TraceReader" "GetOperations";
    GET_DEPENDENCIES = "DependencyReader" "GetDependencies";
}

/// How a trace ended is known to whoever wrote it alone.
fn stored(trace: Trace) -> StoredTrace {
    StoredTrace {
        trace,
        completeness: Completeness::Unknown,
    }
}

impl RemoteStore {
    fn check(&self, tenant: &Tenant) -> Result<(), ReadError> {
        match self.serves(tenant) {
            true => Ok(()),
            false => Err(ReadError::Unsupported(
                "tenants, as long as `storage.remote.tenancy` is false",
            )),
        }
    }

    async fn by_id(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        let request = wire::GetTracesRequest {
            query: vec![wire::GetTraceParams {
                trace_id: id.as_bytes().to_vec(),
                start_time: hint.map(|range| timestamp(range.start)),
                end_time: hint.map(|range| timestamp(range.end)),
            }],
        };
        let mut gather = self.gather(tenant, Wanted::One(id));
        let take = |message: TracesData| gather.take(message);
        let read = self
            .reader
            .stream(GET_TRACES, tenant.as_str(), request, take);
        read.await?;
        Ok(gather.finish()?.into_iter().next().map(stored))
    }

    fn gather<'t>(&self, tenant: &'t Tenant, wanted: Wanted) -> Gather<'t> {
        Gather::new(tenant.as_str(), wanted, self.config.max_answer.0)
    }

    /// Plug-ins that want a service refuse a search without one, or answer it with less.
    async fn check_service(&self, tenant: &Tenant, query: &TraceQuery) -> Result<(), ReadError> {
        let of_service = |of: &SpanPredicate| matches!(of, SpanPredicate::Service(_));
        if query.predicates.iter().any(of_service) {
            return Ok(());
        }
        self.learn(tenant).await?;
        match self.known().without_service {
            true => Ok(()),
            false => Err(ReadError::Unsupported(
                "searches without a service, which the storage plug-in does not declare",
            )),
        }
    }
}

/// The traces as searches are answered: by their newest span that answers, newest first.
fn newest_first(traces: Vec<Trace>, query: &TraceQuery) -> Vec<StoredTrace> {
    let newest = |trace: &Trace| {
        let batch = SpanBatch::of_trace(trace);
        let answering = batch
            .spans
            .iter()
            .filter(|span| query.matches(&batch, span));
        let all = || batch.spans.iter().map(|span| span.start).max();
        answering.map(|span| span.start).max().or_else(all)
    };
    let mut traces = traces;
    traces.sort_by_cached_key(|trace| (Reverse(newest(trace)), trace.id));
    traces.into_iter().map(stored).collect()
}

impl TraceReader for RemoteStore {
    fn capabilities(&self) -> Capabilities {
        self.known()
    }

    async fn trace(
        &self,
        tenant: &Tenant,
        id: TraceId,
        hint: Option<TimeRange>,
    ) -> Result<Option<StoredTrace>, ReadError> {
        self.check(tenant)?;
        if hint.is_some()
            && let Some(found) = self.by_id(tenant, id, hint).await?
        {
            return Ok(Some(found));
        }
        self.by_id(tenant, id, None).await
    }

    async fn search(&self, tenant: &Tenant, query: &TraceQuery) -> Result<FoundPage, ReadError> {
        self.check(tenant)?;
        let Some(asked) = search::question(query)? else {
            return Ok(FoundPage::default());
        };
        self.check_service(tenant, query).await?;
        let request = wire::FindTracesRequest { query: Some(asked) };
        let mut gather = self.gather(tenant, Wanted::First(query.limit));
        let take = |message: TracesData| gather.take(message);
        let read = self
            .reader
            .stream(FIND_TRACES, tenant.as_str(), request, take);
        read.await?;
        Ok(FoundPage {
            traces: newest_first(gather.finish()?, query),
            next: None,
            total: None,
        })
    }

    async fn attributes(
        &self,
        _: &Tenant,
        _: &AttributeQuery,
    ) -> Result<AttributeCounts, ReadError> {
        Err(ReadError::Unsupported("keys and values of attributes"))
    }

    async fn services(&self, tenant: &Tenant) -> Result<Vec<String>, ReadError> {
        self.check(tenant)?;
        self.learn(tenant).await?;
        let request = wire::GetServicesRequest {};
        let answer = self.reader.unary(GET_SERVICES, tenant.as_str(), request);
        let answer: wire::GetServicesResponse = answer.await?;
        let mut services = answer.services;
        services.sort_unstable();
        services.dedup();
        Ok(services)
    }

    async fn operations(
        &self,
        tenant: &Tenant,
        service: &str,
        kind: Option<SpanKind>,
    ) -> Result<Vec<Operation>, ReadError> {
        self.check(tenant)?;
        // No kind means any: there is no question for spans without one.
        let asked = kind.filter(|kind| *kind != SpanKind::Unspecified);
        let request = wire::GetOperationsRequest {
            service: service.to_owned(),
            span_kind: asked.map(SpanKind::as_str).unwrap_or_default().to_owned(),
        };
        let answer = self.reader.unary(GET_OPERATIONS, tenant.as_str(), request);
        let answer: wire::GetOperationsResponse = answer.await?;
        let operation = |of: wire::Operation| Operation {
            name: of.name,
            kind: SpanKind::parse(&of.span_kind).or(asked).unwrap_or_default(),
        };
        let mut operations: Vec<Operation> = answer.operations.into_iter().map(operation).collect();
        operations.retain(|of| kind.is_none_or(|kind| of.kind == kind));
        operations.sort_unstable();
        operations.dedup();
        Ok(operations)
    }

    async fn dependencies(
        &self,
        tenant: &Tenant,
        range: TimeRange,
    ) -> Result<Vec<Dependency>, ReadError> {
        self.check(tenant)?;
        let request = wire::GetDependenciesRequest {
            start_time: Some(timestamp(range.start)),
            end_time: Some(timestamp(range.end)),
        };
        let answer = self
            .reader
            .unary(GET_DEPENDENCIES, tenant.as_str(), request);
        let answer: wire::GetDependenciesResponse = match answer.await {
            Err(error) if error.is_missing() => {
                self.has_dependencies(false);
                return Ok(Vec::new());
            }
            answer => answer?,
        };
        self.has_dependencies(true);
        let edge = |of: wire::Dependency| Dependency {
            parent: of.parent,
            child: of.child,
            calls: of.call_count,
            // Plug-ins do not tell; APIs leave both out where they are zero.
            errors: 0,
            duration_sum: 0,
        };
        let mut edges: Vec<Dependency> = answer.dependencies.into_iter().map(edge).collect();
        edges.sort_by(|a, b| (&a.parent, &a.child).cmp(&(&b.parent, &b.child)));
        // One pair from several sources is one pair.
        edges.dedup_by(|next, kept| {
            let same = (&next.parent, &next.child) == (&kept.parent, &kept.child);
            if same {
                kept.calls += next.calls;
            }
            same
        });
        Ok(edges)
    }

    async fn red(&self, _: &Tenant, _: &RedQuery) -> Result<Vec<RedPoint>, ReadError> {
        Err(ReadError::Unsupported("RED metrics"))
    }

    async fn archive(&self, _: &Tenant, _: TraceId) -> Result<Archived, ReadError> {
        Err(ReadError::Unsupported("traces kept beyond retention"))
    }
}
