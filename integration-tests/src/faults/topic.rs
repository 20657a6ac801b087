//! The topics as an administrator sees them: ends, records of any kind, growing, deleting.

use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use anyhow::Context;
use kafka::{
    Admin, CleanupPolicy, KafkaConfig, OutboundRecord, Producer, ProducerConfig, RangeReader,
    Record, TopicPartition, TopicSpec,
};
use tokio::runtime::Runtime;

/// The topic of spans.
pub const SPANS: &str = "spoor.spans";
/// The topic of dead letters.
pub const DEAD_LETTERS: &str = "spoor.spans.dlq";

const PATIENCE: Duration = Duration::from_secs(20);

/// A cluster's topics.
pub struct Topics {
    kafka: KafkaConfig,
    runtime: Runtime,
}

impl Topics {
    /// Those of the cluster with these brokers.
    pub fn at(brokers: &str) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()?;
        let kafka = KafkaConfig {
            brokers: brokers.to_owned(),
            client_id: "spoor-faults".to_owned(),
            ..KafkaConfig::default()
        };
        Ok(Self { kafka, runtime })
    }

    /// Whether so many brokers have registered: a topic with as many copies can be made.
    pub fn has_room_for(&self, copies: i32) -> bool {
        let spec = TopicSpec {
            replication_factor: Some(copies),
            ..spec("faults.probe", 1)
        };
        let made = async {
            let admin = Admin::new(&self.kafka).ok()?;
            let made = admin.ensure_topics(std::slice::from_ref(&spec));
            let made = tokio::time::timeout(Duration::from_secs(10), made).await;
            made.ok()?.ok()
        };
        self.runtime.block_on(made).is_some()
    }

    /// The end of each partition of a topic, by number.
    pub fn ends(&self, topic: &str) -> anyhow::Result<BTreeMap<i32, i64>> {
        let ends = async {
            let reader = RangeReader::new(&self.kafka)?;
            anyhow::Ok(tokio::time::timeout(PATIENCE, reader.ends(topic)).await??)
        };
        let ends = self.runtime.block_on(ends)?;
        Ok(ends
            .into_iter()
            .map(|one| (one.at.partition, one.high))
            .collect())
    }

    /// What a group has committed of a topic, by partition.
    pub fn committed(&self, group: &str, topic: &str) -> anyhow::Result<HashMap<i32, i64>> {
        self.runtime.block_on(async {
            let reader = RangeReader::of_group(&self.kafka, group)?;
            Ok(tokio::time::timeout(PATIENCE, reader.mirrored(topic)).await??)
        })
    }

    /// Records that a topic holds.
    pub fn count(&self, topic: &str) -> anyhow::Result<i64> {
        let count = async {
            let reader = RangeReader::new(&self.kafka)?;
            anyhow::Ok(tokio::time::timeout(PATIENCE, reader.ends(topic)).await??)
        };
        let ends = self.runtime.block_on(count)?;
        Ok(ends.iter().map(|one| one.high - one.low).sum())
    }

    /// The first records of a topic, up to so many of each partition.
    pub fn first(&self, topic: &str, most: i64) -> anyhow::Result<Vec<Record>> {
        let ends = self.ends(topic)?;
        self.runtime.block_on(async {
            let reader = RangeReader::new(&self.kafka)?;
            let mut records = Vec::new();
            for (partition, end) in ends {
                let end = end.min(most);
                if end == 0 {
                    continue;
                }
                let at = TopicPartition::new(topic, partition);
                let mut range = reader.range(&at, 0, end).await?;
                while let Some(read) = range.next(most as usize, PATIENCE).await? {
                    records.extend(read);
                }
            }
            Ok(records)
        })
    }

    /// Produces records: keys and payloads.
    pub fn produce(&self, topic: &str, records: &[(Vec<u8>, Vec<u8>)]) -> anyhow::Result<()> {
        let outbound: Vec<OutboundRecord<'_>> = records
            .iter()
            .map(|(key, payload)| OutboundRecord {
                topic,
                key,
                payload,
                headers: &[],
            })
            .collect();
        self.runtime.block_on(async {
            let producer = Producer::new(&self.kafka, &ProducerConfig::default())?;
            producer.send_all(&outbound).await.context("cannot produce")
        })
    }

    /// Makes a topic with so many partitions.
    pub fn make(&self, topic: &str, partitions: i32) -> anyhow::Result<()> {
        let spec = TopicSpec {
            replication_factor: Some(1),
            ..spec(topic, partitions)
        };
        self.runtime.block_on(async {
            Admin::new(&self.kafka)?.ensure_topics(&[spec]).await?;
            Ok(())
        })
    }

    /// Gives a topic more partitions.
    pub fn grow(&self, topic: &str, partitions: i32) -> anyhow::Result<()> {
        let spec = TopicSpec {
            grow: true,
            ..spec(topic, partitions)
        };
        self.runtime.block_on(async {
            Admin::new(&self.kafka)?.ensure_topics(&[spec]).await?;
            Ok(())
        })
    }

    /// Deletes a topic.
    pub fn delete(&self, topic: &str) -> anyhow::Result<()> {
        self.runtime
            .block_on(async { Ok(Admin::new(&self.kafka)?.delete_topics(&[topic]).await?) })
    }
}

fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        replication_factor: None,
        cleanup: CleanupPolicy::Delete,
        retention: None,
        min_insync_replicas: None,
        max_message_bytes: None,
        grow: false,
    }
}
