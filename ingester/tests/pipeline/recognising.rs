//! A log of the same name and with the same offsets, that is another one all the same.

use ingester::{IngesterConfig, OffsetGapPolicy};

use crate::{
    log::{MemoryLog, chunk},
    stage::{Stage, until},
    store::MemoryStore,
};

fn skipping() -> IngesterConfig {
    let mut config = IngesterConfig::default();
    config.consume.on_offset_gap = OffsetGapPolicy::Skip;
    config
}

/// Traces of one span each.
fn chunks(traces: std::ops::RangeInclusive<u8>, name: &str) -> Vec<Vec<u8>> {
    traces.map(|trace| chunk(trace, &[name])).collect()
}

/// A partition that has read five records and was let go.
async fn read_and_left(config: &IngesterConfig) -> Stage {
    let stage = Stage::with(config, MemoryLog::default(), MemoryStore::new(), None);
    for record in chunks(1..=5, "old") {
        stage.log.append(Some(record), &[]);
    }
    stage.until_done(5).await;
    let (log, store) = (stage.log.clone(), stage.store.clone());
    stage.orders.revoke();
    stage.end().await;
    log.make_again(chunks(11..=18, "new"));
    Stage::with(config, log, store, None)
}

fn stored(stage: &Stage, name: &str) -> usize {
    let names = stage.store.names();
    names.iter().filter(|stored| *stored == name).count()
}

#[tokio::test(start_paused = true)]
async fn a_log_that_has_grown_past_the_position_again_is_read_from_its_beginning() {
    let stage = read_and_left(&skipping()).await;
    stage.until_done(8).await;
    assert_eq!((stored(&stage, "old"), stored(&stage, "new")), (5, 8));
}

#[tokio::test(start_paused = true)]
async fn without_an_operator_it_is_not_read_and_said_to_be_another_one() {
    let stage = read_and_left(&IngesterConfig::default()).await;
    until(
        || {
            stage
                .not_ready()
                .is_some_and(|why| why.contains("another one"))
        },
        || format!("{:?}", stage.not_ready()),
    )
    .await;
    assert_eq!((stored(&stage, "old"), stored(&stage, "new")), (5, 0));
}

#[tokio::test(start_paused = true)]
async fn a_log_that_begins_behind_what_was_read_last_is_taken_for_the_same() {
    let stage = Stage::with(&skipping(), MemoryLog::default(), MemoryStore::new(), None);
    for record in chunks(1..=5, "old") {
        stage.log.append(Some(record), &[]);
    }
    stage.until_done(5).await;
    let (log, store) = (stage.log.clone(), stage.store.clone());
    stage.orders.revoke();
    stage.end().await;
    for record in chunks(6..=8, "later") {
        log.append(Some(record), &[]);
    }
    log.cut(6);
    let stage = Stage::with(&skipping(), log, store, None);
    stage.until_done(8).await;
    assert_eq!(stored(&stage, "later"), 2);
}

#[tokio::test(start_paused = true)]
async fn the_same_log_goes_on_where_it_was_left() {
    let stage = Stage::start();
    stage.log.append(Some(chunk(1, &["old"])), &[]);
    stage.until_done(1).await;
    let (log, store) = (stage.log.clone(), stage.store.clone());
    stage.orders.revoke();
    stage.end().await;
    log.append(Some(chunk(2, &["next"])), &[]);
    let stage = Stage::with(&IngesterConfig::default(), log, store, None);
    stage.until_done(2).await;
    assert_eq!((stored(&stage, "old"), stored(&stage, "next")), (1, 1));
    assert_eq!(stage.not_ready(), None);
}
