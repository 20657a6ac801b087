//! Writes traces and the consumed position, both or neither.
//!
//! plan → fence → lock slots → probe → take out what is known, follow what is decided → segments,
//! index, decisions, RED, edges, operations → progress → commit. The order of locks is the same in every transaction: progress
//! rows by source, slots by number, operations by key; so writers queue, and never deadlock.

mod plan;
mod probe;
mod segments;
mod decisions;
mod derived;
mod throughput;
mod commit;
mod memory;

use std::time::{Duration, Instant};

use sqlx::pool::PoolConnection;
use sqlx::{Connection, PgConnection, Postgres};
use uuid::Uuid;

use crate::replay::hold_expired;
use crate::{
    Day, DeadLetter, Owner, PostgresStore, Progress, Source, TraceWriter, WriteBatch, WriteError,
    Written, dead_letter, failure, locks, metrics, partitions, progress, purge, tally,
};
use commit::{Outcome, Witness};
use derived::Derived;
pub(crate) use memory::Memory;
use plan::Plan;
use segments::Segments;
pub(crate) use segments::{SEGMENT_COLUMNS, segment_copy};
use throughput::Throughput;

/// A session behind a pooler may have lost what the connection was opened with.
pub(super) const BEGIN: &str =
    "BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL enable_seqscan = off; SET LOCAL jit = off";

impl TraceWriter for PostgresStore {
    async fn claim(&self, source: &Source, owner: Owner) -> Result<Progress, WriteError> {
        self.memory.forget();
        let claimed = progress::claim(&self.write_pool, source, owner).await;
        claimed.inspect_err(|error| self.after_failure(error))
    }

    async fn write(&self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        let started = Instant::now();
        match self.write_batch(batch).await {
            Ok((written, payload_bytes)) => {
                metrics::committed(started.elapsed(), &written, payload_bytes);
                Ok(written)
            }
            Err(error) => {
                metrics::failed(started.elapsed(), &error);
                self.after_failure(&error);
                Err(error)
            }
        }
    }

    async fn dead_letter(&self, letters: &[DeadLetter<'_>]) -> Result<(), WriteError> {
        let kept =
            dead_letter::keep(&self.write_pool, letters, &self.config.application_name).await;
        kept.inspect_err(|error| self.after_failure(error))
    }
}

impl PostgresStore {
    /// Nothing that was remembered need still be true: the server may have gone back in time.
    pub(crate) fn after_failure(&self, error: &WriteError) {
        self.memory.forget();
        self.vocabulary.forget();
        if let WriteError::Transient { source, .. } = error
            && failure::is_elsewhere(source)
        {
            self.servers.doubt();
        }
    }

    async fn write_batch(&self, batch: WriteBatch<'_, '_>) -> Result<(Written, u64), WriteError> {
        if let Some(stray) = batch.traces.iter().find(|of| !self.holds(of.trace_id)) {
            return Err(WriteError::Misplaced {
                trace_id: stray.trace_id,
                placement: self.placement(),
            });
        }
        let mut plan = Plan::new(batch);
        match self.write_plan(&mut plan).await {
            // Retention, or an operator, has dropped a day that was there when it was last seen.
            Err(error) if is_missing_partition(&error) => {
                self.memory.forget();
                self.write_plan(&mut Plan::new(batch)).await
            }
            done => done,
        }
    }

    async fn write_plan(&self, plan: &mut Plan<'_, '_>) -> Result<(Written, u64), WriteError> {
        if plan.is_replayed() {
            let (retention, hold_for) = (self.config.retention, self.config.hold_replayed);
            let days = plan.days().iter().copied();
            hold_expired(&self.write_pool, days, retention, hold_for).await?;
        }
        for day in plan.days() {
            self.ensure_day(*day).await?;
        }
        let mut session = Session::new(self.write_pool.acquire().await?);
        let deadline = self.config.write_timeout * 2 + self.config.lock_timeout;
        let done = within(deadline, self.transact(&mut session.conn, plan)).await;
        let gone =
            |error: &WriteError| matches!(error, WriteError::Transient { sqlstate: None, .. });
        session.reusable = match &done {
            Ok(Outcome::Committed(_)) => true,
            // A new one to ask: this one may be waiting for a server that is gone.
            Ok(Outcome::Ambiguous(..)) => false,
            Err(error) => !gone(error),
        };
        drop(session);
        let committed = match done? {
            Outcome::Committed(effect) => effect,
            Outcome::Ambiguous(effect, witness) => {
                self.resolve(plan, witness).await?;
                effect
            }
        };
        self.memory
            .committed(committed.generation, committed.operations);
        let followed = self.vocabulary.follow(
            &self.write_pool,
            committed.newest_dictionary,
            &committed.strangers,
        );
        if let Err(error) = followed.await {
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "New words were not learnt; the next write tries again"
            );
        }
        Ok((committed.written, committed.payload_bytes))
    }

