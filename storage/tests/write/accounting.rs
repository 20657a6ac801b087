//! Every span that was stored is there or was removed on purpose, and what is not shows.

use model::Trace;
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use storage::{Account, Day, PassedOffsets, TenantRecords, TraceWriter};

use crate::arbitrary;
use crate::fencing::{owner, source, step};
use crate::store::{TestStore, write};
use crate::writing::{NOON, span};

const DAY_NS: u64 = 24 * 3600 * 1_000_000_000;

/// Spans tallied as stored, there, counted by RED series, and removed.
fn sums(account: &Account) -> [i64; 4] {
    [
        account
            .tallies
            .iter()
            .map(|tally| tally.counts.spans_stored as i64)
            .sum(),
        account.days.iter().map(|day| day.spans).sum(),
        account.days.iter().map(|day| day.calls).sum(),
        account.removals.iter().map(|removal| removal.spans).sum(),
    ]
}

#[tokio::test]
async fn what_retention_drops_is_noted_and_a_row_deleted_by_hand_is_not() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    store.write(&[span("cart", 3, 1)]).await;
    assert_eq!(sums(&store.account().await), [3, 3, 3, 0]);
    store
        .by_hand("DELETE FROM segment WHERE segment_id = (SELECT max(segment_id) FROM segment)")
        .await;
    assert_eq!(sums(&store.account().await), [3, 2, 3, 0]);
    let mut session = store.maintainer().await;
    let later = NOON + 9 * DAY_NS;
    let maintained = store.store.maintain_once(&mut session, later).await;
    maintained.expect("maintains");
    assert_eq!(sums(&store.account().await), [3, 0, 0, 2]);
}

#[tokio::test]
async fn a_detached_day_that_is_not_dropped_yet_is_counted_where_it_is() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0)]).await;
    let partition = format!("segment_{}", Day::of(NOON).suffix());
    let detach = format!("ALTER TABLE segment DETACH PARTITION {partition}");
    store.by_hand(detach.leak()).await;
    assert_eq!(sums(&store.account().await), [1, 1, 1, 0]);
    // Writing to the day makes it anew, and notes what it held.
    store.write(&[span("cart", 2, 1)]).await;
    assert_eq!(sums(&store.account().await), [2, 1, 2, 1]);
}

#[tokio::test]
async fn each_offset_below_the_position_became_something() {
    let store = TestStore::new().await;
    let progress = store.store.claim(&source(), owner(1)).await;
    let progress = progress.expect("claims");
    let mut step = step(owner(1), &progress, 42);
    step.records = 5;
    step.tenants = vec![TenantRecords {
        tenant: "default".to_owned(),
        records: 5,
        records_dead_lettered: 1,
        spans_dead_lettered: 4,
    }];
    step.records_dead_lettered = 1;
    step.spans_dead_lettered = 4;
    step.passed = PassedOffsets {
        skipped: 3,
        lost: 2,
        base_moved: 33,
    };
    let written = write(&store.store, &[span("shop", 1, 0)], &[step]).await;
    written.expect("writes");
    let account = store.account().await;
    let [of] = &account.sources[..] else {
        panic!("{account:?}")
    };
    // 42 and the one done above it, less 33.
    assert_eq!((of.offsets_done(), of.offsets_counted()), (Some(10), 10));
    assert_eq!(of.spans(), 5);
    assert_eq!(account.tallies[0].counts, of.counts);
    store
        .by_hand("UPDATE progress SET watermark = watermark + 1")
        .await;
    assert_eq!(store.account().await.sources[0].offsets_residue(), 1);
}

#[tokio::test]
async fn a_row_of_an_earlier_version_begins_to_count_with_its_next_write() {
    let store = TestStore::new().await;
    let progress = store.store.claim(&source(), owner(1)).await;
    let progress = progress.expect("claims");
    store
        .by_hand("UPDATE progress SET base_offset = NULL, watermark = 900, records = 70")
        .await;
    assert_eq!(store.account().await.sources[0].offsets_residue(), 0);
    let step = step(owner(1), &progress, 950);
    write(&store.store, &[] as &[Trace], &[step])
        .await
        .expect("writes");
    let account = store.account().await;
    assert_eq!(account.sources[0].offsets_done(), Some(71));
    assert_eq!(account.sources[0].offsets_residue(), 0);
}

#[tokio::test]
async fn folded_tallies_say_the_same() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0)]).await;
    store.write(&[span("shop", 1, 0)]).await;
    let before = store.account().await.tallies;
    store
        .by_hand("UPDATE tally_delta SET written_at = now() - interval '1 hour'")
        .await;
    let mut session = store.maintainer().await;
    let maintained = store.store.maintain_once(&mut session, NOON).await;
    maintained.expect("maintains");
    assert_eq!(store.account().await.tallies, before);
    assert!(
        store
            .rows("SELECT * FROM spoor.tally_delta")
            .await
            .is_empty()
    );
    assert_eq!(before[0].counts.spans_duplicate, 1);
}

fn arbitrary_traces() -> Vec<Trace> {
    let mut runner = TestRunner::deterministic();
    let traces = proptest::collection::vec(arbitrary::trace(NOON), 6..12);
    let tree = traces.new_tree(&mut runner).expect("traces");
    tree.current()
}

#[tokio::test]
async fn a_recount_of_what_was_written_agrees_whatever_the_order() {
    let store = TestStore::new().await;
    let traces = arbitrary_traces();
    for trace in traces.iter().rev() {
        store.write(std::slice::from_ref(trace)).await;
    }
    store.write(&traces).await;
    let (first, last) = (Day::of(NOON).plus(-2), Day::of(NOON).plus(2));
    let recount = store.store.recount(first, last, 5).await.expect("reads");
    assert_eq!(
        (recount.differences, recount.doubled),
        (0, 0),
        "{recount:?}"
    );
    assert_eq!(recount.spans as i64, store.span_count().await);
}

#[tokio::test]
async fn a_recount_finds_what_was_deleted_doubled_or_altered_by_hand() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    store.write(&[span("till", 3, 2)]).await;
    let today = Day::of(NOON);
    let what = async || {
        let recount = store.store.recount(today, today, 9).await.expect("reads");
        let what: Vec<_> = recount.examples.iter().map(|one| one.what).collect();
        (recount.differences, recount.doubled, what)
    };
    store
        .by_hand(
            "INSERT INTO segment SELECT start_ns, last_start_ns, end_ns, segment_id + 1000000,
                 received_first_ns, received_last_ns, trace_id, span_count, error_count,
                 completeness, codec, tenant, root_service, root_operation, services, payload
             FROM segment WHERE services = ARRAY['till']",
        )
        .await;
    assert_eq!(what().await, (0, 1, vec!["doubled"]));
    store
        .by_hand("DELETE FROM segment WHERE services = ARRAY['till']")
        .await;
    // The edge, the operation and the series of the span that is gone.
    assert_eq!(what().await, (3, 0, vec!["edges", "operations", "red"]));
    store
        .by_hand("DELETE FROM edge_part WHERE children = ARRAY['till']; DELETE FROM red_part WHERE services = ARRAY['till']; DELETE FROM operation_seen WHERE service = 'till'; UPDATE segment SET span_count = 9 WHERE services = ARRAY['cart']")
        .await;
    assert_eq!(what().await, (1, 0, vec!["segment"]));
}
