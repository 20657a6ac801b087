//! Writes batches: one transaction each, with all that follows from the spans it stores.

mod edges;
mod plan;
mod existing;
mod rows;
mod catalogue;

use std::collections::BTreeSet;

use bumpalo::Bump;
use sqlx::{Connection, PgConnection, postgres::PgRow};
use uuid::Uuid;

pub(crate) use self::catalogue::Catalogue;
use crate::pool::Purpose;
use crate::{
    DeadLetter, Owner, PostgresStore, Progress, Source, TraceWriter, WriteBatch, WriteError,
    Written, failure, locks, metrics, progress, slot,
};

impl TraceWriter for PostgresStore {
    async fn claim(&self, source: &Source, owner: Owner) -> Result<Progress, WriteError> {
        let claimed = progress::claim(&self.write_pool, source, owner).await;
        self.watch(claimed)
    }

    async fn write(&self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        let started = tokio::time::Instant::now();
        let written = self.write_batch(batch).await;
        metrics::transaction(started.elapsed(), &written);
        self.watch(written)
    }

    async fn dead_letter(&self, letters: &[DeadLetter<'_>]) -> Result<(), WriteError> {
        sqlx::query(
            "INSERT INTO dead_letter (received_ns, tenant, reason, error, spans, record)
             SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::int[],
                 $6::bytea[])",
        )
        .bind(
            letters
                .iter()
                .map(|letter| letter.received_at as i64)
                .collect::<Vec<_>>(),
        )
        .bind(
            letters
                .iter()
                .map(|letter| letter.tenant.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            letters
                .iter()
                .map(|letter| letter.reason.as_str())
                .collect::<Vec<_>>(),
        )
        .bind(
            letters
                .iter()
                .map(|letter| letter.error)
                .collect::<Vec<_>>(),
        )
        .bind(
            letters
                .iter()
                .map(|letter| letter.spans as i32)
                .collect::<Vec<_>>(),
        )
        .bind(
            letters
                .iter()
                .map(|letter| letter.record)
                .collect::<Vec<_>>(),
        )
        .execute(&self.write_pool)
        .await?;
        Ok(())
    }
}

impl PostgresStore {
    /// After a failure that may mean another server, or one that went back in time, what was
    /// known of it is forgotten, and the next server of the list is tried.
    fn watch<T>(&self, outcome: Result<T, WriteError>) -> Result<T, WriteError> {
        match &outcome {
            Err(WriteError::Fenced { .. }) => self.forget(),
            Err(WriteError::Transient { source, .. }) if failure::is_connection_loss(source) => {
                self.forget();
                if self.servers.advance() {
                    self.write_pool
                        .set_connect_options(self.servers.options(Purpose::Write));
                }
            }
            _ => {}
        }
        outcome
    }

    fn forget(&self) {
        self.known_days.forget();
        self.catalogue.forget();
    }

    async fn write_batch(&self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        self.known_days
            .ensure(&self.write_pool, &existing::days_of(&batch))
            .await?;
        let mut conn = self.write_pool.acquire().await?;
        let mut tx = conn.begin().await?;
        let (written, seen) = write_in(&mut tx, batch, self).await?;
        if let Err(error) = tx.commit().await {
            self.resolve(batch, error).await?;
        }
        self.catalogue.remember(seen);
        Ok(written)
    }

    /// A commit without an answer: asks the progress row, where there is one, what became of it.
    /// Without a source the batch is simply written again, and finds its spans stored if they are.
    async fn resolve(
        &self,
        batch: WriteBatch<'_, '_>,
        error: sqlx::Error,
    ) -> Result<(), WriteError> {
        let (true, Some(step)) = (failure::is_connection_loss(&error), batch.progress.first())
        else {
            return Err(error.into());
        };
        metrics::ambiguous_commit();
        if progress::was_committed(&self.write_pool, step).await? {
            Ok(())
        } else {
            Err(error.into())
        }
    }
}

/// lock → compare → look → write → advance, within the caller's transaction.
async fn write_in(
    tx: &mut PgConnection,
    batch: WriteBatch<'_, '_>,
    store: &PostgresStore,
) -> Result<(Written, Vec<(i32, Uuid)>), WriteError> {
    lock_slots(tx, &batch).await?;
    progress::lock(tx, batch.progress).await?;
    let stored = existing::find(tx, &batch).await?;
    let blocks = rows::take_blocks(tx, rows::blocks_needed(&batch)).await?;
    let work = prepare(batch, &stored, blocks, store)?;
    rows::send(tx, work.prepared).await?;
    let seen = work.operations.write(tx).await?;
    for (step, written) in batch.progress.iter().zip(&work.written) {
        progress::advance(tx, step, written).await?;
    }
    let total = work
        .written
        .iter()
        .fold(Written::default(), |total, one| Written {
            spans_stored: total.spans_stored + one.spans_stored,
            spans_duplicate: total.spans_duplicate + one.spans_duplicate,
            segments: total.segments + one.segments,
        });
    Ok((total, seen))
}

/// What a transaction is about to write, free of everything it was made from.
struct Work {
    prepared: rows::Prepared,
    operations: catalogue::NewOperations,
    written: Vec<Written>,
}

fn prepare(
    batch: WriteBatch<'_, '_>,
    stored: &[PgRow],
    blocks: Vec<i64>,
    store: &PostgresStore,
) -> Result<Work, WriteError> {
    let arena = Bump::new();
    let stored = existing::decode(stored, &arena)?;
    let plan = plan::plan(batch, &stored);
    Ok(Work {
        prepared: rows::prepare(&plan, blocks, store.config.compression_level)?,
        operations: store.catalogue.unknown(&plan),
        written: plan.written,
    })
}

/// Whoever writes spans of the same traces waits here; in one order, so that nobody waits for ever.
async fn lock_slots(tx: &mut PgConnection, batch: &WriteBatch<'_, '_>) -> Result<(), sqlx::Error> {
    let slots: BTreeSet<i32> = batch
        .traces
        .iter()
        .map(|trace| slot::slot(trace.trace_id))
        .collect();
    sqlx::query("SELECT pg_advisory_xact_lock($1, slot) FROM unnest($2::int[]) AS slot")
        .bind(locks::TRACE_SLOT)
        .bind(slots.into_iter().collect::<Vec<_>>())
        .execute(tx)
        .await?;
    Ok(())
}
