//! The merge worker: fewer and larger runs, older tables dropped.
//!
//! Each step is a transaction of its own, taken by whoever holds the worker's lock, and begins
//! from what the catalogue says: a worker that dies leaves nothing to mend.

mod streams;

use std::time::Duration;

use model::UnixNanos;
use sqlx::{PgConnection, PgPool, Postgres, Transaction};

use super::IndexConfig;
use super::run::EncodedRun;
use super::tables::{FINAL, PageTable, copy_pages, drop_table, lock_generation, open_generation};
use super::write::catalogue_run;
use crate::tokens::TokenSet;
use crate::{failure, locks, read_metrics};
use streams::{merge_postings, read_directories};

/// Most runs that are merged into one: each takes some memory.
const MOST_SOURCES: usize = 128;

/// What one call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MergeOutcome {
    /// Runs that were merged.
    pub(crate) runs_merged: u64,
    /// Runs that took their place.
    pub(crate) runs_written: u64,
    /// Tables that were dropped.
    pub(crate) tables_dropped: u64,
    /// Whether another worker holds the lock, or writers did not let go of a table in time: the
    /// rest is for a later call.
    pub(crate) put_off: bool,
}

/// Merges the generations that are due, and drops tables that no query can still read. Safe to
/// call from anywhere at any time: whoever has the worker's lock does it.
pub(crate) async fn merge_once(
    pool: &PgPool,
    config: &IndexConfig,
    now: UnixNanos,
) -> Result<MergeOutcome, sqlx::Error> {
    let mut outcome = MergeOutcome::default();
    let steps = Steps { pool, config };
    steps.drop_retired(now, &mut outcome).await?;
    for (table, open) in steps.due().await? {
        if open && !steps.seal(table).await? {
            outcome.put_off = true;
            continue;
        }
        steps.merge(table, &mut outcome).await?;
    }
    read_metrics::merged(&outcome);
    Ok(outcome)
}

struct Steps<'p> {
    pool: &'p PgPool,
    config: &'p IndexConfig,
}

/// A run to be merged.
#[derive(Debug, Clone, Copy, sqlx::FromRow)]
struct SourceRun {
    run_id: i64,
    segments: i32,
    token_set: i16,
}

