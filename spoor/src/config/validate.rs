//! What a document may not say although each key by itself is right.

use anyhow::{Context, ensure};

use super::Config;

impl Config {
    /// Checks sections against themselves and each other, without asking any server.
    pub(crate) fn validate(&self) -> anyhow::Result<()> {
        let partitions = self.topics.partitions;
        ensure!(
            partitions.is_power_of_two(),
            "`topics.partitions` is {partitions} and must be a power of two"
        );
        let (record, message) = (
            self.kafka.producer.max_record_bytes,
            self.topics.max_message_bytes,
        );
        ensure!(
            record <= message,
            "`kafka.producer.max_record_bytes` ({record}) must not exceed `topics.max_message_bytes` ({message})"
        );
        self.validate_kafka()?;
        let ratio = self.tracing.sampling_ratio;
        ensure!(
            (0.0..=1.0).contains(&ratio),
            "`tracing.sampling_ratio` must lie between 0 and 1"
        );
        crate::schema_ids::registry(self)?;
        Ok(())
    }

    /// Without brokers, a Kafka of our own is started, and reached without security.
    fn validate_kafka(&self) -> anyhow::Result<()> {
        self.kafka
            .producer()
            .validate()
            .context("in `kafka.producer`")?;
        self.ingester
            .consume
            .consumer()
            .validate()
            .context("in `ingester.consume`")?;
        if !self.kafka.brokers.is_empty() {
            self.kafka.client().validate().context("in `kafka`")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_must_be_a_power_of_two() {
        let mut config = Config::default();
        config.topics.partitions = 12;
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("`topics.partitions`")
        );
    }

    #[test]
    fn a_record_must_fit_into_its_topic() {
        let mut config = Config::default();
        config.topics.max_message_bytes = bootstrap::ByteSize::kib(64);
        assert!(
            config
                .validate()
                .unwrap_err()
                .to_string()
                .contains("`topics.max_message_bytes`")
        );
    }
}
