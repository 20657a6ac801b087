//! Whether the partitions of the topics can be divided among the stores, asked of Kafka before the first
//! one is consumed.

use std::time::Duration;

use anyhow::{bail, ensure};
use bootstrap::{Process, chain};
use kafka::{ConsumeError, RangeReader};
use storage::{PostgresStore, Stores, can_spread};

use crate::config::Config;

const PAUSE: Duration = Duration::from_secs(1);

/// Waits until Kafka says how many partitions the topics have, if there are several stores.
///
/// Errors: a topic has fewer partitions than there are stores, or no power of two.
pub(super) async fn spread(
    config: &Config,
    stores: &Stores<PostgresStore>,
    process: &Process,
) -> anyhow::Result<()> {
    if !stores.are_several() {
        return Ok(());
    }
    let reader = RangeReader::new(&config.kafka.client())?;
    let (live, backfill) = (
        &config.ingester.consume.topic,
        &config.ingester.replay.topic,
    );
    for topic in [live, backfill]
        .into_iter()
        .filter(|topic| !topic.is_empty())
    {
        let counted = async {
            loop {
                match count(&reader, topic).await {
                    Ok(0) => tracing::warn!("There is no topic {topic} yet; looking again"),
                    Ok(partitions) => return partitions,
                    Err(error) => tracing::warn!(
                        error = %chain(&error),
                        "Kafka does not say yet how many partitions {topic} has; asking again"
                    ),
                }
                tokio::time::sleep(PAUSE).await;
            }
        };
        let partitions = tokio::select! {
            partitions = counted => partitions,
            () = process.stop.stopped() => bail!("stopped before Kafka was there"),
        };
        let count = stores.all().len();
        ensure!(
            can_spread(partitions, count),
            "{topic} has {partitions} partitions, which cannot be divided among {count} stores: their \
             number must be a power of two and no less than that of the stores"
        );
    }
    Ok(())
}

async fn count(reader: &RangeReader, topic: &str) -> Result<usize, ConsumeError> {
    Ok(reader.ends(topic).await?.len())
}
