//! The whole service against a real Kafka and a real Postgres.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use ingester::{DirectConfig, DirectWriter, WriteConfig};
use model::{Tenant, TraceId};
use schemas::SchemaId;
use storage::{
    Counts, DatabaseUrl, DeadLetter, Owner, PostgresStore, Progress, Source, StorageConfig,
    TraceWriter, WriteBatch, WriteError, Written,
};
use uuid::Uuid;

use crate::{
    cluster::{Cluster, PARTITIONS, on_topics},
    log::{SCHEMA, framed},
    sent::until as eventually,
    stage::{schemas, until},
};

/// Spans of each record.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];

/// The store, and what it has answered.
pub struct Counted {
    pub store: Arc<PostgresStore>,
    stored: AtomicU64,
    duplicate: AtomicU64,
}

impl Counted {
    pub async fn connect() -> Arc<Self> {
        let url = std::env::var("SPOOR_TEST_POSTGRES_URL")
            .expect("run through `make test`, or set SPOOR_TEST_POSTGRES_URL");
        let config = StorageConfig {
            url: DatabaseUrl(url),
            ..StorageConfig::default()
        };
        let store = PostgresStore::connect(&config).await.unwrap();
        store.migrate().await.unwrap();
        Arc::new(Self {
            store: Arc::new(store),
            stored: AtomicU64::new(0),
            duplicate: AtomicU64::new(0),
        })
    }

    pub fn spans(&self) -> (u64, u64) {
        (
            self.stored.load(Ordering::SeqCst),
            self.duplicate.load(Ordering::SeqCst),
        )
    }

    pub async fn until_spans(&self, stored: u64, duplicate: u64) {
        let all = || self.spans().0 + self.spans().1 >= stored + duplicate;
        until(all, || format!("{:?} spans", self.spans())).await;
        assert_eq!(self.spans(), (stored, duplicate));
    }
}

impl TraceWriter for Counted {
    async fn claim(&self, source: &Source, owner: Owner) -> Result<Progress, WriteError> {
        self.store.claim(source, owner).await
    }

    async fn write(&self, batch: WriteBatch<'_, '_>) -> Result<Written, WriteError> {
        let written = self.store.write(batch).await?;
        self.stored
            .fetch_add(written.spans_stored, Ordering::SeqCst);
        self.duplicate
            .fetch_add(written.spans_duplicate, Ordering::SeqCst);
        Ok(written)
    }

    async fn dead_letter(&self, letters: &[DeadLetter<'_>]) -> Result<(), WriteError> {
        self.store.dead_letter(letters).await
    }
}

/// Records of so many traces that nobody has seen before.
pub fn fresh(traces: usize) -> Vec<(TraceId, Vec<u8>)> {
    fresh_of(SCHEMA, traces, &NAMES)
}

/// The same under another schema's id, with spans of these names.
pub fn fresh_of(schema: SchemaId, traces: usize, names: &[&str]) -> Vec<(TraceId, Vec<u8>)> {
    let start = bootstrap::clock::now();
    let one = |_| {
        let id = TraceId::new(*Uuid::new_v4().as_bytes()).unwrap();
        (id, framed(schema, &Tenant::default(), id, start, names))
    };
    (0..traces).map(one).collect()
}

impl Cluster<Counted> {
    /// What the store says of all partitions, taken from whoever owns them.
    async fn progress(&self) -> Vec<Progress> {
        let mut all = Vec::new();
        for partition in 0..PARTITIONS {
            let owner = Owner(Uuid::new_v4());
            all.push(
                self.store
                    .claim(&self.source(partition), owner)
                    .await
                    .unwrap(),
            );
        }
        all
    }

    /// What became of the records of all partitions, by the store's own account.
    async fn counts(&self) -> (u64, u64, u64) {
        let rows = self.progress().await;
        let sum = |of: fn(&Counts) -> u64| rows.iter().map(|row| of(&row.counts)).sum();
        (
            sum(|counts| counts.records),
            sum(|counts| counts.spans_stored),
            sum(|counts| counts.spans_duplicate),
        )
    }

    /// Waits until so many records are done by the store's own account.
    async fn until_done(&self, records: u64) {
        let topic = self.source(0).topic;
        eventually("all records are done", async || {
            let accounts = self.store.store.source_accounts().await.unwrap();
            let ours = accounts.iter().filter(|one| one.source.topic == topic);
            ours.map(|one| one.counts.records).sum::<u64>() >= records
        })
        .await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_dead_member_left_is_stored_once_by_the_next() {
    on_topics("pg-died", Counted::connect().await, |cluster| async move {
        let (first, second) = (fresh(200), fresh(200));
        let member = cluster.member();
        member.until_ready().await;
        cluster.send_all(&first).await;
        until(|| cluster.store.spans().0 > 0, String::new).await;
        cluster.send_all(&second).await;
        member.task.abort();
        let next = cluster.member();
        next.until_ready().await;
        cluster.until_done(400).await;
        next.stop().await;
        assert_eq!(cluster.counts().await, (400, 2_000, 0));
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn spans_sent_twice_are_stored_once_and_counted() {
    on_topics("pg-twice", Counted::connect().await, |cluster| async move {
        let records = fresh(100);
        let member = cluster.member();
        member.until_ready().await;
        cluster.send_all(&records).await;
        cluster.store.until_spans(500, 0).await;
        cluster.send_all(&records).await;
        cluster.store.until_spans(500, 500).await;
        member.stop().await;
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_partition_that_somebody_steals_is_claimed_back_and_loses_nothing() {
    on_topics(
        "pg-stolen",
        Counted::connect().await,
        |cluster| async move {
            let member = cluster.member();
            member.until_ready().await;
            cluster.send_all(&fresh(50)).await;
            cluster.store.until_spans(250, 0).await;
            cluster.progress().await;
            cluster.send_all(&fresh(50)).await;
            cluster.store.until_spans(500, 0).await;
            member.stop().await;
        },
    )
    .await;
}

#[tokio::test]
async fn records_handed_over_directly_are_stored_once_however_often_they_come() {
    let store = Counted::connect().await;
    let (config, retry) = (DirectConfig::default(), WriteConfig::default().retry());
    let direct = DirectWriter::start(&config, retry, schemas(None), store.clone());
    let records: Vec<Vec<u8>> = fresh(20).into_iter().map(|(_, record)| record).collect();
    direct.write(records.clone()).await.unwrap();
    assert_eq!(store.spans(), (100, 0));
    direct.write(records).await.unwrap();
    assert_eq!(store.spans(), (100, 100));
    direct.close().await;
}
