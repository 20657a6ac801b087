//! One partition, set up and running.

use std::{
    future::Future,
    sync::{Arc, Mutex},
    time::Duration,
};

use bootstrap::{Readiness, Stop, StopHandle};
use futures_util::future::BoxFuture;
use ingester::{
    Assigned, Conditions, DeadLetters, DeadLettersUnavailable, DeadRecord, IngesterConfig,
    KnownSchemas, OrderGiver, Released, SchemaSource, SchemaSourceError, Stages, orders, partition,
};
use model::RejectReason;
use schemas::{SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};
use storage::{Source, Stores};
use tokio::task::JoinHandle;

use crate::{
    log::{MemoryLog, SCHEMA},
    store::MemoryStore,
};

/// Dead letters in memory, away for as long as told.
#[derive(Clone, Default)]
pub struct MemoryLetters {
    kept: Arc<Mutex<Vec<(i64, RejectReason)>>>,
    away: Arc<Mutex<usize>>,
}

impl MemoryLetters {
    pub fn kept(&self) -> Vec<(i64, RejectReason)> {
        self.kept.lock().unwrap().clone()
    }

    pub fn away_for(&self, tries: usize) {
        *self.away.lock().unwrap() = tries;
    }
}

impl DeadLetters for MemoryLetters {
    async fn publish(
        &self,
        source: &Source,
        records: &[DeadRecord],
    ) -> Result<(), DeadLettersUnavailable> {
        let mut away = self.away.lock().unwrap();
        if *away > 0 {
            *away -= 1;
            return Err(DeadLettersUnavailable {
                topic: source.topic.clone(),
                partition: source.partition,
                source: "as the test wants it".into(),
            });
        }
        let kept = records.iter().map(|record| (record.offset, record.reason));
        self.kept.lock().unwrap().extend(kept);
        Ok(())
    }
}

/// A registry that is away for some calls, then answers.
pub struct Registry {
    pub away_for: Mutex<usize>,
    pub schema: Option<String>,
}

impl SchemaSource for Registry {
    fn fetch(&self, schema: SchemaId) -> BoxFuture<'_, Result<Option<String>, SchemaSourceError>> {
        Box::pin(async move {
            let mut away = self.away_for.lock().unwrap();
            if *away > 0 {
                *away -= 1;
                return Err(SchemaSourceError {
                    schema,
                    source: "away".into(),
                });
            }
            Ok(self.schema.clone())
        })
    }
}

pub fn schemas(registry: Option<Registry>) -> KnownSchemas {
    let mut set = SchemaSet::new();
    set.announce(SCHEMA, TRACE_CHUNK_SCHEMA)
        .expect("the embedded schema is one");
    KnownSchemas::new(
        set,
        registry.map(|registry| Arc::new(registry) as Arc<dyn SchemaSource>),
    )
}

/// A partition that runs.
pub struct Stage {
    pub log: MemoryLog,
    pub store: Arc<MemoryStore>,
    pub letters: MemoryLetters,
    pub orders: OrderGiver,
    pub stop: StopHandle,
    pub readiness: Readiness,
    pub source: Source,
    stages: Arc<Stages<MemoryStore, MemoryLetters>>,
    task: JoinHandle<Option<Released>>,
}

impl Stage {
    pub fn start() -> Self {
        Self::with(
            &IngesterConfig::default(),
            MemoryLog::default(),
            MemoryStore::new(),
            None,
        )
    }

    pub fn with_registry(registry: Registry) -> Self {
        let (log, store) = (MemoryLog::default(), MemoryStore::new());
        Self::with(&IngesterConfig::default(), log, store, Some(registry))
    }

    pub fn with(
        config: &IngesterConfig,
        log: MemoryLog,
        store: Arc<MemoryStore>,
        registry: Option<Registry>,
    ) -> Self {
        let (readiness, letters) = (Readiness::new(), MemoryLetters::default());
        let conditions = Conditions::new(readiness.register("ingester"));
        conditions.joined();
        let stages = Stages::new(
            config,
            schemas(registry),
            letters.clone(),
            store.clone(),
            conditions,
        );
        Self::of_process(0, log, store, letters, readiness, Arc::new(stages))
    }

    /// Another partition of the same process.
    pub fn beside(&self, number: i32) -> Self {
        Self::of_process(
            number,
            MemoryLog::default(),
            self.store.clone(),
            self.letters.clone(),
            self.readiness.clone(),
            self.stages.clone(),
        )
    }

    /// The first two partitions of a process, each of which belongs to a store of its own.
    pub fn of_two_stores(config: &IngesterConfig) -> [Self; 2] {
        let (readiness, letters) = (Readiness::new(), MemoryLetters::default());
        let conditions = Conditions::new(readiness.register("ingester"));
        conditions.joined();
        let stores = Stores::new(vec![MemoryStore::new(), MemoryStore::new()]).unwrap();
        let stages = Stages::of_stores(config, &schemas(None), &letters, &stores, &conditions);
        [0, 1].map(|number| {
            Self::of_process(
                number,
                MemoryLog::default(),
                stores.of_partition(number).clone(),
                letters.clone(),
                readiness.clone(),
                stages.of_partition(number).clone(),
            )
        })
    }

    fn of_process(
        partition_number: i32,
        log: MemoryLog,
        store: Arc<MemoryStore>,
        letters: MemoryLetters,
        readiness: Readiness,
        stages: Arc<Stages<MemoryStore, MemoryLetters>>,
    ) -> Self {
        let source = Source {
            consumer: "live".to_owned(),
            topic: "spoor.spans".to_owned(),
            partition: partition_number,
        };
        let (handle, stop) = Stop::new();
        let (giver, orders) = orders(stop);
        let assigned = Assigned::new(source.clone(), stages.settings, &stages.budget, 1);
        let task = tokio::spawn(partition(log.clone(), assigned, stages.clone(), orders));
        Self {
            stages,
            log,
            store,
            letters,
            orders: giver,
            stop: handle,
            readiness,
            source,
            task,
        }
    }

    /// Waits until the store knows who owns the partition.
    pub async fn until_claimed(&self) {
        until(
            || self.store.progress(&self.source).revision > 0,
            String::new,
        )
        .await;
    }

    /// What the partition was let go with.
    pub async fn end(self) -> Option<Released> {
        self.task.await.expect("a partition does not panic")
    }

    /// Waits until the store has the spans of these names and no others.
    pub async fn until_stored(&self, names: &[&str]) {
        until(
            || self.store.names() == names,
            || format!("{:?}", self.store.names()),
        )
        .await;
    }

    /// Waits until all records below this offset are done.
    pub async fn until_done(&self, watermark: i64) {
        let reached = || self.store.progress(&self.source).watermark;
        until(
            || reached() == watermark,
            || format!("watermark {}", reached()),
        )
        .await;
    }

    pub fn not_ready(&self) -> Option<String> {
        self.readiness.parts().remove(0).1
    }
}

/// Waits for a condition, a minute of paused time at most.
pub async fn until(mut condition: impl FnMut() -> bool, state: impl Fn() -> String) {
    let waiting = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    within(Duration::from_secs(60), waiting, state).await;
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = T>,
    state: impl Fn() -> String,
) -> T {
    match tokio::time::timeout(limit, work).await {
        Ok(done) => done,
        Err(_) => panic!("not within {limit:?}: {}", state()),
    }
}
