//! A partition is read from exactly where its owner says, and in its own time.

use std::time::Duration;

use kafka::{ConsumerConfig, OutboundRecord, TopicPartition};

use crate::cluster::{
    LONG, committed, join, leave, member, numbered, offsets, produce, producer, read, unique,
    with_topic,
};

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
async fn what_is_read_ahead_is_bounded() {
    with_topic("ahead", 1, async |topic| {
        let payload = vec![7; 100_000];
        let large = OutboundRecord {
            topic: &topic,
            key: b"k",
            payload: &payload,
            headers: &[],
        };
        producer().send_all(&[large; 600]).await.unwrap();
        let config = ConsumerConfig {
            prefetch_bytes: 1 << 20,
            partition_fetch_bytes: 16 << 10,
            ..member(&unique("g"), &topic)
        };
        let (group, events, assigned) = join(&config, 1).await;
        let mut records = assigned[0].start_at(0).await.unwrap();
        while records.prefetched_bytes() < 1 << 20 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        // Reading one record at a time lets the reader go on reading ahead, up to the bound and
        // what one more fetch of well compressed records adds.
        for expected in 0..600 {
            assert_eq!(records.next(1, LONG).await.unwrap()[0].offset, expected);
            assert!(
                records.prefetched_bytes() < 8 << 20,
                "{}",
                records.prefetched_bytes()
            );
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        leave(group, events).await;
    })
    .await;
}
