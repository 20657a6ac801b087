//! What was written is read back: whole, once, and by its own tenant alone.

use model::{SpanPredicate, Tenant, TimeRange, TraceQuery};
use sqlx::{Connection, Executor};
use storage::{Archived, RedQuery, TraceReader};

use crate::store::TestStore;
use crate::writing::span;

fn tenant() -> Tenant {
    Tenant::default()
}

#[tokio::test]
async fn segments_of_a_trace_are_merged_and_each_span_is_there_once() {
    let store = TestStore::new().await;
    let (root, child) = (span("shop", 1, 0), span("cart", 2, 1));
    store.write(std::slice::from_ref(&root)).await;
    store.write(&[child, root.clone()]).await;
    let read = store
        .store
        .trace(&tenant(), root.id, None)
        .await
        .expect("reads");
    assert_eq!(read.expect("the trace").trace.span_count(), 2);
}

#[tokio::test]
async fn another_tenant_sees_nothing() {
    let store = TestStore::new().await;
    let root = span("shop", 1, 0);
    store.write(std::slice::from_ref(&root)).await;
    let other = Tenant::parse("other").expect("a good name");
    assert_eq!(
        store
            .store
            .trace(&other, root.id, None)
            .await
            .expect("reads"),
        None
    );
    assert!(
        store
            .store
            .services(&other)
            .await
            .expect("reads")
            .is_empty()
    );
}

#[tokio::test]
async fn a_search_finds_the_trace_and_the_catalogue_names_it() {
    let store = TestStore::new().await;
    let root = span("shop", 1, 0);
    store.write(std::slice::from_ref(&root)).await;
    let query = TraceQuery {
        predicates: vec![SpanPredicate::Service("shop".into())],
        ..TraceQuery::any(10)
    };
    let found = store
        .store
        .search(&tenant(), &query)
        .await
        .expect("searches");
    assert_eq!(
        found
            .traces
            .iter()
            .map(|one| one.trace.id)
            .collect::<Vec<_>>(),
        [root.id]
    );
    assert_eq!(
        store.store.services(&tenant()).await.expect("reads"),
        ["shop"]
    );
}

#[tokio::test]
async fn edges_and_red_are_read_as_written() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    let edges = store
        .store
        .dependencies(&tenant(), TimeRange::ALL)
        .await
        .expect("reads");
    let pairs: Vec<_> = edges
        .iter()
        .map(|e| (e.parent.as_str(), e.child.as_str(), e.calls))
        .collect();
    assert_eq!(pairs, [("shop", "cart", 1)]);
    let query = RedQuery {
        services: vec!["cart".into()],
        kinds: vec![model::SpanKind::Server],
        by_operation: true,
        range: TimeRange::ALL,
    };
    let red = store.store.red(&tenant(), &query).await.expect("reads");
    assert_eq!(
        red.iter()
            .map(|p| (p.operation.as_str(), p.calls))
            .collect::<Vec<_>>(),
        [("op 2", 1)]
    );
}

#[tokio::test]
async fn an_archived_trace_outlives_its_segments_and_each_span_is_there_once() {
    let store = TestStore::new().await;
    let (root, late) = (span("shop", 1, 0), span("cart", 2, 1));
    let archive = async |tenant: &Tenant| {
        let archived = store.store.archive(tenant, root.id).await;
        archived.expect("archives")
    };
    let spans = async || {
        let read = store.store.trace(&tenant(), root.id, None).await;
        read.expect("reads").map(|of| of.trace.span_count())
    };
    assert_eq!(archive(&tenant()).await, Archived::NotFound);
    store.write(std::slice::from_ref(&root)).await;
    let other = Tenant::parse("other").expect("a good name");
    assert_eq!(archive(&other).await, Archived::NotFound);
    assert_eq!(archive(&tenant()).await, Archived::Kept);
    assert_eq!(archive(&tenant()).await, Archived::Kept);
    assert_eq!(spans().await, Some(1));
    store.write(&[late]).await;
    assert_eq!(spans().await, Some(2));
    assert_eq!(archive(&tenant()).await, Archived::Kept);
    let mut session = store.session().await;
    session
        .execute("DELETE FROM spoor.segment")
        .await
        .expect("deletes");
    session.close().await.expect("closes");
    assert_eq!(spans().await, Some(2));
    assert_eq!(archive(&tenant()).await, Archived::Kept);
}
