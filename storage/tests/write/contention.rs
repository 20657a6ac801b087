//! Writers, frozen writers, changes of partitions and long queries beside each other.

use std::time::{Duration, Instant};

use model::{Trace, TraceId};
use sqlx::{Connection, Executor};
use storage::{PostgresStore, StorageConfig, TraceWriter};

use crate::fencing::{owner, source, step};
use crate::store::{TestStore, write};
use crate::writing::{NOON, span};

const DAY: u64 = 24 * 3600 * 1_000_000_000;

/// A trace of one span whose id is this number.
pub(crate) fn numbered(n: u8) -> Trace {
    let mut trace = span("shop", 1, 0);
    trace.id = TraceId::new([n; 16]).expect("not zero");
    trace
        .spans_mut()
        .for_each(|span| span.trace_id = TraceId::new([n; 16]).expect("not zero"));
    trace
}

pub(crate) async fn second_store(store: &TestStore) -> PostgresStore {
    let config = StorageConfig {
        url: storage::DatabaseUrl(store.database.url()),
        ..StorageConfig::default()
    };
    PostgresStore::connect(&config)
        .await
        .expect("a good configuration")
}

#[tokio::test]
async fn two_writers_of_the_same_traces_in_opposite_order_both_get_through() {
    let store = TestStore::new().await;
    let other = second_store(&store).await;
    let forth: Vec<Trace> = (1..=40).map(numbered).collect();
    let back: Vec<Trace> = forth.iter().rev().cloned().collect();
    let mut stored = 0;
    for half in [&forth[..20], &forth[..]] {
        let reversed = &back[40 - half.len()..];
        let (one, two) = tokio::join!(write(&store.store, half, &[]), write(&other, reversed, &[]));
        stored += one.expect("writes").spans_stored + two.expect("writes").spans_stored;
    }
    assert_eq!((stored, store.span_count().await), (40, 40));
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_any_more_spoils_no_session() {
    let store = TestStore::with(StorageConfig {
        write_connections: 1,
        ..StorageConfig::default()
    })
    .await;
    let traces: Vec<Trace> = (1..=40).map(numbered).collect();
    for micros in (0..12).map(|n| 100 << n) {
        let patience = Duration::from_micros(micros);
        // Given up in the middle, wherever that is, or done in time.
        let _ = tokio::time::timeout(patience, write(&store.store, &traces, &[])).await;
        store.write(&[numbered(50)]).await;
    }
    store.write(&traces).await;
    assert_eq!(store.span_count().await, 41);
}

#[tokio::test]
async fn a_claim_ends_a_writer_that_froze_in_the_middle_of_a_copy() {
    let store = TestStore::new().await;
    let claimed = store.store.claim(&source(), owner(1)).await;
    let progress = claimed.expect("claims");
    let mut frozen = store.session().await;
    frozen
        .execute("BEGIN; SELECT FROM spoor.progress FOR UPDATE; SELECT pg_advisory_xact_lock(1)")
        .await
        .expect("locks the row");
    let copy = frozen
        .copy_in_raw("COPY spoor.dead_letter (received_ns) FROM STDIN (FORMAT binary)")
        .await
        .expect("begins to copy");
    let began = Instant::now();
    let claimed = store.store.claim(&source(), owner(2)).await;
    assert_eq!(claimed.expect("claims").revision, progress.revision + 1);
    assert!(began.elapsed() < Duration::from_secs(4));
    copy.finish().await.expect_err("the session is gone");
}

#[tokio::test]
async fn partitions_change_under_a_long_query_without_holding_up_writers() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0)]).await;
    let mut reader = store.session().await;
    reader
        .execute("BEGIN; SELECT count(*) FROM spoor.segment; SELECT count(*) FROM spoor.red")
        .await
        .expect("a long query");
    let mut maintainer = store.maintainer().await;
    let later = NOON + 9 * DAY;
    let mut late = numbered(3);
    late.spans_mut().for_each(|span| {
        span.start += 9 * DAY;
        span.end += 9 * DAY;
    });
    let began = Instant::now();
    let slowest = async {
        let mut slowest = Duration::ZERO;
        while began.elapsed() < Duration::from_secs(5) {
            let started = Instant::now();
            store.write(std::slice::from_ref(&late)).await;
            slowest = slowest.max(started.elapsed());
        }
        slowest
    };
    let (_, slowest) = tokio::join!(store.store.maintain_once(&mut maintainer, later), slowest);
    assert!(slowest < Duration::from_secs(3), "{slowest:?}");
    reader.execute("COMMIT").await.expect("the query ends");
    store
        .store
        .maintain_once(&mut maintainer, later)
        .await
        .expect("nothing is in the way");
    let left = "SELECT relname FROM pg_class WHERE relname ~ '_20261124$' AND relkind = 'r'";
    assert_eq!(store.rows(left).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_day_that_was_dropped_behind_a_writers_back_is_made_again() {
    let store = TestStore::new().await;
    store.write(&[numbered(1)]).await;
    let mut maintainer = store.maintainer().await;
    let other = second_store(&store).await;
    other
        .maintain_once(&mut maintainer, NOON + 9 * DAY)
        .await
        .expect("drops the day");
    assert_eq!(store.write(&[numbered(2)]).await.spans_stored, 1);
    assert_eq!(store.span_count().await, 1);
}

#[tokio::test]
async fn a_detach_that_was_cut_off_is_finished_by_the_next_pass() {
    let store = TestStore::new().await;
    store.write(&[numbered(1)]).await;
    let mut reader = store.session().await;
    reader
        .execute("BEGIN; SELECT count(*) FROM spoor.segment")
        .await
        .expect("a long query");
    let mut session = store.session().await;
    session
        .execute("SET statement_timeout = '300ms'")
        .await
        .expect("a setting");
    session
        .execute("ALTER TABLE spoor.segment DETACH PARTITION spoor.segment_20261124 CONCURRENTLY")
        .await
        .expect_err("has to wait for the query");
    reader.execute("COMMIT").await.expect("the query ends");
    let mut maintainer = store.maintainer().await;
    let maintained = store
        .store
        .maintain_once(&mut maintainer, NOON + 9 * DAY)
        .await;
    maintained.expect("finishes what was begun");
    let left = "SELECT relname FROM pg_class WHERE relname = 'segment_20261124'";
    assert!(store.rows(left).await.is_empty());
}

#[tokio::test]
async fn the_rows_of_a_failed_batch_are_not_there() {
    let store = TestStore::new().await;
    let claimed = store.store.claim(&source(), owner(1)).await;
    let progress = claimed.expect("claims");
    let mut wrong = step(owner(1), &progress, 1);
    wrong.expected_revision += 1;
    write(&store.store, &[numbered(1)], &[wrong])
        .await
        .expect_err("is fenced");
    assert_eq!(store.span_count().await, 0);
    assert!(store.derived().await.is_empty());
    store
        .database
        .session()
        .await
        .close()
        .await
        .expect("closes");
}
