//! Settings of the Kafka clients, and what they become in librdkafka.

mod consumer;
mod producer;
mod security;
mod size;

use std::collections::BTreeMap;
use std::path::PathBuf;

use rdkafka::ClientConfig;
use serde::{Deserialize, Serialize};

pub use consumer::{ConsumerConfig, GroupProtocol};
pub use producer::{Compression, ProducerConfig};
pub use security::{SaslMechanism, SecurityConfig, SecurityProtocol};

/// Why settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A pass-through property that would break the delivery promise, or that has its own field.
    #[error("kafka.properties.{property} cannot be set: {why}")]
    Denied {
        /// Name of the property.
        property: String,
        /// What to do instead, or what would break.
        why: &'static str,
    },
    /// Fields contradict each other.
    #[error("kafka.{field} is wrong: {why}")]
    Invalid {
        /// Path of the field below `kafka`.
        field: &'static str,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A file with a secret or certificate cannot be read.
    #[error("cannot read {path}, named by kafka.{field}")]
    Unreadable {
        /// Path of the field below `kafka`.
        field: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
}

/// How to reach the Kafka cluster.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KafkaConfig {
    /// Addresses of some brokers, `host:port`, comma-separated. The others are found through them.
    pub brokers: String,
    /// Name of this client in the brokers' logs, metrics and quotas.
    pub client_id: String,
    /// Encryption and authentication.
    pub security: SecurityConfig,
    /// Further librdkafka properties, passed on as they are. Those that would break the delivery
    /// promise, hold secrets, or have a field of their own are refused.
    pub properties: BTreeMap<String, String>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: "127.0.0.1:29092".to_owned(),
            client_id: "spoor".to_owned(),
            security: SecurityConfig::default(),
            properties: BTreeMap::new(),
        }
    }
}

/// Properties that the delivery promise rests on, and that are therefore not to be had.
const PROMISED: &[&str] = &[
    "acks",
    "request.required.acks",
    "auto.offset.reset",
    "enable.auto.commit",
    "auto.commit.enable",
    "enable.auto.offset.store",
    "enable.gapless.guarantee",
    "enable.idempotence",
    "enable.partition.eof",
    "isolation.level",
    "max.in.flight",
    "max.in.flight.requests.per.connection",
    "message.send.max.retries",
    "partitioner",
    "retries",
    "transactional.id",
    "queuing.strategy",
];

/// Properties that the program sets itself: through a field, so that there is one way of each, or
/// to a value that the code relies on.
const FIELDS: &[&str] = &[
    "bootstrap.servers",
    "client.id",
    "allow.auto.create.topics",
    "compression.codec",
    "compression.type",
    "delivery.timeout.ms",
    "fetch.error.backoff.ms",
    "fetch.max.bytes",
    "fetch.message.max.bytes",
    "fetch.min.bytes",
    "fetch.queue.backoff.ms",
    "fetch.wait.max.ms",
    "group.id",
    "group.instance.id",
    "group.protocol",
    "group.remote.assignor",
    "heartbeat.interval.ms",
    "linger.ms",
    "max.partition.fetch.bytes",
    "max.poll.interval.ms",
    "message.max.bytes",
    "message.timeout.ms",
    "metadata.broker.list",
    "partition.assignment.strategy",
    "queue.buffering.max.kbytes",
    "queue.buffering.max.messages",
    "queue.buffering.max.ms",
    "queued.max.messages.kbytes",
    "sasl.mechanism",
    "sasl.mechanisms",
    "sasl.username",
    "security.protocol",
    "session.timeout.ms",
    "ssl.ca.location",
    "ssl.certificate.location",
    "ssl.key.location",
    "statistics.interval.ms",
    "topic.metadata.propagation.max.ms",
    "topic.metadata.refresh.interval.ms",
];

impl KafkaConfig {
    /// Checks everything that can be checked without a broker.
    pub fn validate(&self) -> Result<(), ConfigError> {
        if self
            .brokers
            .split(',')
            .all(|broker| broker.trim().is_empty())
        {
            return Err(ConfigError::Invalid {
                field: "brokers",
                why: "names no broker",
            });
        }
        self.properties
            .keys()
            .try_for_each(|property| permitted(property))?;
        self.security.validate()
    }

    /// What every client of this cluster has in common.
    pub(crate) fn client(&self) -> Result<ClientConfig, ConfigError> {
        self.validate()?;
        let mut client = ClientConfig::new();
        client
            .set("bootstrap.servers", &self.brokers)
            .set("client.id", &self.client_id)
            .set("statistics.interval.ms", "1000")
            .set("reconnect.backoff.max.ms", "2000")
            .set("socket.keepalive.enable", "true")
            .set("socket.nagle.disable", "true")
            .set("enable.metrics.push", "false");
        for (property, value) in &self.properties {
            client.set(property, value);
        }
        self.security.apply(&mut client)?;
        Ok(client)
    }
}

fn permitted(property: &str) -> Result<(), ConfigError> {
    let name = property.to_ascii_lowercase();
    let secret = ["password", "secret", "token", ".pem"]
        .iter()
        .any(|word| name.contains(word));
    let why = if PROMISED.contains(&name.as_str()) {
        "the delivery promise rests on it"
    } else if FIELDS.contains(&name.as_str()) {
        "the program sets it, through a field of its own where there is one"
    } else if secret {
        "secrets are read from files only, see kafka.security"
    } else {
        return Ok(());
    };
    Err(ConfigError::Denied {
        property: property.to_owned(),
        why,
    })
}

#[cfg(test)]
mod tests;
