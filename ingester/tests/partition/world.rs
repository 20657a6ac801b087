//! A world of one partition: a log, a transactional store that may go back in time, and members
//! that crash, freeze, and believe that they own it.

use std::collections::BTreeMap;

use ingester::{
    Assigned, Consume, DeadRecord, DrainNext, Draining, FailureKind, MemoryBudget, Moment, Running,
    Verdict, WriteFailure, WriteRequest,
};
use model::RejectReason;
use rand::{Rng, seq::IndexedRandom};
use rand_chacha::ChaCha8Rng;
use roaring::RoaringTreemap;
use storage::{Progress, Written};

use crate::{
    build::{Rec, SETTINGS, ms, owner, rec, source},
    ledger::{Entry, Store, decoded},
};

/// Bytes that a member may hold: little, so that memory is short now and then.
const BUDGET: u64 = 20_000;

#[derive(Debug)]
enum Role {
    Absent,
    Assigned(Assigned),
    Running(Running),
    Draining(Draining),
}

/// A process that may own the partition, or believe it.
#[derive(Debug)]
pub struct Member {
    role: Role,
    budget: MemoryBudget,
    position: i64,
    writing: Option<WriteRequest>,
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    rng: ChaCha8Rng,
    now: Moment,
    owners: u128,
    pub log: BTreeMap<i64, Entry>,
    end: i64,
    pub store: Store,
    backup: Store,
    pub dead_letters: BTreeMap<i64, RejectReason>,
    pub members: Vec<Member>,
}

impl Member {
    fn absent() -> Self {
        Self {
            role: Role::Absent,
            budget: MemoryBudget::new(BUDGET),
            position: 0,
            writing: None,
        }
    }

    pub fn memory(&self) -> u64 {
        self.budget.used()
    }
}

impl World {
    pub fn new(rng: ChaCha8Rng) -> Self {
        Self {
            rng,
            now: ms(0),
            owners: 0,
            log: BTreeMap::new(),
            end: 0,
            store: Store::default(),
            backup: Store::default(),
            dead_letters: BTreeMap::new(),
            members: (0..3).map(|_| Member::absent()).collect(),
        }
    }

    /// Something happens.
    pub fn step(&mut self) {
        let member = self.rng.random_range(0..self.members.len());
        match self.rng.random_range(0..100) {
            0..20 => self.produce(),
            20..40 => self.now += ms(self.rng.random_range(0..900)),
            40..60 => self.deliver(member),
            60..75 => self.act(member),
            75..88 => self.end_write(member),
            88..91 => self.assign(member),
            91..93 => self.order(member),
            93..95 => self.members[member] = Member::absent(),
            95..97 => self.redeliver(member),
            97..99 => self.backup = self.store.clone(),
            _ => self.store = self.backup.clone(),
        }
    }

    /// Nothing goes wrong any more: one member does the rest.
    pub fn settle(&mut self) {
        self.members = vec![Member::absent()];
        self.assign(0);
        for _ in 0..100_000 {
            self.act(0);
            self.deliver(0);
            self.now += ms(50);
            if self.members[0].writing.is_some() {
                self.finish_write(0, None);
            }
            if self.store.progress.watermark > self.last_offset() {
                return;
            }
        }
        panic!("a member that nothing disturbs does not come to an end");
    }

    fn last_offset(&self) -> i64 {
        self.log.last_key_value().map_or(-1, |(offset, _)| *offset)
    }

    fn produce(&mut self) {
        for _ in 0..self.rng.random_range(1..6) {
            // Compaction and transaction markers leave holes.
            self.end += i64::from(self.rng.random_bool(0.05));
            let entry = match self.rng.random_range(0..100) {
                0..4 => Entry::Garbage,
                4..6 => Entry::Tombstone,
                6..16 if !self.log.is_empty() => self.sent_again(),
                _ => self.spans(),
            };
            self.log.insert(self.end, entry);
            self.end += 1;
        }
    }

    fn spans(&mut self) -> Entry {
        let trace = (self.end / 8 + self.rng.random_range(0..4)) as u64;
        let rec = Rec {
            root: self.rng.random_bool(0.3),
            ..rec(self.end, trace)
        };
        let large = if self.rng.random_bool(0.05) {
            2_000
        } else {
            20
        };
        Entry::Spans {
            rec: rec
                .spans(self.rng.random_range(1..large))
                .bytes(self.rng.random_range(1..600)),
            content: self.end as u64,
            poison: self.rng.random_bool(0.02),
        }
    }

    /// A client that has lost its answer.
    fn sent_again(&mut self) -> Entry {
        let entries: Vec<&Entry> = self.log.values().collect();
        match entries.choose(&mut self.rng) {
            Some(Entry::Spans {
                rec,
                content,
                poison,
            }) => Entry::Spans {
                rec: Rec {
                    offset: self.end,
                    ..rec.clone()
                },
                content: *content,
                poison: *poison,
            },
            _ => Entry::Tombstone,
        }
    }

    /// The log delivers what comes next.
    fn deliver(&mut self, index: usize) {
        let member = &mut self.members[index];
        let Role::Running(running) = &mut member.role else {
            return;
        };
        let Consume::Room(room) = running.consume() else {
            return;
        };
        let fits = (room / SETTINGS.max_record_bytes).clamp(1, 20) as usize;
        let records: Vec<(i64, Entry)> = self
            .log
            .range(member.position..)
            .take(fits)
            .map(|(offset, entry)| (*offset, entry.clone()))
            .collect();
        if let Some((last, _)) = records.last() {
            member.position = last + 1;
        }
        running.admit(
            records
                .into_iter()
                .map(|(offset, entry)| decoded(offset, entry)),
            self.now,
        );
    }

