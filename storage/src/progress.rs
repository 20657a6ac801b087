//! How far sources are consumed: claimed by one owner at a time, moved by compare-and-set.

use std::time::Duration;

use roaring::RoaringTreemap;
use sqlx::{Connection, PgConnection, PgPool, Row, postgres::PgRow};

use crate::{Counts, Owner, Progress, ProgressStep, Source, WriteError, Written, failure};

/// How long a claim waits for the owner before it, if that one is in a transaction. Whoever is
/// slower than this is taken for frozen.
const PATIENCE: Duration = Duration::from_secs(1);

/// Takes a source over.
pub(crate) async fn claim(
    pool: &PgPool,
    source: &Source,
    owner: Owner,
) -> Result<Progress, WriteError> {
    let mut conn = pool.acquire().await?;
    let backend: i32 = sqlx::query_scalar("SELECT pg_backend_pid()")
        .fetch_one(&mut *conn)
        .await?;
    let claim = take(&mut conn, source, owner);
    tokio::pin!(claim);
    tokio::select! {
        row = &mut claim => return progress(&row?),
        () = tokio::time::sleep(PATIENCE) => end_blockers(pool, backend).await?,
    }
    progress(&claim.await?)
}

async fn take(
    conn: &mut PgConnection,
    source: &Source,
    owner: Owner,
) -> Result<PgRow, sqlx::Error> {
    sqlx::query(
        "INSERT INTO progress AS known (consumer, topic, partition, owner, revision)
         VALUES ($1, $2, $3, $4, 1)
         ON CONFLICT (consumer, topic, partition) DO UPDATE
         SET owner = excluded.owner, revision = known.revision + 1, claimed_at = now()
         RETURNING *",
    )
    .bind(&source.consumer)
    .bind(&source.topic)
    .bind(source.partition)
    .bind(owner.0)
    .fetch_one(conn)
    .await
}

/// Ends the sessions that the backend waits for. They are writers of the same role.
async fn end_blockers(pool: &PgPool, backend: i32) -> Result<(), sqlx::Error> {
    let ended: Vec<i32> = sqlx::query_scalar(
        "SELECT pid FROM unnest(pg_blocking_pids($1)) AS pid WHERE pg_terminate_backend(pid)",
    )
    .bind(backend)
    .fetch_all(pool)
    .await?;
    if !ended.is_empty() {
        tracing::warn!(postgres.pids = ?ended, "Ended sessions of an owner that seems frozen");
    }
    Ok(())
}

fn progress(row: &PgRow) -> Result<Progress, WriteError> {
    let bytes: Vec<u8> = row.try_get("done_above")?;
    let count = |column: &str| row.try_get::<i64, _>(column).map(|count| count as u64);
    Ok(Progress {
        revision: row.try_get("revision")?,
        watermark: row.try_get("watermark")?,
        done_above: offsets(&bytes)?,
        counts: Counts {
            records: count("records")?,
            spans_stored: count("spans_stored")?,
            spans_duplicate: count("spans_duplicate")?,
            spans_dead_lettered: count("spans_dead_lettered")?,
            records_dead_lettered: count("records_dead_lettered")?,
        },
    })
}

fn offsets(bytes: &[u8]) -> Result<RoaringTreemap, WriteError> {
    if bytes.is_empty() {
        return Ok(RoaringTreemap::new());
    }
    RoaringTreemap::deserialize_from(bytes).map_err(|error| WriteError::Inconsistent {
        table: "progress",
        column: "done_above",
        what: error.to_string(),
    })
}

/// Locks the rows of all steps, in one order for everybody, and compares owner and revision.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    steps: &[ProgressStep],
) -> Result<(), WriteError> {
    let mut order: Vec<&ProgressStep> = steps.iter().collect();
    order.sort_by(|a, b| a.source.cmp(&b.source));
    for step in order {
        let found = sqlx::query(
            "SELECT FROM progress WHERE consumer = $1 AND topic = $2 AND partition = $3
             AND owner = $4 AND revision = $5 FOR UPDATE",
        )
        .bind(&step.source.consumer)
        .bind(&step.source.topic)
        .bind(step.source.partition)
        .bind(step.owner.0)
        .bind(step.expected_revision)
        .fetch_optional(&mut *conn)
        .await?;
        if found.is_none() {
            return Err(fenced(step));
        }
    }
    Ok(())
}

/// Moves a source, whose row is locked, by a step.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    step: &ProgressStep,
    written: &Written,
) -> Result<(), WriteError> {
    let mut bitmap = Vec::new();
    if !step.done_above.is_empty() {
        step.done_above
            .serialize_into(&mut bitmap)
            .map_err(sqlx::Error::Io)?;
    }
    let moved = sqlx::query(
        "UPDATE progress SET revision = revision + 1, watermark = $6, done_above = $7,
             records = records + $8, records_dead_lettered = records_dead_lettered + $9,
             spans_stored = spans_stored + $10, spans_duplicate = spans_duplicate + $11,
             spans_dead_lettered = spans_dead_lettered + $12, written_at = now()
         WHERE consumer = $1 AND topic = $2 AND partition = $3 AND owner = $4 AND revision = $5",
    )
    .bind(&step.source.consumer)
    .bind(&step.source.topic)
    .bind(step.source.partition)
    .bind(step.owner.0)
    .bind(step.expected_revision)
    .bind(step.watermark)
    .bind(bitmap)
    .bind(step.records as i64)
    .bind(step.records_dead_lettered as i64)
    .bind(written.spans_stored as i64)
    .bind(written.spans_duplicate as i64)
    .bind(step.spans_dead_lettered as i64)
    .execute(conn)
    .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(fenced(step))
    }
}

/// After a commit whose answer was lost: whether it happened. Waits for a server to ask.
pub(crate) async fn was_committed(pool: &PgPool, step: &ProgressStep) -> Result<bool, WriteError> {
    let mut pause = Duration::from_millis(100);
    loop {
        match read(pool, step).await {
            Ok(Some((owner, revision))) if owner == step.owner => {
                return match revision - step.expected_revision {
                    0 => Ok(false),
                    1 => Ok(true),
                    _ => Err(fenced(step)),
                };
            }
            Ok(_) => return Err(fenced(step)),
            Err(error) if failure::is_connection_loss(&error) => {}
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(pause).await;
        pause = (pause * 2).min(Duration::from_secs(2));
    }
}

async fn read(pool: &PgPool, step: &ProgressStep) -> Result<Option<(Owner, i64)>, sqlx::Error> {
    let mut conn = pool.acquire().await?;
    let mut tx = conn.begin().await?;
    // Waits until the transaction in question has ended, if its session is still at it.
    let row = sqlx::query_as(
        "SELECT owner, revision FROM progress
         WHERE consumer = $1 AND topic = $2 AND partition = $3 FOR UPDATE",
    )
    .bind(&step.source.consumer)
    .bind(&step.source.topic)
    .bind(step.source.partition)
    .fetch_optional(&mut *tx)
    .await?;
    tx.rollback().await?;
    Ok(row.map(|(owner, revision)| (Owner(owner), revision)))
}

fn fenced(step: &ProgressStep) -> WriteError {
    WriteError::Fenced {
        topic: step.source.topic.clone(),
        partition: step.source.partition,
    }
}
