//! A service on Postgres beside one on the store that scans, both with the same traces.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use model::{SpanBatch, Tenant, TimeRange, Trace};
use query::{MemoryReader, QueryConfig};
use storage::{
    Completeness, DatabaseUrl, PostgresStore, StorageConfig, TraceSpans, TraceWriter, WriteBatch,
};

use crate::support::{Response, Server};

/// A migrated store on the test server. It is shared: each comparison has a tenant of its own.
pub struct TestStore {
    store: Arc<PostgresStore>,
}

impl TestStore {
    /// Connects to the server that `SPOOR_TEST_POSTGRES_URL` names.
    pub async fn connect() -> Self {
        let url = std::env::var("SPOOR_TEST_POSTGRES_URL")
            .expect("run through `make test`, or set SPOOR_TEST_POSTGRES_URL");
        let config = StorageConfig {
            url: DatabaseUrl(url),
            ..StorageConfig::default()
        };
        let store = PostgresStore::connect(&config)
            .await
            .expect("a good configuration");
        store.migrate().await.expect("migrates");
        Self {
            store: Arc::new(store),
        }
    }

    /// Writes the traces, and starts a service on each store.
    pub async fn both(&self, traces: &[Trace]) -> Both {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("query-{}-{number}", std::process::id());
        let tenant = Tenant::parse(&name).expect("a name");
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
            verdict: None,
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
    /// Whose traces they are.
    pub fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// The service on Postgres.
    pub fn postgres(&self) -> &Server {
        &self.postgres
    }

    /// The service on the store that scans.
    pub fn memory(&self) -> &Server {
        &self.memory
    }

    /// The answers of both to one request: Postgres's first.
    pub async fn get(&self, target: &str) -> (Response, Response) {
        let request = format!("GET {target} HTTP/1.0\r\nx-tenant: {}\r\n\r\n", self.tenant);
        (
            self.postgres.send(&request).await,
            self.memory.send(&request).await,
        )
    }
}
