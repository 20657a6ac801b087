//! A real broker with a topic and a group per test, deleted at the end.

use std::future::Future;
use std::time::Duration;

use kafka::{
    Admin, AssignedPartition, CleanupPolicy, ConsumerConfig, GroupConsumer, GroupEvent,
    GroupEvents, KafkaConfig, OutboundRecord, PartitionRecords, Producer, ProducerConfig, Record,
    TopicPartition, TopicSpec,
};

/// Longest time that anything in these tests may take.
pub(crate) const LONG: Duration = Duration::from_secs(60);

/// Where the broker is.
pub(crate) fn kafka() -> KafkaConfig {
    let brokers = std::env::var("SPOOR_TEST_KAFKA_BROKERS")
        .expect("run through `make test`, or set SPOOR_TEST_KAFKA_BROKERS");
    KafkaConfig {
        brokers,
        client_id: "spoor-test".to_owned(),
        ..KafkaConfig::default()
    }
}

/// What every topic of these tests is like.
pub(crate) fn spec(name: &str, partitions: i32) -> TopicSpec {
    TopicSpec {
        name: name.to_owned(),
        partitions,
        replication_factor: Some(1),
        cleanup: CleanupPolicy::Delete,
        retention: None,
        min_insync_replicas: Some(1),
        max_message_bytes: None,
        grow: false,
    }
}

/// A name that no other test and no other run uses.
pub(crate) fn unique(name: &str) -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    format!(
        "test.{name}.{}.{}",
        std::process::id(),
        now.unwrap().as_nanos()
    )
}

/// Runs a test with a fresh topic of so many partitions, and deletes the topic after it.
pub(crate) async fn with_topic<F: Future<Output = ()>>(
    name: &str,
    partitions: i32,
    test: impl FnOnce(String) -> F,
) {
    with_topic_like(spec(&unique(name), partitions), test).await;
}

/// Runs a test with a topic as specified, and deletes the topic after it.
pub(crate) async fn with_topic_like<F: Future<Output = ()>>(
    spec: TopicSpec,
    test: impl FnOnce(String) -> F,
) {
    let (name, admin) = (spec.name.clone(), Admin::new(&kafka()).unwrap());
    admin.ensure_topics(&[spec]).await.unwrap();
    let _topic = DeletedAtTheEnd(name.clone());
    tokio::time::timeout(LONG, test(name))
        .await
        .expect("the test hangs");
}

/// Deletes the topic whether the test passes or panics.
struct DeletedAtTheEnd(String);

impl Drop for DeletedAtTheEnd {
    fn drop(&mut self) {
        let topic = std::mem::take(&mut self.0);
        let delete = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build();
            let admin = Admin::new(&kafka()).unwrap();
            runtime.unwrap().block_on(admin.delete_topics(&[&topic]))
        });
        assert!(
            delete.join().is_ok_and(|deleted| deleted.is_ok()),
            "the topic was not deleted"
        );
    }
}

/// A producer with defaults.
pub(crate) fn producer() -> Producer {
    Producer::new(&kafka(), &ProducerConfig::default()).unwrap()
}

/// Produces records with these keys; the payload is the key.
pub(crate) async fn produce(topic: &str, keys: impl IntoIterator<Item = String>) {
    let keys: Vec<String> = keys.into_iter().collect();
    let records: Vec<OutboundRecord<'_>> = keys.iter().map(|key| record(topic, key)).collect();
    producer().send_all(&records).await.unwrap();
}

/// A record whose payload is its key.
pub(crate) fn record<'a>(topic: &'a str, key: &'a str) -> OutboundRecord<'a> {
    OutboundRecord {
        topic,
        key: key.as_bytes(),
        payload: key.as_bytes(),
        headers: &[],
    }
}

/// Settings of a member that notices others quickly.
pub(crate) fn member(group: &str, topic: &str) -> ConsumerConfig {
    ConsumerConfig {
        group: group.to_owned(),
        topics: vec![topic.to_owned()],
        session_timeout: Duration::from_secs(6),
        heartbeat_interval: Duration::from_millis(500),
        drain_timeout: Duration::from_secs(3),
        fetch_wait: Duration::from_millis(50),
        ..ConsumerConfig::default()
    }
}

/// Joins a group of its own and waits for so many partitions, in order.
pub(crate) async fn join(
    config: &ConsumerConfig,
    partitions: usize,
) -> (GroupConsumer, GroupEvents, Vec<AssignedPartition>) {
    let (group, mut events) = GroupConsumer::join(&kafka(), config).unwrap();
    let mut assigned = Vec::new();
    while assigned.len() < partitions {
        assigned.push(next_assigned(&mut events).await);
    }
    assigned.sort_by_key(|a: &AssignedPartition| a.id().partition);
    (group, events, assigned)
}

/// The next event, which must be an assignment.
pub(crate) async fn next_assigned(events: &mut GroupEvents) -> AssignedPartition {
    match events.next().await {
        Some(GroupEvent::Assigned(assigned)) => assigned,
        other => panic!("expected an assignment, got {other:?}"),
    }
}

/// Reads exactly so many records; what passes by itself is waited for.
pub(crate) async fn read(records: &mut PartitionRecords, count: usize) -> Vec<Record> {
    let mut read = Vec::new();
    while read.len() < count {
        match records.next(count - read.len(), LONG).await {
            Err(kafka::ConsumeError::Unavailable { .. }) => {}
            next => read.extend(next.unwrap()),
        }
    }
    read
}

/// Offsets of records.
pub(crate) fn offsets(records: &[Record]) -> Vec<i64> {
    records.iter().map(|record| record.offset).collect()
}

/// Leaves a group whose remaining events nobody needs.
pub(crate) async fn leave(group: GroupConsumer, mut events: GroupEvents) {
    let drained = tokio::spawn(async move { while events.next().await.is_some() {} });
    group.leave().await;
    drained.await.unwrap();
}

/// The offset that a group has committed for a partition.
pub(crate) async fn committed(group: &str, topic: &str, partition: i32) -> Option<i64> {
    use rdkafka::consumer::{BaseConsumer, Consumer};
    let mut settings = rdkafka::ClientConfig::new();
    settings
        .set("bootstrap.servers", kafka().brokers)
        .set("group.id", group);
    let topic = topic.to_owned();
    let asked = tokio::task::spawn_blocking(move || {
        let consumer: BaseConsumer = settings.create().unwrap();
        let mut list = rdkafka::TopicPartitionList::new();
        list.add_partition(&topic, partition);
        let list = consumer.committed_offsets(list, LONG).unwrap();
        list.elements()[0]
            .offset()
            .to_raw()
            .filter(|offset| *offset >= 0)
    });
    asked.await.unwrap()
}

/// Cuts the records below an offset off a partition's log.
pub(crate) async fn delete_records(topic: &str, partition: i32, below: i64) {
    let at = TopicPartition::new(topic, partition);
    let admin = Admin::new(&kafka()).unwrap();
    admin.delete_records(&at, below).await.unwrap();
}

/// So many different keys.
pub(crate) fn numbered(count: usize) -> impl Iterator<Item = String> {
    (0..count).map(|n| format!("key-{n}"))
}
