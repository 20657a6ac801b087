//! A partition that the group has given to this member, not read yet.

use std::sync::Arc;

use super::PartitionRecords;
use crate::consumer::ConsumeError;
use crate::consumer::ownership::Epoch;
use crate::consumer::reader::Reader;
use crate::record::TopicPartition;

/// A partition that the group has given to this member. Nothing is read before it is started.
#[derive(Clone)]
pub struct AssignedPartition {
    pub(super) at: TopicPartition,
    pub(super) epoch: Epoch,
    pub(super) reader: Arc<Reader>,
}

impl AssignedPartition {
    pub(crate) fn new(at: TopicPartition, epoch: Epoch, reader: Arc<Reader>) -> Self {
        Self { at, epoch, reader }
    }

    /// Which partition.
    pub fn id(&self) -> &TopicPartition {
        &self.at
    }

    /// Which assignment of it: grows with each one that this process gets.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// Asks the brokers for the first offset there is and for the one that the next record gets.
    pub async fn watermarks(&self) -> Result<(i64, i64), ConsumeError> {
        self.reader.watermarks(&self.at).await
    }

    /// Asks the brokers for the offset that the group has committed, if it has any. It may lie
    /// outside of the log.
    pub async fn committed(&self) -> Result<Option<i64>, ConsumeError> {
        self.reader.committed_of(&self.at).await
    }

    /// Starts to read at exactly this offset, whatever the group has committed. The next record
    /// delivered is the first one there is at or after it.
    ///
    /// An offset outside of the log is an error and starts nothing; the high watermark itself is
    /// inside. After any error the call may be repeated, with the same offset or another.
    pub async fn start_at(&self, offset: i64) -> Result<PartitionRecords, ConsumeError> {
        let watermarks = self.watermarks().await?;
        check_range(&self.at, offset, watermarks)?;
        let slot = self
            .reader
            .start(&self.at, self.epoch, offset, watermarks)?;
        tracing::info!(
            kafka.topic = %self.at.topic, kafka.partition = self.at.partition, kafka.offset = offset,
            kafka.low_watermark = watermarks.0, kafka.high_watermark = watermarks.1,
            "Reading a partition",
        );
        Ok(PartitionRecords::new(self.clone(), slot, offset))
    }

    /// Starts to read at the first offset there is.
    pub async fn start_at_earliest(&self) -> Result<PartitionRecords, ConsumeError> {
        let (low, _) = self.watermarks().await?;
        self.start_at(low).await
    }
}

impl std::fmt::Debug for AssignedPartition {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "AssignedPartition({}, epoch {})", self.at, self.epoch)
    }
}

/// An offset is within the log from the first one there is to the one that comes next.
pub(super) fn check_range(
    at: &TopicPartition,
    offset: i64,
    (low, high): (i64, i64),
) -> Result<(), ConsumeError> {
    if (low..=high).contains(&offset) {
        return Ok(());
    }
    Err(ConsumeError::OffsetOutOfRange {
        at: at.clone(),
        offset,
        low,
        high,
    })
}
