//! A day that is written afresh: the same for everybody at every moment, and smaller.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{Page, SpanPredicate, Tenant, TimeRange, Trace, TraceQuery};
use storage::{Day, RebuildError, Rebuilt, TraceReader};
use tokio::time::timeout;

use crate::arbitrary;
use crate::store::TestStore;
use crate::words::{NOON, read_anew, store_with_dictionary, traces};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;

/// Of the traces of [`traces`].
fn today() -> Day {
    Day::of(NOON)
}

async fn rebuild(store: &TestStore) -> Rebuilt {
    let rebuilt = store.store.rebuild(today(), |_| ()).await;
    rebuilt.expect("rebuilds")
}

/// What a rebuild leaves beside the day.
async fn leftovers(store: &TestStore) -> Vec<String> {
    let tables = "SELECT relname FROM pg_class WHERE relname ~ '_rebuilt'
                  UNION ALL SELECT tgname FROM pg_trigger WHERE tgname = 'rebuild_late'
                  UNION ALL SELECT segment_id::text FROM spoor.rebuild_late";
    store.rows(tables).await
}

/// All of the day but its payloads.
async fn rows_but_payloads(store: &TestStore) -> Vec<String> {
    let rows = "SELECT start_ns, last_start_ns, end_ns, segment_id, received_first_ns,
                    received_last_ns, trace_id, span_count, error_count, completeness, tenant,
                    root_service, root_operation, services FROM spoor.segment";
    store.rows(rows).await
}

async fn found(store: &TestStore, path: &str) -> usize {
    let query = TraceQuery {
        predicates: vec![SpanPredicate::from_tag("url.path", path)],
        start: TimeRange {
            start: 0,
            end: u64::MAX,
        },
        ..TraceQuery::any(10)
    };
    let page = store.store.search(&Tenant::default(), &query).await;
    page.expect("searches").traces.len()
}

#[tokio::test]
async fn a_rebuilt_day_is_the_same_in_fewer_bytes() {
    let (store, _session) = store_with_dictionary().await;
    let (rows, derived) = (rows_but_payloads(&store).await, store.derived().await);
    let rebuilt = rebuild(&store).await;
    assert_eq!((rebuilt.segments, rebuilt.spans), (601, 3_606));
    assert!(
        rebuilt.bytes_after * 3 < rebuilt.bytes_before * 2,
        "{rebuilt:?}"
    );
    assert_eq!(rows_but_payloads(&store).await, rows);
    assert_eq!(store.derived().await, derived);
    assert_eq!(leftovers(&store).await, Vec::<String>::new());
    let all = traces("shop", 0..600);
    read_anew(&store, &all).await;
    assert_eq!(found(&store, "/shop/orders/7").await, 1);
    let recount = store.store.recount(today(), today(), 5).await;
    let recount = recount.expect("reads");
    assert_eq!(
        (recount.differences, recount.doubled, recount.spans),
        (0, 0, 3_606)
    );
    store.maintain(NOON + 9 * 24 * 3_600 * 1_000_000_000).await;
    assert_eq!(store.span_count().await, 0, "retention drops it");
}

#[tokio::test]
async fn any_span_comes_out_as_it_went_in() {
    let store = TestStore::new().await;
    let mut runner = TestRunner::deterministic();
    let traces = proptest::collection::vec(arbitrary::trace(NOON), 20..30);
    let traces: Vec<Trace> = traces.new_tree(&mut runner).expect("traces").current();
    store.write(&traces).await;
    let days = "SELECT DISTINCT start_ns / 86400000000000 FROM spoor.segment";
    for day in store.rows(days).await {
        let day = day.trim_matches(['(', ')']).parse().expect("a day");
        let rebuilt = store.store.rebuild(Day(day), |_| ()).await;
        rebuilt.expect("rebuilds");
    }
    let (first, last) = (today().plus(-2), today().plus(2));
    let recount = store.store.recount(first, last, 5).await.expect("reads");
    assert_eq!((recount.differences, recount.doubled), (0, 0));
    assert_eq!(recount.spans as i64, store.span_count().await);
}

