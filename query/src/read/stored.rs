//! Traces as they are stored, whole: what another query service reads through this one.

use model::{Tenant, TimeRange, TraceId, TraceQuery};
use storage::{ReadError, StoredTrace, TraceReader};

use super::Question;
use crate::adjust::{self, AdjustPlan, Adjusted};

/// What is stored of these traces? Ids without a trace are passed over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTraces {
    /// Which, and roughly when each was, if the client knows.
    pub wanted: Vec<(TraceId, Option<TimeRange>)>,
}

impl Question for StoredTraces {
    type Found = Vec<StoredTrace>;
    type Shown = Vec<Adjusted>;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<StoredTrace>, ReadError> {
        let mut found = Vec::new();
        for (id, hint) in &self.wanted {
            found.extend(reader.trace(tenant, *id, *hint).await?);
        }
        Ok(found)
    }

    fn adjust(self, found: Vec<StoredTrace>, _: AdjustPlan) -> Vec<Adjusted> {
        as_stored(found)
    }
}

/// Which traces answer this query, as they are stored?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredSearch {
    /// The query.
    pub query: TraceQuery,
}

impl Question for StoredSearch {
    type Found = Vec<StoredTrace>;
    type Shown = Vec<Adjusted>;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<StoredTrace>, ReadError> {
        let found = reader.search(tenant, &self.query).await?;
        Ok(found.traces)
    }

    fn adjust(self, found: Vec<StoredTrace>, _: AdjustPlan) -> Vec<Adjusted> {
        as_stored(found)
    }
}

/// Nothing is mended and nothing is left out: whoever shows the traces does both.
fn as_stored(found: Vec<StoredTrace>) -> Vec<Adjusted> {
    let found = found.into_iter();
    found
        .map(|stored| adjust::standard(stored.trace, true, AdjustPlan::NONE))
        .collect()
}
