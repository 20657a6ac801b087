//! Faults that a healthy broker does not show on demand, from librdkafka's own stand-in.

use std::time::{Duration, Instant};

use kafka::{
    ConsumeError, ConsumerConfig, GroupConsumer, GroupEvent, KafkaConfig, ProduceError, Producer,
    ProducerConfig,
};
use rdkafka::mocking::MockCluster;
use rdkafka::producer::DefaultProducerContext;
use rdkafka::types::{RDKafkaApiKey, RDKafkaRespErr};

use crate::cluster::{LONG, member, next_assigned, record};

const TOPIC: &str = "t";

/// A stand-in with one broker and one topic.
fn cluster() -> (MockCluster<'static, DefaultProducerContext>, KafkaConfig) {
    let cluster = MockCluster::new(1).unwrap();
    cluster.create_topic(TOPIC, 1, 1).unwrap();
    let brokers = cluster.bootstrap_servers();
    (
        cluster,
        KafkaConfig {
            brokers,
            ..KafkaConfig::default()
        },
    )
}

fn impatient(kafka: &KafkaConfig) -> Producer {
    let delivery_timeout = Duration::from_secs(3);
    Producer::new(
        kafka,
        &ProducerConfig {
            delivery_timeout,
            ..ProducerConfig::default()
        },
    )
    .unwrap()
}

#[tokio::test]
async fn a_producer_that_failed_for_good_is_replaced() {
    let (cluster, kafka) = cluster();
    let producer = impatient(&kafka);
    producer.send_all(&[record(TOPIC, "before")]).await.unwrap();
    let fatal = RDKafkaRespErr::RD_KAFKA_RESP_ERR_OUT_OF_ORDER_SEQUENCE_NUMBER;
    cluster.request_errors(RDKafkaApiKey::Produce, &[fatal]);
    let error = producer
        .send_all(&[record(TOPIC, "during")])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    producer.send_all(&[record(TOPIC, "after")]).await.unwrap();
}

#[tokio::test]
async fn too_few_replicas_for_a_moment_are_waited_out() {
    let (cluster, kafka) = cluster();
    let too_few = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    cluster.request_errors(RDKafkaApiKey::Produce, &[too_few; 3]);
    impatient(&kafka)
        .send_all(&[record(TOPIC, "a")])
        .await
        .unwrap();
}

#[tokio::test]
async fn too_few_replicas_for_long_are_a_transient_error_within_the_timeout() {
    let (cluster, kafka) = cluster();
    let too_few = RDKafkaRespErr::RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS;
    cluster.request_errors(RDKafkaApiKey::Produce, &[too_few; 1_000]);
    let started = Instant::now();
    let error = impatient(&kafka)
        .send_all(&[record(TOPIC, "a")])
        .await
        .unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(started.elapsed() < Duration::from_secs(6));
}

#[tokio::test]
async fn a_topic_without_rights_is_an_operators_matter() {
    let (cluster, kafka) = cluster();
    let denied = RDKafkaRespErr::RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED;
    cluster.request_errors(RDKafkaApiKey::Produce, &[denied]);
    let error = impatient(&kafka)
        .send_all(&[record(TOPIC, "a")])
        .await
        .unwrap_err();
    assert!(matches!(error, ProduceError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn a_broker_that_goes_away_costs_the_partitions_and_one_that_comes_back_returns_them() {
    let (cluster, kafka) = cluster();
    let (group, mut events) = GroupConsumer::join(&kafka, &member("g", TOPIC)).unwrap();
    let assigned = next_assigned(&mut events).await;
    let mut records = assigned.start_at(0).await.unwrap();
    cluster.broker_down(1).unwrap();
    match tokio::time::timeout(LONG, events.next()).await.unwrap() {
        Some(GroupEvent::Lost(at)) => assert_eq!(&at, assigned.id()),
        other => panic!("expected a loss, got {other:?}"),
    }
    let error = records.next(1, LONG).await.unwrap_err();
    assert!(matches!(error, ConsumeError::NotOwned { .. }), "{error:?}");
    assert!(
        group.poll_age() < Duration::from_secs(1),
        "the membership is neglected"
    );
    cluster.broker_up(1).unwrap();
    let again = tokio::time::timeout(LONG, next_assigned(&mut events))
        .await
        .unwrap();
    again.start_at(0).await.unwrap();
}

#[tokio::test]
async fn a_partition_whose_broker_is_away_cannot_be_started_for_now() {
    let (cluster, kafka) = cluster();
    // The partition stays ours meanwhile, however long the brokers are asked.
    let patient = ConsumerConfig {
        session_timeout: LONG,
        ..member("g", TOPIC)
    };
    let (_group, mut events) = GroupConsumer::join(&kafka, &patient).unwrap();
    let assigned = next_assigned(&mut events).await;
    cluster.broker_down(1).unwrap();
    let error = assigned.start_at(0).await.map(drop).unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    cluster.broker_up(1).unwrap();
    let started = async {
        loop {
            match assigned.start_at(0).await {
                Ok(_) => return,
                Err(error) => assert!(error.is_transient(), "{error:?}"),
            }
        }
    };
    tokio::time::timeout(LONG, started).await.unwrap();
}
