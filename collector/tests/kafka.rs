//! The Kafka publisher against a real broker: what a record looks like, and what comes of trouble.

use std::time::Duration;

use collector::config::PublishConfig;
use collector::{KafkaPublisher, Publish, PublishError, SpanRecord};
use kafka::{
    Admin, CleanupPolicy, ConsumerConfig, GroupConsumer, GroupEvent, KafkaConfig, Producer,
    ProducerConfig, Record, TopicSpec,
};
use model::{Tenant, TraceId};

/// Longest time that anything here may take.
const LONG: Duration = Duration::from_secs(60);

fn kafka() -> KafkaConfig {
    let brokers = std::env::var("SPOOR_TEST_KAFKA_BROKERS")
        .expect("run through `make test`, or set SPOOR_TEST_KAFKA_BROKERS");
    KafkaConfig {
        brokers,
        ..KafkaConfig::default()
    }
}

/// A name that no other test and no other run uses.
fn unique(name: &str) -> String {
    format!(
        "test.collector.{name}.{}.{}",
        std::process::id(),
        bootstrap::clock::now()
    )
}

fn publisher(topic: &str) -> KafkaPublisher {
    let config = ProducerConfig {
        delivery_timeout: Duration::from_secs(5),
        ..Default::default()
    };
    let producer = Producer::new(&kafka(), &config).expect("a producer");
    KafkaPublisher::new(
        producer,
        &PublishConfig {
            topic: topic.to_owned(),
        },
    )
}

fn record(n: u8) -> SpanRecord {
    SpanRecord {
        trace_id: TraceId::new([n; 16]).expect("not zero"),
        tenant: Tenant::parse("acme").expect("a name"),
        received_at: 1_700_000_000_000_000_000,
        spans: 1,
        payload: vec![0, 0, 0, 0, 1, n],
    }
}

async fn create(topic: &str) -> Admin {
    let admin = Admin::new(&kafka()).expect("an admin client");
    let spec = TopicSpec {
        name: topic.to_owned(),
        partitions: 1,
        replication_factor: Some(1),
        cleanup: CleanupPolicy::Delete,
        retention: None,
        min_insync_replicas: Some(1),
        max_message_bytes: None,
        grow: false,
    };
    admin
        .ensure_topics(&[spec])
        .await
        .expect("the topic is created");
    admin
}

/// The first `count` records of the topic's one partition.
async fn read(topic: &str, count: usize) -> Vec<Record> {
    let (group, topics) = (unique("group"), vec![topic.to_owned()]);
    let config = ConsumerConfig {
        group,
        topics,
        ..ConsumerConfig::default()
    };
    let (consumer, mut events) = GroupConsumer::join(&kafka(), &config).expect("it joins");
    let partition = match events.next().await {
        Some(GroupEvent::Assigned(partition)) => partition,
        _ => panic!("the partition must be assigned"),
    };
    let mut records = partition.start_at(0).await.expect("it starts");
    let mut read = Vec::new();
    while read.len() < count {
        read.extend(
            records
                .next(count, Duration::from_secs(1))
                .await
                .expect("records"),
        );
    }
    drop((records, partition));
    consumer.leave().await;
    read
}

#[tokio::test]
async fn a_record_has_the_trace_id_as_key_and_says_whose_it_is() {
    let topic = unique("shape");
    let admin = create(&topic).await;
    publisher(&topic)
        .publish(vec![record(1), record(2)])
        .await
        .expect("acknowledged");
    let read = tokio::time::timeout(LONG, read(&topic, 2))
        .await
        .expect("in time");
    for (read, sent) in read.iter().zip([record(1), record(2)]) {
        assert_eq!(read.key.as_deref(), Some(&sent.trace_id.as_bytes()[..]));
        assert_eq!(read.payload.as_deref(), Some(&sent.payload[..]));
        assert_eq!(read.header("tenant"), Some(&b"acme"[..]));
        assert_eq!(
            read.header("received-at"),
            Some(&b"1700000000000000000"[..])
        );
    }
    admin.delete_topics(&[&topic]).await.expect("deleted");
}

#[tokio::test]
async fn without_its_topic_spans_are_to_be_sent_again() {
    let refused = publisher(&unique("absent")).publish(vec![record(1)]).await;
    assert!(
        matches!(refused, Err(PublishError::Unavailable { .. })),
        "{refused:?}"
    );
}

#[tokio::test]
async fn a_record_beyond_the_limit_is_not_to_be_sent_again() {
    let topic = unique("large");
    let admin = create(&topic).await;
    let large = SpanRecord {
        payload: vec![7; 2_000_000],
        ..record(1)
    };
    let refused = publisher(&topic).publish(vec![large]).await;
    assert!(
        matches!(refused, Err(PublishError::TooLarge { .. })),
        "{refused:?}"
    );
    admin.delete_topics(&[&topic]).await.expect("deleted");
}
