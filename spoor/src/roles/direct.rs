//! publish without Kafka: records go to the ingester's write stage in the same process.

use std::time::Duration;

use collector::{Publish, PublishError, SpanRecord};
use ingester::{DirectError, DirectWriter};

/// Hands records over; durable when Postgres has committed.
pub(crate) struct DirectPublisher {
    writer: DirectWriter,
}

impl DirectPublisher {
    /// Publishes by this writer.
    pub(crate) fn new(writer: DirectWriter) -> Self {
        Self { writer }
    }
}

impl Publish for DirectPublisher {
    async fn publish(&self, records: Vec<SpanRecord>) -> Result<(), PublishError> {
        let payloads = records.into_iter().map(|record| record.payload).collect();
        self.writer
            .write(payloads)
            .await
            .map_err(|error| match error {
                DirectError::Overloaded { retry_after, .. } => PublishError::Overloaded {
                    retry_after: Some(retry_after),
                },
                error => PublishError::Unavailable {
                    source: error.into(),
                },
            })
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.writer.has_room(bytes)
    }

    // Every request waits for its commit: when the last one is answered, nothing is under way.
    async fn finish(&self, _: Duration) {}
}
