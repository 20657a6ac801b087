//! Why records were not consumed.

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::config::ConfigError;
use crate::record::TopicPartition;

/// Why a group cannot be joined or a partition not be read.
#[derive(Debug, thiserror::Error)]
pub enum ConsumeError {
    /// The settings are wrong.
    #[error("the consumer's settings cannot be used")]
    Config(#[from] ConfigError),
    /// The library refuses the settings.
    #[error("the Kafka client cannot be made")]
    Client {
        /// The cause.
        source: KafkaError,
    },
    /// The thread that attends to the membership cannot be started.
    #[error("the membership's thread cannot be started")]
    Thread {
        /// The cause.
        source: std::io::Error,
    },
    /// The partition has been revoked or lost since. Drop what is held of it.
    #[error("{at} is no longer ours")]
    NotOwned {
        /// Which partition.
        at: TopicPartition,
    },
    /// The log does not reach to the offset: it was cut, truncated or made anew. Nothing is
    /// skipped unless the caller says so, by starting or seeking elsewhere.
    #[error("offset {offset} of {at} is outside of its log, {low} to {high}")]
    OffsetOutOfRange {
        /// Which partition.
        at: TopicPartition,
        /// The offset that was to be read.
        offset: i64,
        /// The first offset there is.
        low: i64,
        /// The offset that the next record will get.
        high: i64,
    },
    /// The brokers cannot be reached, or cannot serve the partition for now.
    #[error("{at} cannot be read for now")]
    Unavailable {
        /// Which partition.
        at: TopicPartition,
        /// The cause.
        source: KafkaError,
    },
    /// Nothing will be read until an operator does something: topic missing, no rights.
    #[error("{at} cannot be read until an operator steps in")]
    Refused {
        /// Which partition.
        at: TopicPartition,
        /// The cause.
        source: KafkaError,
    },
}

impl ConsumeError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable { .. })
    }

    pub(crate) fn from_client(at: &TopicPartition, source: KafkaError) -> Self {
        let at = at.clone();
        match source.rdkafka_error_code() {
            Some(
                Code::UnknownTopic
                | Code::UnknownPartition
                | Code::UnknownTopicOrPartition
                | Code::InvalidTopic
                | Code::TopicAuthorizationFailed
                | Code::GroupAuthorizationFailed
                | Code::ClusterAuthorizationFailed
                | Code::Authentication
                | Code::SaslAuthenticationFailed,
            ) => Self::Refused { at, source },
            _ => Self::Unavailable { at, source },
        }
    }
}
