//! Everything there is, and how members live in it.

use std::collections::{BTreeMap, VecDeque};

use ingester::{Assigned, Consume, Decoded, DrainNext, Moment};
use model::RejectReason;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::log::Log;
use super::member::{Fetched, Member, Phase, Role, Writing};
use super::mutation::Mutation;
use super::store::Store;
use crate::build::{SETTINGS, ms, owner, source};

/// How many of the last steps are told when a schedule fails.
const TOLD: usize = 30;

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub rng: ChaCha8Rng,
    pub now: Moment,
    pub log: Log,
    pub store: Store,
    /// What a standby has, which may become the store.
    pub standby: Store,
    pub dead_letters: BTreeMap<i64, RejectReason>,
    pub members: Vec<Member>,
    /// Whether something is committed that was not looked at yet.
    pub changed: bool,
    owners: u128,
    epochs: u64,
    told: VecDeque<String>,
}

impl World {
    /// An empty world whose fate is the seed.
    pub fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let store = Store {
            mutation,
            ..Store::default()
        };
        Self {
            rng: ChaCha8Rng::seed_from_u64(seed),
            now: ms(0),
            log: Log::default(),
            standby: store.clone(),
            store,
            dead_letters: BTreeMap::new(),
            members: (0..3).map(|_| Member::absent()).collect(),
            changed: false,
            owners: 0,
            epochs: 0,
            told: VecDeque::new(),
        }
    }

    /// Nothing goes wrong any more: one member does the rest. It is the one that has the partition,
    /// as it is, if there is one: whatever it believes is not cured by a new beginning.
    ///
    /// # Panics
    /// If it does not come to an end.
    pub fn settle(&mut self) {
        self.leave_one_member();
        self.finish();
        // The last thing to go wrong finds a member that has nothing to write.
        self.fail_over();
        self.finish();
    }

    fn finish(&mut self) {
        for _ in 0..20_000 {
            self.act(0);
            self.fetch(0);
            self.admit(0);
            self.now += ms(50);
            self.advance_write(0, None);
            if self.store.progress.watermark > self.log.last() {
                return;
            }
        }
        panic!("a member that nothing disturbs does not come to an end");
    }

    fn leave_one_member(&mut self) {
        let goes_on = |member: &Member| matches!(member.role, Role::Assigned(_) | Role::Running(_));
        let owner = (0..self.members.len())
            .find(|index| self.members[*index].epoch == self.epochs)
            .filter(|index| goes_on(&self.members[*index]));
        for other in (0..self.members.len()).filter(|index| Some(*index) != owner) {
            self.end_session(other);
        }
        self.members = vec![owner.map_or_else(Member::absent, |index| self.members.remove(index))];
        self.members[0].frozen = false;
        self.tell(|| format!("nothing goes wrong any more; member {owner:?} goes on"));
        if owner.is_none() {
            self.assign(0);
        }
    }

    /// Notes what happens, for whoever has to understand a failure.
    pub fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.told.len() == TOLD {
            self.told.pop_front();
        }
        let at = self.now.as_millis();
        self.told.push_back(format!("{at:>7} ms  {}", what()));
    }

    /// The last steps, in words.
    pub fn story(&self) -> String {
        let lines: Vec<&str> = self.told.iter().map(String::as_str).collect();
        lines.join("\n")
    }

    /// The group gives the partition to a member; others that have it become zombies.
    pub fn assign(&mut self, index: usize) {
        self.epochs += 1;
        let epoch = self.epochs;
        self.tell(|| format!("member {index} is assigned the partition, epoch {epoch}"));
        let queue = std::mem::take(&mut self.members[index].queue);
        self.end_session(index);
        let mut member = Member::absent();
        member.epoch = epoch;
        // What was fetched for an earlier assignment is still on its way.
        member.queue = queue;
        member.role = Role::Assigned(Assigned::new(source(), SETTINGS, &member.budget, 7));
        self.members[index] = member;
        self.claim(index);
    }

    fn claim(&mut self, index: usize) {
        self.owners += 1;
        let keeps_position = self.store.is(Mutation::PositionKeptAfterClaim);
        let keeps_memory = self.store.is(Mutation::MemoryKeptAfterFailure);
        let member = &mut self.members[index];
        let Role::Assigned(assigned) = std::mem::replace(&mut member.role, Role::Absent) else {
            return;
        };
        let owner = owner(self.owners);
        let progress = self.store.claim(owner);
        if !keeps_memory {
            member.remembered.clear();
        }
        if !keeps_position {
            member.position = progress.watermark;
            // The reader begins anew: what it had fetched is gone.
            member.queue.retain(|fetched| fetched.epoch != member.epoch);
        }
        let (watermark, revision) = (progress.watermark, progress.revision);
        member.role = Role::Running(assigned.claimed(owner, progress));
        self.tell(|| format!("member {index} claims: watermark {watermark}, revision {revision}"));
    }

    /// The member does what its core says.
    pub fn act(&mut self, index: usize) {
        let member = &mut self.members[index];
        let write = match &mut member.role {
            Role::Absent => None,
            Role::Assigned(_) => {
                self.claim(index);
                None
            }
            Role::Running(running) => running.next(self.now).write,
            Role::Draining(draining) => match draining.next(self.now) {
                DrainNext::Write(request) => Some(request),
                DrainNext::Wait(_) => None,
                DrainNext::Release => return self.release(index),
            },
        };
        if let Some(request) = write {
            let offsets: Vec<i64> = request.load.offsets().collect();
            self.tell(|| format!("member {index} is to write {offsets:?}"));
            let phase = Phase::Letters;
            self.members[index].writing = Some(Writing { request, phase });
        }
    }

    fn release(&mut self, index: usize) {
        self.tell(|| format!("member {index} lets go"));
        let mut gone = std::mem::replace(&mut self.members[index], Member::absent());
        let budget = gone.budget.clone();
        let role = std::mem::replace(&mut gone.role, Role::Absent);
        if self.store.is(Mutation::MemoryNotGivenBack) {
            std::mem::forget(role);
        } else {
            drop(role);
        }
        self.members[index].budget = budget;
        self.members[index].queue = gone.queue;
    }

    /// The log hands the member's reader what comes next.
    pub fn fetch(&mut self, index: usize) {
        let member = &mut self.members[index];
        let Role::Running(running) = &member.role else {
            return;
        };
        let Consume::Room(room) = running.consume() else {
            return;
        };
        let waiting: u64 = member.queue.iter().map(|f| f.records.len() as u64).sum();
        let fits = (room / SETTINGS.max_record_bytes).clamp(1, 20);
        let fits = fits.saturating_sub(waiting) as usize;
        let records: Vec<_> = self
            .log
            .entries
            .range(member.position..)
            .take(fits)
            .map(|(offset, entry)| (*offset, entry.clone()))
            .collect();
        if let Some((last, _)) = records.last() {
            member.position = last + 1;
            let epoch = member.epoch;
            member.queue.push_back(Fetched { epoch, records });
        }
    }

    /// Fetched records reach the core, unless they belong to an earlier assignment.
    pub fn admit(&mut self, index: usize) {
        let any_epoch = self.store.is(Mutation::EpochNotCompared);
        let passes_over = self.store.is(Mutation::GarbagePassedOver);
        let member = &mut self.members[index];
        let Role::Running(running) = &mut member.role else {
            return;
        };
        while let Some(fetched) = member.queue.pop_front() {
            if fetched.epoch != member.epoch && !any_epoch {
                continue;
            }
            let decoded = fetched
                .records
                .into_iter()
                .filter(|(offset, _)| running.wants(*offset))
                .map(|(offset, entry)| match entry.decoded(offset) {
                    Decoded::Dead(_) if passes_over => Decoded::Ignored { offset },
                    decoded => decoded,
                });
            let decoded: Vec<Decoded> = decoded.collect();
            running.admit(decoded, self.now);
        }
    }

    /// The log delivers some records once more.
    pub fn redeliver(&mut self, index: usize) {
        let back = self.rng.random_range(0..10);
        let member = &mut self.members[index];
        if let Role::Running(running) = &member.role {
            member.position = (member.position - back).max(running.watermark());
        }
        self.fetch(index);
    }

    /// Whatever transaction the member was in is ended by the server, once its process is gone.
    pub fn end_session(&mut self, index: usize) {
        if let Some(session) = self.members[index].session() {
            self.store.abort(session);
        }
    }
}
