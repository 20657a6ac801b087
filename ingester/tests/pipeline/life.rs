//! One partition from the claim to the release.

use std::time::Duration;

use ingester::{IngesterConfig, OffsetGapPolicy};
use model::{RejectReason, Tenant};
use schemas::{SchemaId, TRACE_CHUNK_SCHEMA};
use storage::{Completeness, Owner};
use tokio::time::{Instant, sleep};
use uuid::Uuid;

use crate::{
    log::{MemoryLog, chunk, chunk_of},
    stage::{Registry, Stage, until},
    store::{Fault, MemoryStore, POISON},
};

fn skipping() -> IngesterConfig {
    let mut config = IngesterConfig::default();
    config.consume.on_offset_gap = OffsetGapPolicy::Skip;
    config
}

#[tokio::test(start_paused = true)]
async fn a_complete_trace_is_stored_within_a_second_and_its_offset_mirrored() {
    let stage = Stage::start();
    let sent = Instant::now();
    stage.log.append(Some(chunk(1, &["a", "b"])), &[]);
    stage.until_stored(&["a", "b"]).await;
    assert!(
        sent.elapsed() < Duration::from_secs(1),
        "{:?}",
        sent.elapsed()
    );
    assert_eq!(
        stage.store.look(|state| state.completeness.clone()),
        [Completeness::Complete]
    );
    until(|| stage.log.mirrored() == 1, String::new).await;
}

