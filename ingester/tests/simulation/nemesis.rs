//! What happens next: mostly work, now and then a misfortune.

use rand::{Rng, seq::IndexedRandom};

use super::member::{At, Member, Role};
use super::odds::Happening;
use super::world::World;
use crate::build::ms;

impl World {
    /// Something happens.
    pub fn step(&mut self) {
        let at = self.somewhere();
        match self.odds.next(&mut self.rng) {
            Happening::Produce => self.logs.produce(at.partition, &mut self.rng),
            Happening::PassTime => self.pass_time(),
            Happening::Turn => self.awake(at, Self::turn),
            Happening::Fetch => self.awake(at, Self::fetch),
            Happening::Admit => self.awake(at, Self::admit),
            Happening::Act => self.awake(at, Self::act),
            Happening::Write => self.awake(at, Self::write_on),
            Happening::Assign => self.assign_anywhere(),
            Happening::Order => self.awake(at, Self::order),
            Happening::Crash => self.crash(at.member),
            Happening::Freeze => self.freeze(at.member),
            Happening::Redeliver => self.awake(at, Self::redeliver),
            Happening::EndSession => self.end_session(at),
            Happening::CopyToStandby => self.copy_to_standby(),
            Happening::FailOver => {
                self.fail_over();
                if self.rng.random_bool(0.5) {
                    self.assign_anywhere();
                }
            }
        }
    }

    /// A partition at a member, mostly one that has it.
    fn somewhere(&mut self) -> At {
        let mut places: Vec<At> = self.everywhere().collect();
        if self.rng.random_bool(0.9) {
            places.retain(|at| !matches!(self.holding(*at).role, Role::Absent));
        }
        let chosen = places.choose(&mut self.rng).copied();
        chosen.unwrap_or_else(|| self.anywhere())
    }

    fn anywhere(&mut self) -> At {
        At {
            member: self.rng.random_range(0..self.members.len()),
            partition: self.rng.random_range(0..self.epochs.len()),
        }
    }

    /// A partition moves, or comes back to a member that has had it; now and then a member gets all
    /// of them.
    fn assign_anywhere(&mut self) {
        let at = match self.rng.random_bool(0.4) {
            true => self.somewhere(),
            false => self.anywhere(),
        };
        let (read_on, hurry) = (self.rng.random_bool(0.5), self.rng.random_bool(0.5));
        if read_on {
            self.awake(at, Self::fetch);
        }
        self.assign(at);
        if hurry {
            self.awake(at, Self::admit);
        }
        if self.rng.random_bool(0.2) {
            for partition in (0..self.epochs.len()).filter(|other| *other != at.partition) {
                self.assign(At { partition, ..at });
            }
        }
    }

    fn pass_time(&mut self) {
        // Now and then longer than anything waits.
        let longest = match self.rng.random_bool(0.05) {
            true => 40_000,
            false => 900,
        };
        self.now += ms(self.rng.random_range(0..longest));
    }

    fn turn(&mut self, at: At) {
        self.fetch(at);
        self.admit(at);
        self.now += ms(self.rng.random_range(0..300));
        self.act(at);
        self.write_on(at);
    }

    fn awake(&mut self, at: At, act: impl FnOnce(&mut Self, At)) {
        if !self.members[at.member].frozen {
            act(self, at);
        }
    }

    fn write_on(&mut self, at: At) {
        for _ in 0..self.rng.random_range(1..5) {
            let trouble = self.odds.trouble(&mut self.rng);
            self.advance_write(at, trouble);
            self.check();
        }
    }

    /// The group takes the partition away, or the process is told to stop.
    fn order(&mut self, at: At) {
        let revoke = self.rng.random_bool(0.5);
        let now = self.now;
        let holding = self.holding(at);
        holding.role = match std::mem::take(&mut holding.role) {
            Role::Running(running) if revoke => Role::Draining(running.revoke()),
            Role::Running(running) => Role::Draining(running.stop(now)),
            other => other,
        };
        self.tell(|| format!("{at} is to be let go (revoked: {revoke})"));
    }

    fn crash(&mut self, member: usize) {
        self.tell(|| format!("member {member} crashes"));
        for partition in 0..self.epochs.len() {
            self.end_session(At { member, partition });
        }
        self.members[member] = Member::idle(self.epochs.len());
    }

    /// A process stops in the middle of whatever it does, or goes on as if nothing had been.
    fn freeze(&mut self, member: usize) {
        let frozen = !self.members[member].frozen;
        self.members[member].frozen = frozen;
        self.tell(|| format!("member {member} is frozen: {frozen}"));
    }

    /// The standby catches up.
    pub fn copy_to_standby(&mut self) {
        self.standby = self.store.clone();
        self.standby.abort_all();
        self.tell(|| "the standby has caught up".to_owned());
    }

    /// A standby that may have lagged becomes the store: rows and positions go back together.
    pub fn fail_over(&mut self) {
        self.store = self.standby.clone();
        self.server += 1;
        self.changed = true;
        let revisions = self.store.sources.iter().map(|s| s.progress.revision);
        let revisions: Vec<i64> = revisions.collect();
        self.tell(|| format!("the store is the standby now, at revisions {revisions:?}"));
    }
}
