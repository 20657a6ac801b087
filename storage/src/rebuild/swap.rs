//! The new payloads in the place of the old ones.

use std::time::Duration;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};
use tokio::time::{Instant, sleep};

use super::copy::Transactions;
use super::{RebuildError, Tables};
use crate::{Day, failure, partitions};

/// How long older transactions may take to end.
const PATIENCE: Duration = Duration::from_secs(600);
const POLL: Duration = Duration::from_millis(100);
/// Tries to take a lock before the day counts as in use for good.
const ATTEMPTS: u32 = 200;

/// Waits until nobody reads as of a moment before these transactions were committed: to them, the new
/// rows would not be there.
pub(super) async fn older_snapshots_end(
    conn: &mut PgConnection,
    transactions: Option<Transactions>,
) -> Result<(), RebuildError> {
    let Some(Transactions { last, .. }) = transactions else {
        return Ok(());
    };
    let deadline = Instant::now() + PATIENCE;
    loop {
        let older: bool = sqlx::query_scalar(
            "SELECT EXISTS (
                 SELECT FROM pg_stat_activity
                 WHERE datname = current_database() AND pid <> pg_backend_pid()
                   AND backend_type = 'client backend'
                   AND age(backend_xmin) >= age($1::text::xid8::xid))",
        )
        .bind(last.to_string())
        .fetch_one(&mut *conn)
        .await?;
        if !older {
            return Ok(());
        }
        if Instant::now() > deadline {
            return Err(RebuildError::OldSnapshot);
        }
        sleep(POLL).await;
    }
}

/// Tries again what needs a lock that others have, each time for as long as the lock is waited for.
pub(super) async fn until_free<T>(
    mut step: impl AsyncFnMut() -> Result<T, RebuildError>,
) -> Result<T, RebuildError> {
    for attempt in 1..=ATTEMPTS {
        match step().await {
            Err(RebuildError::Store(error)) if failure::is_in_use(&error) => {
                sleep(POLL * attempt.min(20)).await;
            }
            done => return done,
        }
    }
    Err(RebuildError::InUse)
}

/// Replaces the day's partition, unless segments have come late meanwhile. Returns whether it did.
pub(super) async fn swap(
    conn: &mut PgConnection,
    tables: Tables,
    generation: i64,
    transactions: Option<Transactions>,
) -> Result<bool, RebuildError> {
    let (old, new, day) = (tables.present(), tables.afresh(), tables.day);
    let mut tx = conn
        .begin_with("BEGIN; SET LOCAL lock_timeout = '300ms'")
        .await?;
    partitions::lock_day(&mut tx, "pg_advisory_xact_lock", day).await?;
    // All days first, as writers do: who has them waits for nobody else.
    tx.execute("LOCK TABLE ONLY segment IN ACCESS EXCLUSIVE MODE")
        .await?;
    let (late, now): (bool, i64) = sqlx::query_as(AssertSqlSafe(format!(
        "SELECT EXISTS (SELECT FROM rebuild_late l WHERE l.day = $1
                          AND NOT EXISTS (SELECT FROM {new} n WHERE n.segment_id = l.segment_id)),
                generation FROM purge"
    )))
    .bind(day.0)
    .fetch_one(&mut *tx)
    .await?;
    if now != generation {
        return Err(RebuildError::Purged);
    }
    if late {
        return Ok(false);
    }
    let (from, to) = (day.start_ns(), day.end_ns());
    let statement = format!(
        "ALTER TABLE segment DETACH PARTITION {old};
         DROP TABLE {old};
         ALTER TABLE {new} RENAME TO {old};
         DO $$ DECLARE name text; BEGIN
             FOR name IN SELECT indexrelid::regclass::text FROM pg_index
                         WHERE indrelid = '{old}'::regclass LOOP
                 EXECUTE format('ALTER INDEX %s RENAME TO %s', name,
                                replace(name, '{new}', '{old}'));
             END LOOP;
         END $$;
         ALTER TABLE segment ATTACH PARTITION {old} FOR VALUES FROM ({from}) TO ({to});
         ALTER TABLE {old} DROP CONSTRAINT of_day;
         DELETE FROM rebuild_late WHERE day = {};",
        day.0
    );
    tx.execute(AssertSqlSafe(statement)).await?;
    if let Some(transactions) = transactions {
        note(&mut tx, day, transactions).await?;
    }
    tx.commit().await?;
    Ok(true)
}

/// Says which transactions wrote the rows of the day.
async fn note(
    conn: &mut PgConnection,
    day: Day,
    transactions: Transactions,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO rebuilt_day VALUES ($1, $2, $3) ON CONFLICT (day) DO UPDATE SET
             first_transaction = excluded.first_transaction,
             last_transaction = excluded.last_transaction",
    )
    .bind(day.0)
    .bind(transactions.first)
    .bind(transactions.last)
    .execute(conn)
    .await
    .map(drop)
}
