//! Settings of the consumer.

use std::time::Duration;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

use super::{ConfigError, KafkaConfig, size};

/// Who computes which member reads which partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum GroupProtocol {
    /// A member of the group, by the cooperative-sticky strategy. Works with every broker.
    #[default]
    Classic,
    /// The brokers (KIP-848), from Kafka 4.0. Session and heartbeat times are then theirs.
    Consumer,
}

/// How records are consumed by the members of a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ConsumerConfig {
    /// Name of the group. Members of one group share the partitions.
    pub group: String,
    /// Topics to read.
    pub topics: Vec<String>,
    /// `classic` (cooperative-sticky) or `consumer` (Kafka 4.0 and later).
    pub protocol: GroupProtocol,
    /// A name for this member that survives restarts, unique in the group. With one, a restart
    /// moves no partition, but a member that leaves for good keeps its partitions idle for
    /// `session_timeout`.
    pub instance_id: Option<String>,
    /// How long the group waits for a silent member before its partitions move.
    #[serde(with = "humantime_serde")]
    pub session_timeout: Duration,
    /// How often a member tells the group that it is alive.
    #[serde(with = "humantime_serde")]
    pub heartbeat_interval: Duration,
    /// How long the program may freeze before the group gives up on it.
    #[serde(with = "humantime_serde")]
    pub max_poll_interval: Duration,
    /// How long a partition that moves away may take to be let go. Shorter than `session_timeout`.
    #[serde(with = "humantime_serde")]
    pub drain_timeout: Duration,
    /// Decompressed records held ahead **per partition**. Memory grows with it times the number
    /// of partitions that one process owns.
    #[serde(with = "size")]
    pub prefetch_bytes: u64,
    /// Most bytes, compressed, of one partition in one fetch.
    #[serde(with = "size")]
    pub partition_fetch_bytes: u64,
    /// Most bytes, compressed, in one fetch.
    #[serde(with = "size")]
    pub fetch_bytes: u64,
    /// Bytes, compressed, that a broker gathers before it answers a fetch. More: fewer fetches, which
    /// cost the brokers and us; the answer waits for them no longer than `fetch_wait`.
    #[serde(with = "size")]
    pub fetch_min_bytes: u64,
    /// How long a broker holds a fetch that finds less than `fetch_min_bytes`: by so much records that
    /// come one at a time are read later.
    #[serde(with = "humantime_serde")]
    pub fetch_wait: Duration,
    /// How long a partition whose prefetch is full waits before it looks again.
    #[serde(with = "humantime_serde")]
    pub fetch_backoff: Duration,
}

impl Default for ConsumerConfig {
    fn default() -> Self {
        Self {
            group: "spoor-ingester".to_owned(),
            topics: vec!["spoor.spans".to_owned()],
            protocol: GroupProtocol::default(),
            instance_id: None,
            session_timeout: Duration::from_secs(45),
            heartbeat_interval: Duration::from_secs(3),
            max_poll_interval: Duration::from_secs(300),
            drain_timeout: Duration::from_secs(15),
            prefetch_bytes: 4 << 20,
            partition_fetch_bytes: 1 << 20,
            fetch_bytes: 16 << 20,
            fetch_min_bytes: 1,
            fetch_wait: Duration::from_millis(500),
            fetch_backoff: Duration::from_millis(10),
        }
    }
}

impl ConsumerConfig {
    /// Checks the fields against each other.
    pub fn validate(&self) -> Result<(), ConfigError> {
        let invalid = |field, why| Err(ConfigError::Invalid { field, why });
        if self.group.is_empty() {
            return invalid("consumer.group", "must not be empty");
        }
        if self.topics.is_empty() {
            return invalid("consumer.topics", "names no topic");
        }
        if self.drain_timeout >= self.session_timeout {
            return invalid(
                "consumer.drain_timeout",
                "must be shorter than session_timeout",
            );
        }
        if self.session_timeout > self.max_poll_interval {
            return invalid(
                "consumer.max_poll_interval",
                "must not be shorter than session_timeout",
            );
        }
        if self.partition_fetch_bytes > self.fetch_bytes {
            return invalid("consumer.fetch_bytes", "must hold one partition's fetch");
        }
        if self.fetch_min_bytes > self.fetch_bytes {
            return invalid("consumer.fetch_min_bytes", "must not exceed fetch_bytes");
        }
        Ok(())
    }

    /// The client that is the group's member. It reads no records.
    pub(crate) fn member(&self, kafka: &KafkaConfig) -> Result<ClientConfig, ConfigError> {
        let mut client = self.client(kafka)?;
        client.set(
            "max.poll.interval.ms",
            self.max_poll_interval.as_millis().to_string(),
        );
        client.set("statistics.interval.ms", "0");
        match self.protocol {
            GroupProtocol::Classic => client
                .set("partition.assignment.strategy", "cooperative-sticky")
                .set(
                    "session.timeout.ms",
                    self.session_timeout.as_millis().to_string(),
                )
                .set(
                    "heartbeat.interval.ms",
                    self.heartbeat_interval.as_millis().to_string(),
                ),
            GroupProtocol::Consumer => client.set("group.protocol", "consumer"),
        };
        if let Some(instance) = &self.instance_id {
            client.set("group.instance.id", instance);
        }
        Ok(client)
    }

    /// The client that reads records. It never joins the group.
    pub(crate) fn reader(&self, kafka: &KafkaConfig) -> Result<ClientConfig, ConfigError> {
        let mut client = self.client(kafka)?;
        let fetch = self.partition_fetch_bytes.max(1);
        client
            .set(
                "queued.max.messages.kbytes",
                (self.prefetch_bytes / 1024).max(1).to_string(),
            )
            .set("fetch.message.max.bytes", fetch.to_string())
            .set("fetch.max.bytes", self.fetch_bytes.to_string())
            .set("fetch.min.bytes", self.fetch_min_bytes.to_string())
            .set("fetch.wait.max.ms", self.fetch_wait.as_millis().to_string())
            .set(
                "fetch.queue.backoff.ms",
                self.fetch_backoff.as_millis().to_string(),
            )
            .set("fetch.error.backoff.ms", "100");
        Ok(client)
    }

    fn client(&self, kafka: &KafkaConfig) -> Result<ClientConfig, ConfigError> {
        self.validate()?;
        let mut client = kafka.client()?;
        client
            .set("group.id", &self.group)
            .set("allow.auto.create.topics", "false")
            .set("enable.auto.commit", "false")
            .set("enable.auto.offset.store", "false")
            .set("auto.offset.reset", "error")
            .set("topic.metadata.refresh.interval.ms", "30000");
        Ok(client)
    }
}
