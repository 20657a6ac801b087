//! Settings of the producer.

use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use super::{ConfigError, KafkaConfig, size};

/// How record batches are compressed on the wire and in the topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Compression {
    /// Not at all: least work for the client, about four times the bytes.
    None,
    /// Least work altogether.
    #[default]
    Lz4,
    /// A third fewer bytes than lz4 for some more work on both sides.
    Zstd,
}

impl Compression {
    fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }
}

/// How records are produced. Acknowledgement by all in-sync replicas and idempotence are not
/// settings: the delivery promise rests on them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProducerConfig {
    /// `none`, `lz4` or `zstd`.
    pub compression: Compression,
    /// How long a batch waits for more records. Longer: less work for the brokers. It is paid in
    /// latency of the acknowledgement one to one.
    #[serde(with = "humantime_serde")]
    pub linger: Duration,
    /// How long a record may take to be acknowledged, retries included. Must be shorter than the
    /// time that clients wait for their answer (10 s for OTLP exporters).
    #[serde(with = "humantime_serde")]
    pub delivery_timeout: Duration,
    /// How long a request that was let in waits for room when the queue fills up midway.
    #[serde(with = "humantime_serde")]
    pub queue_wait: Duration,
    /// Most bytes of records that may wait for acknowledgement: the memory that a slow or absent
    /// cluster can cost. Beyond it requests are refused before they are decoded.
    #[serde(with = "size")]
    pub queue_bytes: u64,
    /// Most records that may wait for acknowledgement.
    pub queue_records: u64,
    /// Most bytes of one record before compression. Must not exceed the topic's
    /// `max.message.bytes`.
    #[serde(with = "size")]
    pub max_record_bytes: u64,
}

impl Default for ProducerConfig {
    fn default() -> Self {
        Self {
            compression: Compression::default(),
            linger: Duration::from_millis(5),
            delivery_timeout: Duration::from_secs(8),
            queue_wait: Duration::from_secs(1),
            queue_bytes: 128 << 20,
            queue_records: 200_000,
            max_record_bytes: 1_000_000,
        }
    }
}

impl ProducerConfig {
    /// Checks the fields against each other.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, why| Err(ConfigError::Invalid { field, why });
        if self.delivery_timeout <= self.linger {
            return invalid("producer.delivery_timeout", "must be longer than linger");
        }
        if self.queue_bytes < self.max_record_bytes {
            return invalid("producer.queue_bytes", "must hold the largest record");
        }
        if self.queue_records == 0 {
            return invalid("producer.queue_records", "must be at least 1");
        }
        if !(1_000..=1_000_000_000).contains(&self.max_record_bytes) {
            return invalid(
                "producer.max_record_bytes",
                "must be between 1000 and 1000000000",
            );
        }
        Ok(())
    }

    pub(crate) fn client(&self, kafka: &KafkaConfig) -> Result<ClientConfig, ConfigError> {
        self.validate()?;
        let mut client = kafka.client()?;
        // The library's own bounds lie a quarter above ours, so that a request that was let in
        // by `has_room` meets a full queue only when many come in at once.
        let records = (self.queue_records.saturating_mul(5) / 4).clamp(1, 10_000_000);
        let kbytes = (self.queue_bytes / 1024 * 5 / 4).clamp(1, 2_147_483_647);
        let timeout = self.delivery_timeout.as_millis().max(1);
        client
            .set("acks", "all")
            .set("enable.idempotence", "true")
            // A topic that no broker knows is an error after this time, not after a timeout.
            .set("topic.metadata.propagation.max.ms", "3000")
            // How soon records go to partitions that were added; as the consumer has it.
            .set("topic.metadata.refresh.interval.ms", "30000")
            .set("partitioner", "murmur2_random")
            .set("compression.type", self.compression.name())
            .set("linger.ms", self.linger.as_millis().to_string())
            .set("delivery.timeout.ms", timeout.to_string())
            .set("message.max.bytes", self.max_record_bytes.to_string())
            .set("queue.buffering.max.messages", records.to_string())
            .set("queue.buffering.max.kbytes", kbytes.to_string());
        Ok(client)
    }
}
