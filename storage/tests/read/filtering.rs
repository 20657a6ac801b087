//! A search with a filter, in any order, answers what a scan over every span would.

use model::filter::{Comparison, Constant, Field, Filter, Level, Pattern, Relation, Subject, Test};
use model::{SpanPredicate, Tenant, TimeRange, Trace, TraceOrder, TraceQuery};
use proptest::prelude::*;
use storage::{ReadError, SearchLimits, StorageConfig, TraceReader};

use crate::filters;
use crate::model_of_search::Model;
use crate::searching::{NOON, NOW, answers, maintain, merging, page, query, spans_of, trace};
use crate::store::TestStore;

/// A search by filter, over all time or about noon, bounded in the traces' duration or not.
fn question() -> impl Strategy<Value = TraceQuery> {
    let range = prop::option::weighted(0.3, 0u64..90_000_000_000);
    let bound = || prop::option::weighted(0.3, 0u64..90_000_000_000);
    (
        filters::filter(NOON),
        filters::order(),
        range,
        (bound(), bound()),
        1usize..8,
    )
        .prop_map(|(filter, order, range, (least, most), limit)| TraceQuery {
            predicates: vec![SpanPredicate::Filter(filter)],
            start: range.map_or(TimeRange::ALL, |length| TimeRange {
                start: NOON,
                end: NOON + length,
            }),
            trace_duration_min: least,
            trace_duration_max: most,
            order,
            ..TraceQuery::any(limit)
        })
}

/// A transaction, whether merges follow it, and what is asked then.
fn step() -> impl Strategy<Value = (Vec<Trace>, bool, Vec<TraceQuery>)> {
    let traces = prop::collection::vec(trace(), 1..4);
    (traces, any::<bool>(), prop::collection::vec(question(), 12))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn a_filtered_and_ordered_search_finds_what_a_scan_finds(steps in prop::collection::vec(step(), 1..5)) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = TestStore::with(merging()).await;
            let mut model = Model::default();
            for (pass, (traces, merge, questions)) in (0u64..).zip(steps) {
                store.write(&traces).await;
                model.traces.extend(traces);
                if merge {
                    maintain(&store, NOW + pass * 3_600_000_000_000).await;
                }
                for query in questions {
                    let (found, _, total) = page(&store, &query).await;
                    assert_eq!(found, model.search(&query), "{query:?}");
                    let all = model.ranks(&query).len();
                    if query.order != TraceOrder::Newest || all < query.limit {
                        assert_eq!(total, Some(all as u64), "{query:?}");
                    }
                }
            }
            store.store.close().await;
        });
    }
}

/// Traces of one to five spans, a second apart, of which every third fails.
async fn five_traces(store: &TestStore) {
    for n in 1..=5u16 {
        let mut trace = spans_of(n, n as u8, NOON + u64::from(n) * 1_000_000_000);
        let failed = n % 3 == 0;
        trace.spans_mut().for_each(|span| {
            span.end = span.start + 1_000_000 * u64::from(6 - n);
            if failed {
                span.status = model::StatusCode::Error;
            }
        });
        store.write(&[trace]).await;
    }
}

fn numbers(answers: &[crate::model_of_search::Answer]) -> Vec<u8> {
    answers.iter().map(|(id, _)| id.as_bytes()[1]).collect()
}

#[tokio::test]
async fn the_order_is_applied_before_the_limit() {
    let store = TestStore::with(merging()).await;
    five_traces(&store).await;
    for (order, expected) in [
        (TraceOrder::Newest, [5, 4]),
        (TraceOrder::Longest, [1, 2]),
        (TraceOrder::Shortest, [5, 4]),
        (TraceOrder::MostSpans, [5, 4]),
        (TraceOrder::FewestSpans, [1, 2]),
        (TraceOrder::MostErrors, [3, 5]),
    ] {
        let asked = TraceQuery {
            order,
            ..query(vec![], 2)
        };
        let (found, _, total) = page(&store, &asked).await;
        assert_eq!(numbers(&found), expected, "{order:?}");
        assert_eq!(total, (order != TraceOrder::Newest).then_some(5));
    }
}

#[tokio::test]
async fn a_trace_is_as_long_as_all_its_spans_together() {
    let store = TestStore::with(merging()).await;
    store
        .write(&[spans_of(1, 1, NOON), spans_of(2, 1, NOON)])
        .await;
    store.write(&[spans_of(1, 2, NOON + 5_000_000_000)]).await;
    let asked = TraceQuery {
        trace_duration_min: Some(5_000_000_000),
        ..query(vec![], 5)
    };
    assert_eq!(numbers(&answers(&store, &asked).await), [1]);
    let asked = TraceQuery {
        trace_duration_max: Some(4_000_000_000),
        ..query(vec![], 5)
    };
    assert_eq!(numbers(&answers(&store, &asked).await), [2]);
}

#[tokio::test]
async fn a_filter_that_no_index_narrows_is_answered_within_the_limits_or_not_at_all() {
    let pattern = Pattern::regex("w.rk").expect("a pattern");
    let by_name = Filter::Compare(Comparison {
        subject: Subject::Field(Field::Name),
        test: Test::Matches(pattern),
        negated: false,
    });
    let asked = query(vec![SpanPredicate::Filter(by_name)], 50);
    for (most, is_answered) in [(100, true), (10, false)] {
        let store = TestStore::with(StorageConfig {
            search: SearchLimits {
                max_segments: most,
                ..SearchLimits::default()
            },
            ..merging()
        })
        .await;
        let traces: Vec<Trace> = (0..30).map(|n| spans_of(n, 1, NOON)).collect();
        store.write(&traces).await;
        let found = store.store.search(&Tenant::default(), &asked).await;
        match found {
            Ok(found) => assert!(is_answered && found.traces.len() == 30),
            Err(error) => assert!(!is_answered && matches!(error, ReadError::TooBroad { .. })),
        }
    }
}

#[tokio::test]
async fn a_filter_by_equality_reads_the_segments_that_hold_the_value_alone() {
    let store = TestStore::with(StorageConfig {
        search: SearchLimits {
            max_segments: 8,
            ..SearchLimits::default()
        },
        ..merging()
    })
    .await;
    let traces: Vec<Trace> = (0..200)
        .map(|n| {
            let mut trace = spans_of(n, 1, NOON);
            let number = model::KeyValue::new("order", i64::from(n));
            trace
                .spans_mut()
                .for_each(|span| span.attributes = vec![number.clone()]);
            trace
        })
        .collect();
    store.write(&traces).await;
    let order = |n: &str| {
        let subject = Subject::attribute("order", Level::Span);
        Filter::is(subject, Relation::Equal, Constant::untyped(n))
    };
    let asked = Filter::Any(vec![
        order("7"),
        Filter::All(vec![order("9"), order("8")]),
        order("150"),
    ]);
    let found = answers(&store, &query(vec![SpanPredicate::Filter(asked)], 20)).await;
    assert_eq!(found.len(), 2);
}
