//! An offset outside of the log is an error that the caller decides about.

use std::time::Duration;

use kafka::{Admin, ConsumeError, RangeReader, TopicPartition};

use crate::cluster::{
    LONG, delete_records, join, kafka, leave, member, numbered, offsets, produce, read, unique,
    with_topic,
};

#[tokio::test]
async fn the_end_of_the_log_is_a_place_to_start_at() {
    with_topic("end", 1, async |topic| {
        produce(&topic, numbered(5)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(5).await.unwrap();
        assert!(
            records
                .next(10, Duration::from_millis(200))
                .await
                .unwrap()
                .is_empty()
        );
        produce(&topic, numbered(1)).await;
        assert_eq!(offsets(&read(&mut records, 1).await), [5]);
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn an_offset_outside_of_the_log_is_an_error_and_not_a_jump() {
    with_topic("range", 1, async |topic| {
        produce(&topic, numbered(5)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let error = assigned[0].start_at(6).await.map(drop).unwrap_err();
        assert!(
            matches!(
                error,
                ConsumeError::OffsetOutOfRange {
                    offset: 6,
                    low: 0,
                    high: 5,
                    ..
                }
            ),
            "{error:?}"
        );
        let mut records = assigned[0].start_at(3).await.unwrap();
        assert_eq!(offsets(&read(&mut records, 2).await), [3, 4]);
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn a_log_cut_off_under_a_reader_is_an_error_until_it_seeks() {
    with_topic("cut", 1, async |topic| {
        produce(&topic, numbered(10)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(2).await.unwrap();
        records.pause();
        delete_records(&topic, 0, 6).await;
        records.resume().unwrap();
        for _ in 0..2 {
            let error = records.next(10, LONG).await.unwrap_err();
            assert!(
                matches!(
                    error,
                    ConsumeError::OffsetOutOfRange {
                        offset: 2,
                        low: 6,
                        high: 10,
                        ..
                    }
                ),
                "{error:?}"
            );
        }
        records.seek(6).await.unwrap();
        assert_eq!(offsets(&read(&mut records, 4).await), [6, 7, 8, 9]);
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn a_topic_deleted_under_a_reader_is_an_operators_matter() {
    with_topic("deleted", 1, async |topic| {
        produce(&topic, numbered(10)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(10).await.unwrap();
        Admin::new(&kafka())
            .unwrap()
            .delete_topics(&[&topic])
            .await
            .unwrap();
        let error = loop {
            match records.next(10, Duration::from_secs(1)).await {
                Ok(records) => assert!(records.is_empty()),
                Err(error) => break error,
            }
        };
        assert!(
            matches!(
                error,
                ConsumeError::Refused { .. } | ConsumeError::NotOwned { .. }
            ),
            "{error:?}"
        );
        leave(group, events).await;
    })
    .await;
}

/// Offsets of a stretch of partition 0, read by hand.
async fn by_hand(topic: &str, from: i64, to: i64) -> Vec<i64> {
    let reader = RangeReader::new(&kafka()).unwrap();
    let at = TopicPartition::new(topic, 0);
    let mut range = reader.range(&at, from, to).await.unwrap();
    let mut read = Vec::new();
    while let Some(records) = range.next(2, LONG).await.unwrap() {
        read.extend(offsets(&records));
    }
    read
}

#[tokio::test]
async fn a_stretch_read_by_hand_has_its_records_and_no_more() {
    with_topic("stretch", 1, async |topic| {
        produce(&topic, numbered(10)).await;
        assert_eq!(by_hand(&topic, 3, 8).await, [3, 4, 5, 6, 7]);
        assert_eq!(by_hand(&topic, 8, 10).await, [8, 9]);
        assert!(by_hand(&topic, 4, 4).await.is_empty());
        assert_eq!(
            by_hand(&topic, 9, 12).await,
            [9],
            "the end of the log ends it"
        );
    })
    .await;
}

#[tokio::test]
async fn the_ends_of_a_log_are_those_of_each_partition() {
    with_topic("ends", 2, async |topic| {
        produce(&topic, numbered(10)).await;
        let reader = RangeReader::new(&kafka()).unwrap();
        let ends = reader.ends(&topic).await.unwrap();
        assert_eq!(ends.iter().map(|ends| ends.high).sum::<i64>(), 10);
        delete_records(&topic, 0, ends[0].high).await;
        let now = reader.ends(&topic).await.unwrap();
        assert_eq!((now[0].low, now[0].high), (ends[0].high, ends[0].high));
        assert_eq!(now[1], ends[1]);
    })
    .await;
}

#[tokio::test]
async fn a_moment_is_found_in_the_log_by_the_timestamps_of_its_records() {
    with_topic("moment", 1, async |topic| {
        produce(&topic, numbered(3)).await;
        let reader = RangeReader::new(&kafka()).unwrap();
        let at = TopicPartition::new(topic.as_str(), 0);
        let mut range = reader.range(&at, 0, 3).await.unwrap();
        let first = range.next(1, LONG).await.unwrap().unwrap();
        let then = first[0].timestamp_ms;
        assert_eq!(reader.offset_at(&at, then).await.unwrap(), 0);
        assert_eq!(reader.offset_at(&at, then + 3_600_000).await.unwrap(), 3);
    })
    .await;
}
