//! Clients, collectors and the calculation together, minute by minute, with chance in all of it.
//!
//! Every process of a service asks one of the collectors once a minute, samples by what it was told
//! until it asks again, and keeps to the lower bound as Jaeger's clients do. Collectors learn of a
//! round some seconds later, each at its own time. Counts are seen `calculation_delay` late.

mod world;

use world::{Sampler, World};

/// How near to the target is near enough.
const NEAR: f64 = 0.2;
/// And where clients do not tell how they sample, so that each step is an experiment.
const NEAR_UNTOLD: f64 = 1.0;

/// Rounds that the last half steps take.
const HALF_STEPS: usize = 3;

/// Minutes by which an operation must be near its target: its first root span, as many doublings as
/// it needs from `from` on, the way of counts and probabilities, and the intervals that a
/// calculation goes by.
fn allowed(world: &World, operation: usize, from: f64) -> usize {
    let config = &world.config;
    let minutes = |time: std::time::Duration| time.as_secs_f64() / 60.0;
    let way = minutes(config.calculation_delay)
        + minutes(config.calculation_interval)
        + minutes(config.client_refresh_interval);
    let doublings = (world.needed(operation) / from).log2().max(0.0).ceil();
    // Counts of spans that do not tell their probability must come all the way for each step.
    let steps = match world.sampler(operation) {
        Sampler::Untold => doublings * (way + 1.0),
        _ => doublings,
    };
    1 + (steps + way) as usize + config.calculation_buckets + HALF_STEPS
}

/// Runs until every operation must be near its target, then for `more` minutes, in which each must
/// stay there.
fn settle(world: &mut World, from: &[f64], more: usize) {
    let deadlines: Vec<usize> = (0..world.operations())
        .map(|operation| world.minute + allowed(world, operation, from[operation]))
        .collect();
    let end = deadlines.iter().max().copied().unwrap_or_default() + more;
    while world.minute < end {
        world.pass_a_minute();
        for (operation, deadline) in deadlines.iter().enumerate() {
            if world.minute >= *deadline {
                let near = match world.sampler(operation) {
                    Sampler::Untold => NEAR_UNTOLD,
                    _ => NEAR,
                };
                let (off, state) = (world.off_target(operation), world.describe(operation));
                assert!(
                    off <= near,
                    "minute {}, due {deadline}: {state}",
                    world.minute
                );
            }
        }
    }
}

#[test]
fn two_hundred_operations_come_near_their_target_and_stay_there() {
    let mut world = World::new(1, 5);
    for n in 0..200 {
        world.add_operation(n, Sampler::Told);
    }
    settle(&mut world, &[0.001; 200], 120);
}

#[test]
fn operations_follow_their_traffic_up_and_down() {
    let mut world = World::new(2, 3);
    for n in 0..200 {
        world.add_operation(n, Sampler::Told);
    }
    settle(&mut world, &[0.001; 200], 20);
    for factor in [4.0, 0.25, 0.1] {
        let before: Vec<f64> = (0..200).map(|n| world.told(n)).collect();
        world.change_traffic(factor);
        settle(&mut world, &before, 30);
    }
}

#[test]
fn operations_that_come_later_find_their_place_beside_the_others() {
    let mut world = World::new(3, 2);
    for n in 0..100 {
        world.add_operation(n, Sampler::Told);
    }
    settle(&mut world, &[0.001; 100], 5);
    for n in 100..200 {
        world.add_operation(n, Sampler::Told);
    }
    let from: Vec<f64> = (0..200).map(|n| world.told(n)).collect();
    settle(&mut world, &from, 30);
}

#[test]
fn clients_that_do_not_tell_how_they_sample_are_led_as_well() {
    let mut world = World::new(4, 3);
    for n in 0..200 {
        world.add_operation(n, Sampler::Untold);
    }
    settle(&mut world, &[0.001; 200], 60);
    let near = (0..200).filter(|n| world.off_target(*n) <= 0.3).count();
    assert!(near >= 160, "{near}");
}

#[test]
fn a_service_that_goes_its_own_way_is_not_led() {
    let mut world = World::new(5, 2);
    world.add_operation(0, Sampler::Stubborn(0.5));
    world.add_operation(1, Sampler::Told);
    for _ in 0..90 {
        world.pass_a_minute();
    }
    assert!(world.changes(0) <= 1, "{}", world.describe(0));
    assert!(world.off_target(1) <= NEAR);
}