impl Steps<'_> {
    /// A transaction of the worker; `None` while another one has the lock.
    async fn begin(&self) -> Result<Option<Transaction<'static, Postgres>>, sqlx::Error> {
        let mut tx = self.pool.begin().await?;
        let timeout = format!("{}ms", self.config.lock_timeout.as_millis().max(1));
        let (elected, _): (bool, String) = sqlx::query_as(
            "SELECT pg_try_advisory_xact_lock($1, 0), set_config('lock_timeout', $2, true)",
        )
        .bind(locks::INDEX_MERGE)
        .bind(timeout)
        .fetch_one(&mut *tx)
        .await?;
        Ok(elected.then_some(tx))
    }

    /// Tables with enough runs, and those that were sealed by a worker that did not go on.
    async fn due(&self) -> Result<Vec<(PageTable, bool)>, sqlx::Error> {
        let rows: Vec<(i32, i16, i32, bool)> = sqlx::query_as(
            "SELECT day, level, generation, open
             FROM posting_table JOIN posting_run USING (day, level, generation)
             WHERE level <> $1
             GROUP BY day, level, generation, open
             HAVING count(*) >= $2 OR NOT open
             ORDER BY level, day",
        )
        .bind(FINAL)
        .bind(i64::from(self.config.fan_in.max(2)))
        .fetch_all(self.pool)
        .await?;
        let table = |(day, level, generation, open)| ((day, level, generation).into(), open);
        Ok(rows.into_iter().map(table).collect())
    }

    /// Switches a day and level to a new generation. False when writers did not let go in time.
    async fn seal(&self, table: PageTable) -> Result<bool, sqlx::Error> {
        let Some(mut tx) = self.begin().await? else {
            return Ok(false);
        };
        match lock_generation(&mut tx, table.day).await {
            Err(error) if failure::is_in_use(&error) => return Ok(false),
            locked => locked?,
        }
        let sealed = sqlx::query(
            "UPDATE posting_table SET open = false
             WHERE day = $1 AND level = $2 AND generation = $3 AND open",
        )
        .bind(table.day.0)
        .bind(table.level)
        .bind(table.generation)
        .execute(&mut *tx)
        .await?;
        if sealed.rows_affected() == 0 {
            return Ok(false);
        }
        open_generation(&mut tx, table.day, table.level).await?;
        tx.commit().await?;
        Ok(true)
    }

    /// Writes the runs of a sealed table anew, a level higher, in one transaction.
    async fn merge(&self, table: PageTable, outcome: &mut MergeOutcome) -> Result<(), sqlx::Error> {
        let Some(mut tx) = self.begin().await? else {
            outcome.put_off = true;
            return Ok(());
        };
        let sources: Vec<SourceRun> = sqlx::query_as(
            "DELETE FROM posting_run WHERE day = $1 AND level = $2 AND generation = $3
             RETURNING run_id, segments, token_set",
        )
        .bind(table.day.0)
        .bind(table.level)
        .bind(table.generation)
        .fetch_all(&mut *tx)
        .await?;
        let (mut sources, mut written) = (sources, 0);
        sources.sort_unstable_by_key(|run| run.run_id);
        for group in groups(&sources, self.config.max_run_segments) {
            self.merge_group(&mut tx, table, group).await?;
            written += 1;
        }
        tx.commit().await?;
        outcome.runs_merged += sources.len() as u64;
        outcome.runs_written += written;
        Ok(())
    }

    async fn merge_group(
        &self,
        conn: &mut PgConnection,
        from: PageTable,
        sources: &[SourceRun],
    ) -> Result<(), sqlx::Error> {
        let segments: u32 = sources.iter().map(|run| run.segments as u32).sum();
        let level = match segments >= self.config.max_run_segments {
            true => FINAL,
            false => (from.level + 1).min(FINAL),
        };
        let to = open_generation(conn, from.day, level).await?;
        let run_id: i64 = sqlx::query_scalar("SELECT nextval('posting_run_number')")
            .fetch_one(&mut *conn)
            .await?;
        let entries = read_directories(conn, from, sources).await?;
        let run = EncodedRun::of_directory(&entries);
        copy_pages(conn, to, run_id, &run.rows).await?;
        merge_postings(conn, from, sources, to, run_id).await?;
        // What all of them have.
        let sets = sources.iter().map(|run| TokenSet::of_number(run.token_set));
        let token_set = sets.min().unwrap_or(TokenSet::WRITTEN);
        catalogue_run(conn, to, run_id, token_set, &run).await
    }

    /// Notes since when tables have no runs any more, and drops those that had none for long.
    /// A table is noted only after the merge that emptied it was committed: no query that begins
    /// later reads it.
    async fn drop_retired(
        &self,
        now: UnixNanos,
        outcome: &mut MergeOutcome,
    ) -> Result<(), sqlx::Error> {
        let Some(mut tx) = self.begin().await? else {
            outcome.put_off = true;
            return Ok(());
        };
        let now = i64::try_from(now).unwrap_or(i64::MAX);
        sqlx::query(
            "UPDATE posting_table t SET retired_ns = $1
             WHERE NOT open AND retired_ns IS NULL AND NOT EXISTS (
                 SELECT FROM posting_run r
                 WHERE r.day = t.day AND r.level = t.level AND r.generation = t.generation)",
        )
        .bind(now)
        .execute(&mut *tx)
        .await?;
        let old: Vec<(i32, i16, i32)> = sqlx::query_as(
            "SELECT day, level, generation FROM posting_table WHERE retired_ns <= $1",
        )
        .bind(now.saturating_sub(nanos(self.config.keep_merged)))
        .fetch_all(&mut *tx)
        .await?;
        tx.commit().await?;
        for table in old {
            match self.drop_one(table.into()).await? {
                true => outcome.tables_dropped += 1,
                false => outcome.put_off = true,
            }
        }
        Ok(())
    }

    /// Drops one table. False when it is in use after all.
    async fn drop_one(&self, table: PageTable) -> Result<bool, sqlx::Error> {
        let Some(mut tx) = self.begin().await? else {
            return Ok(false);
        };
        match drop_table(&mut tx, table).await {
            Err(error) if failure::is_in_use(&error) => return Ok(false),
            dropped => dropped?,
        }
        sqlx::query("DELETE FROM posting_table WHERE day = $1 AND level = $2 AND generation = $3")
            .bind(table.day.0)
            .bind(table.level)
            .bind(table.generation)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

/// Cuts runs into groups that become one run each: few enough, and closed once they are large.
fn groups(sources: &[SourceRun], max_segments: u32) -> Vec<&[SourceRun]> {
    let mut groups = Vec::new();
    let (mut start, mut segments) = (0, 0u64);
    for (place, run) in sources.iter().enumerate() {
        segments += run.segments as u64;
        let count = place + 1 - start;
        if segments >= u64::from(max_segments) || count == MOST_SOURCES {
            groups.push(&sources[start..=place]);
            (start, segments) = (place + 1, 0);
        }
    }
    if start < sources.len() {
        groups.push(&sources[start..]);
    }
    groups
}
