//! Traces by id and by search, whole or summarised.

use model::{Tenant, TimeRange, TraceId, TraceQuery};
use storage::{ReadError, StoredTrace, TraceReader};

use super::Question;
use crate::adjust::{self, AdjustPlan, Adjusted};
use crate::metrics;
use crate::summarise::{self, TraceSummary};

/// Traces that were found, and ids that were not.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct FoundTraces {
    /// In the order asked for, or newest first.
    pub traces: Vec<StoredTrace>,
    /// Ids without a trace, in the order asked for.
    pub missing: Vec<TraceId>,
}

/// Traces ready to be rendered, and ids that were not found.
#[derive(Debug, Clone, PartialEq)]
pub struct ShownTraces {
    /// The traces.
    pub traces: Vec<Adjusted>,
    /// Ids without a trace.
    pub missing: Vec<TraceId>,
}

/// What do these traces look like?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TracesById {
    /// Which.
    pub ids: Vec<TraceId>,
    /// Roughly when they were, if the client knows.
    pub hint: Option<TimeRange>,
    /// As stored, without adjustment.
    pub raw: bool,
}

impl Question for TracesById {
    type Found = FoundTraces;
    type Shown = ShownTraces;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<FoundTraces, ReadError> {
        let mut found = FoundTraces::default();
        for id in &self.ids {
            match reader.trace(tenant, *id, self.hint).await? {
                Some(trace) => found.traces.push(trace),
                None => found.missing.push(*id),
            }
        }
        Ok(found)
    }

    fn adjust(self, found: FoundTraces, plan: AdjustPlan) -> ShownTraces {
        shown(found, self.raw, plan)
    }
}

/// Which traces answer this query?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    /// The query.
    pub query: TraceQuery,
    /// As stored, without adjustment.
    pub raw: bool,
}

impl Question for Search {
    type Found = FoundTraces;
    type Shown = ShownTraces;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<FoundTraces, ReadError> {
        let traces = reader.search(tenant, &self.query).await?;
        Ok(FoundTraces {
            traces,
            missing: Vec::new(),
        })
    }

    fn adjust(self, found: FoundTraces, plan: AdjustPlan) -> ShownTraces {
        shown(found, self.raw, plan)
    }
}

fn shown(found: FoundTraces, raw: bool, plan: AdjustPlan) -> ShownTraces {
    let stored = found.traces.into_iter();
    let traces: Vec<Adjusted> = stored
        .map(|stored| adjust::standard(stored.trace, raw, plan))
        .collect();
    metrics::truncated(traces.iter().filter(|of| of.truncated).count());
    ShownTraces {
        traces,
        missing: found.missing,
    }
}

/// Which traces answer this query, in short?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summaries {
    /// The query.
    pub query: TraceQuery,
}

impl Question for Summaries {
    type Found = Vec<StoredTrace>;
    type Shown = Vec<TraceSummary>;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<StoredTrace>, ReadError> {
        reader.search(tenant, &self.query).await
    }

    fn adjust(self, found: Vec<StoredTrace>, _: AdjustPlan) -> Vec<TraceSummary> {
        found
            .iter()
            .map(|of| summarise::summary(&of.trace))
            .collect()
    }
}

/// Traces by either way, for an API that has one route for both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Traces {
    /// By their ids.
    ById(TracesById),
    /// By a search.
    Search(Search),
}

impl Question for Traces {
    type Found = FoundTraces;
    type Shown = ShownTraces;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<FoundTraces, ReadError> {
        match self {
            Self::ById(question) => question.read(reader, tenant).await,
            Self::Search(question) => question.read(reader, tenant).await,
        }
    }

    fn adjust(self, found: FoundTraces, plan: AdjustPlan) -> ShownTraces {
        match self {
            Self::ById(question) => question.adjust(found, plan),
            Self::Search(question) => question.adjust(found, plan),
        }
    }
}
