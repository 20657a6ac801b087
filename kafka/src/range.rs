//! Reads stretches of a topic's log by hand, without any group: dead letters, replays, audits.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use crate::config::{ConsumerConfig, KafkaConfig};
use crate::consumer::ConsumeError;
use crate::consumer::ownership::Ownership;
use crate::consumer::reader::Reader;
use crate::partition::{AssignedPartition, PartitionRecords};
use crate::record::{Record, TopicPartition};

/// The part of a partition's log that exists, at the time of the question.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEnds {
    /// Which partition.
    pub at: TopicPartition,
    /// The first offset there is.
    pub low: i64,
    /// The offset that the next record will get.
    pub high: i64,
}

/// A client that reads partitions from offsets that its caller names. It is in no group and
/// commits nothing. One partition is read once at a time: starting it again ends the first reading.
pub struct RangeReader {
    reader: Arc<Reader>,
    ownership: Arc<Ownership>,
}

impl RangeReader {
    /// Makes the client. Does not wait for a broker.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn new(kafka: &KafkaConfig) -> Result<Self, ConsumeError> {
        Self::of_group(kafka, &kafka.client_id)
    }

    /// Makes the client so that it can be asked for what a group has mirrored. It is no member of
    /// that group.
    ///
    /// # Errors
    /// If the settings cannot be used.
    pub fn of_group(kafka: &KafkaConfig, group: &str) -> Result<Self, ConsumeError> {
        let config = ConsumerConfig {
            group: group.to_owned(),
            ..ConsumerConfig::default()
        };
        let ownership = Arc::new(Ownership::new());
        let mut settings = config.reader(kafka)?;
        settings.set("enable.partition.eof", "true");
        let reader = Reader::new(&settings, ownership.clone())?;
        Ok(Self { reader, ownership })
    }

    /// The ends of the log of each partition of a topic, in order of partitions.
    ///
    /// # Errors
    /// If the brokers cannot say.
    pub async fn ends(&self, topic: &str) -> Result<Vec<LogEnds>, ConsumeError> {
        let topic: Arc<str> = topic.into();
        let mut ends = Vec::new();
        for partition in 0..self.reader.partitions(&topic).await? {
            let at = TopicPartition::new(topic.clone(), partition);
            let (low, high) = self.reader.watermarks(&at).await?;
            ends.push(LogEnds { at, low, high });
        }
        Ok(ends)
    }

    /// The offsets that the client's group has mirrored of a topic, by partition, as
    /// [`crate::GroupConsumer::mirror`] writes them. They may lag behind, and never run ahead: who
    /// keeps the position elsewhere uses them for gauges, who does not reads on from them at the
    /// cost of reading again.
    ///
    /// # Errors
    /// If the brokers cannot say.
    pub async fn mirrored(&self, topic: &str) -> Result<HashMap<i32, i64>, ConsumeError> {
        self.reader.committed(topic).await
    }

    /// The first offset of a partition whose record's timestamp is at or after a moment, in Unix
    /// milliseconds; the end of the log when there is none. With timestamps that producers set,
    /// records that come later in the log may be older.
    ///
    /// # Errors
    /// If the brokers cannot say.
    pub async fn offset_at(
        &self,
        at: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<i64, ConsumeError> {
        match self.reader.offset_at(at, timestamp_ms).await? {
            Some(offset) => Ok(offset),
            None => Ok(self.reader.watermarks(at).await?.1),
        }
    }

    /// Starts to read a partition at exactly this offset; see [`AssignedPartition::start_at`].
    ///
    /// # Errors
    /// If the offset is outside of the log, or the brokers do not answer.
    pub async fn start_at(
        &self,
        at: &TopicPartition,
        offset: i64,
    ) -> Result<PartitionRecords, ConsumeError> {
        self.assigned(at).start_at(offset).await
    }

    /// Reads the records of a partition from one offset up to, and without, another.
    ///
    /// # Errors
    /// If `from` is outside of the log, or the brokers do not answer.
    pub async fn range(
        &self,
        at: &TopicPartition,
        from: i64,
        to: i64,
    ) -> Result<RecordRange, ConsumeError> {
        let records = self.start_at(at, from).await?;
        Ok(RecordRange { records, to })
    }

    pub(crate) fn assigned(&self, at: &TopicPartition) -> AssignedPartition {
        let epoch = self.ownership.assign(at);
        AssignedPartition::new(at.clone(), epoch, self.reader.clone())
    }

    pub(crate) fn reader(&self) -> &Arc<Reader> {
        &self.reader
    }
}

impl std::fmt::Debug for RangeReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RangeReader").finish_non_exhaustive()
    }
}

/// The records of a partition between two offsets, in order. Dropping it stops the reading.
#[derive(Debug)]
pub struct RecordRange {
    records: PartitionRecords,
    to: i64,
}

impl RecordRange {
    /// The lowest offset that the next record can have.
    pub fn position(&self) -> i64 {
        self.records.position()
    }

    /// The next records, at least one and at most `max_records`; `None` once the range is read.
    /// Offsets without a record, such as compaction leaves, are passed over. Empty when nothing
    /// came within `max_wait`: ask again.
    ///
    /// Cancel safe, and may be repeated after an error, as [`PartitionRecords::next`].
    ///
    /// # Errors
    /// If the partition cannot be read for now, or its log has lost the range meanwhile.
    pub async fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> Result<Option<Vec<Record>>, ConsumeError> {
        if self.records.position() >= self.to || self.records.at_end() {
            return Ok(None);
        }
        let mut records = self.records.next(max_records, max_wait).await?;
        let beyond = records.iter().position(|record| record.offset >= self.to);
        if let Some(beyond) = beyond {
            records.truncate(beyond);
        }
        let read = self.records.position() >= self.to || self.records.at_end();
        Ok(match records.is_empty() && read {
            true => None,
            false => Some(records),
        })
    }
}
