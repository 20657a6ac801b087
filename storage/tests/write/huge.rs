//! A trace that never ends: written piece by piece, remembered within bounds.

use model::{SpanId, Trace};
use storage::StorageConfig;

use crate::store::TestStore;
use crate::writing::span;

/// The spans `range` of a trace in which each span calls the next one.
pub(crate) fn piece(range: std::ops::Range<u64>) -> Trace {
    let id = |n: u64| SpanId::new((n + 1).to_be_bytes()).expect("not zero");
    let mut trace = span("shop", 1, 0);
    let of_scope = &mut trace.resources[0].scopes[0];
    let template = of_scope.spans[0].clone();
    of_scope.spans = range
        .map(|n| {
            let mut span = template.clone();
            span.span_id = id(n);
            span.parent_span_id = (n > 0).then(|| id(n - 1));
            span
        })
        .collect();
    trace
}

async fn written_in_pieces(remembered_spans: usize) {
    let config = StorageConfig {
        remembered_spans,
        ..StorageConfig::default()
    };
    let store = TestStore::with(config).await;
    for n in [3, 0, 1, 2, 1] {
        // Each piece overlaps its neighbours by some spans.
        store.write(&[piece(n * 3_000..n * 3_000 + 3_500)]).await;
    }
    assert_eq!(store.span_count().await, 12_500);
    let calls = store.rows("SELECT sum(calls)::bigint FROM spoor_v1.edges");
    assert_eq!(calls.await, ["(12499)"]);
}

#[tokio::test]
async fn a_huge_trace_is_stored_once_when_it_is_remembered() {
    written_in_pieces(100_000).await;
}

#[tokio::test]
async fn a_huge_trace_is_stored_once_when_it_is_forgotten_again_and_again() {
    written_in_pieces(5_000).await;
}
