//! What is acknowledged is in the topic, once, where Java's clients would have put it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use kafka::{
    Compression, KafkaConfig, OutboundRecord, ProduceError, Producer, ProducerConfig, partition_of,
};

use crate::cluster::{
    LONG, join, kafka, leave, member, producer, read, record, unique, with_topic,
};

/// Reads a whole topic: partition and offset by key.
async fn read_all(topic: &str, partitions: i32) -> BTreeMap<String, Vec<i32>> {
    let (group, events, assigned) = join(&member(&unique("g"), topic), partitions as usize).await;
    let mut found: BTreeMap<String, Vec<i32>> = BTreeMap::new();
    for partition in &assigned {
        let (low, high) = partition.watermarks().await.unwrap();
        let mut records = partition.start_at(low).await.unwrap();
        for record in read(&mut records, (high - low) as usize).await {
            let key = String::from_utf8(record.key.unwrap().to_vec()).unwrap();
            assert_eq!(record.payload.unwrap(), key.as_bytes());
            found.entry(key).or_default().push(partition.id().partition);
        }
    }
    leave(group, events).await;
    found
}

#[tokio::test]
async fn acknowledged_records_are_in_the_topic_once_and_on_javas_partition() {
    with_topic("acked", 8, async |topic| {
        let keys: Vec<String> = (0..5_000).map(|n| format!("trace-{n:x}")).collect();
        let producer = producer();
        for request in keys.chunks(40) {
            let records: Vec<_> = request.iter().map(|key| record(&topic, key)).collect();
            producer.send_all(&records).await.unwrap();
        }
        let expected = keys
            .iter()
            .map(|key| (key.clone(), vec![partition_of(key.as_bytes(), 8)]));
        assert_eq!(read_all(&topic, 8).await, expected.collect());
        assert!(producer.last_ack_age().unwrap() < LONG);
        assert_eq!(producer.queued_bytes(), 0);
    })
    .await;
}

