//! Who works on what. A lease ends by itself, by the server's clock, when its holder dies.

use std::time::Duration;

use sqlx::Row;
use uuid::Uuid;

use super::{ReplayError, ReplayLease, ReplayRenewal, ReplayStretch, jobs};
use crate::PostgresStore;

impl PostgresStore {
    /// Takes a partition of a running job that nobody works on; `None` when there is none.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn lease_replay(
        &self,
        lease_for: Duration,
    ) -> Result<Option<ReplayLease>, ReplayError> {
        let holder = Uuid::new_v4();
        // Any of them: jobs that run at the same time share the ingesters.
        let row = sqlx::query(
            "UPDATE replay_partition p
             SET leased_by = $1, leased_until = now() + make_interval(secs => $2)
             FROM replay_job j
             WHERE j.id = p.job_id AND (p.job_id, p.partition) = (
                 SELECT f.job_id, f.partition
                 FROM replay_partition f JOIN replay_job r ON r.id = f.job_id
                 WHERE r.state = 'running' AND f.finished_at IS NULL
                   AND (f.leased_until IS NULL OR f.leased_until < now())
                 ORDER BY random() LIMIT 1 FOR UPDATE OF f SKIP LOCKED)
             RETURNING p.job_id, p.partition, p.start_offset, p.end_offset, j.topic, j.from_ns,
                       j.to_ns, j.tenant, j.service, j.spans_per_second",
        )
        .bind(holder)
        .bind(lease_for.as_secs_f64())
        .fetch_optional(&self.write_pool)
        .await?;
        let Some(row) = row else { return Ok(None) };
        Ok(Some(ReplayLease {
            job: row.try_get("job_id")?,
            spec: jobs::spec(&row)?,
            stretch: ReplayStretch {
                partition: row.try_get("partition")?,
                start: row.try_get("start_offset")?,
                end: row.try_get("end_offset")?,
            },
            holder,
        }))
    }

    /// Asks for more time.
    ///
    /// # Errors
    /// If the store does not answer: the lease goes on until it ends.
    pub async fn renew_replay(
        &self,
        lease: &ReplayLease,
        lease_for: Duration,
    ) -> Result<ReplayRenewal, ReplayError> {
        let renewed = sqlx::query(
            "UPDATE replay_partition p SET leased_until = now() + make_interval(secs => $4)
             FROM replay_job j
             WHERE j.id = p.job_id AND j.state = 'running'
               AND p.job_id = $1 AND p.partition = $2 AND p.leased_by = $3",
        )
        .bind(lease.job)
        .bind(lease.stretch.partition)
        .bind(lease.holder)
        .bind(lease_for.as_secs_f64())
        .execute(&self.write_pool)
        .await?;
        if renewed.rows_affected() == 0 {
            return Ok(ReplayRenewal::Ended);
        }
        let working: i64 = sqlx::query_scalar(
            "SELECT count(*) FROM replay_partition
             WHERE job_id = $1 AND finished_at IS NULL AND leased_until > now()",
        )
        .bind(lease.job)
        .fetch_one(&self.write_pool)
        .await?;
        Ok(ReplayRenewal::Granted {
            working: u32::try_from(working).unwrap_or(u32::MAX).max(1),
        })
    }

    /// Gives a lease back; `finished` says that everything of the stretch is committed. Whether
    /// the whole job is done with that.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn end_lease(
        &self,
        lease: &ReplayLease,
        finished: bool,
    ) -> Result<bool, ReplayError> {
        let mut tx = self.write_pool.begin().await?;
        sqlx::query(
            "UPDATE replay_partition
             SET leased_by = NULL, leased_until = NULL,
                 finished_at = CASE WHEN $4 THEN coalesce(finished_at, now()) ELSE finished_at END
             WHERE job_id = $1 AND partition = $2 AND leased_by = $3",
        )
        .bind(lease.job)
        .bind(lease.stretch.partition)
        .bind(lease.holder)
        .bind(finished)
        .execute(&mut *tx)
        .await?;
        // Two partitions that end at the same time must not each overlook the other.
        sqlx::query("SELECT FROM replay_job WHERE id = $1 FOR UPDATE")
            .bind(lease.job)
            .execute(&mut *tx)
            .await?;
        let done = jobs::end_if_done(&mut tx, lease.job).await?;
        tx.commit().await?;
        Ok(done)
    }

    /// Ends a job that cannot go on, with the reason.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn fail_replay(&self, job: i64, reason: &str) -> Result<(), ReplayError> {
        sqlx::query(
            "UPDATE replay_job SET state = 'failed', reason = $2, ended_at = now()
             WHERE id = $1 AND state = 'running'",
        )
        .bind(job)
        .bind(reason)
        .execute(&self.write_pool)
        .await?;
        Ok(())
    }

    /// Says why running jobs wait; `None`: they do not.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn replays_wait(&self, reason: Option<&str>) -> Result<(), ReplayError> {
        sqlx::query(
            "UPDATE replay_job SET reason = $1
             WHERE state = 'running' AND reason IS DISTINCT FROM $1",
        )
        .bind(reason)
        .execute(&self.write_pool)
        .await?;
        Ok(())
    }
}
