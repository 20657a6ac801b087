//! The rules, one by one.

use model::Tenant;

use super::*;

const MINUTE: u64 = 60 * 1_000_000_000;
const NOW: UnixNanos = 100 * MINUTE;

fn checkout() -> SampledOperation {
    SampledOperation {
        tenant: Tenant::default(),
        service: "shop".into(),
        operation: "checkout".into(),
    }
}

fn sampled(probability: f64, roots: u64) -> RootCount {
    RootCount {
        sampler: RootSampler::Probabilistic,
        probability,
        roots,
    }
}

fn not_told(roots: u64) -> RootCount {
    RootCount {
        sampler: RootSampler::Untold,
        probability: 0.0,
        roots,
    }
}

/// Intervals, newest first, the newest of which ended two minutes ago.
fn buckets(counts: &[&[RootCount]]) -> Vec<ThroughputBucket> {
    let of_each = counts
        .iter()
        .zip(3..)
        .map(|(counts, ago)| ThroughputBucket {
            start: NOW - ago * MINUTE,
            operations: match counts.is_empty() {
                true => [].into(),
                false => [(checkout(), counts.to_vec())].into(),
            },
        });
    of_each.collect()
}

fn told(handed_out: &[f64]) -> OperationProbability {
    OperationProbability {
        handed_out: handed_out.to_vec(),
        changed_at: NOW - 60 * MINUTE,
        ..first_seen(&AdaptiveSamplingConfig::default())
    }
}

fn after(before: Option<OperationProbability>, counts: &[&[RootCount]]) -> OperationProbability {
    let config = AdaptiveSamplingConfig::default();
    let before = before
        .map(|state| (checkout(), state))
        .into_iter()
        .collect();
    let mut all = calculate(&config, &buckets(counts), before, NOW);
    all.remove(&checkout()).expect("it is known")
}

#[test]
fn too_many_are_cut_down_at_once() {
    let state = after(None, &[&[sampled(0.001, 600)]]);
    assert_eq!(state.handed_out, [0.0001, 0.001]);
    assert_eq!(state.changed_at, NOW);
    assert_eq!(state.roots_per_second, 1.0);
}

#[test]
fn too_few_are_doubled_at_most() {
    assert_eq!(after(None, &[&[sampled(0.001, 6)]]).handed_out[0], 0.002);
    assert_eq!(after(None, &[&[sampled(0.001, 40)]]).handed_out[0], 0.0015);
}

#[test]
fn no_root_span_by_chance_doubles_the_probability() {
    let lower_bound = RootCount {
        sampler: RootSampler::Other,
        probability: 0.01,
        roots: 3,
    };
    let state = after(Some(told(&[0.01])), &[&[lower_bound]]);
    assert_eq!(state.handed_out, [0.02, 0.01]);
}

#[test]
fn a_probability_stays_between_its_bounds() {
    let state = after(Some(told(&[0.7])), &[&[sampled(0.7, 1)]]);
    assert_eq!(state.handed_out[0], 1.0);
    let state = after(None, &[&[sampled(0.001, 60_000_000)]]);
    assert_eq!(state.handed_out[0], 1e-5);
    let state = after(Some(told(&[1.0])), &[&[sampled(1.0, 1)]]);
    assert_eq!(state.handed_out, [1.0]);
}

#[test]
fn an_operation_is_left_alone_while_chance_explains_how_far_it_is_off() {
    // Two standard deviations of 45 or 76 are 30 % or 23 %; of 6,600 they are less than 6 %.
    for (roots, at_rest) in [(45, true), (73, true), (40, false), (76, false)] {
        let state = after(Some(told(&[0.01])), &[&[sampled(0.01, roots)]]);
        assert_eq!((roots, state.at_rest), (roots, at_rest));
        assert_eq!(state.handed_out.len(), if at_rest { 1 } else { 2 });
    }
}

#[test]
fn the_more_root_spans_there_are_the_nearer_an_operation_is_brought() {
    let seventy: &[RootCount] = &[sampled(0.01, 70)];
    assert!(after(Some(told(&[0.01])), &[seventy]).at_rest);
    assert!(!after(Some(told(&[0.01])), &[seventy; 10]).at_rest);
}

#[test]
fn counts_of_earlier_probabilities_say_the_same_as_those_of_the_latest() {
    let earlier = after(Some(told(&[0.02, 0.01])), &[&[sampled(0.01, 60)]]);
    let latest = after(Some(told(&[0.02, 0.01])), &[&[sampled(0.02, 120)]]);
    assert_eq!(earlier.handed_out, latest.handed_out);
    assert_eq!(earlier.handed_out[0], 0.01);
}

#[test]
fn newer_intervals_weigh_more() {
    let state = after(None, &[&[sampled(0.001, 60)], &[sampled(0.001, 600)]]);
    let expected = (2.0 * 1.0 + 1.0 * 10.0) / 3.0;
    assert!((state.handed_out[0] - 0.001 / expected).abs() < 1e-12);
}

#[test]
fn a_service_that_samples_by_something_else_is_not_told_anything_new() {
    let state = after(Some(told(&[0.02, 0.01])), &[&[sampled(0.5, 3_000)]]);
    assert_eq!((state.handed_out, state.follows), (vec![0.02, 0.01], false));
}

#[test]
fn an_operation_without_new_root_spans_is_taken_for_what_it_was() {
    let mut strange = told(&[0.02, 0.01]);
    strange.follows = false;
    let counts: [&[RootCount]; 2] = [&[], &[sampled(0.02, 600)]];
    assert_eq!(after(Some(strange), &counts).handed_out.len(), 2);
    assert_eq!(
        after(Some(told(&[0.02, 0.01])), &counts).handed_out.len(),
        3
    );
}

#[test]
fn root_spans_that_do_not_tell_count_once_clients_have_had_time_to_ask() {
    let mut fresh = told(&[0.002, 0.001]);
    fresh.changed_at = NOW - 3 * MINUTE;
    let state = after(Some(fresh.clone()), &[&[not_told(600)]]);
    assert_eq!(state.handed_out.len(), 2);
    fresh.changed_at = NOW - 4 * MINUTE;
    let state = after(Some(fresh), &[&[not_told(600)]]);
    assert_eq!(state.handed_out[0], 0.0002);
}

#[test]
fn an_operation_that_occurs_in_no_interval_is_forgotten() {
    let config = AdaptiveSamplingConfig::default();
    let before = [(checkout(), told(&[0.5]))].into();
    assert!(calculate(&config, &buckets(&[&[], &[]]), before, NOW).is_empty());
}
