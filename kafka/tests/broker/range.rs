//! An offset outside of the log is an error that the caller decides about.

use std::time::Duration;

use kafka::{Admin, ConsumeError};

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
