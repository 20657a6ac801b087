//! Kafka records in and out: producer, consumer, partitions, offsets. Knows nothing of spans.
//!
//! ```text
//! OutboundRecord ─▶ Producer ═▶ topic ═▶ GroupConsumer ─▶ AssignedPartition ─▶ PartitionRecords ─▶ Record
//!                                        (who reads what)   (start_at offset)                        │
//!                                                            OffsetTracker ◀──────── finished ───────┘
//! ```
//!
//! Payloads are bytes. The consumed position is the caller's: the group decides who reads a
//! partition, never where. Offsets committed to Kafka ([`GroupConsumer::mirror`]) are for lag
//! tools, and for callers that keep their position nowhere else: those ask for it
//! ([`AssignedPartition::committed`], [`RangeReader::mirrored`]).

pub mod config;
pub mod record;
pub mod headers;
pub mod partitioner;
pub mod producer;
pub mod consumer;
pub mod partition;
pub mod range;
pub mod offsets;
pub mod dead_letter;
pub mod compacted;
pub mod admin;
mod client;
mod statistics;
pub mod metrics;

pub use admin::{
    Admin, AdminError, CleanupPolicy, Difference, TopicOutcome, TopicRetention, TopicSpec,
    TopicState,
};
pub use compacted::{CompactedChanges, CompactedEntry, follow_compacted, read_compacted};
pub use config::{
    Compression, ConfigError, ConsumerConfig, GroupProtocol, KafkaConfig, ProducerConfig,
    SaslMechanism, SecurityConfig, SecurityProtocol,
};
pub use consumer::{ConsumeError, GroupConsumer, GroupEvent, GroupEvents, Release};
pub use dead_letter::{DeadLetter, DeadLetterError, DeadLetterRecord};
pub use headers::Headers;
pub use offsets::{Ahead, OffsetTracker, Passed};
pub use partition::{AssignedPartition, PartitionRecords};
pub use partitioner::{murmur2, partition_of};
pub use producer::{ProduceError, Producer, ProducerError};
pub use range::{LogEnds, RangeReader, RecordRange};
pub use record::{OutboundRecord, Record, TopicPartition};
