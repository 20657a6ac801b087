//! What topics should be like, and what they are found to be.

use std::time::Duration;

/// What happens to old records of a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CleanupPolicy {
    /// Records are deleted after the retention time.
    Delete,
    /// The last record of each key is kept for ever.
    Compact,
}

/// What a topic should be like. `None` leaves the cluster's default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicSpec {
    /// Name.
    pub name: String,
    /// Number of partitions; a power of two for topics whose keys are trace ids.
    pub partitions: i32,
    /// Copies of each record.
    pub replication_factor: Option<i32>,
    /// What happens to old records.
    pub cleanup: CleanupPolicy,
    /// How long records are kept, where they are deleted by age.
    pub retention: Option<Duration>,
    /// Copies that must have a record before it is acknowledged.
    pub min_insync_replicas: Option<i32>,
    /// Most bytes of a batch of records as sent, compressed.
    pub max_message_bytes: Option<u64>,
    /// Whether `ensure_topics` may add partitions. Keys change their partition then.
    pub grow: bool,
}

/// For how long a topic keeps records, and how many of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TopicRetention {
    /// Age at which records are deleted; none: never.
    pub time: Option<Duration>,
    /// Bytes of a partition beyond which its oldest records are deleted; none: never.
    pub bytes: Option<u64>,
}

/// One way in which a topic is not what it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// What differs: `partitions`, `replication.factor` or the name of a topic setting.
    pub what: String,
    /// What it should be.
    pub expected: String,
    /// What it is.
    pub found: String,
}

/// What a topic is found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TopicState {
    /// It was created.
    Created,
    /// It exists, and is what it should be.
    Exists,
    /// It has more partitions now than before.
    Grown {
        /// Partitions before.
        from: i32,
        /// Partitions now.
        to: i32,
    },
    /// It exists and is not what it should be. Nothing was changed.
    Differs(Vec<Difference>),
    /// It does not exist.
    Missing,
}

/// A topic and what it was found to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicOutcome {
    /// Name.
    pub name: String,
    /// State.
    pub state: TopicState,
}