#[tokio::test]
async fn headers_keys_and_payloads_come_out_as_they_went_in() {
    with_topic("bytes", 1, async |topic| {
        let headers = [
            ("tenant", b"a".as_slice()),
            ("empty", b""),
            ("tenant", &[0, 255]),
        ];
        let whole = OutboundRecord {
            topic: &topic,
            key: &[0, 1],
            payload: &[2, 0],
            headers: &headers,
        };
        let bare = OutboundRecord {
            topic: &topic,
            key: b"",
            payload: b"",
            headers: &[],
        };
        producer().send_all(&[whole, bare]).await.unwrap();
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let found = read(&mut assigned[0].start_at(0).await.unwrap(), 2).await;
        let headers_found: Vec<_> = found[0].headers.iter().collect();
        assert_eq!(headers_found, headers);
        assert_eq!(found[0].key.as_deref(), Some([0, 1].as_slice()));
        assert_eq!(found[0].payload.as_deref(), Some([2, 0].as_slice()));
        assert_eq!((&found[1].key, &found[1].payload), (&None, &None));
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn every_compression_is_read_back() {
    with_topic("compressed", 1, async |topic| {
        for compression in [Compression::None, Compression::Lz4, Compression::Zstd] {
            let config = ProducerConfig {
                compression,
                ..ProducerConfig::default()
            };
            let key = format!("{compression:?}");
            let producer = Producer::new(&kafka(), &config).unwrap();
            producer.send_all(&[record(&topic, &key)]).await.unwrap();
        }
        assert_eq!(read_all(&topic, 1).await.len(), 3);
    })
    .await;
}

#[tokio::test]
async fn a_request_without_records_is_done_at_once() {
    producer().send_all(&[]).await.unwrap();
}

#[tokio::test]
async fn a_record_that_is_too_large_is_named_by_its_index() {
    with_topic("large", 1, async |topic| {
        let payload = vec![7; 1_000_001];
        let large = OutboundRecord {
            topic: &topic,
            key: b"k",
            payload: &payload,
            headers: &[],
        };
        let error = producer()
            .send_all(&[record(&topic, "a"), large])
            .await
            .unwrap_err();
        assert!(
            matches!(error, ProduceError::TooLarge { index: 1, .. }),
            "{error:?}"
        );
        assert!(!error.is_transient());
    })
    .await;
}

#[tokio::test]
async fn a_record_that_the_topic_refuses_is_named_by_its_index_too() {
    let spec = kafka::TopicSpec {
        max_message_bytes: Some(10_000),
        ..crate::cluster::spec(&unique("refused"), 1)
    };
    crate::cluster::with_topic_like(spec, async |topic| {
        let config = ProducerConfig {
            compression: Compression::None,
            ..ProducerConfig::default()
        };
        let producer = Producer::new(&kafka(), &config).unwrap();
        let payload = vec![7; 20_000];
        let large = OutboundRecord {
            topic: &topic,
            key: b"k",
            payload: &payload,
            headers: &[],
        };
        let error = producer.send_all(&[large]).await.unwrap_err();
        assert!(
            matches!(error, ProduceError::TooLarge { index: 0, .. }),
            "{error:?}"
        );
        producer.send_all(&[record(&topic, "fits")]).await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_an_operators_matter() {
    let producer = producer();
    let topic = unique("missing");
    let error = producer.send_all(&[record(&topic, "a")]).await.unwrap_err();
    assert!(matches!(error, ProduceError::Refused { .. }), "{error:?}");
    assert!(!error.is_transient());
}

/// A cluster that nobody can reach.
fn unreachable() -> KafkaConfig {
    KafkaConfig {
        brokers: "127.0.0.1:1".to_owned(),
        ..KafkaConfig::default()
    }
}

fn impatient() -> ProducerConfig {
    ProducerConfig {
        delivery_timeout: Duration::from_secs(2),
        queue_wait: Duration::from_millis(300),
        queue_bytes: 1_000_000,
        queue_records: 100,
        ..ProducerConfig::default()
    }
}

#[tokio::test]
async fn an_unreachable_cluster_is_a_transient_error_within_the_timeout() {
    let producer = Producer::new(&unreachable(), &impatient()).unwrap();
    let started = Instant::now();
    let error = producer.send_all(&[record("t", "a")]).await.unwrap_err();
    assert!(error.is_transient(), "{error:?}");
    assert!(
        started.elapsed() < Duration::from_secs(5),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(producer.queued_bytes(), 0);
}

#[tokio::test]
async fn what_waits_for_an_absent_cluster_is_bounded() {
    let producer = Producer::new(&unreachable(), &impatient()).unwrap();
    let records = vec![record("t", "a"); 500];
    assert!(producer.has_room(100, 1_000) && !producer.has_room(101, 1_000));
    assert!(!producer.has_room(1, 1_000_001));
    let started = Instant::now();
    let error = producer.send_all(&records).await.unwrap_err();
    assert!(matches!(error, ProduceError::QueueFull { .. }), "{error:?}");
    assert!(
        started.elapsed() < Duration::from_secs(2),
        "{:?}",
        started.elapsed()
    );
    assert!(
        producer.queued_bytes() <= 2 * 125,
        "{}",
        producer.queued_bytes()
    );
    assert!(!producer.has_room(1, 1), "what was sent still waits");
}

#[tokio::test]
async fn a_full_queue_that_empties_in_time_is_waited_for() {
    with_topic("wait", 1, async |topic| {
        let config = ProducerConfig {
            queue_records: 10,
            queue_wait: LONG,
            ..ProducerConfig::default()
        };
        let producer = Producer::new(&kafka(), &config).unwrap();
        let keys: Vec<String> = (0..500).map(|n| n.to_string()).collect();
        let records: Vec<_> = keys.iter().map(|key| record(&topic, key)).collect();
        producer.send_all(&records).await.unwrap();
        assert_eq!(read_all(&topic, 1).await.len(), 500);
    })
    .await;
}

#[tokio::test]
async fn flushing_waits_for_what_is_under_way() {
    with_topic("flush", 1, async |topic| {
        let producer = std::sync::Arc::new(producer());
        let sending = tokio::spawn({
            let (producer, topic) = (producer.clone(), topic.clone());
            async move { producer.send_all(&[record(&topic, "a")]).await }
        });
        while producer.queued_bytes() == 0 && !sending.is_finished() {
            tokio::task::yield_now().await;
        }
        assert!(producer.flush(LONG).await);
        assert_eq!(producer.queued_bytes(), 0);
        sending.await.unwrap().unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_request_leaves_the_queue_clean() {
    with_topic("cancelled", 1, async |topic| {
        let producer = producer();
        let records = [record(&topic, "a")];
        let cancelled = tokio::time::timeout(Duration::ZERO, producer.send_all(&records)).await;
        assert!(cancelled.is_err());
        assert!(producer.flush(LONG).await);
        assert_eq!(producer.queued_bytes(), 0);
    })
    .await;
}
