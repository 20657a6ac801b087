//! The same traces in one store and spread over two give the same answers, page by page.

use std::collections::BTreeSet;

use model::filter::Level;
use model::{
    Page, SpanKind, SpanPredicate, Tenant, TimeRange, Trace, TraceId, TraceOrder, TraceQuery,
};
use proptest::prelude::*;
use storage::{
    Archived, AttributeQuery, DatabaseUrl, Day, PostgresStore, ReadError, RedQuery, StorageConfig,
    TraceReader,
};

use crate::database::TestDatabase;
use crate::filters;
use crate::model_of_search::identities;
use crate::searching::{NOON, merging, query, spans_of, trace};
use crate::store::{TestStore, write};
use crate::two_stores::{TwoStores, connect};

/// What a page says: its traces with their spans, whether there is more, and how many there are.
type Told = (Vec<(TraceId, Vec<String>)>, bool, Option<u64>);

/// Every page of an answer; `between` is called after each.
async fn pages<R: TraceReader>(
    reader: &R,
    asked: &TraceQuery,
    mut between: impl AsyncFnMut(usize),
) -> Vec<Told> {
    let mut asked = asked.clone();
    let mut told = Vec::new();
    loop {
        let found = reader.search(&Tenant::default(), &asked).await;
        let found = found.expect("searches");
        let traces = found.traces.iter().map(|stored| {
            let mut spans: Vec<String> = identities(&stored.trace)
                .iter()
                .map(|hash| format!("{hash:?}"))
                .collect();
            spans.sort_unstable();
            (stored.trace.id, spans)
        });
        told.push((traces.collect(), found.next.is_some(), found.total));
        let Some(mark) = found.next else { return told };
        asked.page = Page::After(mark);
        between(told.len()).await;
    }
}

fn are_on_one_day(traces: &[Trace]) -> bool {
    let resources = traces.iter().flat_map(|trace| &trace.resources);
    let spans = resources.flat_map(|of| of.scopes.iter().flat_map(|of| &of.spans));
    let days: BTreeSet<Day> = spans.map(|span| Day::of(span.start)).collect();
    days.len() <= 1
}

/// Whatever can be asked beside searches, in words.
async fn everything_else<R: TraceReader>(reader: &R, traces: &[Trace]) -> Vec<String> {
    let tenant = Tenant::default();
    let services = reader.services(&tenant).await.expect("services");
    let mut told = vec![format!("{services:?}")];
    for service in &services {
        let operations = reader.operations(&tenant, service, None).await;
        told.push(format!("{:?}", operations.expect("operations")));
    }
    // Of a trace on several days, how much of it a transaction sees depends on what else it writes.
    if are_on_one_day(traces) {
        let edges = reader.dependencies(&tenant, TimeRange::ALL).await;
        told.push(format!("{:?}", edges.expect("dependencies")));
    }
    let series = RedQuery {
        services,
        kinds: SpanKind::ALL.to_vec(),
        by_operation: true,
        range: TimeRange::ALL,
    };
    let red = reader.red(&tenant, &series).await.expect("RED series");
    told.extend(red.iter().map(|point| format!("{point:?}")));
    for limit in [2, 1_000] {
        let keys = AttributeQuery {
            predicates: Vec::new(),
            start: TimeRange::ALL,
            key: None,
            prefix: String::new(),
            limit,
        };
        let keys = reader.attributes(&tenant, &keys).await.expect("attributes");
        told.push(format!("{keys:?}"));
    }
    for one in traces {
        let found = reader.trace(&tenant, one.id, None).await.expect("a trace");
        let spans = found.map(|found| identities(&found.trace).len());
        told.push(format!("{:?} {spans:?}", one.id));
    }
    told
}

