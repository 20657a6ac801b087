//! What is left is done once nothing goes wrong any more.

use super::member::{At, Member, Role};
use super::world::World;
use crate::build::ms;

/// Turns of a world that is not disturbed. Later ones are longer: by then something waits.
const TURNS: usize = 1_500;
const QUICK_TURNS: usize = 200;

impl World {
    /// Nothing goes wrong any more. Each partition is finished by the member that has it, as it is,
    /// if there is one: whatever it believes is not cured by a new beginning.
    ///
    /// # Panics
    /// If it does not come to an end.
    pub fn settle(&mut self) {
        self.leave_one_member_each();
        self.finish();
        // The last thing to go wrong finds members that have nothing to write.
        self.fail_over();
        self.finish();
    }

    fn leave_one_member_each(&mut self) {
        self.tell(|| "nothing goes wrong any more".to_owned());
        let places: Vec<At> = self.everywhere().collect();
        for at in &places {
            let latest = self.epochs[at.partition];
            let holding = self.holding(*at);
            if holding.epoch != latest || !holding.goes_on() {
                self.end_session(*at);
                let holding = self.holding(*at);
                holding.role = Role::Absent;
                holding.writing = None;
            }
        }
        for member in &mut self.members {
            member.frozen = false;
        }
        for partition in 0..self.epochs.len() {
            let held = |member: &Member| member.holdings[partition].goes_on();
            if !self.members.iter().any(held) {
                self.assign(At {
                    member: 0,
                    partition,
                });
            }
        }
    }

    fn finish(&mut self) {
        let mut held: Vec<At> = self.everywhere().collect();
        held.retain(|at| self.holding(*at).goes_on());
        for turn in 0..TURNS {
            for at in &held {
                self.act(*at);
                self.fetch(*at);
                self.admit(*at);
                self.advance_write(*at, None);
            }
            self.now += ms(if turn < QUICK_TURNS { 50 } else { 1_000 });
            if self.is_finished() {
                return;
            }
        }
        let left: Vec<String> = held.iter().map(|at| self.left(*at)).collect();
        panic!("members that nothing disturbs do not come to an end: {left:?}");
    }

    /// Where a partition stands, by all opinions.
    fn left(&mut self, at: At) -> String {
        let watermark = self.store.sources[at.partition].progress.watermark;
        let last = self.logs.partitions[at.partition].last();
        let mirrored = self.mirrored[at.partition];
        let holding = self.holding(at);
        let (position, writes) = (holding.position, holding.writing.is_some());
        let consume = match &holding.role {
            Role::Running(running) => Some((running.consume(), running.records_left())),
            _ => None,
        };
        format!(
            "{at}: {watermark} of {last} stored, {mirrored} mirrored, {position} fetched, \
             writing: {writes}, {consume:?}"
        )
    }

    fn is_finished(&self) -> bool {
        let mut partitions = self.logs.partitions.iter().zip(&self.store.sources);
        let all_read = partitions.all(|(log, source)| source.progress.watermark > log.last());
        let mut mirrors = self.mirrored.iter().zip(&self.store.sources);
        let mut writes = self.members.iter().flat_map(|member| &member.holdings);
        all_read
            && mirrors.all(|(mirrored, source)| *mirrored == source.progress.watermark)
            && writes.all(|holding| holding.writing.is_none())
    }
}
