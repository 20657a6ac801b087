//! A partition that is ours: started at an offset, then read.

mod assigned;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::message::Message;
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::time::{Instant, timeout_at};

use crate::consumer::ConsumeError;
use crate::consumer::reader::{Slot, Watermarks};
use crate::metrics;
use crate::record::{Record, TopicPartition};

use assigned::check_range;

pub use assigned::AssignedPartition;

/// The records of one partition, in order. Dropping it stops the reading.
pub struct PartitionRecords {
    assigned: AssignedPartition,
    slot: Arc<Slot>,
    /// Offset that the next delivered record has at least.
    position: i64,
    paused: bool,
    /// What came after the records that were delivered last.
    failed: Option<KafkaError>,
    /// Nothing followed the records that were delivered last. Known where the reader asks for it.
    at_end: bool,
}

impl PartitionRecords {
    fn new(assigned: AssignedPartition, slot: Arc<Slot>, position: i64) -> Self {
        let (paused, failed, at_end) = (false, None, false);
        Self {
            assigned,
            slot,
            position,
            paused,
            failed,
            at_end,
        }
    }

    /// Which partition.
    pub fn id(&self) -> &TopicPartition {
        &self.assigned.at
    }

    /// The lowest offset that the next record can have.
    pub fn position(&self) -> i64 {
        self.position
    }

    /// The offset that the next record produced will get, as of about a second ago.
    pub fn high_watermark(&self) -> i64 {
        self.slot
            .watermarks
            .high
            .load(Ordering::Relaxed)
            .max(self.position)
    }

    /// The first offset there is, as of about a second ago.
    pub fn low_watermark(&self) -> i64 {
        self.slot.watermarks.low.load(Ordering::Relaxed)
    }

    /// Whether the end of the log was reached after the records that were delivered last.
    pub(crate) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Records that are not delivered yet, as of about a second ago.
    pub fn lag(&self) -> u64 {
        (self.high_watermark() - self.position).max(0) as u64
    }

    /// Bytes of records read ahead, as of about a second ago.
    pub fn prefetched_bytes(&self) -> u64 {
        self.slot.watermarks.prefetched.load(Ordering::Relaxed)
    }

    /// Asks the brokers for the ends of the log, which otherwise stand still while the partition
    /// is paused.
    pub async fn refresh_watermarks(&self) -> Result<(), ConsumeError> {
        let (low, high) = self.assigned.watermarks().await?;
        self.slot.watermarks.saw(low, high);
        metrics::consumer_lag(&self.assigned.at, self.slot.watermarks.lag());
        Ok(())
    }

    /// The next records: at least one and at most `max_records` as soon as there are any, none
    /// when `max_wait` is over first.
    ///
    /// Cancel safe: a record is either returned or will be delivered by a later call. After an
    /// error the call may be repeated; after [`ConsumeError::OffsetOutOfRange`] it repeats the
    /// error until [`Self::seek`].
    pub async fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> Result<Vec<Record>, ConsumeError> {
        self.next_within(max_records, usize::MAX, max_wait).await
    }

    /// As [`Self::next`], and no record more once there are `max_bytes` of them: the last one may
    /// go beyond.
    pub async fn next_within(
        &mut self,
        max_records: usize,
        max_bytes: usize,
        max_wait: Duration,
    ) -> Result<Vec<Record>, ConsumeError> {
        let deadline = Instant::now() + max_wait;
        loop {
            if let Some(error) = self.failed.take() {
                return Err(self.explain(error).await);
            }
            let was_at_end = self.at_end;
            let records = self.take(max_records, max_bytes)?;
            if !records.is_empty() || (self.at_end && !was_at_end) {
                return Ok(records);
            }
            let slot = self.slot.clone();
            if self.failed.is_none() && timeout_at(deadline, slot.wake.notified()).await.is_err() {
                return Ok(Vec::new());
            }
        }
    }

    /// Stops to read and frees what was read ahead, until [`Self::resume`]. The group is not
    /// affected, however long it lasts.
    pub fn pause(&mut self) {
        if !self.paused {
            self.paused = true;
            self.assigned
                .reader
                .stop_slot(&self.assigned.at, &self.slot);
        }
    }

