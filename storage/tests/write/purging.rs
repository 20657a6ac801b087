//! A purge: nothing of before is there afterwards, nothing of before comes back, and nobody who
//! works beside it fails.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use model::{SpanKind, StatusCode, Tenant, TimeRange, Trace, TraceQuery};
use storage::{
    Archived, LogEnd, Progress, PurgeOrder, ReplaySpec, ReplayState, ReplayStretch, Source,
    TraceReader, TraceWriter, WriteError,
};

use crate::contention::{numbered, second_store};
use crate::fencing::{owner, source, step};
use crate::huge::piece;
use crate::store::{TestStore, write};
use crate::writing::span;

/// Tables that a purge leaves alone, and why.
const KEPT: [(&str, &str); 16] = [
    ("_sqlx_migrations", "the schema's version"),
    ("archived_segment", "kept unless asked for"),
    ("live_lag", "how far ingesters are behind"),
    (
        "payload_dictionary",
        "words of the archive, and of what is written next",
    ),
    ("payload_resource", "the same"),
    ("placement", "which of the stores it is"),
    ("posting_table", "an empty index for each day"),
    ("progress", "positions, at the end of the log"),
    ("purge", "counts purges"),
    ("rebuild_late", "a rebuild's own, which ends with a purge"),
    ("redrive", "what was done about letters of a topic"),
    ("replay_job", "jobs, cancelled"),
    (
        "root_delta",
        "what clients are told to sample outlives what they sent",
    ),
    ("root_throughput", "the same"),
    ("sampling_probability", "the same"),
    ("sampling_round", "the same"),
];
/// The same of the stretches of jobs.
const KEPT_STRETCHES: &str = "replay_partition";

fn to(end: i64) -> LogEnd {
    let source = source();
    LogEnd { source, end }
}

fn order(ends: Vec<LogEnd>) -> PurgeOrder {
    PurgeOrder {
        ends,
        archive: false,
    }
}

/// The tables with rows in them.
async fn filled(store: &TestStore) -> BTreeSet<String> {
    let tables = "SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'spoor'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition";
    let mut filled = BTreeSet::new();
    for table in store.rows(tables).await {
        let name = table.trim_matches(['(', ')']).to_owned();
        let rows = store
            .rows(&format!("SELECT 1 FROM spoor.{name} LIMIT 1"))
            .await;
        if !rows.is_empty() {
            filled.insert(name);
        }
    }
    filled
}

#[tokio::test]
async fn every_table_is_empty_afterwards_or_has_a_reason_not_to_be() {
    let store = TestStore::new().await;
    store.write(&[span("shop", 1, 0), span("cart", 2, 1)]).await;
    let mut session = store.maintainer().await;
    let now = crate::writing::NOON + 3_600_000_000_000;
    store
        .store
        .maintain_once(&mut session, now)
        .await
        .expect("folds");
    store.write(&[span("cart", 3, 1)]).await;
    assert!(filled(&store).await.contains("red"));
    store
        .store
        .purge(&PurgeOrder::default())
        .await
        .expect("purges");
    let kept: BTreeSet<String> = KEPT.iter().map(|(name, _)| (*name).to_owned()).collect();
    let left: Vec<String> = filled(&store).await.difference(&kept).cloned().collect();
    assert_eq!(left, Vec::<String>::new());
    assert_eq!(store.derived().await, Vec::<String>::new());
    let pages = "SELECT relname FROM pg_class WHERE relname ~ '^posting_page_[0-9]'";
    for table in store.rows(pages).await {
        let name = table.trim_matches(['(', ')']);
        if !name.ends_with("_pkey") {
            let rows = store.rows(&format!("SELECT 1 FROM spoor.{name}")).await;
            assert!(rows.is_empty(), "{name}");
        }
    }
}

#[tokio::test]
async fn every_table_is_known_to_the_purge() {
    let store = TestStore::new().await;
    let source = include_str!("../../src/purge/tables.rs");
    let tables = "SELECT c.relname FROM pg_class c
        WHERE c.relnamespace = 'spoor'::regnamespace AND c.relkind IN ('r', 'p')
          AND NOT c.relispartition AND c.relname !~ '^posting_page_'";
    for table in store.rows(tables).await {
        let name = table.trim_matches(['(', ')']);
        let emptied = source.contains(&format!("{name},")) || source.contains(&format!("{name}\""));
        let kept = KEPT.iter().any(|(kept, _)| *kept == name);
        let other = [KEPT_STRETCHES, "retention_hold"].contains(&name);
        assert!(emptied || kept || other, "is {name} to be emptied?");
    }
}

#[tokio::test]
async fn what_an_owner_held_is_fenced_and_the_next_claim_begins_at_the_end_of_the_log() {
    let store = TestStore::new().await;
    let claimed = store.store.claim(&source(), owner(1)).await;
    let first = claimed.expect("claims");
    let read = storage::ProgressStep {
        landmark: Some(storage::Landmark::of(41, 0, None, None)),
        ..step(owner(1), &first, 42)
    };
    write(&store.store, &[numbered(1)], &[read])
        .await
        .expect("writes");
    let purge = store.store.purge(&order(vec![to(100)])).await;
    let purge = purge.expect("purges");
    assert_eq!((purge.generation, purge.sources), (1, 1));
    let held = Progress {
        revision: first.revision + 1,
        ..first
    };
    let late = write(&store.store, &[numbered(2)], &[step(owner(1), &held, 50)]).await;
    assert!(matches!(late, Err(WriteError::Fenced { .. })), "{late:?}");
    let next = store.store.claim(&source(), owner(2)).await;
    let next = next.expect("claims");
    assert_eq!((next.watermark, next.done_above.len()), (100, 0));
    assert_eq!(next.counts.records, 0);
    assert_eq!(store.span_count().await, 0);
}

