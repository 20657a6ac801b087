//! Topics that another collector writes → the pipeline: the way to migrate without touching clients.
//!
//! One member of a consumer group for each topic (`member.rs`), one task for each partition that it
//! is given (`partition.rs`): records → parcels (`parcel.rs`) → the pipeline, or the dead-letter topic
//! (`deliver.rs`, `letters.rs`) → the position is committed. Nothing is committed before our own
//! brokers have acknowledged it, so a record is published at least once; the same span published
//! twice is stored once, since ingesters know it by its content.

mod deliver;
mod letters;
mod member;
mod parcel;
mod partition;
mod start;

use std::sync::Arc;

use bootstrap::{Readiness, ReadinessFlag, Stop};
use kafka::{KafkaConfig, Producer, ProducerConfig, ProducerError};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;

use self::letters::DeadLetterTopic;
use self::member::Member;
use super::{Ingest, Shared};
use crate::config::KafkaReceiverConfig;

/// Most bytes that a partition takes at once; a single record may be larger.
const FETCH_BYTES: usize = 1 << 20;
/// Largest dead letter: what the dead-letter topic takes, with its headers.
const MAX_DEAD_LETTER_BYTES: u64 = 4_000_000;

/// Reads topics of other collectors, once it runs within a collector.
#[derive(Debug)]
pub struct KafkaReceiver {
    config: KafkaReceiverConfig,
    cluster: KafkaConfig,
    letters: DeadLetterTopic,
    flag: ReadinessFlag,
}

impl KafkaReceiver {
    /// A receiver that has not joined its groups yet; none if no topic is configured. `own` is the
    /// cluster that spans and dead letters are published to. That topics are not read makes nobody
    /// unready: clients that send spans themselves are served all the same.
    ///
    /// # Errors
    /// If the producer of dead letters cannot be made: settings only, no broker is asked.
    pub fn build(
        config: &KafkaReceiverConfig,
        own: &KafkaConfig,
        readiness: &Readiness,
    ) -> Result<Option<Self>, ProducerError> {
        if config.topics.is_empty() {
            return Ok(None);
        }
        let producing = ProducerConfig {
            max_record_bytes: MAX_DEAD_LETTER_BYTES,
            ..ProducerConfig::default()
        };
        let producer = Producer::new(own, &producing)?;
        let letters = config.dead_letter_topic.clone();
        Ok(Some(Self {
            config: config.clone(),
            cluster: config.cluster(own),
            letters: DeadLetterTopic::new(producer, letters, own.client_id.clone()),
            flag: readiness.register_aside("kafka receiver"),
        }))
    }

    /// Reads until told to stop; returns when what was taken is delivered, or the time to stop is
    /// over, and the groups are left.
    pub(crate) async fn run<P: Ingest>(self, shared: Arc<Shared<P>>, stop: Stop) {
        let room = self.config.max_bytes.as_usize() / FETCH_BYTES;
        let room = Arc::new(Semaphore::new(room.max(1)));
        let letters = Arc::new(self.letters);
        let config = Arc::new(self.config);
        let told = Arc::new(member::Told::new(self.flag, config.topics.len()));
        let mut members = JoinSet::new();
        for topic in &config.topics {
            let member = Member {
                shared: shared.clone(),
                config: config.clone(),
                topic: topic.clone(),
                letters: letters.clone(),
                room: room.clone(),
                told: told.clone(),
            };
            members.spawn(member.run(self.cluster.clone(), stop.clone()));
        }
        while members.join_next().await.is_some() {}
    }
}
