//! How far the ingesters are behind the live topic, shared so that replays can give way.

use std::time::Duration;

use uuid::Uuid;

use super::ReplayError;
use crate::PostgresStore;

/// Age of an observation that says nothing any more: its ingester is gone.
const BELIEVED_FOR_SECONDS: f64 = 15.0;

impl PostgresStore {
    /// Says how far a process is behind, and returns how far the slowest one is. Observations of
    /// processes that are gone are forgotten.
    ///
    /// # Errors
    /// If the store does not answer.
    pub async fn share_live_lag(
        &self,
        member: Uuid,
        lag: Duration,
    ) -> Result<Duration, ReplayError> {
        sqlx::query(
            "INSERT INTO live_lag (member, lag_ms, observed_at) VALUES ($1, $2, now())
             ON CONFLICT (member) DO UPDATE SET lag_ms = $2, observed_at = now()",
        )
        .bind(member)
        .bind(i64::try_from(lag.as_millis()).unwrap_or(i64::MAX))
        .execute(&self.write_pool)
        .await?;
        sqlx::query("DELETE FROM live_lag WHERE observed_at < now() - interval '1 hour'")
            .execute(&self.write_pool)
            .await?;
        let longest: Option<i64> = sqlx::query_scalar(
            "SELECT max(lag_ms) FROM live_lag
             WHERE observed_at > now() - make_interval(secs => $1)",
        )
        .bind(BELIEVED_FOR_SECONDS)
        .fetch_one(&self.write_pool)
        .await?;
        Ok(Duration::from_millis(longest.unwrap_or(0).max(0) as u64))
    }
}
