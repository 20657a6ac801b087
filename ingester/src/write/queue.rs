//! Writes that wait for their turn. Those that wait at the same time share a transaction: partitions
//! write on the same beats, and at low rates most of what a transaction costs is the same however
//! many of them are in it.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use storage::Written;
use tokio::sync::{Semaphore, SemaphorePermit, oneshot};

use super::{FailureKind, WriteFailure};
use crate::WriteRequest;

/// How long a writer that has its turn waits for others of the same beat.
pub(crate) const GATHER: Duration = Duration::from_millis(5);

/// What became of a write.
pub(crate) type Outcome = Result<Written, WriteFailure>;

/// The writes of a process that wait.
#[derive(Debug)]
pub(crate) struct WriteQueue {
    line: Mutex<Line>,
    turns: Semaphore,
    /// Spans beyond which no further write joins a transaction.
    most_spans: u64,
}

#[derive(Debug, Default)]
struct Line {
    waiting: VecDeque<Waiting>,
    entered: u64,
}

/// The place of a write in the queue.
#[derive(Debug)]
pub(crate) struct Ticket {
    number: u64,
    /// What became of the write; closed if who had taken it was stopped.
    pub(crate) answer: oneshot::Receiver<Outcome>,
}

/// A write that somebody waits for.
#[derive(Debug)]
pub(crate) struct Waiting {
    pub(crate) request: WriteRequest,
    answer: oneshot::Sender<Outcome>,
}

impl Waiting {
    /// Dead letters are acknowledged before the store is written: that is one partition's affair.
    fn may_share(&self) -> bool {
        let load = &self.request.load;
        load.dead.len() == load.dead_acked
    }

    pub(crate) fn spans(&self) -> u64 {
        self.request
            .load
            .traces
            .iter()
            .map(|trace| trace.spans)
            .sum()
    }

    /// Tells who waits.
    pub(crate) fn tell(self, outcome: Outcome) {
        let _ = self.answer.send(outcome);
    }
}

impl WriteQueue {
    /// A queue with so many turns at once.
    pub(crate) fn new(turns: usize, most_spans: u64) -> Self {
        Self {
            line: Mutex::default(),
            turns: Semaphore::new(turns.max(1)),
            most_spans,
        }
    }

    /// Joins the queue.
    pub(crate) fn enter(&self, request: WriteRequest) -> Ticket {
        let (answer, answered) = oneshot::channel();
        let mut line = self.line();
        line.entered += 1;
        line.waiting.push_back(Waiting { request, answer });
        Ticket {
            number: line.entered,
            answer: answered,
        }
    }

    /// Whether nobody has taken the write yet.
    pub(crate) fn holds(&self, ticket: &Ticket) -> bool {
        let line = self.line();
        ticket.number > line.entered - line.waiting.len() as u64
    }

    fn line(&self) -> MutexGuard<'_, Line> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A turn to write what waits.
    pub(crate) async fn turn(&self) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        self.turns.acquire().await.ok()
    }

    /// The writes that are next, which may share a transaction; none if others have them.
    pub(crate) fn next(&self) -> Vec<Waiting> {
        let waiting = &mut self.line().waiting;
        let mut taken: Vec<Waiting> = waiting.pop_front().into_iter().collect();
        if !taken.first().is_some_and(Waiting::may_share) {
            return taken;
        }
        let mut spans = taken.iter().map(Waiting::spans).sum::<u64>();
        while let Some(next) = waiting.front() {
            spans += next.spans();
            if !next.may_share() || spans > self.most_spans {
                break;
            }
            taken.extend(waiting.pop_front());
        }
        taken
    }
}

/// A failure for each of those who shared a transaction, all with the same cause.
pub(crate) fn shared_failure(failure: WriteFailure) -> impl Fn() -> WriteFailure {
    let cause = std::sync::Arc::new(failure.cause);
    let (kind, dead_letters_acked) = (failure.kind, failure.dead_letters_acked);
    move || WriteFailure {
        kind,
        dead_letters_acked,
        cause: Box::new(SharedCause(cause.clone())),
    }
}

/// Who was to do the write was stopped in the middle.
pub(crate) fn abandoned() -> WriteFailure {
    WriteFailure {
        kind: FailureKind::Transient,
        dead_letters_acked: false,
        cause: Box::new(Abandoned),
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the transaction that it shared was given up")]
struct Abandoned;

/// A cause that several failures have.
#[derive(Debug, Clone)]
struct SharedCause(std::sync::Arc<Box<dyn std::error::Error + Send + Sync>>);

impl std::fmt::Display for SharedCause {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SharedCause {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source()
    }
}
