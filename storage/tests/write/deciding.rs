//! What tail sampling decides is decided once, and what it drops is counted like what is stored.

use model::{KeyValue, Trace, TraceId};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use storage::{
    DatabaseUrl, Day, Decided, PostgresStore, StorageConfig, TraceWriter, Verdict, Written,
};

use crate::arbitrary;
use crate::fencing::{owner, source, step};
use crate::store::{TestStore, write, write_judged};
use crate::writing::{NOON, span};

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

const DROP: Verdict<'static> = Verdict {
    kept: false,
    policy: "noise",
    weight: None,
};
const KEEP: Verdict<'static> = Verdict {
    kept: true,
    policy: "one of ten",
    weight: Some(10.0),
};

impl TestStore {
    async fn judged(&self, traces: &[Trace], verdict: Verdict<'static>) -> Written {
        let written = write_judged(&self.store, traces, &[], |_| Some(verdict)).await;
        written.expect("writes")
    }

    /// The figures that differ from what is stored or remembered.
    async fn differences(&self) -> u64 {
        let day = Day::of(NOON);
        let found = self.store.recount(day.plus(-40), day.plus(40), 5).await;
        let found = found.expect("reads");
        assert_eq!(found.examples, [], "{found:?}");
        found.differences + found.doubled
    }
}

/// Stored, duplicate and dropped.
fn became(written: &Written) -> (u64, u64, u64) {
    let Written {
        spans_stored,
        spans_duplicate,
        spans_dropped,
        ..
    } = *written;
    (spans_stored, spans_duplicate, spans_dropped)
}

#[tokio::test]
async fn what_is_dropped_is_counted_like_what_is_stored() {
    let (all, some) = (TestStore::new().await, TestStore::new().await);
    let traces = [span("shop", 1, 0), span("cart", 2, 1)];
    all.write(&traces).await;
    let written = some.judged(&traces, DROP).await;
    assert_eq!((became(&written), written.segments), ((0, 0, 2), 0));
    assert_eq!(
        written.decided,
        [Decided {
            policy: "noise".to_owned(),
            kept: false,
            traces: 1,
            spans: 2,
        }]
    );
    assert_eq!(some.derived().await, all.derived().await);
    assert_eq!(some.span_count().await, 0);
    assert_eq!(some.differences().await, 0);
}

#[tokio::test]
async fn a_dropped_span_that_comes_again_changes_nothing() {
    let store = TestStore::new().await;
    let traces = [span("shop", 1, 0), span("cart", 2, 1)];
    store.judged(&traces, DROP).await;
    let before = store.derived().await;
    for again in [
        store.judged(&traces, DROP).await,
        store.judged(&traces, KEEP).await,
        store.write(&traces[..1]).await,
    ] {
        assert_eq!((became(&again).0, became(&again).2), (0, 0), "{again:?}");
    }
    assert_eq!(store.derived().await, before);
    assert_eq!(store.span_count().await, 0);
}

#[tokio::test]
async fn late_spans_follow_what_was_decided_whoever_writes_them() {
    let store = TestStore::new().await;
    store.judged(&[span("shop", 1, 0)], DROP).await;
    let config = StorageConfig {
        url: DatabaseUrl(store.database.url()),
        ..StorageConfig::default()
    };
    let another = PostgresStore::connect(&config).await.expect("connects");
    let kept = write_judged(&another, &[span("cart", 2, 1)], &[], |_| Some(KEEP)).await;
    assert_eq!(became(&kept.expect("writes")), (0, 0, 1));
    let untold = write(&another, &[span("bank", 3, 2)], &[]).await;
    assert_eq!(became(&untold.expect("writes")), (0, 0, 1));
    let edges = "SELECT parent, child, calls FROM spoor_v1.edges";
    let expected = ["(cart,bank,1)", "(shop,cart,1)"];
    assert_eq!(store.rows(edges).await, expected);
    assert_eq!(store.differences().await, 0);
}

#[tokio::test]
async fn late_spans_of_a_trace_that_is_kept_are_stored_with_its_weight() {
    let store = TestStore::new().await;
    store.judged(&[span("shop", 1, 0)], KEEP).await;
    let late = store.judged(&[span("cart", 2, 1)], DROP).await;
    assert_eq!(became(&late), (1, 0, 0));
    let segments = "SELECT span_count, weight, kept_by FROM spoor_v1.segments";
    let row = "(1,10,\"one of ten\")";
    assert_eq!(store.rows(segments).await, [row, row]);
    let traces = "SELECT span_count, weight, kept_by FROM spoor_v1.traces";
    assert_eq!(store.rows(traces).await, ["(2,10,\"one of ten\")"]);
    assert_eq!(store.differences().await, 0);
}

