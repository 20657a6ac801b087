//! Everything there is, and how members live in it.

use std::collections::{BTreeMap, VecDeque};

use ingester::{Assigned, Consume, Decoded, DrainNext, Moment};
use model::RejectReason;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use storage::Source;

use super::log::Logs;
use super::member::{At, Fetched, Holding, Member, Phase, Role, Writing};
use super::mutation::Mutation;
use super::odds::{Habits, Odds};
use super::store::{Planned, Store};
use crate::build::{SETTINGS, ms, owner, source};

/// How many of the last steps are told when a schedule fails.
const TOLD: usize = 40;

/// Everything there is.
#[derive(Debug)]
pub struct World {
    pub rng: ChaCha8Rng,
    pub odds: Odds,
    pub now: Moment,
    pub logs: Logs,
    pub store: Store,
    /// Counts the servers that were the store.
    pub server: u64,
    /// What a standby has, which may become the store.
    pub standby: Store,
    /// By partition and offset.
    pub dead_letters: BTreeMap<(usize, i64), RejectReason>,
    pub members: Vec<Member>,
    /// What was last mirrored to Kafka, by partition.
    pub mirrored: Vec<i64>,
    /// Whether something is committed that was not looked at yet.
    pub changed: bool,
    pub sessions: u64,
    /// The latest assignment of each partition.
    pub epochs: Vec<u64>,
    owners: u128,
    told: VecDeque<String>,
}

