//! Random schedules of everything that can go wrong, by seed.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use crate::{ledger::Entry, world::World};

const SEEDS: u64 = 1_000;
const STEPS: usize = 400;

/// Plays one schedule, and checks the world after each step.
fn play(seed: u64) -> World {
    let mut world = World::new(ChaCha8Rng::seed_from_u64(seed));
    for _ in 0..STEPS {
        world.step();
        world.check();
    }
    world.settle();
    world.check();
    world
}

/// Every record of the log is in the place where it belongs, once.
fn check_settled(world: &World) {
    for (offset, entry) in &world.log {
        assert!(
            world.store.finished.contains(offset),
            "offset {offset} was never finished"
        );
        if let Entry::Spans {
            content,
            poison: false,
            ..
        } = entry
        {
            assert!(
                world.store.stored.contains(content),
                "content {content} is not stored"
            );
        }
    }
    assert!(world.store.progress.done_above.is_empty());
}

#[test]
fn nothing_is_lost_or_doubled_whatever_the_schedule() {
    for seed in 0..SEEDS {
        let played = std::panic::catch_unwind(|| check_settled(&play(seed)));
        assert!(played.is_ok(), "seed {seed} fails: play({seed})");
    }
}
