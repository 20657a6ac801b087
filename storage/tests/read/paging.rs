//! Pages, one after the other, are one long answer, whatever is written meanwhile.

use model::{Page, PageMark, Rank, SpanPredicate, Tenant, Trace, TraceOrder, TraceQuery};
use proptest::prelude::*;
use storage::{ReadError, TraceReader};

use crate::filters;
use crate::model_of_search::Model;
use crate::searching::{NOON, NOW, maintain, merging, page, query, spans_of, trace};
use crate::store::TestStore;

/// The ids of all pages from the first on; `between` is called after each.
async fn walk(
    store: &TestStore,
    asked: &TraceQuery,
    mut between: impl AsyncFnMut(usize),
) -> Vec<model::TraceId> {
    let mut ids = Vec::new();
    let mut asked = TraceQuery {
        page: Page::First,
        ..asked.clone()
    };
    for number in 0.. {
        let (found, next, _) = page(store, &asked).await;
        assert!(found.len() <= asked.limit);
        ids.extend(found.into_iter().map(|(id, _)| id));
        let Some(mark) = next else { break };
        asked.page = Page::After(mark);
        between(number).await;
    }
    ids
}

fn all(model: &Model, asked: &TraceQuery) -> Vec<model::TraceId> {
    model.ranks(asked).iter().map(Rank::trace).collect()
}

fn question() -> impl Strategy<Value = TraceQuery> {
    let filter = prop::option::weighted(0.5, filters::filter(NOON));
    let longest = prop::option::weighted(0.2, 0u64..90_000_000_000);
    (filter, filters::order(), 1usize..4, longest).prop_map(|(filter, order, limit, longest)| {
        TraceQuery {
            trace_duration_max: longest,
            order,
            ..query(
                filter.map(SpanPredicate::Filter).into_iter().collect(),
                limit,
            )
        }
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 8, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn pages_are_one_long_answer_while_traces_are_written(
        before in prop::collection::vec(prop::collection::vec(trace(), 1..4), 1..5),
        meanwhile in prop::collection::vec(prop::collection::vec(trace(), 1..4), 1..4),
        questions in prop::collection::vec(question(), 4),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let store = TestStore::with(merging()).await;
            let mut model = Model::default();
            for traces in before {
                store.write(&traces).await;
                model.traces.extend(traces);
            }
            for asked in questions {
                let expected = all(&model, &asked);
                let walked = walk(&store, &asked, async |number| {
                    let traces: &Vec<Trace> = &meanwhile[number % meanwhile.len()];
                    store.write(traces).await;
                    maintain(&store, NOW).await;
                    model.traces.extend(traces.iter().cloned());
                })
                .await;
                assert_eq!(walked, expected, "{asked:?}");
            }
            store.store.close().await;
        });
    }
}

#[tokio::test]
async fn a_trace_that_grows_between_two_pages_is_shown_once() {
    let store = TestStore::with(merging()).await;
    let at = |n: u16| NOON + u64::from(n) * 1_000_000_000;
    for n in 1..=6 {
        store.write(&[spans_of(n, 1, at(n))]).await;
    }
    for order in TraceOrder::ALL {
        let asked = TraceQuery {
            order,
            ..query(vec![], 2)
        };
        let walked = walk(&store, &asked, async |number| {
            // The last trace comes to the front, one that was shown comes to the end.
            store.write(&[spans_of(1, 2, at(20 + number as u16))]).await;
            store.write(&[spans_of(6, 2, at(0) - number as u64)]).await;
        })
        .await;
        let mut sorted = walked.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!((walked.len(), sorted.len()), (6, 6), "{order:?}");
    }
}

#[tokio::test]
async fn a_search_by_time_knows_how_many_there_are_when_it_has_them_all() {
    let store = TestStore::with(merging()).await;
    for n in 0..5 {
        store.write(&[spans_of(n, 1, NOON + u64::from(n))]).await;
    }
    for (limit, total) in [(4, None), (5, Some(5)), (6, Some(5))] {
        let asked = TraceQuery {
            page: Page::First,
            ..query(vec![], limit)
        };
        let (found, next, found_total) = page(&store, &asked).await;
        assert_eq!(found_total, total, "{limit}");
        assert_eq!(next.is_some(), found.len() < 5, "{limit}");
    }
}

#[tokio::test]
async fn later_pages_cost_no_more_than_the_first() {
    let limits = storage::SearchLimits {
        max_segments: 120,
        ..storage::SearchLimits::default()
    };
    let store = TestStore::with(storage::StorageConfig {
        search: limits,
        ..merging()
    })
    .await;
    let traces: Vec<Trace> = (0..600)
        .map(|n| spans_of(n, 1, NOON + u64::from(n) * 1_000_000_000))
        .collect();
    store.write(&traces).await;
    let walked = walk(&store, &query(vec![], 20), async |_| {}).await;
    let newest_first: Vec<_> = traces.iter().rev().map(|trace| trace.id).collect();
    assert_eq!(walked, newest_first);
}

#[tokio::test]
async fn a_mark_of_no_store_is_refused() {
    let store = TestStore::with(merging()).await;
    let asked = TraceQuery {
        page: Page::After(PageMark {
            rank: Rank::new(1, 1, spans_of(1, 1, 1).id),
            view: "yesterday".to_owned(),
        }),
        ..query(vec![], 5)
    };
    let found = store.store.search(&Tenant::default(), &asked).await;
    assert!(matches!(found, Err(ReadError::NoSuchPage)));
}