    /// Reads on where [`Self::pause`] stopped.
    pub fn resume(&mut self) -> Result<(), ConsumeError> {
        if self.paused {
            self.restart(self.position, self.known_watermarks())?;
        }
        Ok(())
    }

    /// Goes on at exactly this offset, as [`AssignedPartition::start_at`] does. Also resumes.
    pub async fn seek(&mut self, offset: i64) -> Result<(), ConsumeError> {
        let watermarks = self.assigned.watermarks().await?;
        check_range(&self.assigned.at, offset, watermarks)?;
        self.restart(offset, watermarks)
    }

    fn restart(&mut self, offset: i64, watermarks: (i64, i64)) -> Result<(), ConsumeError> {
        let AssignedPartition { at, epoch, reader } = &self.assigned;
        self.slot = reader.start(at, *epoch, offset, watermarks)?;
        self.position = offset;
        self.paused = false;
        self.failed = None;
        self.at_end = false;
        Ok(())
    }

    fn known_watermarks(&self) -> (i64, i64) {
        let Watermarks { low, high, .. } = self.slot.watermarks.as_ref();
        (low.load(Ordering::Relaxed), high.load(Ordering::Relaxed))
    }

    /// Takes what is there, without waiting.
    fn take(&mut self, max_records: usize, max_bytes: usize) -> Result<Vec<Record>, ConsumeError> {
        let AssignedPartition { at, epoch, reader } = &self.assigned;
        if !reader.is_current(at, *epoch) {
            return Err(ConsumeError::NotOwned { at: at.clone() });
        }
        let (mut records, mut bytes) = (Vec::new(), 0);
        let slot = self.slot.clone();
        if let Some(queue) = slot.queue().as_ref() {
            while records.len() < max_records.max(1) && (bytes < max_bytes || records.is_empty()) {
                match queue.poll(Duration::ZERO) {
                    None => break,
                    // What an earlier start had read ahead lies before the position.
                    Some(Ok(message)) if message.offset() < self.position => {}
                    Some(Ok(message)) => {
                        self.at_end = false;
                        self.position = message.offset() + 1;
                        let record = Record::copy_of(&message);
                        bytes += record.size();
                        records.push(record);
                    }
                    Some(Err(KafkaError::PartitionEOF(_))) => {
                        self.at_end = true;
                        break;
                    }
                    Some(Err(error)) => {
                        self.failed = Some(error);
                        break;
                    }
                }
            }
        }
        self.slot
            .watermarks
            .position
            .store(self.position, Ordering::Relaxed);
        metrics::consumed(&self.assigned.at.topic, &records);
        Ok(records)
    }

    /// What an error from the queue means for the caller.
    async fn explain(&mut self, error: KafkaError) -> ConsumeError {
        let at = self.assigned.at.clone();
        if error.rdkafka_error_code() != Some(Code::AutoOffsetReset) {
            return ConsumeError::from_client(&at, error);
        }
        // The library reads no further from here; the error stays until the caller seeks.
        self.failed = Some(error.clone());
        let offset = self.position;
        match self.assigned.watermarks().await {
            Err(unavailable) => unavailable,
            Ok((low, high)) if !(low..=high).contains(&offset) => ConsumeError::OffsetOutOfRange {
                at,
                offset,
                low,
                high,
            },
            // A new leader did not know the offset for a moment. Going on where we were skips
            // nothing.
            Ok(watermarks) => match self.restart(offset, watermarks) {
                Ok(()) => ConsumeError::Unavailable { at, source: error },
                Err(error) => error,
            },
        }
    }
}

impl std::fmt::Debug for PartitionRecords {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "PartitionRecords({}, next offset {})",
            self.id(),
            self.position
        )
    }
}

impl Drop for PartitionRecords {
    fn drop(&mut self) {
        self.assigned
            .reader
            .stop_slot(&self.assigned.at, &self.slot);
    }
}
