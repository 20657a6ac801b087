//! The one process that calculates. It holds an advisory lock with a session of its own, and all it
//! writes goes through that session: who has lost the lock can no longer write.

use std::collections::BTreeMap;
use std::time::Duration;

use model::UnixNanos;
use serde::Serialize;
use sqlx::{Connection, PgConnection, Row};

use super::{
    OperationProbabilities, RootCount, RootSampler, ThroughputBucket, operation, probabilities,
};
use crate::pool::Purpose;
use crate::{PostgresStore, ReadError, locks};

/// Age of an observation of how far an ingester is behind that says nothing any more.
const LAG_BELIEVED_FOR_SECONDS: f64 = 15.0;

const FOLD: &str = "
    WITH moved AS (
        DELETE FROM root_delta WHERE second_ns < $1
        RETURNING second_ns - second_ns % $2 AS bucket_ns, tenant, service, operation, sampler,
            probability_e9, roots
    )
    INSERT INTO root_throughput AS known (bucket_ns, key, tenant, service, operation, sampler,
        probability_e9, roots)
    SELECT bucket_ns,
        md5(jsonb_build_array(tenant, service, operation, sampler, probability_e9)::text)::uuid,
        tenant, service, operation, sampler, probability_e9, sum(roots)::bigint
    FROM moved GROUP BY bucket_ns, tenant, service, operation, sampler, probability_e9
    ON CONFLICT (bucket_ns, key) DO UPDATE SET roots = known.roots + excluded.roots";

const SAVE: &str = "
    INSERT INTO sampling_probability (key, tenant, service, operation, probability, changed_ns,
        roots_per_s, at_rest, follows, handed_out)
    SELECT md5(jsonb_build_array(tenant, service, operation)::text)::uuid, tenant, service,
        operation, handed_out[1], changed_ns, roots_per_s, at_rest, follows, handed_out
    FROM jsonb_to_recordset($1::jsonb) AS one (tenant text, service text, operation text,
        changed_ns bigint, roots_per_s double precision, at_rest boolean, follows boolean,
        handed_out double precision[])";

/// The right to calculate, for as long as the session lives.
#[derive(Debug)]
pub struct SamplingSeat {
    conn: PgConnection,
    /// Sessions with the stores beside the home, which have counts of their own.
    others: Vec<PgConnection>,
}

/// A row of `sampling_probability`.
#[derive(Serialize)]
struct Saved<'a> {
    tenant: &'a str,
    service: &'a str,
    operation: &'a str,
    changed_ns: UnixNanos,
    roots_per_s: f64,
    at_rest: bool,
    follows: bool,
    handed_out: &'a [f64],
}

impl PostgresStore {
    /// Tries to become the one that calculates; `None` while another process is.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn take_sampling_seat(&self) -> Result<Option<SamplingSeat>, ReadError> {
        let mut conn = self.servers.connect(Purpose::Maintain).await?;
        let elected: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, 0)")
            .bind(locks::SAMPLING)
            .fetch_one(&mut conn)
            .await?;
        if elected {
            let others = Vec::new();
            return Ok(Some(SamplingSeat { conn, others }));
        }
        conn.close().await?;
        Ok(None)
    }
}

impl SamplingSeat {
    /// Counts what another store has counted as well.
    pub(crate) fn count_at(&mut self, session: PgConnection) {
        self.others.push(session);
    }

    /// How far the slowest ingester is behind; also shows that the seat is still held.
    ///
    /// # Errors
    /// If the session is gone, and the seat with it.
    pub async fn ingest_lag(&mut self) -> Result<Duration, ReadError> {
        let lag: Option<i64> = sqlx::query_scalar(
            "SELECT max(lag_ms) FROM live_lag
             WHERE observed_at > now() - make_interval(secs => $1)",
        )
        .bind(LAG_BELIEVED_FOR_SECONDS)
        .fetch_one(&mut self.conn)
        .await?;
        Ok(Duration::from_millis(lag.unwrap_or(0).max(0) as u64))
    }

    /// Start of the newest interval that the last round looked at; `None` before the first round.
    ///
    /// # Errors
    /// If the session is gone, and the seat with it.
    pub async fn last_bucket(&mut self) -> Result<Option<UnixNanos>, ReadError> {
        let bucket: Option<i64> = sqlx::query_scalar("SELECT bucket_ns FROM sampling_round")
            .fetch_optional(&mut self.conn)
            .await?;
        Ok(bucket.map(|bucket| bucket as UnixNanos))
    }

