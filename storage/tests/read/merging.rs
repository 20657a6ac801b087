//! Runs become fewer, and a table goes only when no query can still read it.

use model::{SpanPredicate, TraceQuery};
use sqlx::{Connection, Executor};

use crate::searching::{NOON, NOW, answers, maintain, merging, query, spans_of};
use crate::store::TestStore;

const MINUTE: u64 = 60_000_000_000;

/// Writes so many transactions of one trace each.
async fn write_runs(store: &TestStore, count: u16) {
    for n in 0..count {
        store.write(&[spans_of(n, 1, NOON + u64::from(n))]).await;
    }
}

async fn count(store: &TestStore, of: &str) -> usize {
    store.rows(of).await.len()
}

#[tokio::test]
async fn many_small_runs_become_one() {
    let store = TestStore::with(merging()).await;
    write_runs(&store, 5).await;
    assert_eq!(
        count(&store, "SELECT run_id FROM spoor.posting_run").await,
        5
    );
    maintain(&store, NOW).await;
    assert_eq!(
        count(&store, "SELECT run_id FROM spoor.posting_run").await,
        1
    );
    assert_eq!(answers(&store, &query(vec![], 10)).await.len(), 5);
}

/// Which tokens each run has.
async fn token_sets(store: &TestStore) -> Vec<String> {
    store.rows("SELECT token_set FROM spoor.posting_run").await
}

#[tokio::test]
async fn a_run_has_the_tokens_that_all_its_sources_had() {
    let store = TestStore::with(merging()).await;
    write_runs(&store, 4).await;
    let older = "UPDATE spoor.posting_run SET token_set = 1
                 WHERE run_id = (SELECT min(run_id) FROM spoor.posting_run)";
    let mut session = store.session().await;
    session.execute(older).await.expect("a good statement");
    session.close().await.expect("closes");
    let of_service = || {
        let spans = spans_of(0, 1, NOON);
        let (resource, _, span) = spans.spans().next().expect("a span");
        let service = SpanPredicate::Service(resource.service_name().to_owned());
        TraceQuery {
            duration_min: Some(span.duration()),
            ..query(vec![service], 10)
        }
    };
    assert_eq!(token_sets(&store).await, ["(1)", "(2)", "(2)", "(2)"]);
    assert_eq!(answers(&store, &of_service()).await.len(), 4);
    maintain(&store, NOW).await;
    assert_eq!(token_sets(&store).await, ["(1)"]);
    assert_eq!(answers(&store, &of_service()).await.len(), 4);
}

#[tokio::test]
async fn a_merged_table_is_dropped_only_when_it_is_old() {
    let store = TestStore::with(merging()).await;
    write_runs(&store, 3).await;
    let tables = "SELECT relname FROM pg_class WHERE relname ~ '^posting_page_0_20241004_0$'";
    for later in [0, 1, 2] {
        maintain(&store, NOW + later * MINUTE).await;
        assert_eq!(count(&store, tables).await, 1, "{later} minutes later");
    }
    maintain(&store, NOW + 4 * MINUTE).await;
    assert_eq!(count(&store, tables).await, 0);
    assert_eq!(answers(&store, &query(vec![], 10)).await.len(), 3);
}

#[tokio::test]
async fn retention_drops_the_index_of_a_day() {
    let store = TestStore::with(merging()).await;
    write_runs(&store, 3).await;
    maintain(&store, NOW + 30 * 24 * 60 * MINUTE).await;
    let left = "SELECT relname FROM pg_class WHERE relname ~ '^posting_page_.*_20241004_'";
    assert_eq!(count(&store, left).await, 0);
    assert_eq!(
        count(&store, "SELECT run_id FROM spoor.posting_run").await,
        0
    );
}
