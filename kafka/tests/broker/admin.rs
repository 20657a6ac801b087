//! Topics are created once, compared, and grown only when asked.

use kafka::{Admin, TopicSpec, TopicState};

use crate::cluster::{kafka, spec, unique, with_topic};

async fn ensure(spec: TopicSpec) -> TopicState {
    let outcomes = Admin::new(&kafka())
        .unwrap()
        .ensure_topics(&[spec])
        .await
        .unwrap();
    outcomes.into_iter().next().unwrap().state
}

#[tokio::test]
async fn a_topic_is_created_once() {
    let spec = spec(&unique("created"), 2);
    assert_eq!(ensure(spec.clone()).await, TopicState::Created);
    assert_eq!(ensure(spec.clone()).await, TopicState::Exists);
    let admin = Admin::new(&kafka()).unwrap();
    admin.delete_topics(&[&spec.name]).await.unwrap();
}

#[tokio::test]
async fn a_topic_that_does_not_exist_is_missing() {
    let missing = spec(&unique("missing"), 1);
    let outcomes = Admin::new(&kafka())
        .unwrap()
        .check_topics(&[missing])
        .await
        .unwrap();
    assert_eq!(outcomes[0].state, TopicState::Missing);
}

#[tokio::test]
async fn a_topic_that_differs_is_reported_and_left_as_it_is() {
    with_topic("differs", 2, async |topic| {
        let other = TopicSpec {
            max_message_bytes: Some(2_000_000),
            ..spec(&topic, 2)
        };
        for _ in 0..2 {
            let TopicState::Differs(differences) = ensure(other.clone()).await else {
                panic!("the topic must differ")
            };
            assert_eq!(differences.len(), 1);
            assert_eq!(differences[0].what, "max.message.bytes");
            assert_eq!(differences[0].expected, "2000000");
        }
    })
    .await;
}

#[tokio::test]
async fn partitions_are_added_only_when_asked() {
    with_topic("grown", 2, async |topic| {
        let more = spec(&topic, 4);
        assert!(matches!(ensure(more.clone()).await, TopicState::Differs(_)));
        let growing = TopicSpec {
            grow: true,
            ..more.clone()
        };
        assert_eq!(ensure(growing).await, TopicState::Grown { from: 2, to: 4 });
        assert_eq!(ensure(more).await, TopicState::Exists);
    })
    .await;
}

#[tokio::test]
async fn deleting_a_topic_that_does_not_exist_is_no_error() {
    let name = unique("never");
    Admin::new(&kafka())
        .unwrap()
        .delete_topics(&[&name])
        .await
        .unwrap();
}
