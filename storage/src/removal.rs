//! Spans that are deleted on purpose: counted by the transaction that deletes them.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use crate::Day;

/// Why stored spans were deleted.
pub(crate) const RETENTION: &str = "retention";
/// Why spans that a policy had dropped are remembered no longer: retention as well.
pub(crate) const FORGOTTEN: &str = "retention of dropped";

/// Why spans that a policy had dropped are dropped no longer: a replay has stored them.
pub(crate) const KEPT_BY_REPLAY: &str = "kept by a replay";

/// Notes that dropped spans are stored after all, by tenant and day.
pub(crate) async fn note_reversed(
    conn: &mut PgConnection,
    spans: &BTreeMap<(&str, Day), i64>,
) -> Result<(), sqlx::Error> {
    let column = |of: fn(&(&str, Day)) -> i32| spans.keys().map(of).collect::<Vec<i32>>();
    // In order of their keys: two transactions that note the same day take turns.
    sqlx::query(
        "INSERT INTO span_removal AS known (tenant, day, reason, spans, segments)
         SELECT tenant, day, $1, spans, 0
         FROM unnest($2::text[], $3::int4[], $4::int8[]) AS noted (tenant, day, spans)
         ON CONFLICT (tenant, day, reason) DO UPDATE SET
             spans = known.spans + excluded.spans, removed_at = excluded.removed_at",
    )
    .bind(KEPT_BY_REPLAY)
    .bind(
        spans
            .keys()
            .map(|(tenant, _)| *tenant)
            .collect::<Vec<&str>>(),
    )
    .bind(column(|(_, day)| day.0))
    .bind(spans.values().copied().collect::<Vec<i64>>())
    .execute(conn)
    .await?;
    Ok(())
}

/// Which spans a partition was about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RemovedSpans {
    /// Segments, with their spans.
    Stored,
    /// Decisions, with what was remembered of dropped spans.
    Dropped,
}

impl RemovedSpans {
    fn reason(self) -> &'static str {
        match self {
            Self::Stored => RETENTION,
            Self::Dropped => FORGOTTEN,
        }
    }

    /// Which rows of the partition count.
    fn condition(self) -> &'static str {
        match self {
            Self::Stored => "true",
            Self::Dropped => "segment_id IS NULL",
        }
    }
}

/// Drops a detached partition, and notes which spans it was about, both or neither. Reads the
/// whole partition once, which nobody else reads any more.
pub(crate) async fn drop_spans(
    conn: &mut PgConnection,
    spans: RemovedSpans,
    partition: &str,
    day: Day,
) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    note(&mut tx, spans, partition, day).await?;
    tx.execute(AssertSqlSafe(format!("DROP TABLE {partition}")))
        .await?;
    tx.commit().await
}

/// Notes which spans a partition is about that is going to be dropped in this transaction.
pub(crate) async fn note(
    conn: &mut PgConnection,
    spans: RemovedSpans,
    partition: &str,
    day: Day,
) -> Result<(), sqlx::Error> {
    conn.execute("SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on")
        .await?;
    let condition = spans.condition();
    let note = format!(
        "INSERT INTO span_removal AS known (tenant, day, reason, spans, segments)
         SELECT tenant, $1, $2, sum(span_count), count(*) FROM {partition} WHERE {condition}
         GROUP BY tenant
         ON CONFLICT (tenant, day, reason) DO UPDATE SET
             spans = known.spans + excluded.spans, segments = known.segments + excluded.segments,
             removed_at = excluded.removed_at"
    );
    sqlx::query(AssertSqlSafe(note))
        .bind(day.0)
        .bind(spans.reason())
        .execute(conn)
        .await?;
    Ok(())
}
