//! Keys and values of attributes, with the number of spans that have them.

use std::collections::BTreeMap;

use model::filter::Level;
use model::{Event, KeyValue, SpanBatch, SpanPredicate, Tenant, TimeRange, Trace, TraceQuery};
use proptest::prelude::*;
use storage::{
    AttributeCount, AttributeCounts, AttributeQuery, SearchLimits, StorageConfig, TraceReader,
};

use crate::searching::{NOON, merging, spans_of, trace};
use crate::store::TestStore;

fn asked(key: Option<&str>) -> AttributeQuery {
    AttributeQuery {
        predicates: Vec::new(),
        start: TimeRange::ALL,
        key: key.map(str::to_owned),
        prefix: String::new(),
        limit: 1_000,
    }
}

async fn listed(store: &TestStore, query: &AttributeQuery) -> AttributeCounts {
    let counts = store.store.attributes(&Tenant::default(), query).await;
    counts.expect("lists")
}

fn count(text: &str, level: Level, spans: u64) -> AttributeCount {
    AttributeCount {
        text: text.to_owned(),
        level,
        spans,
    }
}

/// A trace of three spans with an attribute, of which the first has an event as well.
fn shopping(number: u16, colour: &str) -> Trace {
    let mut trace = spans_of(number, 3, NOON + u64::from(number));
    for (n, span) in trace.spans_mut().enumerate() {
        span.attributes = vec![
            KeyValue::new("colour", colour),
            KeyValue::new("number", n as i64),
        ];
        if n == 0 {
            let event = Event {
                time: span.start,
                name: "seen".to_owned(),
                attributes: vec![KeyValue::new("colour", colour)],
                dropped_attributes: 0,
            };
            span.events = vec![event.clone(), event];
        }
    }
    trace
}

#[tokio::test]
async fn keys_are_listed_by_the_spans_that_have_them() {
    let store = TestStore::with(merging()).await;
    store
        .write(&[shopping(1, "red"), shopping(2, "blue")])
        .await;
    let found = listed(&store, &asked(None)).await;
    assert_eq!((found.spans, found.all), (6, true));
    assert_eq!(
        found.counts,
        [
            count("colour", Level::Span, 6),
            count("number", Level::Span, 6),
            count("colour", Level::Event, 2),
        ]
    );
    let begun = AttributeQuery {
        prefix: "num".to_owned(),
        ..asked(None)
    };
    assert_eq!(
        listed(&store, &begun).await.counts,
        [count("number", Level::Span, 6)]
    );
}

#[tokio::test]
async fn values_are_listed_among_the_spans_that_are_asked_for() {
    let store = TestStore::with(merging()).await;
    store
        .write(&[shopping(1, "red"), shopping(2, "blue"), shopping(3, "red")])
        .await;
    let found = listed(&store, &asked(Some("colour"))).await;
    assert_eq!(
        found.counts,
        [
            count("red", Level::Span, 6),
            count("blue", Level::Span, 3),
            count("red", Level::Event, 2),
            count("blue", Level::Event, 1),
        ]
    );
    let first = AttributeQuery {
        predicates: vec![SpanPredicate::from_tag("number", "1")],
        limit: 1,
        ..asked(Some("colour"))
    };
    assert_eq!(
        listed(&store, &first).await.counts,
        [count("red", Level::Span, 2)]
    );
    let elsewhere = AttributeQuery {
        start: TimeRange {
            start: NOON + 1_000_000,
            end: NOON + 2_000_000,
        },
        ..asked(Some("colour"))
    };
    assert_eq!(listed(&store, &elsewhere).await.counts, []);
}

#[tokio::test]
async fn a_listing_that_was_cut_says_so() {
    let limits = SearchLimits {
        counted_segments: 10,
        ..SearchLimits::default()
    };
    let store = TestStore::with(StorageConfig {
        search: limits,
        ..merging()
    })
    .await;
    let traces: Vec<Trace> = (1..=30).map(|n| shopping(n, "red")).collect();
    store.write(&traces).await;
    let found = listed(&store, &asked(Some("colour"))).await;
    assert_eq!((found.spans, found.all), (30, false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn keys_are_counted_as_a_scan_counts_them(traces in prop::collection::vec(trace(), 1..6)) {
        // Each trace once: what is stored twice is one span.
        let mut once = BTreeMap::new();
        once.extend(traces.into_iter().map(|trace| (trace.id, trace)));
        let traces: Vec<Trace> = once.into_values().collect();
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = TestStore::with(merging()).await;
            store.write(&traces).await;
            let stored = store.store.search(&Tenant::default(), &TraceQuery::any(100)).await;
            let mut expected: BTreeMap<String, u64> = BTreeMap::new();
            for stored in stored.expect("searches").traces {
                let batch = SpanBatch::of_trace(&stored.trace);
                for span in &batch.spans {
                    let mut keys: Vec<&str> =
                        batch.attributes(span.attributes).iter().map(|of| of.key).collect();
                    keys.sort_unstable();
                    keys.dedup();
                    keys.into_iter().for_each(|key| *expected.entry(key.to_owned()).or_default() += 1);
                }
            }
            let found = listed(&store, &asked(None)).await.counts.into_iter();
            let on_spans = found.filter(|of| of.level == Level::Span);
            let on_spans: BTreeMap<String, u64> = on_spans.map(|of| (of.text, of.spans)).collect();
            assert_eq!(on_spans, expected);
            store.store.close().await;
        });
    }
}