#[tokio::test]
async fn a_trace_that_was_stored_without_a_decision_is_gone_on_with() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0)]).await;
    assert_eq!(
        became(&store.judged(&[span("cart", 2, 1)], DROP).await),
        (1, 0, 0)
    );
    let traces = "SELECT span_count, weight, kept_by FROM spoor_v1.traces";
    assert_eq!(store.rows(traces).await, ["(2,1,)"]);
    assert_eq!(
        store.rows("SELECT number FROM spoor.trace_decision").await,
        [""; 0]
    );
}

#[tokio::test]
async fn of_two_parts_of_a_trace_in_one_batch_the_first_decides() {
    let store = TestStore::new().await;
    let parts = [span("shop", 1, 0), span("cart", 2, 1)];
    let first = parts[0].clone();
    let verdict = |trace: &Trace| Some(if *trace == first { DROP } else { KEEP });
    let written = write_judged(&store.store, &parts, &[], verdict).await;
    assert_eq!(became(&written.expect("writes")), (0, 0, 2));
}

#[tokio::test]
async fn a_span_that_starts_on_the_next_day_follows_as_well() {
    let store = TestStore::new().await;
    store.judged(&[span("shop", 1, 0)], DROP).await;
    let mut late = span("cart", 2, 1);
    for span in late.spans_mut() {
        span.start += DAY_NS;
        span.end += DAY_NS;
    }
    assert_eq!(became(&store.judged(&[late], KEEP).await), (0, 0, 1));
}

#[tokio::test]
async fn what_is_dropped_is_tallied_and_forgotten_with_its_day() {
    let store = TestStore::new().await;
    let progress = store.store.claim(&source(), owner(1)).await;
    let step = step(owner(1), &progress.expect("claims"), 2);
    let traces = [span("shop", 1, 0), span("cart", 2, 1)];
    let written = write_judged(&store.store, &traces, &[step], |_| Some(DROP)).await;
    written.expect("writes");
    let account = store.account().await;
    assert_eq!(account.sources[0].counts.spans_dropped, 2);
    assert_eq!(account.tallies[0].counts.spans_dropped, 2);
    let day = &account.days[0];
    assert_eq!((day.spans, day.dropped, day.calls), (0, 2, 2));
    let mut session = store.maintainer().await;
    let later = NOON + 9 * DAY_NS;
    let maintained = store.store.maintain_once(&mut session, later).await;
    maintained.expect("maintains");
    let account = store.account().await;
    assert!(account.days.iter().all(|day| day.dropped == 0));
    let removals: Vec<_> = account
        .removals
        .iter()
        .map(|removal| (removal.was_stored(), removal.spans))
        .collect();
    assert_eq!(removals, [(false, 2)]);
}

#[tokio::test]
async fn where_nothing_was_decided_no_decision_is_looked_for() {
    let store = TestStore::new().await;
    let decided = "SELECT decided FROM spoor.purge";
    store.write(&[span("shop", 1, 0)]).await;
    // Whoever looked would fail.
    let rename = "ALTER TABLE trace_decision RENAME TO elsewhere";
    store.by_hand(rename).await;
    store.write(&[span("cart", 2, 1)]).await;
    store
        .by_hand("ALTER TABLE elsewhere RENAME TO trace_decision")
        .await;
    assert_eq!(store.rows(decided).await, ["(f)"]);
    let mut other = span("bank", 3, 0);
    other.id = TraceId::new([9; 16]).expect("not zero");
    store.judged(&[other], DROP).await;
    assert_eq!(store.rows(decided).await, ["(t)"]);
}

#[tokio::test]
async fn dropped_spans_can_be_asked_for_by_their_identity() {
    let store = TestStore::new().await;
    let trace = span("shop", 1, 0);
    store.judged(std::slice::from_ref(&trace), DROP).await;
    let found = store.store.dropped(&[trace.id]).await.expect("reads");
    let ids: Vec<_> = found.iter().map(|one| one.span_id).collect();
    let sent: Vec<_> = trace.spans().map(|(_, _, span)| span.span_id).collect();
    assert_eq!(ids, sent);
}

