//! One owner at a time writes for a source, whatever the others do.

use std::time::Duration;

use model::Trace;
use roaring::RoaringTreemap;
use sqlx::{Connection, Executor};
use storage::{Owner, PassedOffsets, Progress, ProgressStep, Source, TraceWriter, WriteError};
use uuid::Uuid;

use crate::store::{TestStore, write};

pub(crate) fn source() -> Source {
    Source {
        consumer: "live".into(),
        topic: "spoor.spans".into(),
        partition: 3,
    }
}

pub(crate) fn owner(n: u128) -> Owner {
    Owner(Uuid::from_u128(n))
}

pub(crate) fn step(owner: Owner, progress: &Progress, watermark: i64) -> ProgressStep {
    ProgressStep {
        source: source(),
        owner,
        expected_revision: progress.revision,
        watermark,
        done_above: RoaringTreemap::from_iter([watermark as u64 + 5]),
        records: 1,
        records_dead_lettered: 0,
        spans_dead_lettered: 0,
        tenants: Vec::new(),
        passed: PassedOffsets::default(),
        landmark: None,
    }
}

const NOTHING: &[Trace] = &[];

#[tokio::test]
async fn a_claim_returns_the_landmark_of_the_last_step() {
    let store = TestStore::new().await;
    let first = store.store.claim(&source(), owner(1)).await;
    let first = first.expect("claims");
    assert_eq!(first.landmark, None);
    let landmark = storage::Landmark::of(41, 7, Some(b"key"), Some(b"payload"));
    let step = ProgressStep {
        landmark: Some(landmark),
        ..step(owner(1), &first, 42)
    };
    let written = write(&store.store, NOTHING, &[step]).await;
    written.expect("writes");
    let second = store.store.claim(&source(), owner(2)).await;
    assert_eq!(second.expect("claims").landmark, Some(landmark));
}

#[tokio::test]
async fn a_claim_returns_where_the_owner_before_it_stopped() {
    let store = TestStore::new().await;
    let first = store
        .store
        .claim(&source(), owner(1))
        .await
        .expect("claims");
    assert_eq!((first.revision, first.watermark), (1, 0));
    write(&store.store, NOTHING, &[step(owner(1), &first, 42)])
        .await
        .expect("writes");
    let second = store
        .store
        .claim(&source(), owner(2))
        .await
        .expect("claims");
    assert_eq!(
        (second.revision, second.watermark, second.counts.records),
        (3, 42, 1)
    );
    assert!(second.done_above.contains(47));
}

#[tokio::test]
async fn an_owner_that_was_replaced_is_fenced() {
    let store = TestStore::new().await;
    let first = store
        .store
        .claim(&source(), owner(1))
        .await
        .expect("claims");
    store
        .store
        .claim(&source(), owner(2))
        .await
        .expect("claims");
    let late = write(&store.store, NOTHING, &[step(owner(1), &first, 42)]).await;
    assert!(
        matches!(late, Err(WriteError::Fenced { partition: 3, .. })),
        "{late:?}"
    );
}

#[tokio::test]
async fn the_same_step_is_not_taken_twice() {
    let store = TestStore::new().await;
    let progress = store
        .store
        .claim(&source(), owner(1))
        .await
        .expect("claims");
    let step = [step(owner(1), &progress, 42)];
    write(&store.store, NOTHING, &step).await.expect("writes");
    let again = write(&store.store, NOTHING, &step).await;
    assert!(matches!(again, Err(WriteError::Fenced { .. })), "{again:?}");
}

#[tokio::test]
async fn a_claim_does_not_wait_for_an_owner_that_froze_in_a_transaction() {
    let store = TestStore::new().await;
    store
        .store
        .claim(&source(), owner(1))
        .await
        .expect("claims");
    let mut frozen = store.session().await;
    frozen
        .execute("BEGIN; SELECT FROM spoor.progress FOR UPDATE")
        .await
        .expect("locks the row");
    let source = source();
    let claim = store.store.claim(&source, owner(2));
    let claimed = tokio::time::timeout(Duration::from_secs(8), claim)
        .await
        .expect("in time");
    assert_eq!(claimed.expect("claims").revision, 2);
    assert!(
        frozen.ping().await.is_err(),
        "the frozen session is still there"
    );
}
