//! Emptying several stores: one after the other, the home first, which ends the replays.

use super::Stores;
use crate::{LogEnd, PostgresStore, Purge, PurgeOrder, Source, WriteError, replay_consumer};

impl Stores<PostgresStore> {
    /// Topics that are consumed under which name: see [`PostgresStore::consumed_topics`].
    ///
    /// # Errors
    /// If one of the stores does not answer.
    pub async fn consumed_topics(&self) -> Result<Vec<(String, String)>, WriteError> {
        let mut all = Vec::new();
        for store in self.all() {
            all.extend(store.consumed_topics().await?);
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    /// Empties every store: see [`PostgresStore::purge`].
    ///
    /// # Errors
    /// As with one store; those before it are empty then. To be called again.
    pub async fn purge(&self, order: &PurgeOrder) -> Result<Purge, WriteError> {
        let replays = match self.are_several() {
            true => self.replay_ends().await?,
            false => Vec::new(),
        };
        let mut sum: Option<Purge> = None;
        for store in self.all() {
            let is_there = |end: &&LogEnd| {
                self.of_partition(end.source.partition).placement() == store.placement()
            };
            let mut ends: Vec<LogEnd> = order.ends.iter().filter(is_there).cloned().collect();
            let logs = ends.len() as u64;
            if sum.is_some() {
                ends.extend(replays.iter().filter(is_there).cloned());
            }
            let archive = order.archive;
            let purged = store.purge(&PurgeOrder { ends, archive }).await?;
            match &mut sum {
                None => sum = Some(purged),
                Some(sum) => sum.sources += logs,
            }
        }
        // There is a home.
        Ok(sum.unwrap_or_default())
    }

    /// Where replays end, whose positions the home cannot set elsewhere.
    async fn replay_ends(&self) -> Result<Vec<LogEnd>, WriteError> {
        let jobs = self.home().replays().await.map_err(WriteError::from)?;
        let ends = jobs.iter().flat_map(|job| {
            job.partitions.iter().map(|one| LogEnd {
                source: Source {
                    consumer: replay_consumer(job.id),
                    topic: job.spec.topic.clone(),
                    partition: one.stretch.partition,
                },
                end: one.stretch.end,
            })
        });
        Ok(ends.collect())
    }
}
