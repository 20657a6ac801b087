//! Traces that were sent, as a ledger: published as a collector does, looked for in the store.

use std::{sync::Arc, time::Duration};

use kafka::OutboundRecord;
use model::{Tenant, TraceId};
use storage::{DatabaseUrl, PostgresStore, StorageConfig, TraceReader};
use tokio::time::Instant;
use uuid::Uuid;

use crate::{
    cluster::Cluster,
    log::{SCHEMA, framed},
};

/// Names of the spans of each trace.
const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Longest wait for anything.
const PATIENCE: Duration = Duration::from_secs(180);

pub async fn store() -> Arc<PostgresStore> {
    let url = std::env::var("SPOOR_TEST_POSTGRES_URL")
        .expect("run through `make test`, or set SPOOR_TEST_POSTGRES_URL");
    let config = StorageConfig {
        url: DatabaseUrl(url),
        maintenance_interval: Duration::from_millis(500),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    Arc::new(store)
}

pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < deadline, "in vain until {what}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// Traces as a ledger: who they belong to, and when their spans start.
#[derive(Clone)]
pub struct Sent {
    pub tenant: Tenant,
    pub ids: Vec<TraceId>,
    pub start: u64,
}

impl Sent {
    pub fn new(traces: usize, start: u64) -> Self {
        let id = |_| TraceId::new(*Uuid::new_v4().as_bytes()).unwrap();
        Self {
            tenant: Tenant::parse(&format!("t-{}", Uuid::new_v4().simple())).unwrap(),
            ids: (0..traces).map(id).collect(),
            start,
        }
    }

    pub fn spans(&self) -> u64 {
        (self.ids.len() * NAMES.len()) as u64
    }

    /// Traces that are there with all their spans, each once.
    pub async fn whole(&self, store: &PostgresStore) -> usize {
        let mut whole = 0;
        for id in &self.ids {
            let found = store.trace(&self.tenant, *id, None).await.unwrap();
            let spans = found.map_or(0, |found| found.trace.spans().count());
            assert!(spans <= NAMES.len(), "no span is there twice");
            whole += usize::from(spans == NAMES.len());
        }
        whole
    }
}

impl Cluster<PostgresStore> {
    /// Publishes as a collector does that received it at `received`.
    pub async fn publish(&self, sent: &Sent, received: u64) {
        let payload = |id: &TraceId| framed(SCHEMA, &sent.tenant, *id, sent.start, &NAMES);
        let payloads: Vec<Vec<u8>> = sent.ids.iter().map(payload).collect();
        let received = received.to_string();
        let headers: [(&str, &[u8]); 2] = [
            ("tenant", sent.tenant.as_str().as_bytes()),
            ("received-at", received.as_bytes()),
        ];
        let outbound: Vec<_> = sent
            .ids
            .iter()
            .zip(&payloads)
            .map(|(id, payload)| OutboundRecord {
                topic: &self.config.consume.topic,
                key: id.as_bytes(),
                payload,
                headers: &headers,
            })
            .collect();
        self.producer.send_all(&outbound).await.unwrap();
    }
}
