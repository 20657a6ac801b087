//! Spans that a policy dropped, in the figures that count them: their operations are not
//! remembered, so figures are compared for all operations of a service together.

use std::collections::{HashMap, HashSet};

use model::NANOS_PER_DAY;

use super::names::{OperationDay, RedSeries};
use super::{Balance, Figures};

/// What dropped spans add up to, by series without an operation.
#[derive(Debug, Default)]
pub(super) struct Dropped {
    figures: HashMap<RedSeries, Figures>,
    /// Services with dropped spans, by day and kind: the operation is zero.
    days: HashSet<OperationDay>,
}

/// No operation.
const NONE: u32 = 0;

impl Dropped {
    /// Counts a span of this series, whatever its operation is.
    pub(super) fn count(&mut self, series: RedSeries, figures: Figures) {
        let series = all_operations(series);
        self.days.insert(OperationDay {
            tenant: series.tenant,
            day: (series.minute / NANOS_PER_DAY) as i32,
            service: series.service,
            operation: NONE,
            kind: series.kind,
        });
        self.figures.entry(series).or_default().add(figures);
    }

    /// Whether an operation may have had dropped spans on a day.
    pub(super) fn may_have_had(&self, seen: &OperationDay) -> bool {
        let operation = NONE;
        self.days.contains(&OperationDay { operation, ..*seen })
    }

    /// The series that differ. Where spans were dropped, all operations together must be what
    /// stored and dropped spans add up to, and no operation may have fewer than are stored.
    pub(super) fn compare(&self, red: &HashMap<RedSeries, Balance>) -> Vec<(RedSeries, Balance)> {
        let mut different = Vec::new();
        let mut together: HashMap<RedSeries, Balance> = HashMap::new();
        for (series, figures) in &self.figures {
            together.entry(*series).or_default().counted.add(*figures);
        }
        for (series, balance) in red {
            match together.get_mut(&all_operations(*series)) {
                None if balance.stored != balance.counted => different.push((*series, *balance)),
                None => {}
                Some(all) => {
                    all.stored.add(balance.stored);
                    all.counted.add(balance.counted);
                    if balance.stored.calls < balance.counted.calls {
                        different.push((*series, *balance));
                    }
                }
            }
        }
        let wrong = together.into_iter().filter(|(_, b)| b.stored != b.counted);
        different.extend(wrong);
        different
    }
}

fn all_operations(series: RedSeries) -> RedSeries {
    let operation = NONE;
    RedSeries {
        operation,
        ..series
    }
}