#[tokio::test]
async fn a_partition_that_nobody_has_claimed_yet_begins_at_the_end_too() {
    let store = TestStore::new().await;
    store
        .store
        .purge(&order(vec![to(7)]))
        .await
        .expect("purges");
    let claimed = store.store.claim(&source(), owner(1)).await;
    assert_eq!(claimed.expect("claims").watermark, 7);
    let topics = store.store.consumed_topics().await.expect("answers");
    assert_eq!(topics, [("live".to_owned(), "spoor.spans".to_owned())]);
}

#[tokio::test]
async fn a_writer_elsewhere_forgets_what_it_knew_and_stores_the_same_spans_again() {
    let store = TestStore::new().await;
    let other = second_store(&store).await;
    let shop = [span("shop", 1, 0)];
    let huge = [piece(0..4_500)];
    store.write(&shop).await;
    store.write(&huge).await;
    other.purge(&PurgeOrder::default()).await.expect("purges");
    assert_eq!(store.write(&huge).await.spans_stored, 4_500);
    other.purge(&PurgeOrder::default()).await.expect("purges");
    assert_eq!(store.write(&shop).await.spans_stored, 1);
    let services = store.store.services(&Tenant::default()).await;
    assert_eq!(services.expect("answers"), ["shop"]);
}

#[tokio::test]
async fn the_archive_stays_unless_it_is_asked_for() {
    let store = TestStore::new().await;
    let trace = span("shop", 1, 0);
    store.write(std::slice::from_ref(&trace)).await;
    let tenant = Tenant::default();
    let kept = store.store.archive(&tenant, trace.id).await;
    assert_eq!(kept.expect("archives"), Archived::Kept);
    let found = async || {
        let found = store.store.trace(&tenant, trace.id, None).await;
        found.expect("answers").is_some()
    };
    store
        .store
        .purge(&PurgeOrder::default())
        .await
        .expect("purges");
    assert!(found().await);
    let all = PurgeOrder {
        archive: true,
        ..PurgeOrder::default()
    };
    store.store.purge(&all).await.expect("purges");
    assert!(!found().await);
}

#[tokio::test]
async fn replays_are_cancelled_and_have_nothing_left_to_read() {
    let store = TestStore::new().await;
    let spec = ReplaySpec {
        topic: "spans".to_owned(),
        received: TimeRange { start: 1, end: 2 },
        tenant: None,
        service: None,
        spans_per_second: None,
    };
    let stretch = ReplayStretch {
        partition: 3,
        start: 10,
        end: 20,
    };
    let made = store.store.create_replay(&spec, &[stretch]).await;
    let id = made.expect("makes a job");
    let purge = store.store.purge(&PurgeOrder::default()).await;
    assert_eq!(purge.expect("purges").replays_cancelled, 1);
    let job = store.store.replay(id).await.expect("answers");
    assert_eq!(job.state, ReplayState::Cancelled);
    let source = Source {
        consumer: storage::replay_consumer(id),
        topic: "spans".to_owned(),
        partition: 3,
    };
    let claimed = store.store.claim(&source, owner(1)).await;
    assert_eq!(claimed.expect("claims").watermark, 20);
}

/// Every span of every tenant, the newest hundred traces.
fn everything() -> TraceQuery {
    TraceQuery {
        predicates: vec![
            model::SpanPredicate::Kind(SpanKind::Server),
            model::SpanPredicate::Status(StatusCode::Unset),
        ],
        ..TraceQuery::any(100)
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn beside_writers_readers_and_maintenance_it_gets_through_and_none_of_them_fails() {
    let store = TestStore::new().await;
    let other = second_store(&store).await;
    let done = AtomicBool::new(false);
    let busy = || !done.load(Ordering::Relaxed);
    let traces: Vec<Trace> = (1..=200).map(numbered).collect();
    let writing = async {
        while busy() {
            for some in traces.chunks(20) {
                write(&store.store, some, &[]).await.expect("writes");
            }
        }
    };
    let claiming = async {
        while busy() {
            let claimed = other.claim(&source(), owner(1)).await;
            let progress = claimed.expect("claims");
            let steps = [step(owner(1), &progress, progress.watermark + 1)];
            match write(&other, &traces[..50], &steps).await {
                Ok(_) | Err(WriteError::Fenced { .. }) => {}
                Err(error) => panic!("{error:?}"),
            }
        }
    };
    let reading = async {
        while busy() {
            let tenant = Tenant::default();
            other.search(&tenant, &everything()).await.expect("answers");
            other.services(&tenant).await.expect("answers");
        }
    };
    let maintaining = async {
        let mut session = store.maintainer().await;
        while busy() {
            let now = crate::writing::NOON + 3_600_000_000_000;
            // A task of it may have to wait for the next pass.
            let _ = store.store.maintain_once(&mut session, now).await;
        }
    };
    let purging = async {
        for _ in 0..8 {
            tokio::time::sleep(Duration::from_millis(50)).await;
            let purge = other.purge(&order(vec![to(9)])).await;
            purge.expect("purges");
        }
        done.store(true, Ordering::Relaxed);
    };
    tokio::join!(writing, claiming, reading, maintaining, purging);

    other.purge(&order(vec![to(9)])).await.expect("purges");
    assert_eq!(store.span_count().await, 0);
    assert_eq!(store.write(&traces).await.spans_stored, 200);
    let found = other.search(&Tenant::default(), &everything()).await;
    let found = found.expect("answers").traces;
    assert_eq!(found.len(), 100, "the index is whole");
    let calls = "SELECT sum(calls)::bigint FROM spoor_v1.red";
    assert_eq!(store.rows(calls).await, ["(200)"]);
}
