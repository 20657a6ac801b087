//! Why records were not produced.

use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::config::ConfigError;

/// Why there is no producer.
#[derive(Debug, thiserror::Error)]
pub enum ProducerError {
    /// The settings are wrong.
    #[error("the producer's settings cannot be used")]
    Config(#[from] ConfigError),
    /// The library refuses the settings.
    #[error("the Kafka client cannot be made")]
    Client {
        /// The cause.
        source: KafkaError,
    },
}

/// Why a request's records are not all acknowledged. Some of them may be in their topics.
#[derive(Debug, thiserror::Error)]
pub enum ProduceError {
    /// The queue stayed full. Try again later.
    #[error("the producer's queue was still full after {waited:?}")]
    QueueFull {
        /// How long room was waited for.
        waited: Duration,
    },
    /// A record is larger than the client or the topic takes. Trying again is of no use.
    #[error("record {index} of {bytes} bytes is larger than a record may be")]
    TooLarge {
        /// Index of the record in the request.
        index: usize,
        /// Its size before compression.
        bytes: usize,
    },
    /// The brokers did not acknowledge in time, or are too few. Try again later.
    #[error("records for {topic} were not acknowledged")]
    NotAcknowledged {
        /// Topic of the first record that failed.
        topic: String,
        /// The cause.
        source: KafkaError,
    },
    /// The cluster refuses the records until an operator does something: topic missing, no
    /// rights, credentials wrong.
    #[error("records for {topic} are refused until an operator steps in")]
    Refused {
        /// Topic of the first record that failed.
        topic: String,
        /// The cause.
        source: KafkaError,
    },
}

impl ProduceError {
    /// Whether the same records may be taken later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::QueueFull { .. } | Self::NotAcknowledged { .. } => true,
            Self::TooLarge { .. } | Self::Refused { .. } => false,
        }
    }

    /// Label of the failure in metrics.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::QueueFull { .. } => "queue_full",
            Self::TooLarge { .. } => "too_large",
            Self::NotAcknowledged { source, .. } => match source.rdkafka_error_code() {
                Some(Code::MessageTimedOut | Code::RequestTimedOut) => "timed_out",
                Some(Code::NotEnoughReplicas | Code::NotEnoughReplicasAfterAppend) => {
                    "not_enough_replicas"
                }
                _ => "not_acknowledged",
            },
            Self::Refused { .. } => "refused",
        }
    }

    pub(super) fn from_client(topic: &str, source: KafkaError) -> Self {
        let topic = topic.to_owned();
        match source.rdkafka_error_code() {
            Some(
                Code::UnknownTopic
                | Code::UnknownPartition
                | Code::UnknownTopicOrPartition
                | Code::InvalidTopic
                | Code::TopicAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::Authentication
                | Code::SaslAuthenticationFailed
                | Code::PolicyViolation
                | Code::InvalidRecord,
            ) => Self::Refused { topic, source },
            _ => Self::NotAcknowledged { topic, source },
        }
    }
}