    /// fence → lock slots → probe → segments, decisions, derived → progress → commit
    async fn transact(
        &self,
        conn: &mut PoolConnection<Postgres>,
        plan: &mut Plan<'_, '_>,
    ) -> Result<Outcome, WriteError> {
        let mut tx = conn.begin_with(BEGIN).await?;
        for step in plan.steps() {
            progress::fence(&mut tx, step).await?;
        }
        lock_slots(&mut tx, plan.slots()).await?;
        let (generation, decided) = purge::generation(&mut tx).await?;
        self.memory.heed(generation);
        if decided || plan.has_verdicts() {
            plan.look_around();
        }
        let mut known = probe::known(&mut tx, plan, &self.memory, &self.vocabulary).await?;
        if decided {
            decisions::known(&mut tx, plan, &mut known).await?;
        }
        plan.settle(&known);
        let (words, level) = (self.vocabulary.words(), self.config.compression_level);
        let segments = Segments::write(&mut tx, plan, &words, level).await?;
        decisions::write(&mut tx, plan, &known, &segments.ids, decided).await?;
        let derived = Derived::of(plan, &known);
        let operations = derived.write(&mut tx, &self.memory).await?;
        drop(derived);
        if self.config.count_roots {
            Throughput::of(plan).write(&mut tx).await?;
        }
        self.memory.remember(generation, plan.traces(), known);
        for (step, tallies) in plan.steps_with_tallies() {
            progress::advance(&mut tx, step, &tallies).await?;
        }
        let witness = match segments.first {
            Some(segment) => Witness::Segment(segment),
            None => Witness::Tally(Uuid::new_v4()),
        };
        tally::append(&mut tx, &plan.sourceless_tallies(), witness.tally()).await?;
        let effect = commit::Effect {
            written: plan.written(segments.count),
            payload_bytes: segments.payload_bytes,
            operations,
            generation,
            newest_dictionary: segments.newest_dictionary,
            strangers: segments.strangers,
        };
        Ok(commit::commit(tx, effect, witness).await)
    }

    /// Makes the partitions of a day unless it is known to have them.
    pub(crate) async fn ensure_day(&self, day: Day) -> Result<(), sqlx::Error> {
        if self.memory.knows_day(day) {
            return Ok(());
        }
        partitions::ensure_day(&self.write_pool, day).await?;
        self.memory.day_exists(day);
        Ok(())
    }
}

/// A session that is closed unless it was left in order: one whose transaction was given up in the
/// middle, be it that nobody waits for it any more, is worth nothing to the next who takes it.
struct Session {
    conn: PoolConnection<Postgres>,
    reusable: bool,
}

impl Session {
    fn new(conn: PoolConnection<Postgres>) -> Self {
        let reusable = false;
        Self { conn, reusable }
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if !self.reusable {
            self.conn.close_on_drop();
        }
    }
}

/// Locks the slots in ascending order until the end of the transaction.
async fn lock_slots(conn: &mut PgConnection, slots: &[i32]) -> Result<(), sqlx::Error> {
    if slots.is_empty() {
        return Ok(());
    }
    sqlx::query("SELECT pg_advisory_xact_lock($1, slot) FROM unnest($2::int4[]) AS slot")
        .bind(locks::TRACE_SLOT)
        .bind(slots)
        .execute(conn)
        .await?;
    Ok(())
}

/// A server that is cut off says nothing at all.
async fn within<T>(
    deadline: Duration,
    work: impl Future<Output = Result<T, WriteError>>,
) -> Result<T, WriteError> {
    match tokio::time::timeout(deadline, work).await {
        Ok(done) => done,
        Err(_) => Err(WriteError::Transient {
            sqlstate: None,
            source: sqlx::Error::Io(std::io::ErrorKind::TimedOut.into()),
        }),
    }
}

/// "No partition of relation found for row" is a check violation of no constraint.
fn is_missing_partition(error: &WriteError) -> bool {
    match error {
        WriteError::Poison { sqlstate, source } => {
            let constraint = source.as_database_error().and_then(|e| e.constraint());
            sqlstate == "23514" && constraint.is_none()
        }
        _ => false,
    }
}
