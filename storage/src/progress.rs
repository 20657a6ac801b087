//! How far each source has been consumed: claimed by an owner, moved by compare-and-set.

use roaring::RoaringTreemap;
use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use crate::tally::TallyRows;
use crate::{
    Counts, Landmark, Owner, Progress, ProgressStep, Source, WriteError, failure, metrics,
};

/// Longest wait of a claim for an earlier owner's transaction before that is ended.
const PATIENCE: &str = "BEGIN; SET LOCAL lock_timeout = '1s'";

/// How often a claim ends an earlier owner's transaction before it gives up for now.
const ATTEMPTS: usize = 5;

#[derive(sqlx::FromRow)]
struct Row {
    revision: i64,
    watermark: i64,
    done_above: Vec<u8>,
    records: i64,
    records_dead_lettered: i64,
    spans_stored: i64,
    spans_duplicate: i64,
    spans_dead_lettered: i64,
    spans_dropped: i64,
    landmark_offset: Option<i64>,
    landmark_timestamp_ms: Option<i64>,
    landmark_hash: Option<i64>,
}

/// Takes a source over for `owner`, ending a transaction of an earlier owner that is in the way.
pub(crate) async fn claim(
    pool: &PgPool,
    source: &Source,
    owner: Owner,
) -> Result<Progress, WriteError> {
    let mut last = None;
    for _ in 0..ATTEMPTS {
        match try_claim(pool, source, owner).await {
            Err(error) if failure::is_lock_timeout(&error) => {
                end_holder(pool, source).await?;
                last = Some(error);
            }
            done => return progress(done?),
        }
    }
    Err(last.unwrap_or(sqlx::Error::PoolTimedOut).into())
}

async fn try_claim(pool: &PgPool, source: &Source, owner: Owner) -> Result<Row, sqlx::Error> {
    let mut tx = pool.begin_with(PATIENCE).await?;
    let row = sqlx::query_as(
        "INSERT INTO progress AS p (consumer, topic, partition, owner, revision, base_offset)
         VALUES ($1, $2, $3, $4, 1, 0)
         ON CONFLICT (consumer, topic, partition)
         DO UPDATE SET owner = $4, revision = p.revision + 1, claimed_at = now()
         RETURNING revision, watermark, done_above, records, records_dead_lettered, spans_stored,
                   spans_duplicate, spans_dead_lettered, spans_dropped, landmark_offset,
                   landmark_timestamp_ms, landmark_hash",
    )
    .bind(&source.consumer)
    .bind(&source.topic)
    .bind(source.partition)
    .bind(owner.0)
    .fetch_one(&mut *tx)
    .await?;
    tx.commit().await?;
    Ok(row)
}

/// Ends the session that holds the source's row: a writer whose process froze in its transaction.
/// It is found by the lock itself, since a pool may use another session for each transaction.
async fn end_holder(pool: &PgPool, source: &Source) -> Result<(), sqlx::Error> {
    let ended: Vec<(bool,)> = sqlx::query_as(
        "SELECT pg_terminate_backend(l.pid)
         FROM progress p JOIN pg_locks l ON l.locktype = 'transactionid' AND l.granted
                                        AND l.transactionid = p.xmax
         WHERE p.consumer = $1 AND p.topic = $2 AND p.partition = $3 AND l.pid <> pg_backend_pid()",
    )
    .bind(&source.consumer)
    .bind(&source.topic)
    .bind(source.partition)
    .fetch_all(pool)
    .await?;
    let ended = ended.iter().filter(|(ended,)| *ended).count();
    if ended > 0 {
        metrics::frozen_writers_ended(ended as u64);
        tracing::warn!(
            kafka.topic = source.topic,
            kafka.partition = source.partition,
            "Ended the transaction of an earlier owner that held the progress of the partition"
        );
    }
    Ok(())
}

fn progress(row: Row) -> Result<Progress, WriteError> {
    let unsigned = |number: i64| number.max(0) as u64;
    Ok(Progress {
        revision: row.revision,
        watermark: row.watermark,
        done_above: read_offsets(&row.done_above)?,
        counts: Counts {
            records: unsigned(row.records),
            spans_stored: unsigned(row.spans_stored),
            spans_duplicate: unsigned(row.spans_duplicate),
            spans_dead_lettered: unsigned(row.spans_dead_lettered),
            spans_dropped: unsigned(row.spans_dropped),
            records_dead_lettered: unsigned(row.records_dead_lettered),
        },
        landmark: Landmark::from_columns(
            row.landmark_offset,
            row.landmark_timestamp_ms,
            row.landmark_hash,
        ),
    })
}

pub(crate) fn read_offsets(bytes: &[u8]) -> Result<RoaringTreemap, WriteError> {
    if bytes.is_empty() {
        return Ok(RoaringTreemap::new());
    }
    RoaringTreemap::deserialize_from(bytes).map_err(|error| WriteError::Inconsistent {
        table: "progress",
        column: "done_above",
        what: error.to_string(),
    })
}

