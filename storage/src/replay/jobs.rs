//! Jobs as operators see them: made, listed, paused, resumed, cancelled.

use std::collections::BTreeMap;

use model::{Tenant, TimeRange};
use sqlx::{PgConnection, Row, postgres::PgRow};

use super::{
    ReplayCommand, ReplayError, ReplayJob, ReplayPartition, ReplaySpec, ReplayState, ReplayStretch,
    inconsistent, positions,
};
use crate::{Counts, PostgresStore};

impl PostgresStore {
    /// Makes a job that is running from then on. Partitions with nothing to read are done at once.
    ///
    /// # Errors
    /// If the store does not do it: then there is no job.
    pub async fn create_replay(
        &self,
        spec: &ReplaySpec,
        stretches: &[ReplayStretch],
    ) -> Result<i64, ReplayError> {
        let id = self.next_replay().await?;
        self.begin_replay(id, spec, stretches, stretches).await?;
        Ok(id)
    }

    /// The number of the next job.
    pub(crate) async fn next_replay(&self) -> Result<i64, ReplayError> {
        let next = "SELECT nextval(pg_get_serial_sequence('replay_job', 'id'))";
        let next = sqlx::query_scalar(next).fetch_one(&self.write_pool).await;
        Ok(next?)
    }

    /// Makes a job with this number. The positions of those partitions lie here that this store has
    /// `here`.
    pub(crate) async fn begin_replay(
        &self,
        id: i64,
        spec: &ReplaySpec,
        stretches: &[ReplayStretch],
        here: &[ReplayStretch],
    ) -> Result<(), ReplayError> {
        let mut tx = self.write_pool.begin().await?;
        sqlx::query(
            "INSERT INTO replay_job (id, topic, from_ns, to_ns, tenant, service, spans_per_second)
             OVERRIDING SYSTEM VALUE VALUES ($1, $2, $3, $4, $5, $6, $7)",
        )
        .bind(id)
        .bind(&spec.topic)
        .bind(signed(spec.received.start))
        .bind(signed(spec.received.end))
        .bind(spec.tenant.as_ref().map(Tenant::as_str))
        .bind(&spec.service)
        .bind(spec.spans_per_second.map(signed))
        .execute(&mut *tx)
        .await?;
        for stretch in stretches {
            add_stretch(&mut tx, id, *stretch).await?;
        }
        for stretch in here {
            positions::add(&mut tx, id, &spec.topic, *stretch).await?;
        }
        end_if_done(&mut tx, id).await?;
        tx.commit().await?;
        Ok(())
    }

    /// All jobs, the newest first.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn replays(&self) -> Result<Vec<ReplayJob>, ReplayError> {
        let mut conn = self.read_pool.acquire().await?;
        let jobs = read(&mut conn, None).await?;
        Ok(jobs.into_values().rev().collect())
    }

    /// One job.
    ///
    /// # Errors
    /// If there is none of this number, or the store does not answer.
    pub async fn replay(&self, id: i64) -> Result<ReplayJob, ReplayError> {
        let mut conn = self.read_pool.acquire().await?;
        let mut jobs = read(&mut conn, Some(id)).await?;
        jobs.remove(&id).ok_or(ReplayError::Unknown { id })
    }

    /// Pauses, resumes or cancels a job. Ingesters heed it within seconds. To say the same again
    /// changes nothing.
    ///
    /// # Errors
    /// If there is no such job, or its state does not allow it.
    pub async fn change_replay(&self, id: i64, command: ReplayCommand) -> Result<(), ReplayError> {
        let (from, to) = command.transition();
        let mut tx = self.write_pool.begin().await?;
        let state: Option<String> =
            sqlx::query_scalar("SELECT state FROM replay_job WHERE id = $1 FOR UPDATE")
                .bind(id)
                .fetch_optional(&mut *tx)
                .await?;
        let state = state.ok_or(ReplayError::Unknown { id })?;
        let state = ReplayState::parse(&state).ok_or_else(|| inconsistent("state", &state))?;
        if !from.contains(&state) {
            return Err(ReplayError::State { id, state });
        }
        sqlx::query(
            "UPDATE replay_job SET state = $2, reason = NULL,
                 ended_at = CASE WHEN $2 = 'cancelled' THEN coalesce(ended_at, now()) END
             WHERE id = $1",
        )
        .bind(id)
        .bind(to.as_str())
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(())
    }
}

async fn add_stretch(
    conn: &mut PgConnection,
    job: i64,
    stretch: ReplayStretch,
) -> Result<(), sqlx::Error> {
    sqlx::query(
        "INSERT INTO replay_partition (job_id, partition, start_offset, end_offset, finished_at)
         VALUES ($1, $2, $3, $4, CASE WHEN $3 >= $4 THEN now() END)",
    )
    .bind(job)
    .bind(stretch.partition)
    .bind(stretch.start)
    .bind(stretch.end)
    .execute(conn)
    .await?;
    Ok(())
}

