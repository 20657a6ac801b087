//! How many root spans a second a probability lets through, from root spans that were sampled with
//! whatever probability held when they were.

use storage::{OperationProbability, RootCount, RootSampler, SampledOperation, ThroughputBucket};

use super::calculate::probability;
use crate::config::AdaptiveSamplingConfig;

const NANOS: f64 = 1e9;

/// The traffic of an operation before sampling, by interval, newest first.
///
/// A root span that was sampled with probability p stands for 1/p of them. So counts of different
/// probabilities add up, and a round need not wait until its predecessor's probabilities have reached
/// every client. Spans that do not tell their probability are taken to have had the one that held,
/// once an interval begins long enough after it was calculated.
#[derive(Debug)]
pub(super) struct Estimate {
    traffic_per_second: Vec<f64>,
}

impl Estimate {
    /// Of the newest intervals in which the operation occurs.
    pub(super) fn of(
        config: &AdaptiveSamplingConfig,
        buckets: &[ThroughputBucket],
        operation: &SampledOperation,
        state: &OperationProbability,
    ) -> Self {
        let seconds = config.calculation_interval.as_secs_f64();
        let current = probability(config, state);
        let settled = match state.changed_at {
            0 => 0,
            at => at + config.client_refresh_interval.as_nanos() as u64,
        };
        let occurring = buckets
            .iter()
            .filter_map(|bucket| Some((bucket.start, bucket.operations.get(operation)?)));
        let usable = occurring.filter(|(start, counts)| *start >= settled || all_told(counts));
        let traffic = usable.map(|(_, counts)| traffic(counts, current) / seconds);
        Self {
            traffic_per_second: traffic.take(config.calculation_buckets.max(1)).collect(),
        }
    }

    /// Root spans a second that a probability lets through: the mean over the intervals, each weighted
    /// by the fourth power of its place, the newest heaviest. `None` when nothing is known.
    pub(super) fn sampled_at(&self, probability: f64) -> Option<f64> {
        let count = self.traffic_per_second.len();
        let weights = (1..=count).rev().map(|place| (place as f64).powi(4));
        let all: f64 = weights.clone().sum();
        let of_each = self.traffic_per_second.iter().zip(weights);
        let sum: f64 = of_each.map(|(traffic, weight)| traffic * weight).sum();
        (count > 0).then(|| sum / all * probability)
    }
}

fn all_told(counts: &[RootCount]) -> bool {
    counts
        .iter()
        .all(|count| count.sampler != RootSampler::Untold)
}

/// Root spans before sampling.
fn traffic(counts: &[RootCount], current: f64) -> f64 {
    let before = counts.iter().map(|count| match count.sampler {
        RootSampler::Probabilistic => count.roots as f64 / count.probability.max(1.0 / NANOS),
        RootSampler::Untold => count.roots as f64 / current,
        RootSampler::Other => 0.0,
    });
    before.sum()
}
