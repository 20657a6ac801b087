//! A write, step by step, so that anything can happen between two of them.

use ingester::{DeadRecord, FailureKind, Verdict, WriteFailure};
use storage::Written;

use super::member::{Phase, Role, Writing};
use super::mutation::Mutation;
use super::store::Store;
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
    /// The member's write comes one step further.
    pub fn advance_write(&mut self, index: usize, trouble: Option<Trouble>) {
        let Some(writing) = self.members[index].writing.take() else {
            return;
        };
        let step = match writing.phase {
            Phase::Letters if self.is_taken_for_granted(&writing) => {
                Step::Ended(Ok(Written::default()))
            }
            Phase::Letters => self.keep_letters(&writing, trouble),
            Phase::Begin => self.begin(&writing, trouble),
            Phase::Copying(session) => self.copy(&writing, session, trouble),
            Phase::Committing(session) => self.commit(index, &writing, session, trouble),
            Phase::HalfCommitted => Step::Ended(Ok(self.spans_at_last(index, &writing))),
            Phase::Ambiguous => self.resolve(&writing, trouble),
        };
        let phase = writing.phase;
        match step {
            Step::Next(phase) => {
                self.tell(|| format!("the write of member {index} is now {phase:?}"));
                let request = writing.request;
                self.members[index].writing = Some(Writing { request, phase });
            }
            Step::Ended(outcome) => {
                self.tell(|| format!("the write of member {index} ends in {phase:?}: {outcome:?}"));
                let letters_acked = phase != Phase::Letters;
                drop(writing);
                self.report(index, outcome, letters_acked);
            }
        }
    }

    /// Whether the store is not asked: only where that is the bug.
    fn is_taken_for_granted(&self, writing: &Writing) -> bool {
        writing.request.load.is_empty() && self.store.is(Mutation::NothingNotWritten)
    }

    fn keep_letters(&mut self, writing: &Writing, trouble: Option<Trouble>) -> Step {
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
            self.dead_letters.insert(*offset, *reason);
        }
        Step::Next(Phase::Begin)
    }

    fn begin(&mut self, writing: &Writing, trouble: Option<Trouble>) -> Step {
        match (trouble, self.store.begin(&writing.request.step)) {
            (Some(Trouble::Away | Trouble::Operator), Ok(session)) => {
                self.store.abort(session);
                Step::Ended(Err(FailureKind::Transient))
            }
            (_, Ok(session)) => Step::Next(Phase::Copying(session)),
            (_, Err(kind)) => Step::Ended(Err(kind)),
        }
    }

    fn copy(&mut self, writing: &Writing, session: u64, trouble: Option<Trouble>) -> Step {
        let refused = match self.store.is(Mutation::PoisonTakenForTransient) {
            true => FailureKind::Transient,
            false => FailureKind::Poison,
        };
        let failure = match trouble {
            _ if self.store.session != Some(session) => Some(FailureKind::Transient),
            Some(Trouble::Away) => Some(FailureKind::Transient),
            Some(Trouble::Operator) => Some(FailureKind::Operator),
            _ => Store::refuses(&writing.request.load, &self.log).then_some(refused),
        };
        match failure {
            None => Step::Next(Phase::Committing(session)),
            Some(kind) => {
                self.store.abort(session);
                Step::Ended(Err(kind))
            }
        }
    }

    fn commit(
        &mut self,
        index: usize,
        writing: &Writing,
        session: u64,
        trouble: Option<Trouble>,
    ) -> Step {
        if self.store.session != Some(session) {
            // The session was ended: nobody says whether before or after the commit.
            return Step::Next(Phase::Ambiguous);
        }
        if trouble == Some(Trouble::CommitLost) {
            self.store.abort(session);
            return Step::Next(Phase::Ambiguous);
        }
        let request = &writing.request;
        self.store.commit_progress(&request.step, &request.load);
        if self.store.is(Mutation::CommitBeforeWrite) {
            self.changed = true;
            return Step::Next(Phase::HalfCommitted);
        }
        let written = self.spans_at_last(index, writing);
        match trouble {
            Some(Trouble::AnswerLost) => Step::Next(Phase::Ambiguous),
            _ => Step::Ended(Ok(written)),
        }
    }

    fn spans_at_last(&mut self, index: usize, writing: &Writing) -> Written {
        self.changed = true;
        let member = &mut self.members[index];
        if std::mem::take(&mut member.forgets_half) {
            return Written::default();
        }
        let memory = &mut member.remembered;
        self.store
            .commit_spans(&writing.request.load, &self.log, memory)
    }

    /// Was it committed? The row of progress knows.
    fn resolve(&mut self, writing: &Writing, trouble: Option<Trouble>) -> Step {
        if trouble.is_some() {
            return Step::Next(Phase::Ambiguous);
        }
        Step::Ended(match self.store.committed(&writing.request.step) {
            Some(true) => Ok(Written::default()),
            Some(false) => Err(FailureKind::Transient),
            None => Err(FailureKind::Fenced),
        })
    }

    fn report(
        &mut self,
        index: usize,
        outcome: Result<Written, FailureKind>,
        dead_letters_acked: bool,
    ) {
        let keeps_memory = self.store.is(Mutation::MemoryKeptAfterFailure);
        let forgets_half = self.store.is(Mutation::HalfForgotten);
        let outcome = outcome.map_err(|kind| WriteFailure {
            kind,
            dead_letters_acked,
            cause: "as the schedule has it".into(),
        });
        let member = &mut self.members[index];
        if outcome.is_err() && !keeps_memory {
            member.remembered.clear();
        }
        let verdict = match &mut member.role {
            Role::Running(running) => running.written(outcome, self.now),
            Role::Draining(draining) => draining.written(outcome, self.now),
            Role::Absent | Role::Assigned(_) => return,
        };
        if matches!(verdict, Verdict::Split { .. }) {
            member.forgets_half = forgets_half;
        }
        if !matches!(verdict, Verdict::Fenced) {
            return;
        }
        let role = std::mem::replace(&mut member.role, Role::Absent);
        member.role = match role {
            Role::Running(running) => Role::Assigned(running.fenced().0),
            other => other,
        };
    }
}
