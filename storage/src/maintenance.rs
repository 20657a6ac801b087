//! What has to be done now and then, by one process of all that share a store: partitions ahead,
//! retention behind, deltas folded, index runs merged.

use std::future::Future;

use model::UnixNanos;
use sqlx::{ConnectOptions, Connection, PgConnection};

use crate::pool::Purpose;
use crate::{Day, PostgresStore, fold, index, locks, metrics, partitions};

/// How old a minute is when its deltas are folded; younger ones are still growing.
const FOLD_AFTER_NS: u64 = 120 * 1_000_000_000;

impl PostgresStore {
    /// Does all that is due, then waits for the configured interval, for ever. While another
    /// process of the store does it, only waits. `clock` gives nanoseconds since 1970.
    ///
    /// Cancel safe: drop it to stop.
    pub async fn maintain(&self, clock: impl Fn() -> UnixNanos) {
        loop {
            if let Err(error) = self.maintain_while_elected(&clock).await {
                tracing::warn!(error = %error, "Maintenance of the store failed; it tries again");
            }
            tokio::time::sleep(self.config.maintenance_interval).await;
        }
    }

    async fn maintain_while_elected(
        &self,
        clock: &impl Fn() -> UnixNanos,
    ) -> Result<(), sqlx::Error> {
        let mut conn = self.servers.options(Purpose::Maintain).connect().await?;
        let elected: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1, 0)")
            .bind(locks::MAINTENANCE)
            .fetch_one(&mut conn)
            .await?;
        if !elected {
            return conn.close().await;
        }
        loop {
            self.maintain_once(&mut conn, clock()).await?;
            tokio::time::sleep(self.config.maintenance_interval).await;
        }
    }

    /// One pass of everything, as of `now`.
    pub async fn maintain_once(
        &self,
        conn: &mut PgConnection,
        now: UnixNanos,
    ) -> Result<(), sqlx::Error> {
        let today = Day::of(now);
        let ahead = (0..=i32::from(self.config.days_ahead)).map(|days| today.plus(days));
        let days = ahead.collect();
        task(
            "partitions",
            self.known_days.ensure(&self.write_pool, &days),
        )
        .await?;
        task("retention", self.drop_old(conn, now)).await?;
        task(
            "fold",
            fold::fold(conn, now.saturating_sub(FOLD_AFTER_NS) as i64),
        )
        .await?;
        task("merge", index::merge_once(&self.write_pool, now)).await?;
        Ok(())
    }

    /// Drops the days that lie wholly before the retention.
    async fn drop_old(&self, conn: &mut PgConnection, now: UnixNanos) -> Result<(), sqlx::Error> {
        let kept_from = now.saturating_sub(self.config.retention.as_nanos() as u64);
        for day in partitions::days(conn).await? {
            if day.end_ns() as u64 <= kept_from {
                self.known_days.forget();
                partitions::drop_day(conn, day).await?;
                metrics::day_dropped();
                tracing::info!(day = %day, "Dropped a day that is older than the retention");
            }
        }
        Ok(())
    }
}

async fn task<T, E>(name: &'static str, task: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    let outcome = task.await;
    metrics::maintained(name, outcome.is_ok());
    outcome
}
