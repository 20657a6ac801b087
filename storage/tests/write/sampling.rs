//! Root spans are counted by how they were sampled, and one process works with the counts.

use model::{KeyValue, Span, SpanId, Trace, TraceId};
use storage::{
    Intervals, OperationProbabilities, OperationProbability, RootCount, RootSampler, SamplingSeat,
    StorageConfig, ThroughputBucket,
};

use crate::fencing::{owner, step};
use crate::store::{TestStore, write};
use crate::two_stores::TwoStores;
use crate::writing::span;

const SECOND: u64 = 1_000_000_000;

fn that_counts() -> StorageConfig {
    StorageConfig {
        count_roots: true,
        ..StorageConfig::default()
    }
}

async fn counting() -> TestStore {
    TestStore::with(that_counts()).await
}

/// A trace of one root span of the service `shop`, changed.
fn root(number: u8, change: impl Fn(&mut Span)) -> Trace {
    let mut trace = span("shop", 1, 0);
    trace.id = TraceId::new([number; 16]).expect("not zero");
    for span in trace.spans_mut() {
        span.trace_id = TraceId::new([number; 16]).expect("not zero");
        span.parent_span_id = None;
        span.name = "checkout".into();
        change(span);
    }
    trace
}

fn sampled(number: u8, sampler: &str, param: impl Into<model::Value>) -> Trace {
    let attributes = vec![
        KeyValue::new("sampler.type", sampler),
        KeyValue::new("sampler.param", param),
    ];
    root(number, |span| span.attributes.clone_from(&attributes))
}

/// The intervals of a round that ends so many seconds after 1970.
fn until(seconds: u64) -> Intervals {
    Intervals {
        until: seconds * SECOND,
        length: 10 * SECOND,
        keep: 3,
    }
}

/// The seat, as soon as the server has noticed that the one before is gone.
async fn seat(store: &TestStore) -> SamplingSeat {
    loop {
        let seat = store.store.take_sampling_seat().await;
        if let Some(seat) = seat.expect("answers") {
            return seat;
        }
    }
}

/// A round that changes nothing, and what it was given.
async fn look(store: &TestStore, intervals: Intervals) -> Vec<ThroughputBucket> {
    let mut seat = seat(store).await;
    let mut given = Vec::new();
    let calculation = |buckets: &[ThroughputBucket], before| {
        given = buckets.to_vec();
        before
    };
    seat.round(intervals, 7, "test", calculation)
        .await
        .expect("answers");
    given
}

fn counts(bucket: &ThroughputBucket) -> Vec<(RootSampler, f64, u64)> {
    let all = bucket.operations.values().flatten();
    let mut counts: Vec<_> = all
        .map(
            |RootCount {
                 sampler,
                 probability,
                 roots,
             }| (*sampler, *probability, *roots),
        )
        .collect();
    counts.sort_by(|a, b| a.partial_cmp(b).expect("numbers"));
    counts
}

#[tokio::test]
async fn root_spans_are_counted_by_sampler_and_probability() {
    let store = counting().await;
    let threshold = root(8, |span| span.trace_state = "ot=th:8".into());
    let child = root(9, |span| span.parent_span_id = SpanId::new([9; 8]));
    store
        .write(&[
            sampled(1, "probabilistic", 0.25),
            sampled(2, "probabilistic", "0.25"),
            sampled(3, "lowerbound", 0.125),
            sampled(4, "const", true),
            root(5, |_| {}),
            root(6, |_| {}),
            threshold,
            child,
        ])
        .await;
    let buckets = look(&store, until(10)).await;
    let expected = [
        (RootSampler::Probabilistic, 0.25, 2),
        (RootSampler::Probabilistic, 0.5, 1),
        (RootSampler::Other, 0.0, 1),
        (RootSampler::Other, 0.125, 1),
        (RootSampler::Untold, 0.0, 2),
    ];
    assert_eq!(counts(&buckets[0]), expected);
    let names: Vec<_> = buckets[0].operations.keys().collect();
    assert_eq!(names.len(), 1);
    assert_eq!(
        (names[0].service.as_str(), names[0].operation.as_str()),
        ("shop", "checkout")
    );
}

#[tokio::test]
async fn a_span_that_is_stored_already_or_read_once_more_is_not_counted() {
    let store = counting().await;
    store.write(&[root(1, |_| {})]).await;
    store.write(&[root(1, |_| {}), root(2, |_| {})]).await;
    let mut replay = crate::fencing::source();
    replay.consumer = storage::replay_consumer(1);
    let progress = storage::TraceWriter::claim(&store.store, &replay, owner(1)).await;
    let mut again = step(owner(1), &progress.expect("claims"), 1);
    again.source = replay;
    write(&store.store, &[root(3, |_| {})], &[again])
        .await
        .expect("writes");
    let buckets = look(&store, until(10)).await;
    assert_eq!(counts(&buckets[0]), [(RootSampler::Untold, 0.0, 2)]);
}