    /// The log delivers some records once more.
    fn redeliver(&mut self, index: usize) {
        let back = self.rng.random_range(0..10);
        let member = &mut self.members[index];
        if let Role::Running(running) = &member.role {
            member.position = (member.position - back).max(running.watermark());
        }
        self.deliver(index);
    }

    /// The member does what its state machine says.
    fn act(&mut self, index: usize) {
        let member = &mut self.members[index];
        match &mut member.role {
            Role::Absent => {}
            Role::Assigned(_) => self.claim(index),
            Role::Running(running) => {
                if let Some(request) = running.next(self.now).write {
                    member.writing = Some(request);
                }
            }
            Role::Draining(draining) => match draining.next(self.now) {
                DrainNext::Write(request) => member.writing = Some(request),
                DrainNext::Wait(_) => {}
                DrainNext::Release => *member = Member::absent(),
            },
        }
    }

    fn claim(&mut self, index: usize) {
        self.owners += 1;
        let member = &mut self.members[index];
        let Role::Assigned(assigned) = std::mem::replace(&mut member.role, Role::Absent) else {
            return;
        };
        let owner = owner(self.owners);
        let progress = self.store.claim(owner);
        member.position = progress.watermark;
        member.role = Role::Running(assigned.claimed(owner, progress));
    }

    /// The group gives the partition to a member; others that have it become zombies.
    fn assign(&mut self, index: usize) {
        let mut member = Member::absent();
        member.role = Role::Assigned(Assigned::new(source(), SETTINGS, &member.budget, 7));
        self.members[index] = member;
        self.claim(index);
    }

    /// The group takes the partition away, or the process is told to stop.
    fn order(&mut self, index: usize) {
        let revoke = self.rng.random_bool(0.5);
        let member = &mut self.members[index];
        let role = std::mem::replace(&mut member.role, Role::Absent);
        member.role = match role {
            Role::Running(running) if revoke => Role::Draining(running.revoke()),
            Role::Running(running) => Role::Draining(running.stop(self.now)),
            other => other,
        };
    }

    fn end_write(&mut self, index: usize) {
        let trouble = match self.rng.random_range(0..10) {
            0 => Some(FailureKind::Transient),
            1 => Some(FailureKind::Operator),
            _ => None,
        };
        self.finish_write(index, trouble);
    }

    /// A write ends: dead letters first, then the store. A commit whose answer is lost is found
    /// out by the store's next comparison, as a fence.
    fn finish_write(&mut self, index: usize, trouble: Option<FailureKind>) {
        let Some(request) = self.members[index].writing.take() else {
            return;
        };
        let lost_answer = trouble.is_some() && self.rng.random_bool(0.3);
        let unacked = &request.load.dead[request.load.dead_acked..];
        for DeadRecord { offset, reason, .. } in unacked {
            self.dead_letters.insert(*offset, *reason);
        }
        let outcome = match trouble {
            Some(kind) if !lost_answer => Err(kind),
            trouble => {
                let written = self.store.write(&request.step, &request.load, &self.log);
                trouble.map_or(written, Err)
            }
        };
        drop(request);
        self.report(index, outcome);
    }

    fn report(&mut self, index: usize, outcome: Result<Written, FailureKind>) {
        let outcome = outcome.map_err(|kind| WriteFailure {
            kind,
            dead_letters_acked: true,
            cause: "as the schedule has it".into(),
        });
        let member = &mut self.members[index];
        let verdict = match &mut member.role {
            Role::Running(running) => running.written(outcome, self.now),
            Role::Draining(draining) => draining.written(outcome, self.now),
            Role::Absent | Role::Assigned(_) => return,
        };
        if !matches!(verdict, Verdict::Fenced) {
            return;
        }
        let role = std::mem::replace(&mut member.role, Role::Absent);
        member.role = match role {
            Role::Running(running) => Role::Assigned(running.fenced().0),
            other => other,
        };
    }

    /// What the store says is done must be somewhere.
    pub fn check(&self) {
        let Progress {
            watermark,
            done_above,
            counts,
            ..
        } = &self.store.progress;
        let done = |offset: i64| offset < *watermark || done_above.contains(offset as u64);
        for (offset, entry) in self.log.iter().filter(|(offset, _)| done(**offset)) {
            let kept = match entry {
                Entry::Spans {
                    content,
                    poison: false,
                    ..
                } => self.store.stored.contains(content),
                Entry::Spans { .. } | Entry::Garbage => self.dead_letters.contains_key(offset),
                Entry::Tombstone => true,
            };
            assert!(kept, "offset {offset} is done and in no place: {entry:?}");
            assert!(
                self.store.finished.contains(offset),
                "offset {offset} was never finished"
            );
        }
        assert_eq!(counts.records, self.store.finished.len() as u64);
        let below = RoaringTreemap::from_iter(0..*watermark as u64);
        assert!(
            done_above.is_disjoint(&below),
            "done offsets below the watermark are kept"
        );
        for member in &self.members {
            let largest = SETTINGS.max_record_bytes;
            assert!(
                member.memory() <= BUDGET + largest,
                "{} bytes are held",
                member.memory()
            );
        }
    }
}