    /// One round, in one transaction of each store: counts up to `until` are folded into intervals, `calculate` is
    /// given the newest `keep` intervals, newest first, and what was told before; what it returns
    /// is stored and returned. `until` is a multiple of the interval.
    ///
    /// # Errors
    /// If the session is gone, and the seat with it: nothing was changed then.
    pub async fn round(
        &mut self,
        span: Intervals,
        now: UnixNanos,
        calculated_by: &str,
        calculate: impl FnOnce(&[ThroughputBucket], OperationProbabilities) -> OperationProbabilities,
    ) -> Result<OperationProbabilities, ReadError> {
        let mut elsewhere = Vec::with_capacity(self.others.len());
        for session in &mut self.others {
            // Folded there and read again by the next round, if this one fails.
            let mut tx = session.begin().await?;
            elsewhere.push(fold(&mut tx, span).await?);
            tx.commit().await?;
        }
        let mut tx = self.conn.begin().await?;
        let mut buckets = fold(&mut tx, span).await?;
        elsewhere.into_iter().for_each(|of| add(&mut buckets, of));
        let before = probabilities(&mut tx).await?;
        let after = calculate(&buckets, before);
        save(&mut tx, &after).await?;
        sqlx::query(
            "INSERT INTO sampling_round (bucket_ns, calculated_ns, calculated_by)
             VALUES ($1, $2, $3)
             ON CONFLICT (only_one) DO UPDATE SET bucket_ns = excluded.bucket_ns,
                 calculated_ns = excluded.calculated_ns, calculated_by = excluded.calculated_by",
        )
        .bind((span.until - span.length) as i64)
        .bind(now as i64)
        .bind(calculated_by)
        .execute(&mut *tx)
        .await?;
        tx.commit().await?;
        Ok(after)
    }
}

/// The intervals that a round looks at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Intervals {
    /// End of the newest one.
    pub until: UnixNanos,
    /// Length of each, in nanoseconds.
    pub length: u64,
    /// How many.
    pub keep: u32,
}

async fn fold(
    conn: &mut PgConnection,
    span: Intervals,
) -> Result<Vec<ThroughputBucket>, sqlx::Error> {
    let (until, length) = (span.until as i64, span.length.max(1) as i64);
    let oldest = until.saturating_sub(length.saturating_mul(i64::from(span.keep)));
    sqlx::query(FOLD)
        .bind(until)
        .bind(length)
        .execute(&mut *conn)
        .await?;
    // Intervals of another length are those of an earlier setting.
    sqlx::query("DELETE FROM root_throughput WHERE bucket_ns < $1 OR bucket_ns % $2 <> 0")
        .bind(oldest)
        .bind(length)
        .execute(&mut *conn)
        .await?;
    let rows = sqlx::query(
        "SELECT bucket_ns, tenant, service, operation, sampler, probability_e9, roots
         FROM root_throughput WHERE bucket_ns < $1",
    )
    .bind(until)
    .fetch_all(conn)
    .await?;
    let starts = (1..=u64::from(span.keep)).map(|n| span.until.saturating_sub(n * span.length));
    let mut buckets: BTreeMap<UnixNanos, ThroughputBucket> = starts
        .map(|start| {
            let operations = BTreeMap::new();
            (start, ThroughputBucket { start, operations })
        })
        .collect();
    for row in &rows {
        let start = row.try_get::<i64, _>("bucket_ns")? as UnixNanos;
        let Some(bucket) = buckets.get_mut(&start) else {
            continue;
        };
        let counts = bucket.operations.entry(operation(row)?).or_default();
        counts.push(RootCount {
            sampler: RootSampler::of_number(row.try_get("sampler")?),
            probability: row.try_get::<i64, _>("probability_e9")? as f64 / 1e9,
            roots: row.try_get::<i64, _>("roots")?.max(0) as u64,
        });
    }
    Ok(buckets.into_values().rev().collect())
}

/// Adds the counts of the same intervals at another store.
fn add(buckets: &mut [ThroughputBucket], others: Vec<ThroughputBucket>) {
    for (bucket, other) in buckets.iter_mut().zip(others) {
        for (operation, counts) in other.operations {
            bucket
                .operations
                .entry(operation)
                .or_default()
                .extend(counts);
        }
    }
}

async fn save(conn: &mut PgConnection, all: &OperationProbabilities) -> Result<(), sqlx::Error> {
    let rows: Vec<Saved<'_>> = all
        .iter()
        .map(|(of, state)| Saved {
            tenant: of.tenant.as_str(),
            service: &of.service,
            operation: &of.operation,
            changed_ns: state.changed_at,
            roots_per_s: state.roots_per_second,
            at_rest: state.at_rest,
            follows: state.follows,
            handed_out: &state.handed_out,
        })
        .collect();
    let json =
        serde_json::to_string(&rows).map_err(|error| sqlx::Error::Encode(Box::new(error)))?;
    sqlx::query("DELETE FROM sampling_probability")
        .execute(&mut *conn)
        .await?;
    sqlx::query(SAVE).bind(json).execute(conn).await?;
    Ok(())
}
