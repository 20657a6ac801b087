//! Traces by id and by search, whole or summarised.

use model::{Tenant, TimeRange, TraceId, TraceQuery};
use storage::{FoundPage, ReadError, StoredTrace, TraceReader};

use super::Question;
use crate::adjust::{self, AdjustPlan, Adjusted};
use crate::metrics;
use crate::parse::page;
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
        let found = reader.search(tenant, &self.query).await?;
        Ok(FoundTraces {
            traces: found.traces,
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

/// Traces in short, a page of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryPage {
    /// The traces, in the order of the query.
    pub summaries: Vec<TraceSummary>,
    /// What asks for the next page, if there is one and the query asked for pages.
    pub next: Option<String>,
    /// How many traces there are on all pages, if that is known.
    pub total: Option<u64>,
}

impl Question for Summaries {
    type Found = FoundPage;
    type Shown = SummaryPage;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<FoundPage, ReadError> {
        reader.search(tenant, &self.query).await
    }

    fn adjust(self, found: FoundPage, plan: AdjustPlan) -> SummaryPage {
        let traces = found.traces.iter();
        SummaryPage {
            summaries: traces
                .map(|of| summarise::stored(of, plan.max_trace_spans))
                .collect(),
            next: found.next.map(|mark| page::token(&self.query, &mark)),
            total: found.total,
        }
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
