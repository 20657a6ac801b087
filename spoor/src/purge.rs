//! `spoor purge`: empties the store, beside everything that runs. What Kafka holds by then is
//! passed over: every consumer goes on at the end of its log.

use std::collections::BTreeSet;
use std::sync::Arc;

use anyhow::{Context, ensure};
use clap::Args;
use futures_util::future::BoxFuture;
use ingester::BACKFILL_CONSUMER;
use kafka::RangeReader;
use query::{AdminError, StoreAdmin};
use storage::{LIVE_CONSUMER, LogEnd, PostgresStore, Purge, PurgeOrder, Source, Stores};

use crate::config::{Config, Deployment};
use crate::console::say;
use crate::roles::connect;

/// `spoor purge`
#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Yes: every trace of every tenant, for good.
    #[arg(long)]
    yes: bool,
    /// Traces that are kept beyond retention as well.
    #[arg(long)]
    archive: bool,
}

/// Returns once the store is empty.
pub(crate) async fn run(config: &Config, args: PurgeArgs) -> anyhow::Result<()> {
    ensure!(
        args.yes,
        "everything that is stored is deleted for good: say --yes"
    );
    let stores = connect(config).await?;
    let purged = empty(config, &stores, args.archive).await;
    stores.close().await;
    let purged = purged?;
    say(format!(
        "the store is empty; {} partitions go on at the end of their logs, {} replays were cancelled",
        purged.sources, purged.replays_cancelled
    ));
    Ok(())
}

async fn empty(
    config: &Config,
    stores: &Stores<PostgresStore>,
    archive: bool,
) -> anyhow::Result<Purge> {
    // First the ends: what is acknowledged before is gone, what comes later is stored again.
    let ends = ends(config, stores).await?;
    let purged = stores.purge(&PurgeOrder { ends, archive }).await;
    let purged = purged.context("the store could not be emptied")?;
    tracing::warn!(
        purge.generation = purged.generation,
        purge.archive = archive,
        "The store was emptied"
    );
    Ok(purged)
}

/// The ends of every log that ingesters consume.
async fn ends(config: &Config, stores: &Stores<PostgresStore>) -> anyhow::Result<Vec<LogEnd>> {
    if config.deployment == Deployment::Direct {
        return Ok(Vec::new());
    }
    ensure!(
        !config.kafka.brokers.is_empty(),
        "kafka.brokers is empty: say where Kafka is"
    );
    let known = stores.consumed_topics().await?;
    let mut consumed: BTreeSet<(String, String)> = known.into_iter().collect();
    let ingester = &config.ingester;
    consumed.insert((LIVE_CONSUMER.to_owned(), ingester.consume.topic.clone()));
    if !ingester.replay.topic.is_empty() {
        consumed.insert((BACKFILL_CONSUMER.to_owned(), ingester.replay.topic.clone()));
    }
    let reader = RangeReader::new(&config.kafka.client())?;
    let mut ends = Vec::new();
    for (consumer, topic) in consumed {
        let of_topic = reader.ends(&topic).await;
        let of_topic = of_topic.with_context(|| format!("where does {topic} end?"))?;
        ends.extend(of_topic.into_iter().map(|log| LogEnd {
            source: Source {
                consumer: consumer.clone(),
                topic: topic.clone(),
                partition: log.at.partition,
            },
            end: log.high,
        }));
    }
    Ok(ends)
}

/// The same for the query service's admin API.
pub(crate) fn desk(config: &Config, stores: Stores<PostgresStore>) -> Arc<dyn StoreAdmin> {
    let config = config.clone();
    Arc::new(Desk { config, stores })
}

struct Desk {
    config: Config,
    stores: Stores<PostgresStore>,
}

impl StoreAdmin for Desk {
    fn purge(&self, archive: bool) -> BoxFuture<'_, Result<Purge, AdminError>> {
        Box::pin(async move {
            let purged = empty(&self.config, &self.stores, archive).await;
            purged.map_err(|error| AdminError::Unavailable(format!("{error:#}")))
        })
    }
}
