//! The log as Kafka has it.

use std::time::Duration;

use kafka::{AssignedPartition, ConsumeError, GroupConsumer, PartitionRecords, Record};

use super::{LogError, SpanLog};

/// One assigned partition of a topic.
pub struct KafkaLog {
    group: GroupConsumer,
    assigned: AssignedPartition,
    records: Option<PartitionRecords>,
}

impl KafkaLog {
    /// A partition that the group has assigned; not read yet.
    pub fn new(group: GroupConsumer, assigned: AssignedPartition) -> Self {
        Self {
            group,
            assigned,
            records: None,
        }
    }
}

impl SpanLog for KafkaLog {
    async fn start_at(&mut self, offset: i64) -> Result<(), LogError> {
        match &mut self.records {
            Some(records) => records.seek(offset).await?,
            None => self.records = Some(self.assigned.start_at(offset).await?),
        }
        Ok(())
    }

    async fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        match &mut self.records {
            Some(records) => Ok(records.next(max_records, max_wait).await?),
            None => Ok(Vec::new()),
        }
    }

    fn pause(&mut self) {
        if let Some(records) = &mut self.records {
            records.pause();
        }
    }

    fn resume(&mut self) -> Result<(), LogError> {
        match &mut self.records {
            Some(records) => Ok(records.resume()?),
            None => Ok(()),
        }
    }

    fn mirror(&self, watermark: i64) {
        self.group
            .mirror(&[(self.assigned.id().clone(), watermark)]);
    }

    async fn ends(&self) -> Result<Option<(i64, i64)>, LogError> {
        Ok(Some(self.assigned.watermarks().await?))
    }

    fn lag(&self) -> u64 {
        self.records.as_ref().map_or(0, PartitionRecords::lag)
    }
}

impl From<ConsumeError> for LogError {
    fn from(error: ConsumeError) -> Self {
        match error {
            ConsumeError::OffsetOutOfRange {
                offset, low, high, ..
            } => Self::OutOfRange {
                wanted: offset,
                low,
                high,
            },
            ConsumeError::NotOwned { .. } => Self::NotOwned,
            ConsumeError::Unavailable { .. } => Self::Unavailable(Box::new(error)),
            ConsumeError::Refused { .. }
            | ConsumeError::Config(_)
            | ConsumeError::Client { .. }
            | ConsumeError::Thread { .. } => Self::Refused(Box::new(error)),
        }
    }
}
