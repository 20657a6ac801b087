//! Replay jobs over several stores: a job and its leases lie at home, its positions in the stores that
//! hold what its partitions bring.

use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::timeout;
use uuid::Uuid;

use super::Stores;
use crate::{PostgresStore, ReplayError, ReplayJob, ReplaySpec, ReplayStretch};

/// How long a store that is away keeps the others waiting.
const HEARD_WITHIN: Duration = Duration::from_secs(2);

impl Stores<PostgresStore> {
    /// Makes a job that is running from then on: see [`PostgresStore::create_replay`].
    ///
    /// # Errors
    /// If a store does not do it: then there is no job.
    pub async fn create_replay(
        &self,
        spec: &ReplaySpec,
        stretches: &[ReplayStretch],
    ) -> Result<i64, ReplayError> {
        let home = self.home();
        let id = home.next_replay().await?;
        for store in &self.all()[1..] {
            let theirs = self.stretches_of(store, stretches);
            store.expect_replay(id, spec, &theirs).await?;
        }
        let own = self.stretches_of(home, stretches);
        home.begin_replay(id, spec, stretches, &own).await?;
        Ok(id)
    }

    fn stretches_of(
        &self,
        store: &PostgresStore,
        stretches: &[ReplayStretch],
    ) -> Vec<ReplayStretch> {
        let place = store.placement().place;
        let is_there =
            |of: &&ReplayStretch| self.of_partition(of.partition).placement().place == place;
        stretches.iter().filter(is_there).copied().collect()
    }

    /// All jobs, the newest first.
    ///
    /// # Errors
    /// If a store does not answer.
    pub async fn replays(&self) -> Result<Vec<ReplayJob>, ReplayError> {
        let mut jobs = self.home().replays().await?;
        self.add_positions(&mut jobs, None).await?;
        Ok(jobs)
    }

    /// One job.
    ///
    /// # Errors
    /// If there is none of this number, or a store does not answer.
    pub async fn replay(&self, id: i64) -> Result<ReplayJob, ReplayError> {
        let mut job = self.home().replay(id).await?;
        self.add_positions(std::slice::from_mut(&mut job), Some(id))
            .await?;
        Ok(job)
    }

    /// What the home does not know of its own jobs.
    async fn add_positions(
        &self,
        jobs: &mut [ReplayJob],
        id: Option<i64>,
    ) -> Result<(), ReplayError> {
        for store in &self.all()[1..] {
            let positions = store.replay_positions(id).await?;
            let partitions = jobs.iter_mut().flat_map(|job| {
                let id = job.id;
                let all = job.partitions.iter_mut();
                all.map(move |partition| ((id, partition.stretch.partition), partition))
            });
            for (key, partition) in partitions {
                if let Some((watermark, counts)) = positions.get(&key) {
                    (partition.watermark, partition.counts) = (*watermark, *counts);
                }
            }
        }
        Ok(())
    }

    /// Says in every store how far a process is behind, and returns how far the slowest one is: see
    /// [`PostgresStore::share_live_lag`].
    ///
    /// # Errors
    /// If the home does not answer. Another store that is away hears of it later.
    pub async fn share_live_lag(
        &self,
        member: Uuid,
        lag: Duration,
    ) -> Result<Duration, ReplayError> {
        let longest = self.home().share_live_lag(member, lag).await?;
        let others = self.all()[1..].iter().map(async |store| {
            let told = timeout(HEARD_WITHIN, store.share_live_lag(member, lag)).await;
            if !matches!(told, Ok(Ok(_))) {
                tracing::debug!(
                    "{} does not hear how far this process is behind",
                    store.placement()
                );
            }
        });
        join_all(others).await;
        Ok(longest)
    }
}