fn question() -> impl Strategy<Value = TraceQuery> {
    let filter = prop::option::weighted(0.5, filters::filter(NOON));
    let longest = prop::option::weighted(0.2, 0u64..90_000_000_000);
    let page = prop::sample::select(vec![Page::Only, Page::First]);
    (filter, filters::order(), 1usize..5, longest, page).prop_map(
        |(filter, order, limit, longest, page)| TraceQuery {
            trace_duration_max: longest,
            order,
            page,
            ..query(
                filter.map(SpanPredicate::Filter).into_iter().collect(),
                limit,
            )
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 3, max_shrink_iters: 40, ..ProptestConfig::default() })]

    #[test]
    fn two_stores_answer_as_one_would(
        before in prop::collection::vec(prop::collection::vec(trace(), 1..5), 1..4),
        meanwhile in prop::collection::vec(prop::collection::vec(trace(), 1..4), 1..3),
        questions in prop::collection::vec(question(), 6),
    ) {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        runtime.block_on(async {
            let (one, two) = (TestStore::with(merging()).await, TwoStores::with(merging()).await);
            let mut all = Vec::new();
            for traces in before {
                one.write(&traces).await;
                two.write(&traces).await;
                all.extend(traces);
            }
            for asked in questions {
                let more = |number: usize| &meanwhile[number % meanwhile.len()];
                let of_one = pages(&one.store, &asked, async |n| {
                    one.write(more(n)).await;
                })
                .await;
                let of_two = pages(&two.stores, &asked, async |n| two.write(more(n)).await).await;
                assert_eq!(of_two, of_one, "{asked:?}");
            }
            all.extend(meanwhile.iter().flatten().cloned());
            let rest = (everything_else(&one.store, &all), everything_else(&two.stores, &all));
            assert_eq!(rest.1.await, rest.0.await);
            one.store.close().await;
            two.stores.close().await;
        });
    }
}

#[tokio::test]
async fn every_order_goes_on_in_both_stores_while_traces_are_written() {
    let two = TwoStores::with(merging()).await;
    let traces: Vec<Trace> = (0..40u16)
        .map(|n| spans_of(n, 1 + (n % 5) as u8, NOON + u64::from(n) * 1_000_000))
        .collect();
    two.write(&traces).await;
    for order in TraceOrder::ALL {
        let asked = TraceQuery {
            order,
            page: Page::First,
            ..query(vec![], 7)
        };
        let told = pages(&two.stores, &asked, async |n| {
            two.write(&[spans_of(1_000 + n as u16, 9, NOON + 90_000_000_000)])
                .await;
        })
        .await;
        let mut shown: Vec<TraceId> = told
            .iter()
            .flat_map(|page| &page.0)
            .map(|of| of.0)
            .collect();
        let sizes: Vec<usize> = told.iter().map(|page| page.0.len()).collect();
        assert!(
            sizes[..sizes.len() - 1].iter().all(|size| *size == 7),
            "{sizes:?}"
        );
        let all = shown.len();
        shown.sort_unstable();
        shown.dedup();
        assert_eq!(shown.len(), all, "{order:?}: each trace is shown once");
        assert!(
            traces.iter().all(|one| shown.contains(&one.id)),
            "{order:?}"
        );
    }
}

#[tokio::test]
async fn a_trace_is_archived_where_it_lies() {
    let two = TwoStores::with(merging()).await;
    let traces: Vec<Trace> = (0..8).map(|n| spans_of(n, 1, NOON)).collect();
    two.write(&traces).await;
    for one in &traces {
        let kept = two.stores.archive(&Tenant::default(), one.id).await;
        assert_eq!(kept.expect("archives"), Archived::Kept);
    }
}

#[tokio::test]
async fn an_answer_without_one_of_the_stores_is_none_and_names_it() {
    let two = TwoStores::with(merging()).await;
    two.write(&[spans_of(1, 1, NOON)]).await;
    two.stores.all()[1].close().await;
    let tenant = Tenant::default();
    let searched = two.stores.search(&tenant, &query(vec![], 5)).await;
    let listed = two.stores.services(&tenant).await;
    for refused in [searched.err(), listed.err()] {
        let refused = refused.expect("a part of the answer is missing");
        assert!(matches!(refused, ReadError::StoreUnavailable { .. }));
        assert!(
            refused.to_string().starts_with("store 1 of 2, at "),
            "{refused}"
        );
    }
}

