//! What is done with several stores as if they were one: jobs, accounts, purges.

use model::{TimeRange, Trace, TraceId};
use storage::{
    LogEnd, Owner, PurgeOrder, ReplaySpec, ReplayState, ReplayStretch, Source, StorageConfig,
    TraceWriter, replay_consumer,
};
use uuid::Uuid;

use crate::two_stores::TwoStores;
use crate::writing::span;

async fn two_stores() -> TwoStores {
    TwoStores::with(StorageConfig::default()).await
}

/// Traces of one span each, some of either store.
fn traces() -> Vec<Trace> {
    let traces = (1..=12u8).map(|number| {
        let mut trace = span("shop", number, 0);
        trace.id = TraceId::new([number; 16]).expect("not zero");
        let id = trace.id;
        trace.spans_mut().for_each(|span| span.trace_id = id);
        trace
    });
    traces.collect()
}

fn source(consumer: &str, partition: i32) -> Source {
    Source {
        consumer: consumer.to_owned(),
        topic: "spans".to_owned(),
        partition,
    }
}

#[tokio::test]
async fn a_replay_begins_in_the_store_of_each_partition() {
    let two = two_stores().await;
    let spec = ReplaySpec {
        topic: "spans".to_owned(),
        received: TimeRange { start: 1, end: 2 },
        tenant: None,
        service: None,
        spans_per_second: None,
    };
    let stretches = [0, 1].map(|partition| ReplayStretch {
        partition,
        start: 10,
        end: 20,
    });
    let id = two.stores.create_replay(&spec, &stretches).await;
    let id = id.expect("makes a job");
    for partition in [0, 1] {
        let source = source(&replay_consumer(id), partition);
        let store = two.stores.of_partition(partition);
        let known = store.source_accounts().await.expect("reads");
        assert_eq!(known.len(), 1, "the other one lies elsewhere");
        let claimed = store.claim(&source, Owner(Uuid::new_v4())).await;
        assert_eq!(claimed.expect("claims").watermark, 10);
    }
    let job = two.stores.replay(id).await.expect("reads");
    let partitions: Vec<_> = job.partitions.iter().map(|one| one.watermark).collect();
    assert_eq!(
        (job.state, partitions),
        (ReplayState::Running, vec![10, 10])
    );
    assert_eq!(two.stores.replays().await.expect("reads"), [job]);

    let order = PurgeOrder::default();
    two.stores.purge(&order).await.expect("purges");
    let job = two.stores.replay(id).await.expect("reads");
    let partitions: Vec<_> = job.partitions.iter().map(|one| one.watermark).collect();
    let ended = (ReplayState::Cancelled, vec![20, 20]);
    assert_eq!((job.state, partitions), ended, "nothing is left to read");
}

#[tokio::test]
async fn accounts_and_sizes_are_those_of_all_stores() {
    let two = two_stores().await;
    two.write(&traces()).await;
    let each: Vec<i64> = {
        let mut spans = Vec::new();
        for store in two.stores.all() {
            let account = store.account().await.expect("reads");
            spans.push(account.days.iter().map(|day| day.spans).sum());
        }
        spans
    };
    assert!(each.iter().all(|spans| *spans > 0), "{each:?}");
    let account = two.stores.account().await.expect("reads");
    let days: Vec<_> = account
        .days
        .iter()
        .map(|day| (day.spans, day.calls))
        .collect();
    assert_eq!(days, [(12, 12)]);
    assert_eq!(account.tallies.len(), 1);
    assert_eq!(account.tallies[0].counts.spans_stored, 12);
    assert_eq!(two.stores.sizes().await.expect("measures").spans, 12);
}

#[tokio::test]
async fn a_purge_empties_every_store_and_sets_each_to_the_ends_of_its_own_partitions() {
    let two = two_stores().await;
    two.write(&traces()).await;
    let ends = [0, 1, 2, 3].map(|partition| LogEnd {
        source: source("live", partition),
        end: 100 + i64::from(partition),
    });
    let order = PurgeOrder {
        ends: ends.to_vec(),
        archive: false,
    };
    let purged = two.stores.purge(&order).await.expect("purges");
    assert_eq!(purged.sources, 4);
    assert_eq!(two.stores.sizes().await.expect("measures").spans, 0);
    for (store, own) in two.stores.all().iter().zip([[0, 2], [1, 3]]) {
        let sources = store.source_accounts().await.expect("reads");
        let at: Vec<_> = sources
            .iter()
            .map(|one| (one.source.partition, one.watermark))
            .collect();
        assert_eq!(
            at,
            own.map(|partition| (partition, 100 + i64::from(partition)))
        );
    }
}
