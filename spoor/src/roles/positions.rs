//! Where the consumed positions lie before a storage plug-in: with Kafka, as the group's offsets.

use kafka::{ConsumeError, RangeReader};
use remote_storage::Positions;
use storage::{PluginError, Source};

use crate::config::Config;

/// The offsets that the ingesters' group has committed.
pub(crate) struct GroupOffsets {
    reader: RangeReader,
}

impl GroupOffsets {
    /// Of the group that consumes new spans.
    ///
    /// # Errors
    /// If the settings of Kafka cannot be used.
    pub(crate) fn new(config: &Config) -> Result<Self, ConsumeError> {
        let group = config.ingester.consume.consumer().group;
        let reader = RangeReader::of_group(&config.kafka.client(), &group)?;
        Ok(Self { reader })
    }
}

impl Positions for GroupOffsets {
    async fn committed(&self, source: &Source) -> Result<Option<i64>, PluginError> {
        let all = self.reader.mirrored(&source.topic).await?;
        Ok(all.get(&source.partition).copied())
    }
}
