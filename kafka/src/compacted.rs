//! Reads compacted topics: the last value of each key, and the changes after that.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::config::KafkaConfig;
use crate::consumer::ConsumeError;
use crate::consumer::reader::Reader;
use crate::partition::PartitionRecords;
use crate::range::RangeReader;
use crate::record::{Record, TopicPartition};

/// How long the reading may stand still before it is given up.
const STANDSTILL: Duration = Duration::from_secs(10);
/// How long a follower waits before it looks after its client, or tries again.
const ROUND: Duration = Duration::from_secs(1);
/// How long after a failed start a partition is tried again.
const BETWEEN_STARTS: Duration = Duration::from_millis(200);
/// Records taken at once.
const BATCH: usize = 1_000;
/// Changes that may wait for a slow follower.
const WAITING: usize = 1_000;

/// A key and its last value; `None` when the key was deleted.
pub type CompactedEntry = (Vec<u8>, Option<Vec<u8>>);

/// Reads a topic from its start to its end at the time of the call. Each key once, with its last
/// value, in the order of these values. Records without a key are passed over.
pub async fn read_compacted(
    kafka: &KafkaConfig,
    topic: &str,
) -> Result<Vec<CompactedEntry>, ConsumeError> {
    let (_, mut partitions) = open(kafka, topic).await?;
    read_to_end(&mut partitions).await
}

/// Reads a topic as [`read_compacted`] does; what comes later is had from the second value, with
/// no gap between the two.
pub async fn follow_compacted(
    kafka: &KafkaConfig,
    topic: &str,
) -> Result<(Vec<CompactedEntry>, CompactedChanges), ConsumeError> {
    let (reader, mut partitions) = open(kafka, topic).await?;
    let entries = read_to_end(&mut partitions).await?;
    let (changes, waiting) = mpsc::channel(WAITING);
    for partition in partitions {
        tokio::spawn(follow(partition, reader.clone(), changes.clone()));
    }
    Ok((entries, CompactedChanges { waiting }))
}

/// Later changes of a compacted topic. Dropping it stops the reading.
#[derive(Debug)]
pub struct CompactedChanges {
    waiting: mpsc::Receiver<CompactedEntry>,
}

impl CompactedChanges {
    /// The next change. Waits for it, through any outage. Cancel safe.
    pub async fn next(&mut self) -> CompactedEntry {
        match self.waiting.recv().await {
            Some(change) => change,
            // The runtime shuts down and has dropped the readers first.
            None => std::future::pending().await,
        }
    }
}

/// Starts to read every partition of a topic at its first record. A topic that has only just been
/// made has no leaders for a moment, which is waited out.
async fn open(
    kafka: &KafkaConfig,
    topic: &str,
) -> Result<(Arc<Reader>, Vec<PartitionRecords>), ConsumeError> {
    let range = RangeReader::new(kafka)?;
    let mut partitions = Vec::new();
    for partition in 0..range.reader().partitions(topic).await? {
        let at = TopicPartition::new(topic, partition);
        partitions.push(start_when_led(&range, &at).await?);
    }
    Ok((range.reader().clone(), partitions))
}

async fn start_when_led(
    range: &RangeReader,
    at: &TopicPartition,
) -> Result<PartitionRecords, ConsumeError> {
    let deadline = Instant::now() + STANDSTILL;
    loop {
        match range.assigned(at).start_at_earliest().await {
            Err(error) if error.is_transient() && Instant::now() < deadline => {
                tokio::time::sleep(BETWEEN_STARTS).await;
            }
            outcome => return outcome,
        }
    }
}

async fn read_to_end(
    partitions: &mut [PartitionRecords],
) -> Result<Vec<CompactedEntry>, ConsumeError> {
    let mut latest = HashMap::new();
    let mut order = 0_u64;
    for partition in partitions {
        while !partition.at_end() {
            let records = partition.next(BATCH, STANDSTILL).await?;
            if records.is_empty() && !partition.at_end() {
                let source = KafkaError::MessageConsumption(Code::OperationTimedOut);
                return Err(ConsumeError::Unavailable {
                    at: partition.id().clone(),
                    source,
                });
            }
            for (key, value) in records.into_iter().filter_map(entry) {
                order += 1;
                latest.insert(key, (order, value));
            }
        }
    }
    let mut entries: Vec<_> = latest.into_iter().collect();
    entries.sort_unstable_by_key(|(_, (order, _))| *order);
    Ok(entries
        .into_iter()
        .map(|(key, (_, value))| (key, value))
        .collect())
}

/// Passes changes on until nobody wants them any more.
async fn follow(
    mut partition: PartitionRecords,
    reader: Arc<Reader>,
    changes: mpsc::Sender<CompactedEntry>,
) {
    while !changes.is_closed() {
        reader.attend();
        match partition.next(BATCH, ROUND).await {
            Ok(records) => {
                for change in records.into_iter().filter_map(entry) {
                    if changes.send(change).await.is_err() {
                        return;
                    }
                }
            }
            Err(error) => recover(&mut partition, error).await,
        }
    }
}

/// A compacted topic is read for its last values, so that going on at what is left of it after
/// its start was cut off misses nothing that still counts.
async fn recover(partition: &mut PartitionRecords, error: ConsumeError) {
    let at = partition.id().clone();
    tracing::warn!(
        kafka.topic = %at.topic, kafka.partition = at.partition, error = %error,
        "A compacted topic cannot be followed for now",
    );
    if let ConsumeError::OffsetOutOfRange { low, .. } = error {
        // When this fails too, the next round says so.
        let _ = partition.seek(low).await;
    }
    tokio::time::sleep(ROUND).await;
}

fn entry(record: Record) -> Option<CompactedEntry> {
    Some((
        record.key?.to_vec(),
        record.payload.map(|payload| payload.to_vec()),
    ))
}
