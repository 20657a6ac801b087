//! Stored spans that are deleted on purpose: counted by the transaction that deletes them.

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::Day;

/// Why stored spans were deleted.
const RETENTION: &str = "retention";

/// Drops a detached partition of segments, and notes what was in it, both or neither. Reads the
/// whole partition once, which nobody else reads any more.
pub(crate) async fn drop_segments(
    conn: &mut PgConnection,
    partition: &str,
    day: Day,
) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    note_segments(&mut tx, partition, day).await?;
    tx.execute(AssertSqlSafe(format!("DROP TABLE {partition}")))
        .await?;
    tx.commit().await
}

/// Notes what a partition of segments holds that is about to be dropped in this transaction.
pub(crate) async fn note_segments(
    conn: &mut PgConnection,
    partition: &str,
    day: Day,
) -> Result<(), sqlx::Error> {
    conn.execute("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on")
        .await?;
    let note = format!(
        "INSERT INTO span_removal AS known (tenant, day, reason, spans, segments)
         SELECT tenant, $1, $2, sum(span_count), count(*) FROM {partition} GROUP BY tenant
         ON CONFLICT (tenant, day, reason) DO UPDATE SET
             spans = known.spans + excluded.spans, segments = known.segments + excluded.segments,
             removed_at = excluded.removed_at"
    );
    sqlx::query(AssertSqlSafe(note))
        .bind(day.0)
        .bind(RETENTION)
        .execute(conn)
        .await?;
    Ok(())
}
