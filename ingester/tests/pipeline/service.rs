//! The whole service against a real Kafka, with the store in memory.

use std::{future::Future, sync::Arc, time::Duration};

use bootstrap::{Liveness, Readiness, Stop, StopHandle};
use ingester::{Ingester, IngesterConfig, LIVE_CONSUMER};
use kafka::{
    Admin, CleanupPolicy, ConsumerConfig, DeadLetter, GroupConsumer, GroupEvent, KafkaConfig,
    OutboundRecord, Producer, ProducerConfig, Record, TopicSpec,
};
use model::RejectReason;
use storage::Source;
use tokio::task::JoinHandle;

use crate::{
    log::{chunk, trace_id},
    stage::{schemas, until},
    store::{Fault, MemoryStore},
};

const PARTITIONS: i32 = 4;

fn kafka() -> KafkaConfig {
    let brokers = std::env::var("SPOOR_TEST_KAFKA_BROKERS")
        .expect("run through `make test`, or set SPOOR_TEST_KAFKA_BROKERS");
    KafkaConfig {
        brokers,
        client_id: "spoor-test".to_owned(),
        ..KafkaConfig::default()
    }
}

/// Topics of one test and the store that its ingesters write to.
struct Cluster {
    config: IngesterConfig,
    store: Arc<MemoryStore>,
    producer: Producer,
}

/// An ingester that runs.
struct Member {
    stop: StopHandle,
    readiness: Readiness,
    task: JoinHandle<()>,
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
async fn on_topics<F: Future<Output = ()>>(name: &str, test: impl FnOnce(Arc<Cluster>) -> F) {
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
    let (spans, dead) = (&config.consume.topic, &config.consume.dead_letter_topic);
    let topics = [topic(spans, PARTITIONS), topic(dead, 1)];
    let admin = Admin::new(&kafka()).unwrap();
    admin.ensure_topics(&topics).await.unwrap();
    let names = topics.map(|topic| topic.name);
    let cluster = Arc::new(Cluster {
        config,
        store: MemoryStore::new(),
        producer: Producer::new(&kafka(), &ProducerConfig::default()).unwrap(),
    });
    test(cluster).await;
    admin
        .delete_topics(&names.each_ref().map(String::as_str))
        .await
        .unwrap();
}

impl Cluster {
    fn member(&self) -> Member {
        let readiness = Readiness::new();
        let built = Ingester::build(
            &self.config,
            kafka(),
            schemas(None),
            self.store.clone(),
            &readiness,
            &Liveness::new(),
        );
        let (stop, stopped) = Stop::new();
        let ingester = built.unwrap();
        let task = tokio::spawn(async move { ingester.run(stopped).await.unwrap() });
        Member {
            stop,
            readiness,
            task,
        }
    }

    /// One record with one span per trace number.
    async fn send(&self, traces: std::ops::Range<u8>) {
        let payloads: Vec<_> = traces
            .map(|n| (trace_id(n), chunk(n, &[&format!("{n:03}")])))
            .collect();
        let records: Vec<OutboundRecord<'_>> = payloads
            .iter()
            .map(|(id, payload)| self.record(id.as_bytes(), payload))
            .collect();
        self.producer.send_all(&records).await.unwrap();
    }

    fn record<'a>(&'a self, key: &'a [u8], payload: &'a [u8]) -> OutboundRecord<'a> {
        OutboundRecord {
            topic: &self.config.consume.topic,
            key,
            payload,
            headers: &[],
        }
    }

    /// Records that are done, over all partitions.
    fn done(&self) -> u64 {
        let source = |partition| Source {
            consumer: LIVE_CONSUMER.to_owned(),
            topic: self.config.consume.topic.clone(),
            partition,
        };
        (0..PARTITIONS)
            .map(|partition| self.store.progress(&source(partition)).counts.records)
            .sum()
    }

    async fn until_done(&self, records: u64) {
        until(
            || self.done() >= records,
            || format!("{} records are done", self.done()),
        )
        .await;
        assert_eq!(self.done(), records, "no record is done twice");
    }

    async fn first_dead_letter(&self) -> Record {
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

impl Member {
    async fn until_ready(&self) {
        until(
            || self.readiness.is_ready(),
            || format!("{:?}", self.readiness.parts()),
        )
        .await;
    }

    async fn stop(self) {
        self.stop.stop();
        self.task.await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_every_partition_is_stored_once() {
    on_topics("stored", |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.send(1..101).await;
        cluster.until_done(100).await;
        assert_eq!(cluster.store.names().len(), 100);
        member.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_member_takes_its_share_and_leaves_again() {
    on_topics("shared", |cluster| async move {
        let first = cluster.member();
        first.until_ready().await;
        cluster.send(1..51).await;
        let second = cluster.member();
        second.until_ready().await;
        cluster.send(51..101).await;
        cluster.until_done(100).await;
        first.stop().await;
        cluster.send(101..151).await;
        cluster.until_done(150).await;
        second.stop().await;
        assert_eq!(cluster.store.names().len(), 150);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_member_held_is_written_before_it_leaves() {
    on_topics("stopped", |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.send(1..11).await;
        cluster.until_done(10).await;
        cluster.send(11..21).await;
        member.stop().await;
        let next = cluster.member();
        cluster.until_done(20).await;
        next.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_dies_loses_nothing_and_doubles_nothing() {
    on_topics("died", |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.send(1..51).await;
        until(|| cluster.done() > 0, String::new).await;
        cluster.send(51..101).await;
        member.task.abort();
        let next = cluster.member();
        cluster.until_done(100).await;
        assert_eq!(cluster.store.names().len(), 100);
        next.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_costs_no_record_and_no_membership() {
    on_topics("away", |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.store.fail([Fault::Transient; 12]);
        cluster.send(1..51).await;
        cluster.until_done(50).await;
        assert_eq!(cluster.store.names().len(), 50);
        member.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_decoded_is_in_the_dead_letter_topic_as_it_came() {
    on_topics("dead", |cluster| async move {
        let member = cluster.member();
        let poison = cluster.record(b"key", b"no frame");
        cluster.producer.send_all(&[poison]).await.unwrap();
        cluster.until_done(1).await;
        let dead = cluster.first_dead_letter().await;
        let why = DeadLetter::parse(&dead).unwrap();
        assert_eq!(
            (dead.key.as_deref(), dead.payload.as_deref()),
            (Some(&b"key"[..]), Some(&b"no frame"[..]))
        );
        assert_eq!(why.reason, RejectReason::Unframed.as_str());
        assert_eq!(
            (&*why.origin.topic, why.offset, why.attempt),
            (&*cluster.config.consume.topic, 0, 1)
        );
        member.stop().await;
    })
    .await;
}
