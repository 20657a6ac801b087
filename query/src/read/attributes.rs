//! Keys and values of attributes.

use model::Tenant;
use storage::{AttributeCounts, AttributeQuery, ReadError, TraceReader};

use super::Question;
use crate::adjust::AdjustPlan;

/// Which attributes do spans have, or which values has one of them?
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttributesOf {
    /// Which.
    pub query: AttributeQuery,
}

impl Question for AttributesOf {
    type Found = AttributeCounts;
    type Shown = AttributeCounts;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<AttributeCounts, ReadError> {
        reader.attributes(tenant, &self.query).await
    }

    fn adjust(self, found: AttributeCounts, _: AdjustPlan) -> AttributeCounts {
        found
    }
}
