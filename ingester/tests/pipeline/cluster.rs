//! A real Kafka with topics of a test's own, and ingesters that read them.

use std::{future::Future, sync::Arc, time::Duration};

use bootstrap::{Liveness, Readiness, Stop, StopHandle};
use ingester::{Ingester, IngesterConfig, KnownSchemas, LIVE_CONSUMER};
use kafka::{
    Admin, CleanupPolicy, ConsumerConfig, GroupConsumer, GroupEvent, KafkaConfig, OutboundRecord,
    Producer, ProducerConfig, Record, TopicSpec,
};
use model::TraceId;
use storage::{Source, Stores, TraceWriter};
use tokio::task::JoinHandle;

use crate::{
    log::{chunk, trace_id},
    stage::{schemas, until},
    store::MemoryStore,
};

pub const PARTITIONS: i32 = 4;

/// How to reach the Kafka of the tests.
pub fn kafka() -> KafkaConfig {
    let brokers = std::env::var("SPOOR_TEST_KAFKA_BROKERS")
        .expect("run through `make test`, or set SPOOR_TEST_KAFKA_BROKERS");
    KafkaConfig {
        brokers,
        client_id: "spoor-test".to_owned(),
        ..KafkaConfig::default()
    }
}

/// Topics of one test and the store that its ingesters write to.
pub struct Cluster<S> {
    pub config: IngesterConfig,
    pub store: Arc<S>,
    pub producer: Producer,
}

/// An ingester that runs.
pub struct Member {
    stop: StopHandle,
    readiness: Readiness,
    pub task: JoinHandle<()>,
}

fn topic(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        replication_factor: Some(1),
        cleanup: CleanupPolicy::Delete,
        retention: None,
        min_insync_replicas: Some(1),
        max_message_bytes: None,
        grow: false,
    }
}

/// Runs a test on topics of its own, deleted in the end.
pub async fn on_topics<S: TraceWriter, F: Future<Output = ()>>(
    name: &str,
    store: Arc<S>,
    test: impl FnOnce(Arc<Cluster<S>>) -> F,
) {
    let unique = format!(
        "test.{name}.{}.{}",
        std::process::id(),
        bootstrap::clock::now()
    );
    let mut config = IngesterConfig::default();
    config.consume.topic = unique.clone();
    config.consume.dead_letter_topic = format!("{unique}.dlq");
    config.consume.group = unique;
    config.consume.session_timeout = Duration::from_secs(6);
    config.consume.drain_timeout = Duration::from_secs(3);
    config.replay.topic = String::new();
    config.replay.lease = Duration::from_secs(2);
    config.replay.concurrency = 8;
    let (spans, dead) = (&config.consume.topic, &config.consume.dead_letter_topic);
    let topics = [topic(spans, PARTITIONS), topic(dead, 1)];
    let admin = Admin::new(&kafka()).unwrap();
    admin.ensure_topics(&topics).await.unwrap();
    let names = topics.map(|topic| topic.name);
    let cluster = Arc::new(Cluster {
        config,
        store,
        producer: Producer::new(&kafka(), &ProducerConfig::default()).unwrap(),
    });
    test(cluster).await;
    admin
        .delete_topics(&names.each_ref().map(String::as_str))
        .await
        .unwrap();
}

impl<S: TraceWriter> Cluster<S> {
    pub fn member(&self) -> Member {
        self.built(schemas(None), |ingester| ingester)
    }

    /// A member that knows these schemas.
    pub fn member_knowing(&self, schemas: KnownSchemas) -> Member {
        self.built(schemas, |ingester| ingester)
    }

    /// A member with more to do than new spans.
    pub fn member_as(&self, with: impl FnOnce(Ingester<S>) -> Ingester<S>) -> Member {
        self.built(schemas(None), with)
    }

    fn built(
        &self,
        schemas: KnownSchemas,
        with: impl FnOnce(Ingester<S>) -> Ingester<S>,
    ) -> Member {
        let readiness = Readiness::new();
        let built = Ingester::build(
            &self.config,
            kafka(),
            schemas,
            &Stores::one(self.store.clone()),
            &readiness,
            &Liveness::new(),
        );
        let (stop, stopped) = Stop::new();
        let ingester = with(built.unwrap());
        let task = tokio::spawn(async move { ingester.run(stopped).await.unwrap() });
        Member {
            stop,
            readiness,
            task,
        }
    }

    pub fn record<'a>(&'a self, key: &'a [u8], payload: &'a [u8]) -> OutboundRecord<'a> {
        OutboundRecord {
            topic: &self.config.consume.topic,
            key,
            payload,
            headers: &[],
        }
    }

    /// Sends records, each with its key, and waits until all are acknowledged.
    pub async fn send_all(&self, records: &[(TraceId, Vec<u8>)]) {
        let outbound: Vec<OutboundRecord<'_>> = records
            .iter()
            .map(|(id, payload)| self.record(id.as_bytes(), payload))
            .collect();
        self.producer.send_all(&outbound).await.unwrap();
    }

    /// Where the consumed position of a partition is kept.
    pub fn source(&self, partition: i32) -> Source {
        Source {
            consumer: LIVE_CONSUMER.to_owned(),
            topic: self.config.consume.topic.clone(),
            partition,
        }
    }

    pub async fn first_dead_letter(&self) -> Record {
        let reading = ConsumerConfig {
            group: format!("{}.reader", self.config.consume.group),
            topics: vec![self.config.consume.dead_letter_topic.clone()],
            ..ConsumerConfig::default()
        };
        let (_group, mut events) = GroupConsumer::join(&kafka(), &reading).unwrap();
        loop {
            if let Some(GroupEvent::Assigned(assigned)) = events.next().await {
                let mut records = assigned.start_at(0).await.unwrap();
                let mut read = records.next(1, Duration::from_secs(30)).await.unwrap();
                return read.remove(0);
            }
        }
    }
}

impl Cluster<MemoryStore> {
    /// One record with one span per trace number.
    pub async fn send(&self, traces: std::ops::Range<u8>) {
        let one = |n| (trace_id(n), chunk(n, &[&format!("{n:03}")]));
        self.send_all(&traces.map(one).collect::<Vec<_>>()).await;
    }

    /// Records that are done, over all partitions.
    pub fn done(&self) -> u64 {
        let progress = |partition| self.store.progress(&self.source(partition));
        (0..PARTITIONS)
            .map(|partition| progress(partition).counts.records)
            .sum()
    }

    pub async fn until_done(&self, records: u64) {
        until(
            || self.done() >= records,
            || format!("{} records are done", self.done()),
        )
        .await;
        assert_eq!(self.done(), records, "no record is done twice");
    }
}

impl Member {
    pub async fn until_ready(&self) {
        until(
            || self.readiness.is_ready(),
            || format!("{:?}", self.readiness.parts()),
        )
        .await;
    }

    pub async fn stop(self) {
        self.stop.stop();
        self.task.await.unwrap();
    }
}
