//! The whole service against a real Kafka, with the store in memory.

use kafka::DeadLetter;
use model::RejectReason;

use crate::{
    cluster::on_topics,
    stage::until,
    store::{Fault, MemoryStore},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_record_of_every_partition_is_stored_once() {
    on_topics("stored", MemoryStore::new(), |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.send(1..101).await;
        cluster.until_done(100).await;
        assert_eq!(cluster.store.names().len(), 100);
        member.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_member_takes_its_share_and_leaves_again() {
    on_topics("shared", MemoryStore::new(), |cluster| async move {
        let first = cluster.member();
        first.until_ready().await;
        cluster.send(1..51).await;
        let second = cluster.member();
        second.until_ready().await;
        cluster.send(51..101).await;
        cluster.until_done(100).await;
        first.stop().await;
        cluster.send(101..151).await;
        cluster.until_done(150).await;
        second.stop().await;
        assert_eq!(cluster.store.names().len(), 150);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_stopped_member_held_is_written_before_it_leaves() {
    on_topics("stopped", MemoryStore::new(), |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.send(1..11).await;
        cluster.until_done(10).await;
        cluster.send(11..21).await;
        member.stop().await;
        let next = cluster.member();
        cluster.until_done(20).await;
        next.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_member_that_dies_loses_nothing_and_doubles_nothing() {
    on_topics("died", MemoryStore::new(), |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.send(1..51).await;
        until(|| cluster.done() > 0, String::new).await;
        cluster.send(51..101).await;
        member.task.abort();
        let next = cluster.member();
        cluster.until_done(100).await;
        assert_eq!(cluster.store.names().len(), 100);
        next.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_is_away_costs_no_record_and_no_membership() {
    on_topics("away", MemoryStore::new(), |cluster| async move {
        let member = cluster.member();
        member.until_ready().await;
        cluster.store.fail([Fault::Transient; 12]);
        cluster.send(1..51).await;
        cluster.until_done(50).await;
        assert_eq!(cluster.store.names().len(), 50);
        member.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_record_that_cannot_be_decoded_is_in_the_dead_letter_topic_as_it_came() {
    on_topics("dead", MemoryStore::new(), |cluster| async move {
        let member = cluster.member();
        let poison = cluster.record(b"key", b"no frame");
        cluster.producer.send_all(&[poison]).await.unwrap();
        cluster.until_done(1).await;
        let dead = cluster.first_dead_letter().await;
        let why = DeadLetter::parse(&dead).unwrap();
        assert_eq!(
            (dead.key.as_deref(), dead.payload.as_deref()),
            (Some(&b"key"[..]), Some(&b"no frame"[..]))
        );
        assert_eq!(why.reason, RejectReason::Unframed.as_str());
        assert_eq!(
            (&*why.origin.topic, why.offset, why.attempt),
            (&*cluster.config.consume.topic, 0, 1)
        );
        member.stop().await;
    })
    .await;
}