#[tokio::test]
async fn readers_and_late_writers_notice_nothing() {
    let (store, _session) = store_with_dictionary().await;
    let over = AtomicBool::new(false);
    let (first, last) = (&traces("shop", 0..1)[0], &traces("shop", 599..600)[0]);
    let read = async {
        let mut rounds = 0;
        while !over.load(Ordering::Relaxed) {
            for trace in [first, last] {
                let read = store.store.trace(&Tenant::default(), trace.id, None).await;
                assert_eq!(read.expect("reads").expect("is there").trace, *trace);
            }
            assert_eq!(found(&store, "/shop/orders/7").await, 1);
            rounds += 1;
        }
        rounds
    };
    let write = async {
        let mut number = 10_000;
        while !over.load(Ordering::Relaxed) {
            store.write(&traces("late", number..number + 1)).await;
            number += 1;
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        number
    };
    let rebuild = async {
        for _ in 0..3 {
            rebuild(&store).await;
        }
        over.store(true, Ordering::Relaxed);
    };
    let (rounds, number, ()) = tokio::join!(read, write, rebuild);
    assert!(rounds > 3, "{rounds} rounds of reading");
    let late = traces("late", 10_000..number);
    read_anew(&store, &late).await;
    assert_eq!(store.span_count().await, 3_606 + 6 * late.len() as i64);
    let recount = store.store.recount(today(), today(), 5).await;
    let recount = recount.expect("reads");
    assert_eq!((recount.differences, recount.doubled), (0, 0));
}

#[tokio::test]
async fn pages_that_began_before_a_rebuild_go_on_after_it() {
    let (store, _session) = store_with_dictionary().await;
    let mut query = TraceQuery {
        start: TimeRange {
            start: 0,
            end: u64::MAX,
        },
        page: Page::First,
        ..TraceQuery::any(200)
    };
    let mut ids = BTreeSet::new();
    loop {
        let page = store.store.search(&Tenant::default(), &query).await;
        let page = page.expect("searches");
        for found in page.traces {
            assert!(ids.insert(found.trace.id), "shown twice");
        }
        let Some(mark) = page.next else { break };
        query.page = Page::After(mark);
        rebuild(&store).await;
    }
    assert_eq!(ids.len(), 601);
}

#[tokio::test]
async fn a_rebuild_that_ends_at_any_moment_changes_nothing_and_the_next_one_finishes() {
    let (store, _session) = store_with_dictionary().await;
    let derived = store.derived().await;
    for millis in [1, 3, 10, 30, 60, 100, 150, 200, 300] {
        let unfinished = store.store.rebuild(today(), |_| ());
        // Whether it finished is of no matter.
        let _ = timeout(Duration::from_millis(millis), unfinished).await;
        assert_eq!(store.span_count().await, 3_606);
        assert_eq!(found(&store, "/shop/orders/7").await, 1);
    }
    let done = loop {
        match store.store.rebuild(today(), |_| ()).await {
            // The server has yet to notice that the last session has gone.
            Err(RebuildError::Busy { .. }) => tokio::task::yield_now().await,
            done => break done.expect("rebuilds"),
        }
    };
    assert_eq!(done.spans, 3_606);
    assert_eq!(leftovers(&store).await, Vec::<String>::new());
    assert_eq!(store.derived().await, derived);
    read_anew(&store, &traces("shop", 0..600)).await;
}

#[tokio::test]
async fn maintenance_removes_what_a_killed_rebuild_has_left() {
    let (store, _session) = store_with_dictionary().await;
    let mut millis = 1;
    while leftovers(&store).await.is_empty() {
        let unfinished = store.store.rebuild(today(), |_| ());
        // Whether it finished is of no matter.
        let _ = timeout(Duration::from_millis(millis), unfinished).await;
        millis += 5;
    }
    while !leftovers(&store).await.is_empty() {
        // The server may have yet to notice that the session has gone.
        store.maintain(NOON).await;
    }
    assert_eq!(store.span_count().await, 3_606);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_and_stays_as_it_is() {
    let (store, _session) = store_with_dictionary().await;
    store
        .by_hand(
            "UPDATE segment SET payload = substr(payload, 1, 40)
             WHERE segment_id = (SELECT max(segment_id) FROM segment)",
        )
        .await;
    let payloads = "SELECT md5(payload) FROM spoor.segment";
    let before = store.rows(payloads).await;
    let refused = store.store.rebuild(today(), |_| ()).await;
    assert!(
        matches!(refused, Err(RebuildError::Differs { .. })),
        "{refused:?}"
    );
    assert_eq!(store.rows(payloads).await, before);
    assert_eq!(leftovers(&store).await, Vec::<String>::new());
}

#[tokio::test]
async fn a_day_that_is_not_there_is_refused() {
    let store = TestStore::new().await;
    let refused = store.store.rebuild(Day(3), |_| ()).await;
    assert!(matches!(refused, Err(RebuildError::NoSuchDay { .. })));
}
