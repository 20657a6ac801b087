//! A commit whose answer is lost: what became of it is found out before the write returns.

use storage::{DatabaseUrl, PostgresStore, StorageConfig, TraceWriter, WriteError};

use crate::fencing::{owner, source, step};
use crate::proxy::{NextCommit, Proxy};
use crate::store::{TestStore, write};
use crate::writing::span;

/// The store, and the same store through a proxy.
async fn through_proxy() -> (TestStore, PostgresStore, Proxy) {
    let direct = TestStore::new().await;
    // The day's partitions are made by commits of their own.
    direct.write(&[span("first", 9, 0)]).await;
    let url = direct.database.url();
    let server = url
        .split_once('@')
        .and_then(|(_, rest)| rest.split_once('/'));
    let (server, _) = server.expect("user:password@host:port/name");
    let proxy = Proxy::start(server.to_owned()).await;
    let url = url.replacen(server, &proxy.address.to_string(), 1);
    let config = StorageConfig {
        url: DatabaseUrl(url),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config)
        .await
        .expect("a good configuration");
    write(&store, &[span("first", 9, 0)], &[])
        .await
        .expect("writes");
    (direct, store, proxy)
}

#[tokio::test]
async fn a_commit_that_happened_is_reported_as_such() {
    let (direct, store, proxy) = through_proxy().await;
    let progress = store.claim(&source(), owner(1)).await.expect("claims");
    write(&store, &[span("first", 9, 0)], &[])
        .await
        .expect("writes");
    proxy.arm(NextCommit::LosesItsAnswer);
    let step = step(owner(1), &progress, 42);
    let written = write(&store, &[span("shop", 1, 0)], &[step]).await;
    assert!(proxy.has_struck());
    assert_eq!(written.expect("is committed").spans_stored, 1);
    assert_eq!(direct.span_count().await, 2);
}

#[tokio::test]
async fn a_commit_that_did_not_happen_is_tried_again_by_the_same_owner() {
    let (direct, store, proxy) = through_proxy().await;
    let progress = store.claim(&source(), owner(1)).await.expect("claims");
    write(&store, &[span("first", 9, 0)], &[])
        .await
        .expect("writes");
    proxy.arm(NextCommit::IsLost);
    let step = [step(owner(1), &progress, 42)];
    let lost = write(&store, &[span("shop", 1, 0)], &step).await;
    assert!(
        matches!(lost, Err(WriteError::Transient { .. })),
        "{lost:?}"
    );
    assert_eq!(direct.span_count().await, 1);
    write(&store, &[span("shop", 1, 0)], &step)
        .await
        .expect("the revision is the same");
    assert_eq!(direct.span_count().await, 2);
}

#[tokio::test]
async fn without_a_source_a_segment_is_the_witness() {
    for (next, stored) in [
        (NextCommit::LosesItsAnswer, true),
        (NextCommit::IsLost, false),
    ] {
        let (direct, store, proxy) = through_proxy().await;
        proxy.arm(next);
        let written = write(&store, &[span("shop", 1, 0)], &[]).await;
        assert_eq!(written.is_ok(), stored, "{next:?}: {written:?}");
        assert_eq!(direct.span_count().await, 1 + i64::from(stored));
    }
}

#[tokio::test]
async fn without_a_source_and_without_a_new_span_the_tally_is_the_witness() {
    for (next, committed) in [
        (NextCommit::LosesItsAnswer, true),
        (NextCommit::IsLost, false),
    ] {
        let (direct, store, proxy) = through_proxy().await;
        let duplicates = || async { direct.account().await.tallies[0].counts.spans_duplicate };
        let before = duplicates().await;
        proxy.arm(next);
        let written = write(&store, &[span("first", 9, 0)], &[]).await;
        assert_eq!(written.is_ok(), committed, "{next:?}: {written:?}");
        assert_eq!(duplicates().await, before + u64::from(committed));
    }
}

#[tokio::test]
async fn another_owner_that_came_in_between_fences_the_loser_of_a_commit() {
    let (_direct, store, proxy) = through_proxy().await;
    let progress = store.claim(&source(), owner(1)).await.expect("claims");
    write(&store, &[span("first", 9, 0)], &[])
        .await
        .expect("writes");
    proxy.arm(NextCommit::IsLost);
    let step = [step(owner(1), &progress, 42)];
    let lost = write(&store, &[span("shop", 1, 0)], &step).await;
    assert!(matches!(lost, Err(WriteError::Transient { .. })));
    store.claim(&source(), owner(2)).await.expect("claims");
    let late = write(&store, &[span("shop", 1, 0)], &step).await;
    assert!(matches!(late, Err(WriteError::Fenced { .. })), "{late:?}");
}
