//! A store under test, seen by one tenant, and short forms of what it is asked.

use model::{SpanBatch, SpanKind, SpanPredicate, Tenant, TimeRange, Trace, TraceId, TraceQuery};
use storage::{
    Completeness, Dependency, Operation, ReadError, TraceReader, TraceSpans, TraceWriter,
    WriteBatch, Written,
};

/// One tenant's view of a store.
pub struct Under<'s, R, W> {
    pub reader: &'s R,
    pub writer: &'s W,
    pub tenant: Tenant,
}

impl<'s, R: TraceReader, W: TraceWriter> Under<'s, R, W> {
    /// The same store for somebody else.
    pub fn another(&self, tenant: Tenant) -> Self {
        Self {
            reader: self.reader,
            writer: self.writer,
            tenant,
        }
    }

    pub async fn write(&self, traces: &[Trace]) -> Written {
        let batches: Vec<SpanBatch<'_>> = traces.iter().map(SpanBatch::of_trace).collect();
        let spans: Vec<Vec<u32>> = batches
            .iter()
            .map(|batch| (0..batch.spans.len() as u32).collect())
            .collect();
        let parts: Vec<TraceSpans<'_, '_>> = traces
            .iter()
            .zip(batches.iter().zip(&spans))
            .map(|(trace, (batch, spans))| TraceSpans {
                source: None,
                tenant: &self.tenant,
                trace_id: trace.id,
                received: TimeRange { start: 1, end: 2 },
                completeness: Completeness::Complete,
                verdict: None,
                batch,
                spans,
            })
            .collect();
        let batch = WriteBatch {
            progress: &[],
            traces: &parts,
        };
        self.writer.write(batch).await.expect("it is written")
    }

    pub async fn trace(&self, id: TraceId) -> Option<Trace> {
        self.hinted(id, None).await
    }

    pub async fn hinted(&self, id: TraceId, hint: Option<TimeRange>) -> Option<Trace> {
        let found = self.reader.trace(&self.tenant, id, hint).await;
        found.expect("it is read").map(|stored| stored.trace)
    }

    pub async fn search(&self, query: &TraceQuery) -> Vec<Trace> {
        let found = self.try_search(query).await.expect("it is searched");
        found.into_iter().collect()
    }

    pub async fn try_search(&self, query: &TraceQuery) -> Result<Vec<Trace>, ReadError> {
        let found = self.reader.search(&self.tenant, query).await?;
        Ok(found.traces.into_iter().map(|of| of.trace).collect())
    }

    /// The ids of the traces of a service that meet conditions, as a UI asks for them.
    pub async fn with_tags(&self, service: &str, tags: &[(&str, &str)]) -> Vec<TraceId> {
        let tags = tags.iter();
        let predicates = tags.map(|(key, value)| SpanPredicate::from_tag(key, value));
        self.found(query(service, predicates)).await
    }

    pub async fn found(&self, query: TraceQuery) -> Vec<TraceId> {
        let traces = self.search(&query).await;
        traces.into_iter().map(|trace| trace.id).collect()
    }

    pub async fn services(&self) -> Vec<String> {
        let services = self.reader.services(&self.tenant).await;
        services.expect("they are listed")
    }

    pub async fn operations(&self, service: &str, kind: Option<SpanKind>) -> Vec<Operation> {
        let operations = self.reader.operations(&self.tenant, service, kind).await;
        operations.expect("they are listed")
    }

    pub async fn dependencies(&self, range: TimeRange) -> Vec<Dependency> {
        let dependencies = self.reader.dependencies(&self.tenant, range).await;
        dependencies.expect("they are counted")
    }
}

/// A search within a service.
pub fn query(service: &str, more: impl IntoIterator<Item = SpanPredicate>) -> TraceQuery {
    let mut predicates = vec![SpanPredicate::Service(service.to_owned())];
    predicates.extend(more);
    TraceQuery {
        predicates,
        ..TraceQuery::any(100)
    }
}
