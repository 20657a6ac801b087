//! A service on Postgres beside one on the store that scans, both with the same traces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use model::{SpanBatch, Tenant, TimeRange, Trace};
use query::{MemoryReader, QueryConfig};
use storage::{
    Completeness, DatabaseUrl, PostgresStore, StorageConfig, TraceSpans, TraceWriter, WriteBatch,
};

use super::database::TestDatabase;
use crate::support::{Response, Server};

/// A migrated, empty store.
pub struct TestStore {
    store: Arc<PostgresStore>,
    _database: TestDatabase,
}

impl TestStore {
    pub async fn new(name: &str) -> Self {
        let database = TestDatabase::create(name);
        let store = connect(&database).await;
        store.migrate().await.expect("migrates");
        Self {
            store: Arc::new(store),
            _database: database,
        }
    }

    /// Writes the traces, and starts a service on each store.
    pub async fn both(&self, traces: &[Trace]) -> Both {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let tenant = Tenant::parse(&format!("t{number}")).expect("a name");
        write(&self.store, &tenant, traces).await;
        let memory = traces.iter().fold(MemoryReader::new(), |reader, trace| {
            reader.with(&tenant, trace.clone())
        });
        Both {
            tenant,
            postgres: Server::share(QueryConfig::default(), self.store.clone()).await,
            memory: Server::start(QueryConfig::default(), memory).await,
        }
    }
}

async fn connect(database: &TestDatabase) -> PostgresStore {
    let config = StorageConfig {
        url: DatabaseUrl(database.url()),
        ..StorageConfig::default()
    };
    PostgresStore::connect(&config)
        .await
        .expect("a good configuration")
}

async fn write(store: &PostgresStore, tenant: &Tenant, traces: &[Trace]) {
    let batches: Vec<SpanBatch<'_>> = traces.iter().map(SpanBatch::of_trace).collect();
    let spans: Vec<Vec<u32>> = batches
        .iter()
        .map(|batch| (0..batch.spans.len() as u32).collect())
        .collect();
    let parts: Vec<TraceSpans<'_, '_>> = traces
        .iter()
        .zip(batches.iter().zip(&spans))
        .map(|(trace, (batch, spans))| TraceSpans {
            source: None,
            tenant,
            trace_id: trace.id,
            received: TimeRange { start: 1, end: 2 },
            completeness: Completeness::Complete,
            batch,
            spans,
        })
        .collect();
    let batch = WriteBatch {
        progress: &[],
        traces: &parts,
    };
    store.write(batch).await.expect("writes");
}

/// The two services.
pub struct Both {
    tenant: Tenant,
    postgres: Server,
    memory: Server,
}

impl Both {
    /// The answers of both to one request: Postgres's first.
    pub async fn get(&self, target: &str) -> (Response, Response) {
        let request = format!("GET {target} HTTP/1.0\r\nx-tenant: {}\r\n\r\n", self.tenant);
        (
            self.postgres.send(&request).await,
            self.memory.send(&request).await,
        )
    }
}
