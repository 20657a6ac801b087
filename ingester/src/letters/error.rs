//! What can go wrong with dead letters.

use kafka::{AdminError, ConsumeError, ProduceError, ProducerError};
use model::LetterRange;
use storage::{ReadError, WriteError};

/// Why dead letters cannot be looked at, driven again or purged.
#[derive(Debug, thiserror::Error)]
pub enum LettersError {
    /// Another process is at it.
    #[error("another redrive or purge is under way: one at a time")]
    Busy,
    /// The store does not note what was done.
    #[error("the store does not note what was done; a later redrive finds out")]
    Note(#[from] WriteError),
    /// The store does not say.
    #[error("the store does not say what it knows of dead letters")]
    Store(#[from] ReadError),
    /// A record that is driven again was not written.
    #[error("letter {offset} was not written; run the redrive again")]
    Write {
        /// Number of the letter.
        offset: i64,
        /// The cause.
        source: crate::RewriteError,
    },
    /// A topic cannot be read.
    #[error("the dead letters cannot be read")]
    Log(#[source] Box<ConsumeError>),
    /// A topic says nothing.
    #[error("the brokers do not deliver {topic}/{partition} from offset {offset}")]
    Silent {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
        /// Where the reading stands.
        offset: i64,
    },
    /// Kafka cannot be asked to cut a topic.
    #[error("the dead letters cannot be purged")]
    Admin(#[source] Box<AdminError>),
    /// There is no producer.
    #[error("no records can be produced")]
    Producer(#[source] Box<ProducerError>),
    /// Records were not acknowledged: some may have been given back.
    #[error("not all records were given back; run the redrive again, which finds out")]
    Produce(#[source] Box<ProduceError>),
    /// The store took so long to note an intent that it is not safe to act on it.
    #[error("the store is too slow to drive letters again safely")]
    Slow,
    /// A topic can only be cut off at its start.
    #[error(
        "cannot purge {range}: Kafka can only cut a log off at its start, and partition {} starts \
         at offset {low}; name everything up to a letter, or an age", range.partition
    )]
    NotAtTheStart {
        /// What was to be purged.
        range: LetterRange,
        /// Where the log starts.
        low: i64,
    },
    /// There is no such partition.
    #[error("the dead letters have no partition {partition}")]
    NoSuchPartition {
        /// The partition.
        partition: i32,
    },
}

impl From<ConsumeError> for LettersError {
    fn from(error: ConsumeError) -> Self {
        Self::Log(Box::new(error))
    }
}

impl From<AdminError> for LettersError {
    fn from(error: AdminError) -> Self {
        Self::Admin(Box::new(error))
    }
}
