//! Publishes to a Kafka topic: key = the trace id's bytes, so that a trace stays in one partition.

use std::time::Duration;

use kafka::{OutboundRecord, ProduceError, Producer};

use super::{Publish, PublishError};
use crate::config::PublishConfig;
use crate::encode::SpanRecord;

/// Header with the tenant's name.
const TENANT: &str = "tenant";
/// Header with the time of receipt, nanoseconds in decimal.
const RECEIVED_AT: &str = "received-at";

/// Publishes records to Kafka; durable when all in-sync replicas have acknowledged.
pub struct KafkaPublisher {
    producer: Producer,
    topic: String,
}

impl KafkaPublisher {
    /// Publishes with this producer.
    pub fn new(producer: Producer, config: &PublishConfig) -> Self {
        Self {
            producer,
            topic: config.topic.clone(),
        }
    }

    /// The producer, for its statistics.
    pub fn producer(&self) -> &Producer {
        &self.producer
    }
}

impl Publish for KafkaPublisher {
    async fn publish(&self, records: Vec<SpanRecord>) -> Result<(), PublishError> {
        let Some(first) = records.first() else {
            return Ok(());
        };
        let received_at = first.received_at.to_string();
        let headers: [(&str, &[u8]); 2] = [
            (TENANT, first.tenant.as_str().as_bytes()),
            (RECEIVED_AT, received_at.as_bytes()),
        ];
        let outbound: Vec<_> = records
            .iter()
            .map(|record| OutboundRecord {
                topic: &self.topic,
                key: record.trace_id.as_bytes(),
                payload: &record.payload,
                headers: &headers,
            })
            .collect();
        self.producer.send_all(&outbound).await.map_err(error)
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.producer.has_room(1, bytes)
    }

    async fn finish(&self, within: Duration) {
        self.producer.flush(within).await;
    }
}

/// What only an operator can mend is worth trying again as well: the records are good.
fn error(error: ProduceError) -> PublishError {
    match error {
        ProduceError::QueueFull { .. } => PublishError::Overloaded { retry_after: None },
        error @ ProduceError::TooLarge { .. } => PublishError::TooLarge {
            source: error.into(),
        },
        error @ (ProduceError::NotAcknowledged { .. } | ProduceError::Refused { .. }) => {
            PublishError::Unavailable {
                source: error.into(),
            }
        }
    }
}
