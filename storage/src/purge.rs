//! Empties the store, beside everything that runs.
//!
//! One transaction: it waits for writers in their own order of locks (progress rows, then slots),
//! takes every source from its owner and sets it to the end of its log, ends replays, empties the
//! tables, and counts the purge. Whatever an ingester held before can no longer be written: its
//! owner is not the one of the row. What a writer remembered is void: it compares the number of
//! purges, under the slots that a purge holds as well.
//!
//! Readers are never made to fail: the tables are locked in one statement that gives up sooner than
//! Postgres looks for deadlocks, and everything is tried again.

mod sources;
mod tables;

use std::time::Duration;

use sqlx::{Connection, PgConnection};
use tokio::time::Instant;

use crate::{PostgresStore, WriteError, locks, slot};

/// How long a purge tries before it gives up.
const PATIENCE: Duration = Duration::from_secs(120);
/// Pause before another try.
const PAUSE: Duration = Duration::from_millis(200);

/// Waits for writers and the merge worker, whose transactions are bounded.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = '20s'; \
     SET LOCAL statement_timeout = '60s'; SET LOCAL jit = off";

/// Where the log of a partition ended when the purge was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnd {
    /// Who consumes it.
    pub source: crate::Source,
    /// The offset that the next record would have got.
    pub end: i64,
}

/// What is to be emptied.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PurgeOrder {
    /// The partitions that are consumed, each with the end of its log: what lies before is never
    /// stored afterwards.
    pub ends: Vec<LogEnd>,
    /// Whether traces that are kept beyond retention go as well.
    pub archive: bool,
}

/// What a purge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Purge {
    /// How many purges the store has seen.
    pub generation: i64,
    /// Partitions of the log whose position was set to the end.
    pub sources: u64,
    /// Replays that were ended.
    pub replays_cancelled: u64,
}

impl PostgresStore {
    /// Topics that are consumed under which name, replays apart, as far as the store knows.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn consumed_topics(&self) -> Result<Vec<(String, String)>, WriteError> {
        Ok(sources::consumed(&self.write_pool).await?)
    }

    /// Empties the store; when it returns, it is empty, but for what has come since the ends of
    /// the log were looked up. May be called at any time, from anywhere, also twice.
    ///
    /// # Errors
    /// If the store is away, or writers and readers left no gap for two minutes. Then nothing was
    /// emptied, or, if the connection broke at the very end, everything.
    pub async fn purge(&self, order: &PurgeOrder) -> Result<Purge, WriteError> {
        let started = Instant::now();
        let mut attempt = 0;
        loop {
            let done = self.try_purge(order, tables::patience(attempt)).await;
            let error = match done.inspect_err(|error| self.after_failure(error)) {
                Ok(done) => {
                    self.memory.forget();
                    return Ok(done);
                }
                Err(error) => error,
            };
            if !matches!(error, WriteError::Transient { .. }) || started.elapsed() >= PATIENCE {
                return Err(error);
            }
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "A purge has to wait"
            );
            tokio::time::sleep(PAUSE).await;
            attempt += 1;
        }
    }

    async fn try_purge(&self, order: &PurgeOrder, patience: Duration) -> Result<Purge, WriteError> {
        let mut conn = self.write_pool.acquire().await?;
        // Left in the middle, it is closed with its locks.
        conn.close_on_drop();
        let mut tx = conn.begin_with(BEGIN).await?;
        quiet(&mut tx).await?;
        tables::lock(&mut tx, order.archive, patience).await?;
        let sources = sources::set_to_end(&mut tx, &order.ends).await?;
        let replays_cancelled = sources::cancel_replays(&mut tx).await?;
        tables::empty(&mut tx, order.archive).await?;
        let generation = sqlx::query_scalar(
            "UPDATE purge SET generation = generation + 1, purged_at = now(), decided = false
             RETURNING generation",
        )
        .fetch_one(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(Purge {
            generation,
            sources,
            replays_cancelled,
        })
    }
}

/// Waits until nothing is being written or merged, and keeps it so until the transaction ends.
async fn quiet(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, 0)")
        .bind(locks::INDEX_MERGE)
        .execute(&mut *conn)
        .await?;
    sources::lock(conn).await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, slot) FROM generate_series(0, $2) AS slot")
        .bind(locks::TRACE_SLOT)
        .bind(slot::SLOTS as i32 - 1)
        .execute(conn)
        .await?;
    Ok(())
}

/// How many purges there were, and whether tail sampling has decided anything since the last one.
/// The caller holds a slot: no purge is under way, and what was decided of its traces is committed.
pub(crate) async fn generation(conn: &mut PgConnection) -> Result<(i64, bool), sqlx::Error> {
    sqlx::query_as("SELECT generation, decided FROM purge")
        .fetch_one(conn)
        .await
}
