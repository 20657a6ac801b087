//! Rates, errors and durations.

use model::Tenant;
use storage::{ReadError, RedPoint, TraceReader};

use super::Question;
use crate::adjust::AdjustPlan;
use crate::red::{MetricFamily, RedRequest};

impl Question for RedRequest {
    type Found = Vec<RedPoint>;
    type Shown = MetricFamily;

    async fn read<R: TraceReader>(
        &self,
        reader: &R,
        tenant: &Tenant,
    ) -> Result<Vec<RedPoint>, ReadError> {
        reader.red(tenant, &self.query()).await
    }

    fn adjust(self, found: Vec<RedPoint>, _: AdjustPlan) -> MetricFamily {
        MetricFamily::new(self, found)
    }
}