impl World {
    /// An empty world whose fate is the seed.
    pub fn new(seed: u64, mutation: Option<Mutation>) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let partitions = rng.random_range(1..4);
        let members = rng.random_range(2..4);
        let habits = Habits::draw(&mut rng);
        let odds = Odds::draw(&mut rng);
        let mut world = Self::with(rng, (partitions, members), habits, odds, mutation);
        for partition in 0..partitions {
            let member = world.rng.random_range(0..members);
            world.assign(At { member, partition });
        }
        world
    }

    /// An empty world of so many partitions and members.
    pub fn with(
        rng: ChaCha8Rng,
        (partitions, members): (usize, usize),
        habits: Habits,
        odds: Odds,
        mutation: Option<Mutation>,
    ) -> Self {
        let store = Store::new(partitions, habits.sampling, mutation);
        Self {
            rng,
            odds,
            now: ms(0),
            logs: Logs::new(partitions, habits),
            standby: store.clone(),
            store,
            server: 0,
            dead_letters: BTreeMap::new(),
            members: (0..members).map(|_| Member::idle(partitions)).collect(),
            mirrored: vec![0; partitions],
            changed: false,
            sessions: 0,
            epochs: vec![0; partitions],
            owners: 0,
            told: VecDeque::new(),
        }
    }

    /// Every partition at every member.
    pub fn everywhere(&self) -> impl Iterator<Item = At> + use<> {
        let partitions = self.epochs.len();
        (0..self.members.len())
            .flat_map(move |member| (0..partitions).map(move |partition| At { member, partition }))
    }

    pub fn holding(&mut self, at: At) -> &mut Holding {
        &mut self.members[at.member].holdings[at.partition]
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

    /// The group gives the partition to a member; others that have it become zombies of it.
    pub fn assign(&mut self, at: At) {
        self.epochs[at.partition] += 1;
        let epoch = self.epochs[at.partition];
        self.tell(|| format!("{at} is assigned, epoch {epoch}"));
        self.end_session(at);
        let budget = self.members[at.member].budget.clone();
        let assigned = Assigned::new(source_of(at.partition), SETTINGS, &budget, 7);
        let holding = self.holding(at);
        *holding = Holding {
            epoch,
            // What was fetched for an earlier assignment is still on its way.
            queue: std::mem::take(&mut holding.queue),
            role: Role::Assigned(assigned),
            ..Holding::default()
        };
        self.claim(at);
    }

    fn claim(&mut self, at: At) {
        let keeps_position = self.store.is(Mutation::PositionKeptAfterClaim);
        let keeps_memory = self.store.is(Mutation::MemoryKeptAfterFailure);
        let Role::Assigned(assigned) = std::mem::take(&mut self.holding(at).role) else {
            return;
        };
        self.owners += 1;
        let owner = owner(self.owners);
        let progress = self.store.claim(at.partition, owner);
        if !keeps_memory {
            self.members[at.member].remembered.clear();
        }
        let holding = self.holding(at);
        if !keeps_position {
            holding.position = progress.watermark;
            // The reader begins anew: what it had fetched is gone.
            let epoch = holding.epoch;
            holding.queue.retain(|fetched| fetched.epoch != epoch);
        }
        let (watermark, revision) = (progress.watermark, progress.revision);
        holding.role = Role::Running(assigned.claimed(owner, progress));
        self.tell(|| format!("{at} claims: watermark {watermark}, revision {revision}"));
    }

    /// The member does what its core says.
    pub fn act(&mut self, at: At) {
        let now = self.now;
        let write = match &mut self.holding(at).role {
            Role::Absent => None,
            Role::Assigned(_) => return self.claim(at),
            Role::Running(running) => running.next(now).write,
            Role::Draining(draining) => match draining.next(now) {
                DrainNext::Write(request) => Some(*request),
                DrainNext::Wait(_) => None,
                DrainNext::Release => return self.release(at),
            },
        };
        if let Some(request) = write {
            let offsets: Vec<i64> = request.load.offsets().collect();
            self.tell(|| format!("{at} is to write {offsets:?}"));
            self.holding(at).writing = Some(Writing {
                request,
                phase: Phase::Letters,
                planned: Planned::default(),
            });
        }
    }

    fn release(&mut self, at: At) {
        self.tell(|| format!("{at} is let go"));
        let keeps = self.store.is(Mutation::MemoryNotGivenBack);
        let holding = self.holding(at);
        let role = std::mem::take(&mut holding.role);
        *holding = Holding {
            queue: std::mem::take(&mut holding.queue),
            ..Holding::default()
        };
        if keeps {
            std::mem::forget(role);
        }
    }

    /// The log hands the member's reader what comes next.
    pub fn fetch(&mut self, at: At) {
        let holding = &mut self.members[at.member].holdings[at.partition];
        let Role::Running(running) = &holding.role else {
            return;
        };
        let Consume::Room(room) = running.consume() else {
            return;
        };
        let waiting: u64 = holding.queue.iter().map(|f| f.records.len() as u64).sum();
        let fits = (room / SETTINGS.max_record_bytes).clamp(1, 20);
        let fits = fits.saturating_sub(waiting) as usize;
        let log = &self.logs.partitions[at.partition];
        let records: Vec<_> = log
            .entries
            .range(holding.position..)
            .take(fits)
            .map(|(offset, entry)| (*offset, entry.clone()))
            .collect();
        if let Some((last, _)) = records.last() {
            holding.position = last + 1;
            let epoch = holding.epoch;
            holding.queue.push_back(Fetched { epoch, records });
        }
    }

    /// Fetched records reach the core, unless they belong to an earlier assignment.
    pub fn admit(&mut self, at: At) {
        let any_epoch = self.store.is(Mutation::EpochNotCompared);
        let passes_over = self.store.is(Mutation::GarbagePassedOver);
        let now = self.now;
        let holding = self.holding(at);
        let Role::Running(running) = &mut holding.role else {
            return;
        };
        while let Some(fetched) = holding.queue.pop_front() {
            if fetched.epoch != holding.epoch && !any_epoch {
                continue;
            }
            let last = fetched.records.last().map(|(offset, _)| *offset);
            let decoded = fetched
                .records
                .into_iter()
                .filter(|(offset, _)| running.wants(*offset))
                .map(|(offset, entry)| match entry.decoded(offset) {
                    Decoded::Dead(_) if passes_over => Decoded::Ignored { offset },
                    decoded => decoded,
                });
            let decoded: Vec<Decoded> = decoded.collect();
            running.admit(decoded, now);
            if let Some(offset) = last {
                running.seen(offset);
            }
        }
    }

    /// The log delivers some records once more.
    pub fn redeliver(&mut self, at: At) {
        let back = self.rng.random_range(0..10);
        let holding = self.holding(at);
        if let Role::Running(running) = &holding.role {
            holding.position = (holding.position - back).max(running.watermark());
        }
        self.fetch(at);
    }

    /// Whatever transaction the write was in is ended by the server.
    pub fn end_session(&mut self, at: At) {
        if let Some(session) = self.holding(at).session() {
            self.store.abort(session);
        }
    }
}

/// A partition as the store knows it.
fn source_of(partition: usize) -> Source {
    Source {
        partition: partition as i32,
        ..source()
    }
}
