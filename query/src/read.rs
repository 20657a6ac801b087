//! search/read: what can be asked of the store, and what is made of its answer.

mod catalogue;
mod attributes;
mod traces;
mod stored;
mod archive;
mod uploaded;
mod red;

use std::future::Future;

use model::Tenant;
use storage::{ReadError, TraceReader};

use crate::adjust::AdjustPlan;

pub use archive::ArchiveOf;
pub use attributes::AttributesOf;
pub use catalogue::{CapabilitiesOfStore, DependenciesIn, Nothing, OperationsOf, Services};
pub use stored::{StoredSearch, StoredTraces};
pub use traces::{FoundTraces, Search, ShownTraces, Summaries, SummaryPage, Traces, TracesById};
pub use uploaded::Uploaded;

/// A question to the store: the core that every API shares.
pub trait Question: Send + 'static {
    /// What the store answers.
    type Found: Send + 'static;
    /// What is shown.
    type Shown: Send + 'static;

    /// Asks the store.
    fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> impl Future<Output = Result<Self::Found, ReadError>> + Send;

    /// Makes what was found ready to be shown: pure, and possibly long.
    fn adjust(self, found: Self::Found, plan: AdjustPlan) -> Self::Shown;
}