/// A job whose partitions are all done is done. Whether it is now.
pub(super) async fn end_if_done(conn: &mut PgConnection, job: i64) -> Result<bool, sqlx::Error> {
    let ended = sqlx::query(
        "UPDATE replay_job SET state = 'done', reason = NULL, ended_at = now()
         WHERE id = $1 AND state = 'running'
           AND NOT EXISTS (SELECT FROM replay_partition
                           WHERE job_id = $1 AND finished_at IS NULL)",
    )
    .bind(job)
    .execute(conn)
    .await?;
    Ok(ended.rows_affected() > 0)
}

async fn read(
    conn: &mut PgConnection,
    id: Option<i64>,
) -> Result<BTreeMap<i64, ReplayJob>, ReplayError> {
    let rows = sqlx::query(
        "SELECT j.id, j.topic, j.from_ns, j.to_ns, j.tenant, j.service, j.spans_per_second,
                j.state, j.reason,
                (extract(epoch FROM j.created_at) * 1e9)::bigint AS created_ns,
                (extract(epoch FROM j.ended_at) * 1e9)::bigint AS ended_ns,
                p.partition, p.start_offset, p.end_offset, p.finished_at IS NOT NULL AS finished,
                coalesce(p.leased_until > now(), false) AS leased,
                g.watermark, g.records, g.records_dead_lettered, g.spans_stored,
                g.spans_duplicate, g.spans_dead_lettered, g.spans_dropped
         FROM replay_job j
         LEFT JOIN replay_partition p ON p.job_id = j.id
         LEFT JOIN progress g ON g.consumer = 'replay-' || j.id AND g.topic = j.topic
                             AND g.partition = p.partition
         WHERE $1::bigint IS NULL OR j.id = $1
         ORDER BY j.id, p.partition",
    )
    .bind(id)
    .fetch_all(conn)
    .await?;
    let mut jobs = BTreeMap::new();
    for row in rows {
        let id = row.try_get("id")?;
        let job = match jobs.entry(id) {
            std::collections::btree_map::Entry::Occupied(entry) => entry.into_mut(),
            std::collections::btree_map::Entry::Vacant(entry) => entry.insert(job(id, &row)?),
        };
        job.partitions.extend(partition(&row)?);
    }
    Ok(jobs)
}

fn job(id: i64, row: &PgRow) -> Result<ReplayJob, ReplayError> {
    let state: &str = row.try_get("state")?;
    let ended: Option<i64> = row.try_get("ended_ns")?;
    Ok(ReplayJob {
        id,
        spec: spec(row)?,
        state: ReplayState::parse(state).ok_or_else(|| inconsistent("state", state))?,
        reason: row.try_get("reason")?,
        created_at: unsigned(row.try_get("created_ns")?),
        ended_at: ended.map(unsigned),
        partitions: Vec::new(),
    })
}

/// What a job reads, from its row.
pub(super) fn spec(row: &PgRow) -> Result<ReplaySpec, ReplayError> {
    let tenant: Option<&str> = row.try_get("tenant")?;
    let tenant = tenant.map(Tenant::parse).transpose();
    let rate: Option<i64> = row.try_get("spans_per_second")?;
    Ok(ReplaySpec {
        topic: row.try_get("topic")?,
        received: TimeRange {
            start: unsigned(row.try_get("from_ns")?),
            end: unsigned(row.try_get("to_ns")?),
        },
        tenant: tenant.map_err(|error| inconsistent("tenant", error))?,
        service: row.try_get("service")?,
        spans_per_second: rate.map(unsigned),
    })
}

/// None for a job without partitions.
fn partition(row: &PgRow) -> Result<Option<ReplayPartition>, ReplayError> {
    let Some(partition) = row.try_get("partition")? else {
        return Ok(None);
    };
    let stretch = ReplayStretch {
        partition,
        start: row.try_get("start_offset")?,
        end: row.try_get("end_offset")?,
    };
    let watermark: Option<i64> = row.try_get("watermark")?;
    Ok(Some(ReplayPartition {
        stretch,
        watermark: watermark.unwrap_or(stretch.start),
        counts: counts(row)?,
        leased: row.try_get("leased")?,
        finished: row.try_get("finished")?,
    }))
}

/// The counts of a position; zero where there is none yet.
pub(super) fn counts(row: &PgRow) -> Result<Counts, sqlx::Error> {
    let count = |column| {
        let number = row.try_get::<Option<i64>, _>(column)?;
        Ok::<_, sqlx::Error>(unsigned(number.unwrap_or(0)))
    };
    Ok(Counts {
        records: count("records")?,
        spans_stored: count("spans_stored")?,
        spans_duplicate: count("spans_duplicate")?,
        spans_dead_lettered: count("spans_dead_lettered")?,
        spans_dropped: count("spans_dropped")?,
        records_dead_lettered: count("records_dead_lettered")?,
    })
}

fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    number.max(0) as u64
}
