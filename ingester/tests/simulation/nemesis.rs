//! What happens next: mostly work, now and then a misfortune.

use rand::Rng;

use super::member::{Member, Role};
use super::world::World;
use super::writing::Trouble;
use crate::build::ms;

impl World {
    /// Something happens.
    pub fn step(&mut self) {
        let index = self.rng.random_range(0..self.members.len());
        match self.rng.random_range(0..200) {
            0..30 => self.log.produce(&mut self.rng),
            30..60 => self.pass_time(),
            60..85 => self.awake(index, Self::fetch),
            85..105 => self.awake(index, Self::admit),
            105..135 => self.awake(index, Self::act),
            135..172 => self.awake(index, Self::write_on),
            172..178 => self.assign(index),
            178..182 => self.awake(index, Self::order),
            182..186 => self.crash(index),
            186..190 => self.freeze(index),
            190..194 => self.awake(index, Self::redeliver),
            194..198 => self.copy_to_standby(),
            _ => self.fail_over(),
        }
    }

    fn pass_time(&mut self) {
        // Now and then longer than anything waits.
        let longest = match self.rng.random_bool(0.05) {
            true => 30_000,
            false => 900,
        };
        self.now += ms(self.rng.random_range(0..longest));
    }

    fn awake(&mut self, index: usize, act: impl FnOnce(&mut Self, usize)) {
        if !self.members[index].frozen {
            act(self, index);
        }
    }

    fn write_on(&mut self, index: usize) {
        let trouble = match self.rng.random_range(0..24) {
            0 => Some(Trouble::Away),
            1 => Some(Trouble::Operator),
            2 => Some(Trouble::AnswerLost),
            3 => Some(Trouble::CommitLost),
            _ => None,
        };
        self.advance_write(index, trouble);
    }

    /// The group takes the partition away, or the process is told to stop.
    fn order(&mut self, index: usize) {
        let revoke = self.rng.random_bool(0.5);
        let (now, member) = (self.now, &mut self.members[index]);
        let role = std::mem::replace(&mut member.role, Role::Absent);
        member.role = match role {
            Role::Running(running) if revoke => Role::Draining(running.revoke()),
            Role::Running(running) => Role::Draining(running.stop(now)),
            other => other,
        };
        self.tell(|| format!("member {index} is to let go (revoked: {revoke})"));
    }

    fn crash(&mut self, index: usize) {
        self.tell(|| format!("member {index} crashes"));
        self.end_session(index);
        self.members[index] = Member::absent();
    }

    /// A process stops in the middle of whatever it does, or goes on as if nothing had been.
    fn freeze(&mut self, index: usize) {
        let frozen = !self.members[index].frozen;
        self.members[index].frozen = frozen;
        self.tell(|| format!("member {index} is frozen: {frozen}"));
    }

    fn copy_to_standby(&mut self) {
        self.standby = self.store.clone();
        self.standby.session = None;
        self.tell(|| "the standby has caught up".to_owned());
    }

    /// A standby that may have lagged becomes the store: rows and position go back together.
    pub fn fail_over(&mut self) {
        self.store = self.standby.clone();
        self.changed = true;
        let revision = self.store.progress.revision;
        self.tell(|| format!("the store is the standby now, at revision {revision}"));
    }
}
