//! Traces that the client brought along.

use bytes::Bytes;
use model::{Tenant, Trace};
use storage::{ReadError, TraceReader};

use super::{Question, ShownTraces};
use crate::adjust::{self, AdjustPlan};
use crate::parse::{Malformed, otlp_json};

/// What do these traces look like? Nothing is asked of the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Uploaded {
    /// OTLP's JSON.
    pub document: Bytes,
}

impl Question for Uploaded {
    type Found = Result<Vec<Trace>, Malformed>;
    type Shown = ShownTraces;

    async fn read<R: TraceReader>(&self, _: &R, _: &Tenant) -> Result<Self::Found, ReadError> {
        let document = self.document.clone();
        let reading = tokio::task::spawn_blocking(move || otlp_json::traces(&document));
        let read = reading.await;
        Ok(read.unwrap_or_else(|_| Err(Malformed::new("the document cannot be read"))))
    }

    fn adjust(self, found: Self::Found, plan: AdjustPlan) -> ShownTraces {
        let traces = found.unwrap_or_default().into_iter();
        ShownTraces {
            traces: traces
                .map(|trace| adjust::standard(trace, false, plan))
                .collect(),
            missing: Vec::new(),
        }
    }
}