fn offsets_bytes(offsets: &RoaringTreemap) -> Vec<u8> {
    let mut bytes = Vec::new();
    if !offsets.is_empty() {
        bytes.reserve(offsets.serialized_size());
        offsets
            .serialize_into(&mut bytes)
            .expect("writing to memory does not fail");
    }
    bytes
}

/// Locks the row of a source until the end of the transaction: who holds it and at which revision.
/// Waits for a transaction that is moving it.
pub(crate) async fn lock(
    conn: &mut PgConnection,
    source: &Source,
) -> Result<Option<(Owner, i64)>, sqlx::Error> {
    let row: Option<(Uuid, i64)> = sqlx::query_as(
        "SELECT owner, revision FROM progress
         WHERE consumer = $1 AND topic = $2 AND partition = $3 FOR UPDATE",
    )
    .bind(&source.consumer)
    .bind(&source.topic)
    .bind(source.partition)
    .fetch_optional(conn)
    .await?;
    Ok(row.map(|(owner, revision)| (Owner(owner), revision)))
}

/// Locks the row and compares owner and revision: the fence, before anything is written.
pub(crate) async fn fence(conn: &mut PgConnection, step: &ProgressStep) -> Result<(), WriteError> {
    let found = lock(conn, &step.source).await?;
    if found == Some((step.owner, step.expected_revision)) {
        Ok(())
    } else {
        Err(fenced(&step.source))
    }
}

/// By compare-and-set on owner and revision. A row of an earlier version, which knows of no base, begins to count here.
const ADVANCE: &str = "
         WITH tallied AS (
             INSERT INTO tally_delta (consumer, tenant, records, records_dead_lettered,
                 spans_stored, spans_duplicate, spans_dead_lettered, spans_dropped)
             SELECT $1, * FROM unnest($17::text[], $18::int8[], $19::int8[], $20::int8[],
                                      $21::int8[], $22::int8[], $23::int8[]))
         UPDATE progress SET
             revision = revision + 1, watermark = $6, done_above = $7, records = records + $8,
             records_dead_lettered = records_dead_lettered + $9,
             spans_dead_lettered = spans_dead_lettered + $10,
             spans_stored = spans_stored + $11, spans_duplicate = spans_duplicate + $12,
             spans_dropped = spans_dropped + $24,
             base_offset = coalesce(base_offset + $15, $6 + $16 - records - $8),
             offsets_skipped = CASE WHEN base_offset IS NULL THEN 0 ELSE offsets_skipped + $13 END,
             offsets_lost = CASE WHEN base_offset IS NULL THEN 0 ELSE offsets_lost + $14 END,
             landmark_offset = $25, landmark_timestamp_ms = $26, landmark_hash = $27,
             written_at = now()
         WHERE consumer = $1 AND topic = $2 AND partition = $3 AND owner = $4 AND revision = $5";

/// Moves a source's progress and tallies its tenants, in one statement.
pub(crate) async fn advance(
    conn: &mut PgConnection,
    step: &ProgressStep,
    tallies: &TallyRows<'_>,
) -> Result<(), WriteError> {
    let moved = sqlx::query(ADVANCE)
        .bind(&step.source.consumer)
        .bind(&step.source.topic)
        .bind(step.source.partition)
        .bind(step.owner.0)
        .bind(step.expected_revision)
        .bind(step.watermark)
        .bind(offsets_bytes(&step.done_above))
        .bind(step.records as i64)
        .bind(step.records_dead_lettered as i64)
        .bind(step.spans_dead_lettered as i64)
        .bind(tallies.stored.iter().sum::<i64>())
        .bind(tallies.duplicate.iter().sum::<i64>())
        .bind(step.passed.skipped as i64)
        .bind(step.passed.lost as i64)
        .bind(step.passed.base_moved)
        .bind(step.done_above.len() as i64)
        .bind(&tallies.tenants)
        .bind(&tallies.records)
        .bind(&tallies.records_dead)
        .bind(&tallies.stored)
        .bind(&tallies.duplicate)
        .bind(&tallies.spans_dead)
        .bind(&tallies.dropped)
        .bind(tallies.dropped.iter().sum::<i64>())
        .bind(step.landmark.map(|of| of.offset))
        .bind(step.landmark.map(|of| of.timestamp_ms))
        .bind(step.landmark.map(|of| of.hash.cast_signed()))
        .execute(conn)
        .await?;
    if moved.rows_affected() == 1 {
        Ok(())
    } else {
        Err(fenced(&step.source))
    }
}

/// The source belongs to somebody else, or to another point in its history.
pub(crate) fn fenced(source: &Source) -> WriteError {
    WriteError::Fenced {
        topic: source.topic.clone(),
        partition: source.partition,
    }
}
