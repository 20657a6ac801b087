//! The plug-in as a [`TraceWriter`]: at least once.
//!
//! A batch counts as written once every export of it was acknowledged. Nothing is atomic, nothing is
//! fenced, and nothing tells whether a span was stored before: that is the plug-in's to know.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::Tenant;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use storage::{
    DeadLetter, Owner, PluginError, Progress, Remedy, Source, TraceSpans, TraceWriter, WriteBatch,
    WriteError, Written,
};

use crate::RemoteStore;
use crate::client::Method;
use crate::metrics;
use crate::otlp::{Export, Requests};

const EXPORT: Method = Method {
    name: "Export",
    path: "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
};

/// Where the consumed positions lie: a plug-in keeps none.
pub trait Positions: Send + Sync + 'static {
    /// The offset to go on from, as it was committed last; `None` if nothing ever was.
    fn committed(
        &self,
        source: &Source,
    ) -> impl Future<Output = Result<Option<i64>, PluginError>> + Send;
}

/// Writes to a plug-in.
#[derive(Debug)]
pub struct RemoteWriter<P> {
    store: Arc<RemoteStore>,
    positions: P,
}

/// Why a batch is not even sent.
#[derive(Debug, thiserror::Error)]
enum Refused {
    #[error("the consumed position cannot be read")]
    Position(#[source] PluginError),
    #[error("spans of the tenant {0}, while `storage.remote.tenancy` is false")]
    Tenant(Tenant),
    #[error("{rejected} spans were refused: {message}")]
    Rejected { rejected: i64, message: String },
    #[error("a storage plug-in keeps {0}")]
    NotKept(&'static str),
}

impl Refused {
    fn error(self, remedy: Remedy) -> WriteError {
        WriteError::Plugin {
            remedy,
            source: Box::new(self),
        }
    }
}

impl<P: Positions> RemoteWriter<P> {
    /// Writes to `store`, and reads on from `positions`.
    pub fn new(store: Arc<RemoteStore>, positions: P) -> Self {
        Self { store, positions }
    }

    async fn export(&self, tenant: &Tenant, export: Export) -> Result<(), WriteError> {
        let spans = export.spans;
        let answer = self
            .store
            .writer
            .unary(EXPORT, tenant.as_str(), export.request);
        let answer: ExportTraceServiceResponse = answer.await?;
        let partial = answer.partial_success.unwrap_or_default();
        let rejected = partial.rejected_spans;
        if rejected > 0 {
            metrics::rejected(rejected.unsigned_abs());
            let message = partial.error_message;
            return Err(Refused::Rejected { rejected, message }.error(Remedy::Bisect));
        }
        if !partial.error_message.is_empty() {
            tracing::warn!(
                warning = partial.error_message,
                "The storage plug-in warns about an export that it has taken"
            );
        }
        metrics::exported(spans);
        Ok(())
    }
}

impl<P: Positions> TraceWriter for RemoteWriter<P> {
    /// No earlier owner is shut out: what it still writes is written twice.
    async fn claim(&self, source: &Source, _: Owner) -> Result<Progress, WriteError> {
        let committed = self.positions.committed(source).await;
        let committed =
            committed.map_err(|error| Refused::Position(error).error(Remedy::TryAgain))?;
        Ok(Progress {
            // The first revision is that of a source that nobody has written for.
            revision: if committed.is_some() { 2 } else { 1 },
            watermark: committed.unwrap_or(0),
            ..Progress::default()
        })
    }

    async fn write(&self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        let mut by_tenant: BTreeMap<&Tenant, Vec<&TraceSpans<'_, '_>>> = BTreeMap::new();
        for trace in batch.traces {
            if trace.verdict.is_some() {
                return Err(Refused::NotKept("no decisions").error(Remedy::CallOperator));
            }
            if !self.store.serves(trace.tenant) {
                let tenant = trace.tenant.clone();
                return Err(Refused::Tenant(tenant).error(Remedy::Bisect));
            }
            by_tenant.entry(trace.tenant).or_default().push(trace);
        }
        let max_bytes = self.store.config.max_request.as_usize();
        let mut written = Written::default();
        for (tenant, traces) in by_tenant {
            for export in Requests::new(&traces, max_bytes) {
                let spans = export.spans;
                self.export(tenant, export).await?;
                written.spans_stored += spans;
                written.segments += 1;
            }
        }
        Ok(written)
    }

    async fn dead_letter(&self, _: &[DeadLetter<'_>]) -> Result<(), WriteError> {
        Err(Refused::NotKept("no dead letters").error(Remedy::CallOperator))
    }
}
