//! A trace that is to be kept.

use model::{Tenant, TraceId};
use storage::{Archived, ReadError, TraceReader};

use super::Question;
use crate::adjust::AdjustPlan;
use crate::pipeline::Failure;

/// Will this trace be kept beyond retention?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchiveOf {
    /// Which.
    pub id: TraceId,
}

impl ArchiveOf {
    /// An error unless the trace is kept; in Jaeger's words.
    pub fn check(archived: Archived) -> Result<(), Failure> {
        match archived {
            Archived::Kept => Ok(()),
            Archived::NotFound => Err(Failure::NotFound("trace not found")),
            Archived::Unsupported => Err(Failure::Unsupported(
                "archive span storage was not configured",
            )),
        }
    }
}

impl Question for ArchiveOf {
    type Found = Archived;
    type Shown = ();

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Archived, ReadError> {
        reader.archive(tenant, self.id).await
    }

    fn adjust(self, _: Archived, _: AdjustPlan) {}
}
