//! Members of a group share partitions and hand them over in order.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use kafka::{
    AssignedPartition, ConsumeError, ConsumerConfig, GroupConsumer, GroupEvent, GroupEvents,
    GroupProtocol, Release, TopicPartition,
};

use crate::cluster::{
    committed, join, kafka, leave, member, next_assigned, numbered, offsets, produce, read, unique,
    with_topic,
};

async fn next_revoked(events: &mut GroupEvents) -> (TopicPartition, Release) {
    match events.next().await {
        Some(GroupEvent::Revoked(at, release)) => (at, release),
        other => panic!("expected a revocation, got {other:?}"),
    }
}

fn partitions<'a>(assigned: impl IntoIterator<Item = &'a AssignedPartition>) -> BTreeSet<i32> {
    assigned.into_iter().map(|a| a.id().partition).collect()
}

/// Two members of four partitions: the second joins, the first hands two over at once.
async fn hand_over(config: ConsumerConfig) {
    let (first, mut events, assigned) = join(&config, 4).await;
    let mut kept = assigned[0].start_at(0).await.unwrap();
    let (second, mut second_events) = GroupConsumer::join(&kafka(), &config).unwrap();
    let mut revoked = BTreeSet::new();
    for _ in 0..2 {
        let (at, release) = next_revoked(&mut events).await;
        revoked.insert(at.partition);
        drop(release);
    }
    let mut taken = Vec::new();
    for _ in 0..2 {
        taken.push(next_assigned(&mut second_events).await);
    }
    assert_eq!(partitions(&taken), revoked);
    let mut moved = taken[0].start_at(3).await.unwrap();
    assert_eq!(read(&mut moved, 1).await[0].offset, 3);
    if !revoked.contains(&0) {
        assert_eq!(read(&mut kept, 1).await[0].offset, 0);
    }
    leave(second, second_events).await;
    let back = [
        next_assigned(&mut events).await,
        next_assigned(&mut events).await,
    ];
    assert_eq!(partitions(&back), revoked);
    leave(first, events).await;
}

#[tokio::test]
async fn members_share_partitions_and_hand_them_over() {
    with_topic("share", 4, async |topic| {
        produce(&topic, numbered(100)).await;
        hand_over(member(&unique("g"), &topic)).await;
    })
    .await;
}

#[tokio::test]
async fn members_share_partitions_by_the_brokers_protocol_too() {
    with_topic("share848", 4, async |topic| {
        produce(&topic, numbered(100)).await;
        let protocol = GroupProtocol::Consumer;
        hand_over(ConsumerConfig {
            protocol,
            ..member(&unique("g"), &topic)
        })
        .await;
    })
    .await;
}

#[tokio::test]
async fn a_revoked_partition_moves_when_its_owner_lets_go_and_not_before() {
    with_topic("guard", 2, async |topic| {
        let config = ConsumerConfig {
            drain_timeout: Duration::from_secs(5),
            ..member(&unique("g"), &topic)
        };
        let (first, mut events, _) = join(&config, 2).await;
        let (second, mut second_events) = GroupConsumer::join(&kafka(), &config).unwrap();
        let (at, release) = next_revoked(&mut events).await;
        let early = tokio::time::timeout(Duration::from_secs(2), second_events.next()).await;
        assert!(early.is_err(), "moved while it was held");
        assert!(
            first.poll_age() < Duration::from_secs(1),
            "the membership is neglected"
        );
        drop(release);
        assert_eq!(next_assigned(&mut second_events).await.id(), &at);
        leave(second, second_events).await;
        leave(first, events).await;
    })
    .await;
}

#[tokio::test]
async fn a_revoked_partition_that_is_never_let_go_moves_after_the_drain_timeout() {
    with_topic("stuck", 2, async |topic| {
        let config = ConsumerConfig {
            drain_timeout: Duration::from_secs(2),
            ..member(&unique("g"), &topic)
        };
        let (first, mut events, _) = join(&config, 2).await;
        let (second, mut second_events) = GroupConsumer::join(&kafka(), &config).unwrap();
        let (at, _release) = next_revoked(&mut events).await;
        let revoked = Instant::now();
        assert_eq!(next_assigned(&mut second_events).await.id(), &at);
        assert!(revoked.elapsed() > Duration::from_millis(1_900));
        leave(second, second_events).await;
        leave(first, events).await;
    })
    .await;
}

#[tokio::test]
async fn a_revoked_partition_delivers_nothing_more() {
    with_topic("revoked", 2, async |topic| {
        produce(&topic, numbered(100)).await;
        let config = member(&unique("g"), &topic);
        let (first, mut events, assigned) = join(&config, 2).await;
        let mut records = [
            assigned[0].start_at(0).await.unwrap(),
            assigned[1].start_at(0).await.unwrap(),
        ];
        let (second, second_events) = GroupConsumer::join(&kafka(), &config).unwrap();
        let (at, release) = next_revoked(&mut events).await;
        let gone = &mut records[at.partition as usize];
        let error = gone.next(10, Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, ConsumeError::NotOwned { .. }));
        drop(release);
        leave(second, second_events).await;
        leave(first, events).await;
    })
    .await;
}

