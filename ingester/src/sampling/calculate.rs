//! The calculation: Jaeger's rules, on rates that are estimated from all recent root spans.

use model::UnixNanos;
use storage::{
    OperationProbabilities, OperationProbability, RootCount, RootSampler, SampledOperation,
    ThroughputBucket,
};

use super::estimate::Estimate;
use crate::config::AdaptiveSamplingConfig;

/// No probability is raised by more than this factor at once; lowering has no limit.
const LARGEST_RAISE: f64 = 2.0;
/// Probabilities of an operation that are remembered: clients that are slow to ask, and counts that
/// are minutes old, go by earlier ones.
const REMEMBERED: usize = 25;
/// However many root spans there are, an operation is left alone within this part of the target.
const ALWAYS_NEAR: f64 = 0.06;
/// How many standard deviations of the count may be chance.
const CHANCE: f64 = 2.0;

/// What clients are to be told, given the root spans of the latest intervals, newest first, and what
/// they were told before. Operations without a root span in any interval are forgotten.
pub fn calculate(
    config: &AdaptiveSamplingConfig,
    buckets: &[ThroughputBucket],
    mut before: OperationProbabilities,
    now: UnixNanos,
) -> OperationProbabilities {
    let mut operations: Vec<&SampledOperation> = buckets
        .iter()
        .flat_map(|bucket| bucket.operations.keys())
        .collect();
    operations.sort_unstable();
    operations.dedup();
    let of_each = operations.into_iter().map(|operation| {
        let state = before.remove(operation);
        let state = state.unwrap_or_else(|| first_seen(config));
        let state = next(config, buckets, operation, state, now);
        (operation.clone(), state)
    });
    of_each.collect()
}

/// An operation that clients have been told nothing special of.
fn first_seen(config: &AdaptiveSamplingConfig) -> OperationProbability {
    OperationProbability {
        handed_out: vec![config.initial_sampling_probability],
        changed_at: 0,
        roots_per_second: 0.0,
        at_rest: false,
        follows: true,
    }
}

fn next(
    config: &AdaptiveSamplingConfig,
    buckets: &[ThroughputBucket],
    operation: &SampledOperation,
    mut state: OperationProbability,
    now: UnixNanos,
) -> OperationProbability {
    let old = probability(config, &state);
    state.follows = follows(config, buckets, operation, &state);
    let Some(estimate) = Estimate::of(config, buckets, operation, &state) else {
        return state;
    };
    let target = config.target_samples_per_second;
    let rate = estimate.traffic_per_second * old;
    state.roots_per_second = rate;
    let off = (rate - target).abs() / target;
    state.at_rest = off < tolerance(config, estimate.roots);
    if state.at_rest || !state.follows {
        return state;
    }
    let factor = match rate > 0.0 {
        // Half of what is left may be chance: the next round sees more.
        true if off < config.delta_tolerance => f64::midpoint(1.0, target / rate),
        true => (target / rate).min(LARGEST_RAISE),
        false => LARGEST_RAISE,
    };
    let new = (old * factor).clamp(config.min_sampling_probability, 1.0);
    if new != old {
        state.handed_out.insert(0, new);
        state.handed_out.truncate(REMEMBERED);
        state.changed_at = now;
        state.roots_per_second = rate * new / old;
    }
    state
}

/// How far an operation may be off its target to be left alone: what chance alone explains, but no
/// more than `delta_tolerance`. The more root spans there are, the less.
fn tolerance(config: &AdaptiveSamplingConfig, roots: f64) -> f64 {
    let chance = CHANCE / roots.max(1.0).sqrt();
    chance.max(ALWAYS_NEAR).min(config.delta_tolerance)
}

/// The probability that holds at present.
pub(super) fn probability(config: &AdaptiveSamplingConfig, state: &OperationProbability) -> f64 {
    let newest = state.handed_out.first().copied();
    newest.unwrap_or(config.initial_sampling_probability)
}

/// Whether the service samples by what it is told: it has not been told anything yet, or its newest
/// root spans go by something that it was told, or by something they do not tell.
fn follows(
    config: &AdaptiveSamplingConfig,
    buckets: &[ThroughputBucket],
    operation: &SampledOperation,
    state: &OperationProbability,
) -> bool {
    let initial = config.initial_sampling_probability;
    if is_same(probability(config, state), initial) {
        return true;
    }
    let newest = buckets
        .first()
        .and_then(|bucket| bucket.operations.get(operation));
    let Some(counts) = newest else {
        return state.follows;
    };
    let told = |count: &RootCount| {
        let mut known = state.handed_out.iter().copied().chain([initial]);
        count.sampler == RootSampler::Untold || known.any(|one| is_same(one, count.probability))
    };
    counts.iter().any(told)
}

/// To nine decimals, as they are counted.
fn is_same(one: f64, other: f64) -> bool {
    (one - other).abs() < 1e-9
}

#[cfg(test)]
mod tests;
