//! The positions of jobs in the store that their partitions belong to, which may be another one than
//! the home of the job.

use std::collections::HashMap;

use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::jobs::counts;
use super::{ReplayError, ReplaySpec, ReplayStretch, replay_consumer};
use crate::{Counts, Day, PostgresStore};

/// Spans may have started a day before a collector received them, or after.
const DAYS_AROUND: i32 = 1;

/// Watermark and counts by job and partition.
pub(crate) type Positions = HashMap<(i64, i32), (i64, Counts)>;

/// The position from which a stretch is read: an earlier watermark than the start would be a gap in
/// the log.
pub(super) async fn add(
    conn: &mut PgConnection,
    job: i64,
    topic: &str,
    stretch: ReplayStretch,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO progress (consumer, topic, partition, owner, revision, watermark, base_offset)
         VALUES ($1, $2, $3, $4, 1, $5, $5)",
    )
    .bind(replay_consumer(job))
    .bind(topic)
    .bind(stretch.partition)
    .bind(Uuid::new_v4())
    .bind(stretch.start)
    .execute(conn)
    .await?;
    Ok(())
}

impl PostgresStore {
    /// Prepares a job whose home is another store: its positions, and a hold on the days that it is
    /// about, which retention would take for nobody's here.
    pub(crate) async fn expect_replay(
        &self,
        id: i64,
        spec: &ReplaySpec,
        stretches: &[ReplayStretch],
    ) -> Result<(), ReplayError> {
        let mut tx = self.write_pool.begin().await?;
        for stretch in stretches {
            add(&mut tx, id, &spec.topic, *stretch).await?;
        }
        sqlx::query(
            "INSERT INTO retention_hold (day, held_until)
             SELECT day, now() + make_interval(secs => $3)
             FROM (SELECT substring(relname FROM '^segment_([0-9]{8})$')::date - date '1970-01-01'
                       AS day
                   FROM pg_class
                   WHERE relnamespace = current_schema()::regnamespace
                     AND relname ~ '^segment_[0-9]{8}$') AS stored
             WHERE day BETWEEN $1 AND $2
             ON CONFLICT (day) DO UPDATE
             SET held_until = greatest(retention_hold.held_until, excluded.held_until)",
        )
        .bind(Day::of(spec.received.start).plus(-DAYS_AROUND).0)
        .bind(Day::of(spec.received.end).plus(DAYS_AROUND).0)
        .bind(self.config.hold_replayed.as_secs_f64())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }

    /// How far jobs are whose positions lie here: one, or all.
    pub(crate) async fn replay_positions(&self, id: Option<i64>) -> Result<Positions, ReplayError> {
        let rows = sqlx::query(
            "SELECT substr(consumer, length('replay-') + 1)::bigint AS job, partition, watermark,
                 records, records_dead_lettered, spans_stored, spans_duplicate,
                 spans_dead_lettered, spans_dropped
             FROM progress
             WHERE consumer LIKE 'replay-%' AND ($1::bigint IS NULL OR consumer = 'replay-' || $1)",
        )
        .bind(id)
        .fetch_all(&self.read_pool)
        .await?;
        let position = |row: &PgRow| {
            let key = (row.try_get("job")?, row.try_get("partition")?);
            Ok((key, (row.try_get("watermark")?, counts(row)?)))
        };
        rows.iter().map(position).collect()
    }
}