#[tokio::test]
async fn what_an_earlier_assignment_left_behind_does_not_disturb_the_present_one() {
    with_topic("epoch", 1, async |topic| {
        produce(&topic, numbered(100)).await;
        let config = member(&unique("g"), &topic);
        let (first, events, assigned) = join(&config, 1).await;
        let stale = assigned.into_iter().next().unwrap();
        let stale_records = stale.start_at(0).await.unwrap();
        leave(first, events).await;
        let (again, events, assigned) = join(&config, 1).await;
        let mut records = assigned[0].start_at(10).await.unwrap();
        assert!(matches!(
            stale.start_at(0).await,
            Err(ConsumeError::NotOwned { .. })
        ));
        drop(stale_records);
        assert_eq!(
            offsets(&read(&mut records, 90).await),
            (10..100).collect::<Vec<_>>()
        );
        leave(again, events).await;
    })
    .await;
}

#[tokio::test]
async fn offsets_are_mirrored_for_owned_partitions_only() {
    with_topic("mirror", 1, async |topic| {
        produce(&topic, numbered(10)).await;
        let config = member(&unique("g"), &topic);
        let (group, events, _) = join(&config, 1).await;
        group.mirror(&[
            (TopicPartition::new(&*topic, 0), 7),
            (TopicPartition::new(&*topic, 5), 1),
        ]);
        while committed(&config.group, &topic, 0).await != Some(7) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        leave(group, events).await;
    })
    .await;
}

#[tokio::test]
async fn leaving_revokes_waits_and_ends_the_events() {
    with_topic("leave", 2, async |topic| {
        let (group, mut events, _) = join(&member(&unique("g"), &topic), 2).await;
        let left = tokio::spawn(group.leave());
        let (_, one) = next_revoked(&mut events).await;
        let (_, two) = next_revoked(&mut events).await;
        assert!(!left.is_finished());
        drop((one, two));
        assert!(events.next().await.is_none());
        left.await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn a_named_member_keeps_its_partitions_over_a_restart() {
    with_topic("static", 2, async |topic| {
        let named = |name: &str| ConsumerConfig {
            instance_id: Some(name.to_owned()),
            session_timeout: Duration::from_secs(20),
            ..member(&format!("{topic}.g"), &topic)
        };
        let (first, mut events, _) = join(&named("one"), 2).await;
        let (second, mut second_events) = GroupConsumer::join(&kafka(), &named("two")).unwrap();
        drop(next_revoked(&mut events).await);
        let at = next_assigned(&mut second_events).await.id().clone();
        leave(second, second_events).await;
        let (again, again_events, assigned) = join(&named("two"), 1).await;
        assert_eq!(assigned[0].id(), &at);
        leave(again, again_events).await;
        leave(first, events).await;
    })
    .await;
}

#[tokio::test]
async fn a_member_that_is_shut_out_is_told_at_once_and_joins_again() {
    with_topic("fenced", 1, async |topic| {
        produce(&topic, numbered(10)).await;
        let config = ConsumerConfig {
            instance_id: Some("same".to_owned()),
            ..member(&unique("g"), &topic)
        };
        let (first, mut events, assigned) = join(&config, 1).await;
        let mut records = assigned[0].start_at(10).await.unwrap();
        let (second, second_events) = GroupConsumer::join(&kafka(), &config).unwrap();
        match events.next().await {
            Some(GroupEvent::Lost(at)) => assert_eq!(&at, assigned[0].id()),
            other => panic!("expected a loss, got {other:?}"),
        }
        let error = records.next(1, Duration::from_secs(5)).await.unwrap_err();
        assert!(matches!(error, ConsumeError::NotOwned { .. }), "{error:?}");
        leave(second, second_events).await;
        let again = next_assigned(&mut events).await;
        assert!(again.epoch() > assigned[0].epoch());
        leave(first, events).await;
    })
    .await;
}

#[tokio::test]
async fn leaving_does_not_wait_for_ever_for_what_is_never_let_go() {
    with_topic("hoarded", 1, async |topic| {
        let config = ConsumerConfig {
            drain_timeout: Duration::from_secs(1),
            ..member(&unique("g"), &topic)
        };
        let (group, mut events, _) = join(&config, 1).await;
        let left = tokio::spawn(group.leave());
        let _hoarded = next_revoked(&mut events).await;
        left.await.unwrap();
        assert!(events.next().await.is_none());
    })
    .await;
}
