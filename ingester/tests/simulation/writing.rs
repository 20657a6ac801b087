//! A write, step by step, so that anything can happen between two of them.

use ingester::{DeadRecord, FailureKind, Verdict, WriteFailure};
use storage::Written;

use super::member::{At, Phase, Role, Writing};
use super::mutation::Mutation;
use super::store::{Planned, Store};
use super::world::World;

/// What goes wrong with the next step of a write.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// The dead letters do not take it, or the store is away.
    Away,
    /// The store needs an operator.
    Operator,
    /// The commit happens; its answer is lost.
    AnswerLost,
    /// The commit does not happen; nor does its answer come.
    CommitLost,
}

/// How a step of a write ends.
enum Step {
    Next(Phase),
    Ended(Result<Written, FailureKind>),
}

impl World {
    /// The write comes one step further.
    pub fn advance_write(&mut self, at: At, trouble: Option<Trouble>) {
        let Some(mut writing) = self.holding(at).writing.take() else {
            return;
        };
        let phase = writing.phase;
        let step = match phase {
            Phase::Letters if self.is_taken_for_granted(&writing) => {
                Step::Ended(Ok(Written::default()))
            }
            Phase::Letters => self.keep_letters(at, &writing, trouble),
            Phase::Begin => self.begin(at, &writing, trouble),
            Phase::Locking(session) => self.lock(at, &mut writing, session, trouble),
            Phase::Copying(session) => self.copy(at, &writing, session, trouble),
            Phase::Committing(session) => self.commit(at, &mut writing, session, trouble),
            Phase::HalfCommitted => Step::Ended(Ok(self.spans_at_last(at, &mut writing))),
            Phase::Ambiguous => self.resolve(at, &writing, trouble),
        };
        match step {
            Step::Next(next) if next == phase => self.holding(at).writing = Some(writing),
            Step::Next(next) => {
                self.tell(|| format!("the write of {at} is now {next:?}"));
                writing.phase = next;
                self.holding(at).writing = Some(writing);
            }
            Step::Ended(outcome) => {
                self.tell(|| format!("the write of {at} ends in {phase:?}: {outcome:?}"));
                let letters_acked = phase != Phase::Letters;
                let revision = writing.request.step.expected_revision + 1;
                drop(writing);
                self.report(at, outcome, letters_acked, revision);
            }
        }
    }

    /// Whether the store is not asked: only where that is the bug.
    fn is_taken_for_granted(&self, writing: &Writing) -> bool {
        writing.request.load.is_empty() && self.store.is(Mutation::NothingNotWritten)
    }

    fn keep_letters(&mut self, at: At, writing: &Writing, trouble: Option<Trouble>) -> Step {
        let load = &writing.request.load;
        let unacked = &load.dead[load.dead_acked..];
        if trouble.is_some() && !unacked.is_empty() {
            let waits = !self.store.is(Mutation::DeadLetterNotAwaited);
            return match waits {
                true => Step::Ended(Err(FailureKind::Transient)),
                false => Step::Next(Phase::Begin),
            };
        }
        for DeadRecord { offset, reason, .. } in unacked {
            self.dead_letters.insert((at.partition, *offset), *reason);
        }
        Step::Next(Phase::Begin)
    }

    fn begin(&mut self, at: At, writing: &Writing, trouble: Option<Trouble>) -> Step {
        if trouble.is_some() {
            return Step::Ended(Err(FailureKind::Transient));
        }
        self.connect(at.member);
        self.sessions += 1;
        let session = self.sessions;
        match self
            .store
            .begin(at.partition, session, &writing.request.step)
        {
            Ok(()) => Step::Next(Phase::Locking(session)),
            Err(kind) => Step::Ended(Err(kind)),
        }
    }

    /// A server that took over need not have what is remembered of the one before.
    fn connect(&mut self, member: usize) {
        let believes = self.store.is(Mutation::MemoryKeptAcrossServers);
        let member = &mut self.members[member];
        if member.server != self.server && !believes {
            member.remembered.clear();
        }
        member.server = self.server;
    }

    fn lock(
        &mut self,
        at: At,
        writing: &mut Writing,
        session: u64,
        trouble: Option<Trouble>,
    ) -> Step {
        if trouble.is_some() || !self.store.is_open(at.partition, session) {
            return self.give_up(session, FailureKind::Transient);
        }
        let log = &self.logs.partitions[at.partition];
        let load = &writing.request.load;
        if !self.store.lock_slots(session, load, log) {
            return Step::Next(Phase::Locking(session));
        }
        let memory = &mut self.members[at.member].remembered;
        writing.planned = self.store.plan(load, log, memory);
        Step::Next(Phase::Copying(session))
    }

