//! Records that can never be stored → the dead-letter topic, bytes untouched, reason attached.

use std::{future::Future, sync::Arc};

use kafka::{DeadLetter, DeadLetterRecord, Producer, Record, TopicPartition};
use storage::Source;

use crate::DeadRecord;

/// The dead letters did not take the records. Worth trying again, for as long as it takes.
#[derive(Debug, thiserror::Error)]
#[error("the dead letters of {topic}/{partition} were not acknowledged")]
pub struct DeadLettersUnavailable {
    /// Topic that the records came from.
    pub topic: String,
    /// Partition that they came from.
    pub partition: i32,
    /// The cause.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// Where records go that can never be stored.
pub trait DeadLetters: Send + Sync + 'static {
    /// Keeps the records. `Ok` means that all of them are durable. May keep one twice when a try
    /// before failed half-way; never loses one.
    fn publish(
        &self,
        source: &Source,
        records: &[DeadRecord],
    ) -> impl Future<Output = Result<(), DeadLettersUnavailable>> + Send;
}

/// The dead-letter topic.
#[derive(Clone)]
pub struct KafkaDeadLetters {
    producer: Arc<Producer>,
    topic: String,
    by: String,
}

impl KafkaDeadLetters {
    /// Dead letters go to `topic`, decided by the process that is called `by`.
    pub fn new(producer: Producer, topic: String, by: String) -> Self {
        Self {
            producer: Arc::new(producer),
            topic,
            by,
        }
    }

    fn letter(&self, origin: &TopicPartition, by: &str, record: &DeadRecord) -> DeadLetterRecord {
        let original = Record {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key.clone(),
            payload: Some(record.payload.clone()),
            headers: record.headers.clone(),
        };
        DeadLetter::of(&original, origin, record.reason.as_str(), &record.error)
            .schema(record.schema_id())
            .decided(bootstrap::clock::now(), by)
            .record(&original)
    }
}

impl DeadLetters for KafkaDeadLetters {
    async fn publish(
        &self,
        source: &Source,
        records: &[DeadRecord],
    ) -> Result<(), DeadLettersUnavailable> {
        let origin = TopicPartition::new(source.topic.as_str(), source.partition);
        // Those of a replay are told apart from those of new spans.
        let by = match source.is_live() {
            true => self.by.clone(),
            false => format!("{}/{}", self.by, source.consumer),
        };
        let letters: Vec<_> = records
            .iter()
            .map(|record| self.letter(&origin, &by, record))
            .collect();
        let headers: Vec<_> = letters.iter().map(DeadLetterRecord::header_refs).collect();
        let outbound: Vec<_> = letters
            .iter()
            .zip(&headers)
            .map(|(letter, headers)| letter.outbound(&self.topic, headers))
            .collect();
        self.producer
            .send_all(&outbound)
            .await
            .map_err(|error| DeadLettersUnavailable {
                topic: source.topic.clone(),
                partition: source.partition,
                source: Box::new(error),
            })
    }
}
