//! What a write leaves behind, and that doing it again changes nothing.

use std::collections::HashSet;

use model::{IdentityHasher, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanBatch, Trace};
use model::{KeyValue, SpanId, SpanKind, TraceId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};

use crate::arbitrary;
use crate::store::TestStore;

/// Noon of a day in 2026.
pub(crate) const NOON: u64 = 1_795_521_600_000_000_000;

fn span_id(n: u8) -> SpanId {
    SpanId::new([n; 8]).expect("not zero")
}

/// One span of a service, the child of another by number; zero for a root.
pub(crate) fn span(service: &str, id: u8, parent: u8) -> Trace {
    let trace = TraceId::new([7; 16]).expect("not zero");
    let mut span = Span::new(trace, span_id(id), format!("op {id}"), NOON, NOON + 1_000);
    span.parent_span_id = SpanId::new([parent; 8]);
    span.kind = SpanKind::Server;
    let resource = Resource {
        attributes: vec![KeyValue::new("service.name", service)],
        ..Resource::default()
    };
    let scopes = vec![ScopeSpans {
        scope: Scope::default(),
        spans: vec![span],
    }];
    Trace {
        id: trace,
        resources: vec![ResourceSpans { resource, scopes }],
    }
}

#[tokio::test]
async fn writing_twice_changes_nothing() {
    let store = TestStore::new().await;
    let traces = [span("shop", 1, 0), span("cart", 2, 1)];
    assert_eq!(store.write(&traces).await.spans_stored, 2);
    let before = store.derived().await;
    let again = store.write(&traces).await;
    assert_eq!(
        (again.spans_stored, again.spans_duplicate, again.segments),
        (0, 2, 0)
    );
    assert_eq!(store.derived().await, before);
}

#[tokio::test]
async fn a_late_parent_makes_the_edge_of_a_child_that_is_stored() {
    let (late, whole) = (TestStore::new().await, TestStore::new().await);
    late.write(&[span("cart", 2, 1)]).await;
    late.write(&[span("shop", 1, 0)]).await;
    whole.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    assert_eq!(late.derived().await, whole.derived().await);
}

#[tokio::test]
async fn spans_of_two_days_lie_in_two_partitions() {
    let store = TestStore::new().await;
    let mut trace = span("shop", 1, 0);
    trace
        .spans_mut()
        .for_each(|span| span.start -= 24 * 3600 * 1_000_000_000);
    store.write(&[trace, span("cart", 2, 1)]).await;
    let tables = "SELECT DISTINCT tableoid::regclass FROM spoor.segment";
    assert_eq!(store.rows(tables).await.len(), 2);
}

#[tokio::test]
async fn folding_changes_no_sum() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    let before = store.derived().await;
    for _ in 0..2 {
        store.maintain(NOON + 3_600_000_000_000).await;
        store.write(&[span("mail", 3, 1)]).await;
    }
    let folded = store.rows("SELECT * FROM spoor.red").await;
    assert!(!folded.is_empty() && store.rows("SELECT * FROM spoor.red_part").await.len() <= 1);
    assert_eq!(store.derived().await.len(), before.len() + 3);
}

#[tokio::test]
async fn folding_changes_no_bucket() {
    let store = TestStore::new().await;
    for (id, nanos) in [(1, 1_000), (2, 1_000), (3, 5), (4, 0)] {
        let mut trace = span("shop", id, 0);
        trace.spans_mut().for_each(|span| {
            span.name = "checkout".to_owned();
            span.end = span.start + nanos;
        });
        store.write(&[trace]).await;
    }
    let buckets = "SELECT service, operation, bucket, spans FROM spoor_v1.red_buckets";
    let before = store.rows(buckets).await;
    let expected = [(0, 1), (19, 1), (80, 2)];
    let expected = expected.map(|(bucket, spans)| format!("(shop,checkout,{bucket},{spans})"));
    assert_eq!(before, expected);
    store.maintain(NOON + 3_600_000_000_000).await;
    assert_eq!(store.rows("SELECT * FROM spoor.red_part").await.len(), 0);
    assert_eq!(store.rows(buckets).await, before);
}

#[tokio::test]
async fn rows_that_a_server_of_an_earlier_version_wrote_count_and_are_folded() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    store
        .by_hand(
            "CREATE TABLE red_delta_rest PARTITION OF red_delta DEFAULT;
             CREATE TABLE edge_delta_rest PARTITION OF edge_delta DEFAULT;
             INSERT INTO red_delta (minute_ns, tenant, service, operation, kind, calls, errors,
                 duration_sum, buckets, counts)
             SELECT minute_ns, tenant, service, operation, kind, calls, errors, duration_sum,
                 buckets, counts FROM red_series;
             INSERT INTO edge_delta SELECT minute_ns, duration_sum, calls, errors, tenant, parent,
                 child FROM edge_series;",
        )
        .await;
    let before = store.derived().await;
    store.maintain(NOON + 3_600_000_000_000).await;
    for table in ["red_delta", "red_part", "edge_delta", "edge_part"] {
        let left = format!("SELECT * FROM spoor.{table}");
        assert_eq!(store.rows(&left).await, Vec::<String>::new());
    }
    assert_eq!(store.derived().await, before);
    let calls = "SELECT sum(calls) FROM spoor.red";
    assert_eq!(store.rows(calls).await, ["(4)"]);
}

#[tokio::test]
async fn what_is_older_than_the_retention_is_dropped() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0)]).await;
    store.maintain(NOON + 9 * 24 * 3600 * 1_000_000_000).await;
    assert_eq!(store.span_count().await, 0);
    assert!(store.derived().await.is_empty());
}

/// Spans that differ, of traces that may repeat.
fn distinct_spans(traces: &[Trace]) -> usize {
    let hashes = traces.iter().flat_map(|trace| {
        let batch = SpanBatch::of_trace(trace);
        let mut hasher = IdentityHasher::new("default", &batch);
        batch
            .spans
            .iter()
            .map(|span| hasher.span(span))
            .collect::<Vec<_>>()
    });
    hashes.collect::<HashSet<_>>().len()
}

#[test]
fn any_grouping_of_the_same_spans_ends_in_the_same_store() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(Config {
        cases: 12,
        ..Config::default()
    });
    let traces = vec(arbitrary::trace(NOON), 1..8);
    let order = vec(any::<prop::sample::Index>(), 0..24);
    let outcome = runner.run(&(traces, order), |(traces, order)| {
        runtime.block_on(async {
            let (shuffled, plain) = (TestStore::new().await, TestStore::new().await);
            for index in &order {
                shuffled
                    .write(std::slice::from_ref(index.get(&traces)))
                    .await;
            }
            shuffled.write(&traces).await;
            plain.write(&traces).await;
            assert_eq!(
                shuffled.span_count().await as usize,
                distinct_spans(&traces)
            );
            assert_eq!(shuffled.derived().await, plain.derived().await);
        });
        Ok(())
    });
    outcome.unwrap_or_else(|failure| panic!("{failure}"));
}
