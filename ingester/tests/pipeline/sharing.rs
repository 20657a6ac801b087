//! Partitions of one process whose writes share a transaction.

use ingester::IngesterConfig;
use model::RejectReason;
use storage::Owner;
use uuid::Uuid;

use crate::{
    log::chunk,
    stage::{Stage, until},
    store::{Fault, POISON},
};

/// Three partitions that own what they read, with nothing to write.
async fn three() -> [Stage; 3] {
    let first = Stage::start();
    let all = [first.beside(1), first.beside(2), first];
    for stage in &all {
        stage.until_claimed().await;
    }
    all
}

/// Gives each partition a trace of its own, with one span of the name.
fn append(stages: &[Stage; 3], names: [&str; 3]) {
    for (trace, (stage, name)) in (1..).zip(stages.iter().zip(names)) {
        stage.log.append(Some(chunk(trace, &[name])), &[]);
    }
}

async fn until_done(stages: &[Stage; 3]) {
    for stage in stages {
        stage.until_done(1).await;
    }
}

fn transactions(stages: &[Stage; 3]) -> usize {
    stages[0].store.look(|state| state.transactions)
}

#[tokio::test(start_paused = true)]
async fn what_is_due_on_the_same_beat_is_written_in_one_transaction() {
    let stages = three().await;
    append(&stages, ["a", "b", "c"]);
    until_done(&stages).await;
    assert_eq!(stages[0].store.names(), ["a", "b", "c"]);
    assert_eq!(transactions(&stages), 1);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_store_refuses_keeps_no_other_partition_from_being_written() {
    let stages = three().await;
    append(&stages, ["a", POISON, "c"]);
    until_done(&stages).await;
    assert_eq!(stages[0].store.names(), ["a", "c"]);
    assert_eq!(
        stages[0].letters.kept(),
        [(0, RejectReason::RefusedByStore)]
    );
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_another_owner_has_taken_keeps_no_other_from_being_written() {
    let stages = three().await;
    let thief = Owner(Uuid::from_u128(7));
    stages[1].store.steal(&stages[1].source, thief);
    append(&stages, ["a", "b", "c"]);
    until_done(&stages).await;
    assert_eq!(stages[0].store.names(), ["a", "b", "c"]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_is_asked_again_by_each_partition() {
    let stages = three().await;
    stages[0].store.fail([Fault::Transient; 3]);
    append(&stages, ["a", "b", "c"]);
    until_done(&stages).await;
    assert_eq!(stages[0].store.names(), ["a", "b", "c"]);
}

/// Partitions of two stores, in a process that writes one transaction to each at a time.
async fn of_two_stores() -> [Stage; 2] {
    let mut config = IngesterConfig::default();
    config.write.concurrency = 1;
    let both = Stage::of_two_stores(&config);
    for stage in &both {
        stage.until_claimed().await;
    }
    both
}

#[tokio::test(start_paused = true)]
async fn partitions_of_different_stores_never_share_a_transaction() {
    let both = of_two_stores().await;
    both[0].log.append(Some(chunk(1, &["a"])), &[]);
    both[1].log.append(Some(chunk(2, &["b"])), &[]);
    for (stage, name) in both.iter().zip(["a", "b"]) {
        stage.until_done(1).await;
        assert_eq!(stage.store.names(), [name]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_keeps_no_partition_of_another_from_being_written() {
    let both = of_two_stores().await;
    both[0].store.fail([Fault::Hang]);
    both[0].log.append(Some(chunk(1, &["a"])), &[]);
    let hanging = || both[0].store.look(|state| state.hanging) > 0;
    until(hanging, String::new).await;
    both[1].log.append(Some(chunk(2, &["b"])), &[]);
    both[1].until_stored(&["b"]).await;
    both[1].until_done(1).await;
    assert!(both[0].store.names().is_empty());
}
