//! Schedules that once found a bug, written out: a seed stands for another schedule as soon as the
//! simulation learns something new.

use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::log::SimSpan;
use super::member::At;
use super::mutation::Mutation;
use super::odds::{Habits, Odds};
use super::sampling::Sampling;
use super::schedules::quietly;
use super::world::World;
use super::writing::Trouble;
use crate::build::ms;

/// Two partitions of one member.
struct Script(World);

const FIRST: At = At {
    member: 0,
    partition: 0,
};
const SECOND: At = At {
    member: 0,
    partition: 1,
};

impl Script {
    fn new(mutation: Option<Mutation>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(1);
        let odds = Odds::draw(&mut rng);
        let habits = Habits {
            garbage: 0.0,
            poison: 0.0,
            again: 0.0,
            elsewhere: 0.0,
            sampling: Sampling::Off,
        };
        let mut world = World::with(rng, (2, 2), habits, odds, mutation);
        world.assign(FIRST);
        world.assign(SECOND);
        Self(world)
    }

    fn produce(mut self, at: At) -> Self {
        let Self(world) = &mut self;
        world.logs.produce(at.partition, &mut world.rng);
        self
    }

    /// A span of the one trace, by a service of its own, called by another one.
    fn send(mut self, at: At, content: u64, parent: Option<u64>) -> Self {
        let span = SimSpan {
            content,
            trace: 0,
            parent,
            service: content as u8,
        };
        self.0.logs.append(at.partition, vec![span]);
        self
    }

    /// The member reads and writes everything of a partition.
    fn finish(mut self, at: At) -> Self {
        let Self(world) = &mut self;
        for _ in 0..200 {
            world.act(at);
            world.fetch(at);
            world.admit(at);
            world.advance_write(at, None);
            world.check();
            world.now += ms(50);
        }
        self
    }

    fn standby_catches_up(mut self) -> Self {
        self.0.copy_to_standby();
        self
    }

    fn fails_over(mut self) -> Self {
        self.0.fail_over();
        self
    }

    fn settles(mut self) {
        self.0.settle();
        self.0.check_settled();
    }
}

/// The partition has nothing to write after the failover: it must find out by itself.
fn a_quiet_partition(mutation: Option<Mutation>) {
    Script::new(mutation)
        .standby_catches_up()
        .produce(FIRST)
        .finish(FIRST)
        .fails_over()
        .settles();
}

/// The second partition's position is not touched by the failover, but what its process remembers
/// of the first one's traces is.
fn a_trace_of_two_partitions(mutation: Option<Mutation>) {
    Script::new(mutation)
        .standby_catches_up()
        .send(FIRST, 1, None)
        .finish(FIRST)
        .send(FIRST, 2, Some(1))
        .finish(FIRST)
        .send(SECOND, 3, Some(1))
        .fails_over()
        .finish(SECOND)
        .settles();
}

#[test]
fn a_quiet_partition_finds_out_that_the_store_went_back() {
    a_quiet_partition(None);
}

#[test]
fn what_is_remembered_of_a_server_is_forgotten_with_it() {
    a_trace_of_two_partitions(None);
}

/// A commit does not happen, and the same spans are written again.
fn a_lost_commit(mutation: Option<Mutation>) {
    let Script(mut world) = Script::new(mutation).produce(FIRST);
    world.fetch(FIRST);
    world.admit(FIRST);
    world.now += ms(30_000);
    world.act(FIRST);
    for _ in 0..4 {
        world.act(FIRST);
        world.advance_write(FIRST, None);
    }
    world.advance_write(FIRST, Some(Trouble::CommitLost));
    Script(world).finish(FIRST).settles();
}

#[test]
fn a_commit_that_did_not_happen_is_made_again() {
    a_lost_commit(None);
}

#[test]
fn the_written_out_schedules_find_their_bugs() {
    let finds = |script: fn(Option<Mutation>), mutation| {
        quietly(|| std::panic::catch_unwind(|| script(Some(mutation))).is_err())
    };
    assert!(finds(a_lost_commit, Mutation::MemoryKeptAfterFailure));
    assert!(finds(a_quiet_partition, Mutation::NothingNotWritten));
    assert!(finds(
        a_trace_of_two_partitions,
        Mutation::MemoryKeptAcrossServers
    ));
}
