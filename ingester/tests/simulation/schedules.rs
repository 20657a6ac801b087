//! Random schedules of everything that can go wrong, by seed.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use super::mutation::Mutation;
use super::world::World;

/// Schedules of each run.
const SEEDS: u64 = 10_000;
const STEPS: usize = 400;
/// Of so many schedules it is counted which find a mutation.
const SEEDS_OF_A_MUTATION: u64 = 40;
/// Within so many schedules a mutation must be found.
const SEEDS_AT_MOST: u64 = 200;

/// Plays one schedule, and checks the world after each step.
fn play(seed: u64, mutation: Option<Mutation>) -> Result<(), String> {
    let mut world = World::new(seed, mutation);
    let played = catch_unwind(AssertUnwindSafe(|| {
        for _ in 0..STEPS {
            world.step();
            world.check();
        }
        world.settle();
        world.check_settled();
    }));
    played.map_err(|panic| {
        let why = panic
            .downcast_ref::<String>()
            .cloned()
            .or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
        let why = why.unwrap_or_else(|| "a panic without words".to_owned());
        format!(
            "{why}\nplay it again with SPOOR_SEED={seed}; before that:\n{}",
            world.story()
        )
    })
}

/// Plays schedules without their panics being told: what they say is in the result. One test at a
/// time does so, since who tells is the whole process's.
pub fn quietly<T>(work: impl FnOnce() -> T) -> T {
    static TELLING: Mutex<()> = Mutex::new(());
    let _turn = TELLING.lock().unwrap_or_else(PoisonError::into_inner);
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    let done = work();
    std::panic::set_hook(told);
    done
}

#[test]
fn nothing_is_lost_or_doubled_whatever_the_schedule() {
    let only = std::env::var("SPOOR_SEED").ok();
    let seeds = match only.map(|seed| seed.parse().expect("SPOOR_SEED is a number")) {
        Some(seed) => seed..seed + 1,
        None => 0..SEEDS,
    };
    let count = seeds.end - seeds.start;
    let (failure, seconds) = quietly(|| {
        let began = Instant::now();
        let failure = { seeds }.find_map(|seed| play(seed, None).err());
        (failure, began.elapsed().as_secs_f64())
    });
    if let Some(failure) = failure {
        panic!("{failure}");
    }
    println!(
        "{count} schedules of {STEPS} steps in {seconds:.1} s: {:.0} schedules a second",
        count as f64 / seconds
    );
}

/// What it took to find a deliberate bug.
struct Found {
    mutation: Mutation,
    /// Schedules until it was found for the first time, and what was said then.
    first: Option<(u64, String)>,
    /// How many of the first schedules find it.
    of_first: u64,
}

/// A schedule finds a bug if it fails with the bug and passes without it.
fn find(mutation: Mutation) -> Found {
    let mut found = Found {
        mutation,
        first: None,
        of_first: 0,
    };
    for seed in 0..SEEDS_AT_MOST {
        if seed >= SEEDS_OF_A_MUTATION && found.first.is_some() {
            break;
        }
        let Err(failure) = play(seed, Some(mutation)) else {
            continue;
        };
        if play(seed, None).is_ok() {
            found.of_first += 1;
            let why = failure.lines().next().unwrap_or_default().to_owned();
            found.first.get_or_insert((seed + 1, why));
        }
    }
    found
}

#[test]
fn every_deliberate_bug_is_found() {
    let found = quietly(|| Mutation::ALL.map(find));
    for one in &found {
        let (mutation, of_first) = (one.mutation, one.of_first);
        match &one.first {
            Some((schedules, why)) => println!(
                "{mutation:?}: after {schedules}, by {of_first} of {SEEDS_OF_A_MUTATION}: {why}"
            ),
            None => println!("{mutation:?}: not found"),
        }
    }
    let missed: Vec<Mutation> = found
        .iter()
        .filter(|one| one.first.is_none())
        .map(|one| one.mutation)
        .collect();
    assert!(
        missed.is_empty(),
        "bugs that the simulation passes over: {missed:?}"
    );
}
