//! A compacted topic is its last values, then its changes.

use kafka::{
    CleanupPolicy, CompactedEntry, ConsumeError, OutboundRecord, TopicSpec, follow_compacted,
    read_compacted,
};

use crate::cluster::{kafka, producer, spec, unique, with_topic_like};

fn compacted(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        cleanup: CleanupPolicy::Compact,
        ..spec(&unique(name), partitions)
    }
}

async fn put(topic: &str, key: &str, value: &str) {
    let (key, payload) = (key.as_bytes(), value.as_bytes());
    producer()
        .send_all(&[OutboundRecord {
            topic,
            key,
            payload,
            headers: &[],
        }])
        .await
        .unwrap();
}

fn entry(key: &str, value: Option<&str>) -> CompactedEntry {
    (
        key.as_bytes().to_vec(),
        value.map(|value| value.as_bytes().to_vec()),
    )
}

#[tokio::test]
async fn an_empty_topic_has_no_entries() {
    with_topic_like(compacted("empty", 2), async |topic| {
        assert_eq!(read_compacted(&kafka(), &topic).await.unwrap(), []);
    })
    .await;
}

#[tokio::test]
async fn each_key_comes_once_with_its_last_value() {
    with_topic_like(compacted("last", 1), async |topic| {
        for (key, value) in [("a", "1"), ("b", "1"), ("a", "2"), ("c", "1"), ("b", "")] {
            put(&topic, key, value).await;
        }
        let entries = read_compacted(&kafka(), &topic).await.unwrap();
        let expected = [
            entry("a", Some("2")),
            entry("c", Some("1")),
            entry("b", None),
        ];
        assert_eq!(entries, expected);
    })
    .await;
}

#[tokio::test]
async fn changes_follow_what_was_read_without_a_gap() {
    with_topic_like(compacted("follow", 2), async |topic| {
        put(&topic, "a", "1").await;
        let (entries, mut changes) = follow_compacted(&kafka(), &topic).await.unwrap();
        assert_eq!(entries, [entry("a", Some("1"))]);
        for (key, value) in [("a", Some("2")), ("b", Some("1")), ("a", None)] {
            put(&topic, key, value.unwrap_or_default()).await;
            assert_eq!(changes.next().await, entry(key, value));
        }
    })
    .await;
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_refused() {
    let error = read_compacted(&kafka(), &unique("missing"))
        .await
        .unwrap_err();
    assert!(matches!(error, ConsumeError::Refused { .. }), "{error:?}");
}
