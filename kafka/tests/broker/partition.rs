//! A partition is read from exactly where its owner says, and in its own time.

use std::time::Duration;

use kafka::{
    Admin, Compression, ConsumeError, ConsumerConfig, OutboundRecord, Producer, ProducerConfig,
    TopicPartition,
};

use crate::cluster::{
    LONG, committed, delete_records, join, kafka, leave, member, offsets, produce, read, unique,
    with_topic,
};

fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("key-{n}"))
}

#[tokio::test]
async fn reading_starts_at_exactly_the_offset_named() {
    with_topic("start", 1, async |topic| {
        produce(&topic, numbered(100)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        for offset in [0, 1, 42, 99] {
            let mut records = assigned[0].start_at(offset).await.unwrap();
            let read = read(&mut records, (100 - offset) as usize).await;
            assert_eq!(offsets(&read), (offset..100).collect::<Vec<_>>());
        }
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn committed_offsets_do_not_decide_where_reading_starts() {
    with_topic("committed", 1, async |topic| {
        produce(&topic, numbered(50)).await;
        let config = member(&unique("g"), &topic);
        let (group, events, _) = join(&config, 1).await;
        group.mirror(&[(TopicPartition::new(&*topic, 0), 40)]);
        leave(group, events).await;
        assert_eq!(committed(&config.group, &topic, 0).await, Some(40));
        let (group, events, assigned) = join(&config, 1).await;
        for offset in [7, 0] {
            let mut records = assigned[0].start_at(offset).await.unwrap();
            assert_eq!(read(&mut records, 1).await[0].offset, offset);
        }
        leave(group, events).await;
    })
    .await;
}

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
async fn a_paused_partition_goes_on_where_it_stopped() {
    with_topic("pause", 1, async |topic| {
        produce(&topic, numbered(100)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(10).await.unwrap();
        records.pause();
        assert!(
            records
                .next(10, Duration::from_millis(100))
                .await
                .unwrap()
                .is_empty()
        );
        records.resume().unwrap();
        assert_eq!(read(&mut records, 20).await[0].offset, 10);
        records.pause();
        records.resume().unwrap();
        assert_eq!(
            offsets(&read(&mut records, 70).await),
            (30..100).collect::<Vec<_>>()
        );
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn seeking_goes_back_and_forth() {
    with_topic("seek", 1, async |topic| {
        produce(&topic, numbered(100)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(50).await.unwrap();
        read(&mut records, 10).await;
        for offset in [3, 90, 0, 99] {
            records.seek(offset).await.unwrap();
            assert_eq!(read(&mut records, 1).await[0].offset, offset);
        }
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn a_partition_that_nobody_reads_does_not_hold_up_another() {
    with_topic("slow", 2, async |topic| {
        produce(&topic, numbered(20_000)).await;
        let config = kafka::ConsumerConfig {
            prefetch_bytes: 16 << 10,
            partition_fetch_bytes: 16 << 10,
            ..member(&unique("g"), &topic)
        };
        let (group, events, assigned) = join(&config, 2).await;
        let _never_read = assigned[0].start_at(0).await.unwrap();
        let mut records = assigned[1].start_at(0).await.unwrap();
        let all = assigned[1].watermarks().await.unwrap().1;
        assert!(all > 5_000);
        assert_eq!(
            offsets(&read(&mut records, all as usize).await),
            (0..all).collect::<Vec<_>>()
        );
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn no_more_is_returned_than_asked_for_and_nothing_is_lost_by_it() {
    with_topic("few", 1, async |topic| {
        produce(&topic, numbered(100)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(0).await.unwrap();
        let mut seen = Vec::new();
        while seen.len() < 100 {
            let few = records.next(7, LONG).await.unwrap();
            assert!((1..=7).contains(&few.len()));
            seen.extend(offsets(&few));
        }
        assert_eq!(seen, (0..100).collect::<Vec<_>>());
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn the_ends_of_the_log_and_the_lag_are_known_without_asking() {
    with_topic("lag", 1, async |topic| {
        produce(&topic, numbered(10)).await;
        let (group, events, assigned) = join(&member(&unique("g"), &topic), 1).await;
        let mut records = assigned[0].start_at(0).await.unwrap();
        assert_eq!(
            (
                records.low_watermark(),
                records.high_watermark(),
                records.lag()
            ),
            (0, 10, 10)
        );
        read(&mut records, 10).await;
        assert_eq!(records.lag(), 0);
        produce(&topic, numbered(5)).await;
        // The fetch that sees the new end is not taken; only the statistics tell of it.
        while records.high_watermark() < 15 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(records.lag(), 5);
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

#[tokio::test]
async fn what_is_read_ahead_is_bounded() {
    with_topic("ahead", 1, async |topic| {
        let payload = vec![7; 100_000];
        let large = OutboundRecord {
            topic: &topic,
            key: b"k",
            payload: &payload,
            headers: &[],
        };
        let config = ProducerConfig {
            compression: Compression::None,
            ..ProducerConfig::default()
        };
        Producer::new(&kafka(), &config)
            .unwrap()
            .send_all(&[large; 600])
            .await
            .unwrap();
        let config = ConsumerConfig {
            prefetch_bytes: 1 << 20,
            partition_fetch_bytes: 1 << 20,
            ..member(&unique("g"), &topic)
        };
        let (group, events, assigned) = join(&config, 1).await;
        let before = resident_bytes();
        let mut records = assigned[0].start_at(0).await.unwrap();
        // The first record is there: the reader has begun to read ahead. It is then left alone
        // for as long as sixty megabytes would take.
        read(&mut records, 1).await;
        tokio::time::sleep(Duration::from_secs(2)).await;
        let grown = resident_bytes().saturating_sub(before);
        assert!(grown < 16 << 20, "{grown} bytes for a prefetch of one MiB");
        assert_eq!(read(&mut records, 599).await.last().unwrap().offset, 599);
        leave(group, events).await;
    })
    .await;
}

fn resident_bytes() -> u64 {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4096
}
