//! The consumed positions: taken from their owners, and set to the end of the log.

use sqlx::{PgConnection, PgPool};
use uuid::Uuid;

use super::LogEnd;

/// Names that replays consume under, as a pattern.
const REPLAYS: &str = "replay-%";

/// Consumer and topic of every source that is no replay's.
pub(super) async fn consumed(pool: &PgPool) -> Result<Vec<(String, String)>, sqlx::Error> {
    sqlx::query_as(
        "SELECT DISTINCT consumer, topic FROM progress WHERE consumer NOT LIKE $1 ORDER BY 1, 2",
    )
    .bind(REPLAYS)
    .fetch_all(pool)
    .await
}

/// Locks every row, in the order in which a writer locks those of its batch.
pub(super) async fn lock(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    sqlx::query(
        "SELECT FROM progress
         ORDER BY consumer COLLATE \"C\", topic COLLATE \"C\", partition FOR UPDATE",
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// Gives every source to an owner that nobody is, and begins its counts anew. Returns how many
/// were set to the end of their logs; one whose log is not known keeps its position.
pub(super) async fn set_to_end(
    conn: &mut PgConnection,
    ends: &[LogEnd],
) -> Result<u64, sqlx::Error> {
    sqlx::query(
        "UPDATE progress SET owner = $1, revision = revision + 1, records = 0,
             records_dead_lettered = 0, spans_stored = 0, spans_duplicate = 0,
             spans_dead_lettered = 0, spans_dropped = 0, spans_untallied = 0, base_offset = NULL,
             offsets_skipped = 0, offsets_lost = 0, landmark_offset = NULL,
             landmark_timestamp_ms = NULL, landmark_hash = NULL",
    )
    .bind(Uuid::new_v4())
    .execute(&mut *conn)
    .await?;
    let column = |of: fn(&LogEnd) -> &str| ends.iter().map(of).collect::<Vec<&str>>();
    let set = sqlx::query(
        "INSERT INTO progress (consumer, topic, partition, owner, revision, watermark,
                               base_offset)
         SELECT consumer, topic, partition, $5, 1, log_end, log_end
         FROM unnest($1::text[], $2::text[], $3::int4[], $4::int8[])
              AS ends (consumer, topic, partition, log_end)
         ON CONFLICT (consumer, topic, partition)
         DO UPDATE SET watermark = excluded.watermark, done_above = '',
                       base_offset = excluded.base_offset",
    )
    .bind(column(|end| &end.source.consumer))
    .bind(column(|end| &end.source.topic))
    .bind(
        ends.iter()
            .map(|end| end.source.partition)
            .collect::<Vec<i32>>(),
    )
    .bind(ends.iter().map(|end| end.end).collect::<Vec<i64>>())
    .bind(Uuid::new_v4())
    .execute(conn)
    .await?;
    Ok(set.rows_affected())
}

/// Ends the replays that are not over. Their positions are set to their ends: an ingester that has
/// not heard of it finds nothing left to read.
pub(super) async fn cancel_replays(conn: &mut PgConnection) -> Result<u64, sqlx::Error> {
    let cancelled = sqlx::query(
        "UPDATE replay_job SET state = 'cancelled', reason = 'the store was purged',
             ended_at = now()
         WHERE state IN ('running', 'paused', 'failed')",
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query(
        "UPDATE progress p SET watermark = greatest(p.watermark, r.end_offset), done_above = ''
         FROM replay_partition r
         WHERE p.consumer = 'replay-' || r.job_id AND p.partition = r.partition",
    )
    .execute(&mut *conn)
    .await?;
    sqlx::query("DELETE FROM retention_hold")
        .execute(conn)
        .await?;
    Ok(cancelled.rows_affected())
}