#[tokio::test(start_paused = true)]
async fn records_of_one_trace_make_one_segment() {
    let stage = Stage::start();
    for name in ["a", "b", "c"] {
        stage.log.append(Some(chunk(1, &[name])), &[]);
    }
    stage.until_stored(&["a", "b", "c"]).await;
    assert_eq!(stage.store.look(|state| state.completeness.len()), 1);
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_decoded_is_a_dead_letter_and_its_neighbours_are_stored() {
    let stage = Stage::start();
    stage.log.append(Some(b"no frame".to_vec()), &[]);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    stage.log.append(None, &[]);
    stage.log.append(Some(chunk(2, &["b"])[..20].to_vec()), &[]);
    stage
        .log
        .append(Some(chunk(3, &["c"])), &[("tenant", "somebody-else")]);
    stage.until_done(5).await;
    assert_eq!(stage.store.names(), ["a"]);
    let expected = [
        (0, RejectReason::Unframed),
        (3, RejectReason::Undecodable),
        (4, RejectReason::InvalidTenant),
    ];
    assert_eq!(stage.letters.kept(), expected);
    assert_eq!(
        stage
            .store
            .progress(&stage.source)
            .counts
            .records_dead_lettered,
        3
    );
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_store_refuses_is_found_and_dead_lettered() {
    let stage = Stage::start();
    for trace in 1..8 {
        let name = if trace == 5 { POISON } else { "fine" };
        stage.log.append(Some(chunk(trace, &[name])), &[]);
    }
    stage.until_done(7).await;
    assert_eq!(stage.letters.kept(), [(4, RejectReason::RefusedByStore)]);
    assert_eq!(stage.store.names().len(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_record_is_not_done_before_its_dead_letter_is_acknowledged() {
    let stage = Stage::start();
    stage.letters.away_for(3);
    stage.log.append(Some(b"no frame".to_vec()), &[]);
    sleep(Duration::from_millis(200)).await;
    assert_eq!(stage.store.progress(&stage.source).watermark, 0);
    stage.until_done(1).await;
    assert_eq!(stage.letters.kept(), [(0, RejectReason::Unframed)]);
}

#[tokio::test(start_paused = true)]
async fn a_store_that_is_away_pauses_the_log_and_loses_nothing() {
    let stage = Stage::start();
    stage.until_claimed().await;
    stage.store.fail([Fault::Transient; 6]);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    until(|| stage.log.is_paused(), String::new).await;
    stage.log.append(Some(chunk(2, &["b"])), &[]);
    stage.until_stored(&["a", "b"]).await;
    assert!(!stage.log.is_paused());
    assert_eq!(stage.not_ready(), None);
}

#[tokio::test(start_paused = true)]
async fn an_operators_trouble_is_told_and_tried_again() {
    let stage = Stage::start();
    stage.until_claimed().await;
    stage.store.fail([Fault::Operator]);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    until(
        || {
            stage
                .not_ready()
                .is_some_and(|why| why.contains("operator"))
        },
        String::new,
    )
    .await;
    stage.until_stored(&["a"]).await;
    until(|| stage.not_ready().is_none(), String::new).await;
}

#[tokio::test(start_paused = true)]
async fn a_partition_that_another_owner_has_taken_is_claimed_anew_from_the_watermark() {
    let stage = Stage::start();
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    stage.until_done(1).await;
    stage.store.steal(&stage.source, Owner(Uuid::from_u128(7)));
    stage.log.append(Some(chunk(2, &["b"])), &[]);
    stage.until_stored(&["a", "b"]).await;
    stage.until_done(2).await;
}

#[tokio::test(start_paused = true)]
async fn an_idle_partition_finds_out_that_the_store_has_gone_back_in_time() {
    let stage = Stage::start();
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    stage.until_stored(&["a"]).await;
    let standby = stage.store.look(|state| state.clone());
    stage.log.append(Some(chunk(2, &["b"])), &[]);
    stage.until_stored(&["a", "b"]).await;
    stage.store.look(|state| *state = standby);
    stage.until_stored(&["a", "b"]).await;
}

#[tokio::test(start_paused = true)]
async fn an_unknown_schema_is_asked_for_until_the_registry_answers() {
    let registry = Registry {
        away_for: 4.into(),
        schema: Some(TRACE_CHUNK_SCHEMA.to_owned()),
    };
    let stage = Stage::with_registry(registry);
    let (tenant, newer) = (Tenant::default(), SchemaId(9));
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    stage
        .log
        .append(Some(chunk_of(newer, &tenant, 2, &["b"])), &[]);
    stage.log.append(Some(chunk(3, &["c"])), &[]);
    stage.until_stored(&["a", "b", "c"]).await;
    assert_eq!(stage.letters.kept(), []);
}

#[tokio::test(start_paused = true)]
async fn a_schema_that_the_registry_does_not_have_makes_dead_letters() {
    let stage = Stage::with_registry(Registry {
        away_for: 0.into(),
        schema: None,
    });
    let tenant = Tenant::default();
    stage
        .log
        .append(Some(chunk_of(SchemaId(9), &tenant, 1, &["a"])), &[]);
    stage.log.append(Some(chunk(2, &["b"])), &[]);
    stage.until_done(2).await;
    assert_eq!(stage.letters.kept(), [(0, RejectReason::UnknownSchema)]);
}

#[tokio::test(start_paused = true)]
async fn a_stop_writes_what_is_held_before_the_partition_is_let_go() {
    let stage = Stage::start();
    stage.until_claimed().await;
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    sleep(Duration::from_millis(100)).await;
    assert!(stage.store.names().is_empty());
    stage.stop.stop();
    let (store, log) = (stage.store.clone(), stage.log.clone());
    let released = stage.end().await.expect("it was not lost");
    assert_eq!((released.watermark, released.records_left), (1, 0));
    assert_eq!((store.names(), log.mirrored()), (vec!["a".to_owned()], 1));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_partition_leaves_what_it_holds_to_the_next_owner() {
    let stage = Stage::start();
    stage.until_claimed().await;
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    sleep(Duration::from_millis(100)).await;
    stage.orders.revoke();
    let (store, log) = (stage.store.clone(), stage.log.clone());
    let released = stage.end().await.expect("it was not lost");
    assert_eq!((released.watermark, released.records_left), (0, 1));
    let next = Stage::with(&IngesterConfig::default(), log, store, None);
    next.until_stored(&["a"]).await;
}

#[tokio::test(start_paused = true)]
async fn a_stop_ends_at_its_deadline_though_the_store_is_away() {
    let stage = Stage::start();
    stage.until_claimed().await;
    stage.store.fail([Fault::Transient; 1_000]);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    sleep(Duration::from_millis(100)).await;
    let stopped = Instant::now();
    stage.stop.stop();
    let released = stage.end().await.expect("it was not lost");
    assert_eq!(released.records_left, 1);
    assert!(
        stopped.elapsed() <= Duration::from_secs(31),
        "{:?}",
        stopped.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_lost_partition_is_dropped_at_once() {
    let stage = Stage::start();
    stage.orders.lose();
    assert_eq!(stage.end().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_lost_partition_is_no_reason_to_be_not_ready() {
    let stage = Stage::start();
    stage.until_claimed().await;
    stage.store.fail([Fault::Operator; 9]);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    until(|| stage.not_ready().is_some(), String::new).await;
    stage.orders.lose();
    until(|| stage.not_ready().is_none(), String::new).await;
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_log_stops_the_partition_and_is_told() {
    let (log, store) = (MemoryLog::default(), MemoryStore::new());
    let stage = Stage::with(&IngesterConfig::default(), log, store, None);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    stage.until_done(1).await;
    stage.log.cut(5);
    stage.log.append(Some(chunk(2, &["b"])), &[]);
    until(
        || {
            stage
                .not_ready()
                .is_some_and(|why| why.contains("offset 1"))
        },
        String::new,
    )
    .await;
    let commits = stage.store.look(|state| state.transactions);
    until(
        || stage.store.look(|state| state.transactions) > commits,
        String::new,
    )
    .await;
    sleep(Duration::from_secs(1)).await;
    assert!(stage.not_ready().is_some(), "a commit fills no gap");
    assert_eq!(stage.store.names(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_gap_in_the_log_is_skipped_when_told_so() {
    let stage = Stage::with(&skipping(), MemoryLog::default(), MemoryStore::new(), None);
    stage.log.append(Some(chunk(1, &["a"])), &[]);
    stage.until_done(1).await;
    stage.log.cut(5);
    stage.log.append(Some(chunk(2, &["b"])), &[]);
    stage.until_stored(&["a", "b"]).await;
    stage.until_done(6).await;
}

#[tokio::test(start_paused = true)]
async fn a_source_never_read_before_begins_where_its_log_begins() {
    let log = MemoryLog::default();
    log.cut(100);
    log.append(Some(chunk(1, &["a"])), &[]);
    let stage = Stage::with(&IngesterConfig::default(), log, MemoryStore::new(), None);
    stage.until_stored(&["a"]).await;
    stage.until_done(101).await;
}

#[tokio::test(start_paused = true)]
async fn a_log_made_anew_is_read_from_its_beginning_when_gaps_are_skipped() {
    let store = MemoryStore::new();
    let stage = Stage::with(&skipping(), MemoryLog::default(), store.clone(), None);
    for trace in 1..6 {
        stage.log.append(Some(chunk(trace, &["old"])), &[]);
    }
    stage.until_done(5).await;
    stage.orders.revoke();
    stage.end().await;
    let anew = MemoryLog::default();
    anew.append(Some(chunk(9, &["new"])), &[]);
    let stage = Stage::with(&skipping(), anew, store, None);
    stage.until_done(1).await;
    assert!(stage.store.names().contains(&"new".to_owned()));
}
