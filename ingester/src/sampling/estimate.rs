//! How much traffic there is before sampling, from root spans that were sampled with whatever
//! probability held when they were.

use storage::{OperationProbability, RootCount, RootSampler, SampledOperation, ThroughputBucket};

use super::calculate::probability;
use crate::config::AdaptiveSamplingConfig;

const NANOS: f64 = 1e9;

/// The traffic of an operation before sampling.
///
/// A root span that was sampled with probability p stands for 1/p of them. So counts of different
/// probabilities add up, and a round need not wait until its predecessor's probabilities have reached
/// every client. Spans that do not tell their probability are taken to have had the one that held,
/// once an interval begins long enough after it was calculated.
#[derive(Debug, Clone, Copy)]
pub(super) struct Estimate {
    /// Traces a second: the mean over the intervals, each weighted by the square of its place, the newest heaviest.
    pub(super) traffic_per_second: f64,
    /// Root spans that this rests on: as many, sampled alike in one interval, would say as much.
    pub(super) roots: f64,
}

impl Estimate {
    /// Of the newest intervals in which the operation occurs; `None` when none of them is usable.
    pub(super) fn of(
        config: &AdaptiveSamplingConfig,
        buckets: &[ThroughputBucket],
        operation: &SampledOperation,
        state: &OperationProbability,
    ) -> Option<Self> {
        let current = probability(config, state);
        let settled = match state.changed_at {
            0 => 0,
            at => at + config.client_refresh_interval.as_nanos() as u64,
        };
        let occurring = buckets
            .iter()
            .filter_map(|bucket| Some((bucket.start, bucket.operations.get(operation)?)));
        let usable = occurring.filter(|(start, counts)| *start >= settled || all_told(counts));
        let counts: Vec<&[RootCount]> = usable
            .map(|(_, counts)| counts.as_slice())
            .take(config.calculation_buckets.max(1))
            .collect();
        let (mut weights, mut squares, mut traces, mut roots) = (0.0, 0.0, 0.0, 0.0);
        for (counts, weight) in counts.iter().rev().zip(1_u32..) {
            let weight = f64::from(weight * weight);
            weights += weight;
            squares += weight * weight;
            traces += weight * traffic(counts, current);
            roots += probabilistic(counts);
        }
        let seconds = config.calculation_interval.as_secs_f64();
        (!counts.is_empty()).then(|| Self {
            traffic_per_second: traces / weights / seconds,
            roots: weights * weights / squares * roots / counts.len() as f64,
        })
    }
}

/// Root spans that say how much traffic there is.
fn probabilistic(counts: &[RootCount]) -> f64 {
    let that_do = counts
        .iter()
        .filter(|count| count.sampler != RootSampler::Other);
    that_do.map(|count| count.roots as f64).sum()
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