#[tokio::test]
async fn nothing_is_counted_unless_it_is_asked_for() {
    let store = TestStore::new().await;
    store.write(&[root(1, |_| {})]).await;
    assert_eq!(
        store.rows("SELECT * FROM spoor.root_delta").await,
        [] as [&str; 0]
    );
}

#[tokio::test]
async fn counts_stay_in_their_interval_whenever_they_come() {
    let store = counting().await;
    let append =
        "INSERT INTO spoor.root_delta VALUES ($1, 0, $2, 2, 'default', 'shop', 'checkout')";
    let add = async |second: u64, roots: i64| {
        let mut session = store.session().await;
        sqlx::query(append)
            .bind((second * SECOND) as i64)
            .bind(roots)
            .execute(&mut session)
            .await
            .expect("appends");
    };
    add(5, 1).await;
    add(12, 10).await;
    add(21, 100).await;
    let seen = |buckets: &[ThroughputBucket]| -> Vec<u64> {
        let roots = |bucket| counts(bucket).iter().map(|(_, _, roots)| roots).sum();
        buckets.iter().map(roots).collect()
    };
    assert_eq!(seen(&look(&store, until(20)).await), [10, 1]);
    add(13, 1_000).await;
    assert_eq!(seen(&look(&store, until(30)).await), [100, 1_010, 1]);
    assert_eq!(seen(&look(&store, until(40)).await), [0, 100, 1_010]);
    let left = store
        .rows("SELECT bucket_ns FROM spoor.root_throughput")
        .await;
    assert_eq!(left.len(), 2, "{left:?}");
}

#[tokio::test]
async fn one_process_calculates_and_the_next_one_goes_on_where_it_stopped() {
    let store = counting().await;
    store.write(&[root(1, |_| {})]).await;
    assert_eq!(
        store.store.sampling_probabilities().await.expect("answers"),
        None
    );
    let mut seat = store
        .store
        .take_sampling_seat()
        .await
        .expect("answers")
        .expect("elected");
    let second = store.store.take_sampling_seat().await.expect("answers");
    assert!(second.is_none());
    let state = OperationProbability {
        handed_out: vec![0.1 + 0.2, 1e-5],
        changed_at: 42,
        roots_per_second: 1.5,
        at_rest: true,
        follows: false,
    };
    let calculation = |buckets: &[ThroughputBucket], _| -> OperationProbabilities {
        let names = buckets[0].operations.keys();
        names.map(|name| (name.clone(), state.clone())).collect()
    };
    let told = seat
        .round(until(10), 7, "test", calculation)
        .await
        .expect("answers");
    assert_eq!(seat.last_bucket().await.expect("answers"), Some(0));
    let shown = "SELECT service, operation, probability, follows FROM spoor_v1.sampling";
    assert_eq!(
        store.rows(shown).await,
        ["(shop,checkout,0.30000000000000004,f)"]
    );
    drop(seat);
    let mut next = self::seat(&store).await;
    let mut before = OperationProbabilities::new();
    let calculation = |_: &[ThroughputBucket], known| {
        before = known;
        OperationProbabilities::new()
    };
    let nothing = next
        .round(until(20), 8, "test", calculation)
        .await
        .expect("answers");
    assert_eq!((before, nothing.len()), (told, 0));
    let stored = store.store.sampling_probabilities().await.expect("answers");
    assert_eq!(stored, Some((8, OperationProbabilities::new())));
}

#[tokio::test]
async fn root_spans_of_every_store_are_counted_by_the_one_that_calculates() {
    let two = TwoStores::with(that_counts()).await;
    let traces: Vec<Trace> = (1..=8)
        .map(|number| sampled(number, "probabilistic", 0.25))
        .collect();
    two.write(&traces).await;
    // A round that comes again finds what the one before has folded.
    for _ in 0..2 {
        let mut seat = loop {
            let seat = two.stores.take_sampling_seat().await;
            if let Some(seat) = seat.expect("answers") {
                break seat;
            }
        };
        let mut roots = 0;
        let calculation = |buckets: &[ThroughputBucket], before| {
            roots = counts(&buckets[0]).iter().map(|of| of.2).sum();
            before
        };
        let round = seat.round(until(10), 7, "test", calculation).await;
        round.expect("answers");
        assert_eq!(roots, 8);
    }
}
