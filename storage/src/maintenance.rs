//! What has to be done now and then, by one process of all that share a store: partitions ahead,
//! retention behind, deltas folded, index runs merged, the dictionary kept fitting.

use std::time::Duration;

use model::UnixNanos;
use sqlx::{Connection, PgConnection};

use crate::pool::Purpose;
use crate::replay::Held;
use crate::{
    Day, PostgresStore, ReadError, account, fold, index, ledger_metrics, locks, metrics,
    partitions, rebuild, tally,
};

/// How old a minute is when its deltas are folded; younger ones are still growing.
const FOLD_AFTER_NS: u64 = 120 * 1_000_000_000;

/// How long counts of root spans wait to be folded.
const KEEP_ROOTS_NS: u64 = 6 * 3_600 * 1_000_000_000;

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
        let mut conn = self.servers.connect(Purpose::Maintain).await?;
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

    /// One pass of everything, as of `now`. A task that fails does not keep the others from being
    /// done; the first failure is returned. The session must not be in a transaction.
    pub async fn maintain_once(
        &self,
        conn: &mut PgConnection,
        now: UnixNanos,
    ) -> Result<(), sqlx::Error> {
        let until = now.saturating_sub(FOLD_AFTER_NS) as i64;
        let outcomes = [
            done("partitions", self.make_days(now).await),
            done("retention", self.drop_old(conn, now).await),
            done("fold", fold::fold(conn, until).await.map(|_| ())),
            done("tally", tally::fold(conn).await),
            done("ledger", self.show_ledger(conn, now).await),
            done("rebuild", rebuild::clear_abandoned(conn).await),
            done("merge", self.merge_runs(now).await),
            done("relearn", self.relearn(conn, now).await),
        ];
        outcomes.into_iter().collect()
    }

    async fn merge_runs(&self, now: UnixNanos) -> Result<(), sqlx::Error> {
        let mut config = self.config.index.clone();
        config.keep_merged = config.keep_merged.max(self.config.read_timeout * 2);
        index::merge_once(&self.write_pool, &config, now).await?;
        Ok(())
    }

    /// Shows the account of the store in metrics, which survive every restart that way.
    async fn show_ledger(
        &self,
        conn: &mut PgConnection,
        now: UnixNanos,
    ) -> Result<(), sqlx::Error> {
        let read = async {
            let sources = account::sources(conn).await?;
            let tallies = account::tallies(conn).await?;
            Ok::<_, ReadError>((sources, tallies))
        };
        match read.await {
            Ok((sources, tallies)) => ledger_metrics::show(self.placement(), &sources, &tallies),
            Err(error) => return Err(sqlx::Error::Decode(Box::new(error))),
        }
        let release = Held::read(conn).await?.first_release(now);
        let left = release.map(|at| Duration::from_nanos(at - now));
        ledger_metrics::hold(self.placement(), left);
        Ok(())
    }

    async fn make_days(&self, now: UnixNanos) -> Result<(), sqlx::Error> {
        let today = Day::of(now);
        for ahead in 0..=i32::from(self.config.days_ahead) {
            self.ensure_day(today.plus(ahead)).await?;
        }
        Ok(())
    }

    /// Drops the days, and the dead letters, that lie wholly before the retention.
    async fn drop_old(&self, conn: &mut PgConnection, now: UnixNanos) -> Result<(), sqlx::Error> {
        let first_kept = partitions::first_kept(now, self.config.retention);
        if partitions::drop_before(conn, first_kept, now).await? > 0 {
            self.memory.forget();
        }
        sqlx::query("DELETE FROM retention_hold WHERE held_until < now() - interval '1 day'")
            .execute(&mut *conn)
            .await?;
        // Nobody folds them once adaptive sampling is switched off.
        sqlx::query("DELETE FROM root_delta WHERE second_ns < $1")
            .bind(now.saturating_sub(KEEP_ROOTS_NS) as i64)
            .execute(&mut *conn)
            .await?;
        sqlx::query("DELETE FROM dead_letter WHERE received_ns < $1")
            .bind(first_kept.start_ns())
            .execute(conn)
            .await?;
        Ok(())
    }
}

fn done(task: &'static str, outcome: Result<(), sqlx::Error>) -> Result<(), sqlx::Error> {
    metrics::maintained(task, outcome.is_ok());
    outcome
}