#[test]
fn whatever_is_dropped_every_figure_is_that_of_all_spans() {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let mut runner = TestRunner::new(Config {
        cases: 24,
        failure_persistence: None,
        ..Config::default()
    });
    let batches = vec(vec(arbitrary::trace(NOON), 1..4), 1..6);
    let outcome = runner.run(
        &(batches, any::<u8>(), any::<bool>()),
        |(batches, odd, off)| {
            runtime.block_on(async {
                let (all, some) = (TestStore::new().await, TestStore::new().await);
                // The verdict changes from batch to batch: what was decided first holds.
                let mut sums = (0, 0, 0);
                for (batch, number) in batches.iter().zip(0u8..) {
                    let whole = all.write(batch).await;
                    let verdict = |trace: &Trace| {
                        let lot = trace.id.as_bytes()[0].wrapping_add(odd % 7);
                        let dropped = lot.wrapping_add(number).is_multiple_of(2);
                        let verdict = if dropped { DROP } else { KEEP };
                        (!off || number > 0).then_some(verdict)
                    };
                    let part = write_judged(&some.store, batch, &[], verdict).await;
                    let part = part.expect("writes");
                    assert_eq!(whole.spans_duplicate, part.spans_duplicate, "{part:?}");
                    sums.0 += whole.spans_stored;
                    sums.1 += part.spans_stored;
                    sums.2 += part.spans_dropped;
                }
                assert_eq!(sums.0, sums.1 + sums.2);
                assert_eq!(some.derived().await, all.derived().await);
                assert_eq!(some.span_count().await as u64, sums.1);
                assert_eq!(some.differences().await, 0);
                let split = "SELECT trace_id FROM spoor.trace_decision GROUP BY tenant, trace_id
                         HAVING count(DISTINCT segment_id IS NULL) > 1";
                assert_eq!(some.rows(split).await, [""; 0]);
            });
            Ok(())
        },
    );
    outcome.expect("holds for all");
}

/// Attributes of a span have nothing to do with what is remembered of it.
#[tokio::test]
async fn two_spans_that_differ_in_an_attribute_alone_are_two() {
    let store = TestStore::new().await;
    let one = span("shop", 1, 0);
    let mut other = one.clone();
    for span in other.spans_mut() {
        span.attributes.push(KeyValue::new("attempt", 2i64));
    }
    store.judged(&[one], DROP).await;
    assert_eq!(became(&store.judged(&[other], DROP).await), (0, 0, 1));
}

/// A step of the replay with this number, to a position.
async fn replay(store: &TestStore, watermark: i64) -> storage::ProgressStep {
    let source = storage::Source {
        consumer: storage::replay_consumer(1),
        ..source()
    };
    let progress = store.store.claim(&source, owner(watermark as u128)).await;
    let progress = progress.expect("claims");
    storage::ProgressStep {
        source,
        ..step(owner(watermark as u128), &progress, watermark)
    }
}

#[tokio::test]
async fn a_replay_may_keep_what_was_dropped_and_counts_it_no_second_time() {
    let store = TestStore::new().await;
    let traces = [span("shop", 1, 0), span("cart", 2, 1), span("bank", 3, 2)];
    store.judged(&traces, DROP).await;
    let before = store.derived().await;
    for (trace, watermark) in traces[..2].iter().zip(1..) {
        let step = replay(&store, watermark).await;
        let trace = std::slice::from_ref(trace);
        let verdict = |_: &Trace| Some(KEEP).filter(|_| watermark == 1);
        let written = write_judged(&store.store, trace, &[step], verdict).await;
        assert_eq!(became(&written.expect("writes")), (1, 0, 0));
        assert_eq!(store.derived().await, before);
        assert_eq!(store.differences().await, 0);
    }
    let traces_view = "SELECT span_count, weight FROM spoor_v1.traces";
    assert_eq!(store.rows(traces_view).await, ["(2,10)"]);
    let account = store.account().await;
    let day = &account.days[0];
    assert_eq!((day.spans, day.dropped, day.calls), (2, 1, 3));
    let noted: i64 = account.removals.iter().map(|removal| removal.spans).sum();
    assert_eq!(noted, 2);
    // From now on the trace is one that is kept.
    let late = store.judged(&[span("mail", 4, 3)], DROP).await;
    assert_eq!(became(&late), (1, 0, 0));
}

#[tokio::test]
async fn a_replay_drops_nothing_that_was_kept() {
    let store = TestStore::new().await;
    let traces = [span("shop", 1, 0)];
    store.judged(&traces, KEEP).await;
    let step = replay(&store, 1).await;
    let written = write_judged(&store.store, &traces, &[step], |_| Some(DROP)).await;
    assert_eq!(became(&written.expect("writes")), (0, 1, 0));
    assert_eq!(store.span_count().await, 1);
}
