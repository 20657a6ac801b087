//! Records committed without Kafka.

use std::{sync::Arc, time::Duration};

use futures_util::future::join_all;
use ingester::{DirectConfig, DirectError, DirectWriter, WriteConfig};
use model::RejectReason;
use tokio::time::Instant;

use crate::{
    log::chunk,
    stage::schemas,
    store::{Fault, MemoryStore, POISON},
};

fn writer(config: &DirectConfig, store: &Arc<MemoryStore>) -> DirectWriter {
    DirectWriter::start(
        config,
        WriteConfig::default().retry(),
        schemas(None),
        store.clone(),
    )
}

#[tokio::test(start_paused = true)]
async fn requests_of_many_callers_are_committed_together_and_each_is_answered() {
    let store = MemoryStore::new();
    let direct = writer(&DirectConfig::default(), &store);
    let calls = (1..9).map(|trace| direct.write(vec![chunk(trace, &["a"])]));
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(
        (store.names().len(), store.look(|state| state.transactions)),
        (8, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn a_caller_is_answered_after_the_group_has_waited() {
    let store = MemoryStore::new();
    let direct = writer(&DirectConfig::default(), &store);
    let asked = Instant::now();
    direct.write(vec![chunk(1, &["a"])]).await.unwrap();
    assert!(
        asked.elapsed() <= Duration::from_millis(50),
        "{:?}",
        asked.elapsed()
    );
    assert_eq!(store.names(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_refused_record_is_kept_as_a_dead_letter_and_its_neighbours_are_stored() {
    let store = MemoryStore::new();
    let direct = writer(&DirectConfig::default(), &store);
    let poison = chunk(3, &[POISON]);
    let calls = (1..7).map(|trace| {
        let record = if trace == 3 {
            poison.clone()
        } else {
            chunk(trace, &["fine"])
        };
        direct.write(vec![record, chunk(trace + 10, &["more"])])
    });
    assert!(join_all(calls).await.iter().all(Result::is_ok));
    assert_eq!(store.names().len(), 11);
    let kept = store.look(|state| state.dead_letters.clone());
    assert_eq!(kept, [(RejectReason::RefusedByStore, poison)]);
}

#[tokio::test(start_paused = true)]
async fn a_record_that_cannot_be_decoded_is_kept_with_its_reason() {
    let store = MemoryStore::new();
    let direct = writer(&DirectConfig::default(), &store);
    direct
        .write(vec![chunk(1, &["a"]), b"?".to_vec()])
        .await
        .unwrap();
    assert_eq!(store.names(), ["a"]);
    let kept = store.look(|state| state.dead_letters.clone());
    assert_eq!(kept, [(RejectReason::Unframed, b"?".to_vec())]);
}

#[tokio::test(start_paused = true)]
async fn a_short_absence_of_the_store_is_not_seen_by_callers() {
    let store = MemoryStore::new();
    store.fail([Fault::Transient; 3]);
    let direct = writer(&DirectConfig::default(), &store);
    direct.write(vec![chunk(1, &["a"])]).await.unwrap();
    assert_eq!(store.names(), ["a"]);
}

#[tokio::test(start_paused = true)]
async fn a_long_absence_of_the_store_is_told_before_the_client_gives_up() {
    let store = MemoryStore::new();
    store.fail([Fault::Transient; 1_000]);
    let direct = writer(&DirectConfig::default(), &store);
    let asked = Instant::now();
    let answer = direct.write(vec![chunk(1, &["a"])]).await;
    assert!(
        matches!(answer, Err(DirectError::Unavailable { .. })),
        "{answer:?}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn a_store_that_never_answers_keeps_no_caller_waiting_for_ever() {
    let store = MemoryStore::new();
    store.fail([Fault::Hang]);
    let direct = writer(&DirectConfig::default(), &store);
    let asked = Instant::now();
    let answer = direct.write(vec![chunk(1, &["a"])]).await;
    assert!(
        matches!(answer, Err(DirectError::Unavailable { .. })),
        "{answer:?}"
    );
    assert!(
        asked.elapsed() < Duration::from_secs(10),
        "{:?}",
        asked.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn callers_beyond_the_memory_are_turned_away_at_once() {
    let store = MemoryStore::new();
    let record = chunk(1, &["a"]);
    let config = DirectConfig {
        memory: bootstrap::ByteSize(record.len() as u64 + 10),
        ..DirectConfig::default()
    };
    let direct = writer(&config, &store);
    let (first, second) = tokio::join!(
        direct.write(vec![record.clone()]),
        direct.write(vec![record.clone()])
    );
    assert!(first.is_ok());
    assert!(
        matches!(second, Err(DirectError::Overloaded { .. })),
        "{second:?}"
    );
    assert!(
        direct.write(vec![record]).await.is_ok(),
        "the room is given back"
    );
}

#[tokio::test(start_paused = true)]
async fn closing_answers_everything_that_was_taken() {
    let store = MemoryStore::new();
    let direct = Arc::new(writer(&DirectConfig::default(), &store));
    let caller = tokio::spawn({
        let direct = direct.clone();
        async move { direct.write(vec![chunk(1, &["a"])]).await }
    });
    tokio::task::yield_now().await;
    caller.await.unwrap().unwrap();
    Arc::into_inner(direct).unwrap().close().await;
    assert_eq!(store.names(), ["a"]);
}