    fn give_up(&mut self, session: u64, kind: FailureKind) -> Step {
        self.store.abort(session);
        Step::Ended(Err(kind))
    }

    fn copy(&mut self, at: At, writing: &Writing, session: u64, trouble: Option<Trouble>) -> Step {
        let refused = match self.store.is(Mutation::PoisonTakenForTransient) {
            true => FailureKind::Transient,
            false => FailureKind::Poison,
        };
        let log = &self.logs.partitions[at.partition];
        let failure = match trouble {
            _ if !self.store.is_open(at.partition, session) => Some(FailureKind::Transient),
            Some(Trouble::Away) => Some(FailureKind::Transient),
            Some(Trouble::Operator) => Some(FailureKind::Operator),
            _ => Store::refuses(&writing.request.load, log).then_some(refused),
        };
        match failure {
            None => {
                let written_too = self.store.is(Mutation::MemoryKeptAfterFailure);
                let memory = &mut self.members[at.member].remembered;
                writing.planned.remember(memory, written_too);
                Step::Next(Phase::Committing(session))
            }
            Some(kind) => self.give_up(session, kind),
        }
    }

    fn commit(
        &mut self,
        at: At,
        writing: &mut Writing,
        session: u64,
        trouble: Option<Trouble>,
    ) -> Step {
        if !self.store.is_open(at.partition, session) {
            // The session was ended: nobody says whether before or after the commit.
            return Step::Next(Phase::Ambiguous);
        }
        if trouble == Some(Trouble::CommitLost) {
            self.store.abort(session);
            return Step::Next(Phase::Ambiguous);
        }
        let request = &writing.request;
        self.store
            .commit_progress(at.partition, &request.step, &request.load);
        if self.store.is(Mutation::CommitBeforeWrite) {
            self.changed = true;
            return Step::Next(Phase::HalfCommitted);
        }
        let written = self.spans_at_last(at, writing);
        match trouble {
            Some(Trouble::AnswerLost) => Step::Next(Phase::Ambiguous),
            _ => Step::Ended(Ok(written)),
        }
    }

    fn spans_at_last(&mut self, at: At, writing: &mut Writing) -> Written {
        self.changed = true;
        let planned: Planned = std::mem::take(&mut writing.planned);
        if std::mem::take(&mut self.holding(at).forgets_half) {
            return Written::default();
        }
        self.store.commit_spans(at.partition, planned)
    }

    /// Was it committed? The row of progress knows; its lock waits for who is moving it.
    fn resolve(&mut self, at: At, writing: &Writing, trouble: Option<Trouble>) -> Step {
        if trouble.is_some() || self.store.sources[at.partition].session.is_some() {
            return Step::Next(Phase::Ambiguous);
        }
        if !self.store.is(Mutation::MemoryKeptAfterFailure) {
            self.members[at.member].remembered.clear();
        }
        let committed = self.store.committed(at.partition, &writing.request.step);
        Step::Ended(match committed {
            Some(true) => Ok(Written::default()),
            Some(false) => Err(FailureKind::Transient),
            None => Err(FailureKind::Fenced),
        })
    }

    fn report(
        &mut self,
        at: At,
        outcome: Result<Written, FailureKind>,
        dead_letters_acked: bool,
        revision: i64,
    ) {
        let keeps_memory = self.store.is(Mutation::MemoryKeptAfterFailure);
        let forgets_half = self.store.is(Mutation::HalfForgotten);
        let now = self.now;
        let outcome = outcome.map_err(|kind| WriteFailure {
            kind,
            dead_letters_acked,
            cause: "as the schedule has it".into(),
        });
        if outcome.is_err() && !keeps_memory {
            self.members[at.member].remembered.clear();
        }
        let holding = self.holding(at);
        let verdict = match &mut holding.role {
            Role::Running(running) => running.written(outcome, now),
            Role::Draining(draining) => draining.written(outcome, now),
            Role::Absent | Role::Assigned(_) => return,
        };
        match verdict {
            Verdict::Split { .. } => holding.forgets_half = forgets_half,
            Verdict::Retried { .. } => {}
            Verdict::Committed(commit) => {
                self.mirrored[at.partition] = match self.store.is(Mutation::FetchedMirrored) {
                    true => self.holding(at).position,
                    false => commit.watermark,
                };
                self.check_mirrored(at.partition, revision);
            }
            Verdict::Fenced => {
                holding.role = match std::mem::take(&mut holding.role) {
                    Role::Running(running) => Role::Assigned(running.fenced().0),
                    other => other,
                };
            }
        }
    }
}
