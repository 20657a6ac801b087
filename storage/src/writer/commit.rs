//! Commits, and finds out what became of a commit whose answer was lost.

use std::time::Duration;

use sqlx::{PgConnection, Postgres, Transaction};
use uuid::Uuid;

use super::memory::SeenOperation;
use super::plan::Plan;
use super::segments::SegmentProof;
use super::{BEGIN, lock_slots};
use crate::payload::Stranger;
use crate::{PostgresStore, WriteError, Written, metrics, progress, tally};

const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// What a transaction does once it is committed.
#[derive(Debug)]
pub(super) struct Effect {
    pub(super) written: Written,
    pub(super) payload_bytes: u64,
    pub(super) operations: Vec<SeenOperation>,
    /// The purge that it came after.
    pub(super) generation: i64,
    pub(super) newest_dictionary: u64,
    pub(super) strangers: Vec<Stranger>,
}

/// What shows that a transaction without progress was committed.
#[derive(Debug, Clone, Copy)]
pub(super) enum Witness {
    /// A segment of its own.
    Segment(SegmentProof),
    /// The tally of spans that were all stored before.
    Tally(Uuid),
}

impl Witness {
    /// What the tally of the transaction is marked with.
    pub(super) fn tally(self) -> Option<Uuid> {
        match self {
            Self::Segment(_) => None,
            Self::Tally(witness) => Some(witness),
        }
    }
}

/// How a transaction ended, as far as is known.
#[derive(Debug)]
pub(super) enum Outcome {
    /// The server said so.
    Committed(Effect),
    /// The server did not answer to the commit.
    Ambiguous(Effect, Witness),
}

/// Commits. Any failure is ambiguous: the server may have committed before it failed to answer.
pub(super) async fn commit(
    tx: Transaction<'_, Postgres>,
    effect: Effect,
    witness: Witness,
) -> Outcome {
    match tx.commit().await {
        Ok(()) => Outcome::Committed(effect),
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "The answer to a commit was lost; looking up what became of it"
            );
            Outcome::Ambiguous(effect, witness)
        }
    }
}

/// What became of a transaction.
#[derive(Debug)]
enum Fate {
    Committed,
    RolledBack,
    Fenced(WriteError),
}

impl PostgresStore {
    /// Finds out what became of a commit, on a new session, for as long as the server is away.
    /// `Ok`: it was committed.
    pub(super) async fn resolve(
        &self,
        plan: &Plan<'_, '_>,
        witness: Witness,
    ) -> Result<(), WriteError> {
        let mut pause = FIRST_PAUSE;
        let fate = loop {
            match self.look_up(plan, witness).await {
                Ok(fate) => break fate,
                Err(error @ WriteError::Operator { .. }) => return Err(error),
                Err(error) => {
                    tracing::debug!(
                        error = &error as &dyn std::error::Error,
                        "What became of a commit is not known yet"
                    );
                    self.servers.doubt();
                    tokio::time::sleep(pause).await;
                    pause = (pause * 2).min(LONGEST_PAUSE);
                }
            }
        };
        self.memory.forget();
        match fate {
            Fate::Committed => {
                metrics::ambiguous_commit("committed");
                Ok(())
            }
            Fate::RolledBack => {
                metrics::ambiguous_commit("rolled_back");
                Err(rolled_back())
            }
            Fate::Fenced(error) => {
                metrics::ambiguous_commit("fenced");
                Err(error)
            }
        }
    }

    async fn look_up(&self, plan: &Plan<'_, '_>, witness: Witness) -> Result<Fate, WriteError> {
        let mut tx = self.write_pool.begin_with(BEGIN).await?;
        let fate = match witness {
            _ if plan.steps().next().is_some() => by_progress(&mut tx, plan).await?,
            Witness::Segment(proof) => by_segment(&mut tx, plan, proof).await?,
            Witness::Tally(witness) => by_tally(&mut tx, plan, witness).await?,
        };
        tx.rollback().await?;
        Ok(fate)
    }
}

/// Revision one higher and ours: committed. Equal: not. The row's lock waits for a commit that is
/// still under way.
async fn by_progress(conn: &mut PgConnection, plan: &Plan<'_, '_>) -> Result<Fate, WriteError> {
    let mut fate = Fate::Committed;
    for step in plan.steps() {
        let found = progress::lock(conn, &step.source).await?;
        match found {
            Some((owner, revision)) if owner == step.owner => {
                if revision == step.expected_revision {
                    fate = Fate::RolledBack;
                } else if revision != step.expected_revision + 1 {
                    return Ok(Fate::Fenced(progress::fenced(&step.source)));
                }
            }
            _ => return Ok(Fate::Fenced(progress::fenced(&step.source))),
        }
    }
    Ok(fate)
}

/// The slots' locks wait for a commit that is still under way.
async fn by_segment(
    conn: &mut PgConnection,
    plan: &Plan<'_, '_>,
    proof: SegmentProof,
) -> Result<Fate, WriteError> {
    lock_slots(conn, plan.slots()).await?;
    let there: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM segment
                        WHERE segment_id = $1 AND trace_id = $2 AND start_ns >= $3
                          AND start_ns < $4)",
    )
    .bind(proof.id)
    .bind(proof.trace)
    .bind(proof.day.start_ns())
    .bind(proof.day.end_ns())
    .fetch_one(conn)
    .await?;
    Ok(if there {
        Fate::Committed
    } else {
        Fate::RolledBack
    })
}

/// As by a segment, where every span was stored before.
async fn by_tally(
    conn: &mut PgConnection,
    plan: &Plan<'_, '_>,
    witness: Uuid,
) -> Result<Fate, WriteError> {
    if plan.traces().is_empty() {
        return Ok(Fate::Committed);
    }
    lock_slots(conn, plan.slots()).await?;
    Ok(match tally::is_there(conn, witness).await? {
        true => Fate::Committed,
        false => Fate::RolledBack,
    })
}

fn rolled_back() -> WriteError {
    WriteError::Transient {
        sqlstate: None,
        source: sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::ConnectionAborted,
            "the transaction was rolled back when its connection was lost",
        )),
    }
}