#[tokio::test]
async fn a_page_of_one_store_does_not_go_on_in_two() {
    let (one, two) = (
        TestStore::with(merging()).await,
        TwoStores::with(merging()).await,
    );
    let traces: Vec<Trace> = (0..8).map(|n| spans_of(n, 1, NOON)).collect();
    one.write(&traces).await;
    let first = TraceQuery {
        page: Page::First,
        ..query(vec![], 3)
    };
    let found = one.store.search(&Tenant::default(), &first).await;
    let mark = found.expect("searches").next.expect("there is more");
    let asked = TraceQuery {
        page: Page::After(mark),
        ..first
    };
    let refused = two.stores.search(&Tenant::default(), &asked).await;
    assert!(matches!(refused, Err(ReadError::NoSuchPage)));
}

#[tokio::test]
async fn attributes_that_are_frequent_in_both_stores_are_summed() {
    let two = TwoStores::with(merging()).await;
    let traces: Vec<Trace> = (0..20)
        .map(|n| {
            let mut one = spans_of(n, 1, NOON);
            one.spans_mut()
                .for_each(|span| span.attributes = vec![model::KeyValue::new("colour", "red")]);
            one
        })
        .collect();
    two.write(&traces).await;
    let asked = AttributeQuery {
        predicates: Vec::new(),
        start: TimeRange::ALL,
        key: Some("colour".to_owned()),
        prefix: String::new(),
        limit: 1,
    };
    let listed = two.stores.attributes(&Tenant::default(), &asked).await;
    let listed = listed.expect("lists");
    let counts: Vec<_> = listed
        .counts
        .iter()
        .map(|one| (one.level, one.spans))
        .collect();
    assert_eq!((counts, listed.spans), (vec![(Level::Span, 20)], 20));
}

#[tokio::test]
async fn stores_that_have_changed_places_are_refused() {
    let two = TwoStores::with(merging()).await;
    let [home, further] = &two.databases;
    for (swapped, told) in [
        (
            [further, home],
            "is store 1 of 2 and is configured as store 0 of 2",
        ),
        (
            [home, home],
            "is store 0 of 2 and is configured as store 1 of 2",
        ),
    ] {
        let stores = connect(merging(), swapped).await;
        for refused in [stores.check_version().await, stores.migrate().await] {
            let refused = refused.expect_err("it is another one").to_string();
            assert!(refused.contains(told), "{refused}");
        }
    }
}

#[tokio::test]
async fn a_store_that_was_alone_does_not_become_one_of_two() {
    let (alone, new) = (TestStore::new().await, TestDatabase::create().await);
    let stores = connect(merging(), [&alone.database, &new]).await;
    let refused = stores.migrate().await.expect_err("it was the only one");
    let told = "is store 0 of 1 and is configured as store 0 of 2";
    assert!(refused.to_string().contains(told), "{refused}");
    let two = TwoStores::with(merging()).await;
    let config = StorageConfig {
        url: DatabaseUrl(two.databases[0].url()),
        ..StorageConfig::default()
    };
    let half = PostgresStore::connect(&config).await.expect("a store");
    assert!(
        half.check_version().await.is_err(),
        "half of what is stored"
    );
}

#[tokio::test]
async fn a_trace_that_comes_by_a_partition_of_another_store_is_refused() {
    let two = TwoStores::with(merging()).await;
    let stray = spans_of(1, 1, NOON);
    let own = two.stores.of_trace(stray.id).placement();
    let other = &two.stores.all()[1 - own.place];
    let refused = write(other, &[stray], &[]).await;
    assert!(matches!(
        refused,
        Err(storage::WriteError::Misplaced { .. })
    ));
}
