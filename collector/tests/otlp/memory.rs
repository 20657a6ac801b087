//! A publisher that keeps records in memory, and can be told to answer otherwise.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use bumpalo::Bump;
use collector::{Publish, PublishError, SpanRecord};
use model::{ResourceSpans, Span, SpanBatch};
use schemas::{SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};
use tokio::sync::Semaphore;

/// The schema id of every record in these tests.
pub const SCHEMA: SchemaId = SchemaId(42);

/// What was published. Clones share it.
#[derive(Clone)]
pub struct Memory {
    records: Arc<Mutex<Vec<SpanRecord>>>,
    failures: Arc<Mutex<VecDeque<PublishError>>>,
    gate: Arc<Semaphore>,
}

impl Default for Memory {
    fn default() -> Self {
        Self {
            records: Arc::default(),
            failures: Arc::default(),
            gate: Arc::new(Semaphore::new(Semaphore::MAX_PERMITS)),
        }
    }
}

impl Publish for Memory {
    async fn publish(&self, records: Vec<SpanRecord>) -> Result<(), PublishError> {
        let _pass = self.gate.acquire().await.expect("the gate is never closed");
        if let Some(failure) = self.failures.lock().expect("no panic").pop_front() {
            return Err(failure);
        }
        self.records.lock().expect("no panic").extend(records);
        Ok(())
    }
}

impl Memory {
    /// Lets the next request fail like this.
    pub fn fail_next(&self, failure: PublishError) {
        self.failures.lock().expect("no panic").push_back(failure);
    }

    /// Acknowledges nothing until [`Memory::acknowledge`].
    pub fn hold(&self) {
        self.gate.forget_permits(Semaphore::MAX_PERMITS);
    }

    /// Acknowledges everything again.
    pub fn acknowledge(&self) {
        self.gate.add_permits(Semaphore::MAX_PERMITS);
    }

    pub fn records(&self) -> Vec<SpanRecord> {
        self.records.lock().expect("no panic").clone()
    }

    /// The spans of all records, as whoever consumes them will see them.
    pub fn spans(&self) -> Vec<Span> {
        let resources = self.resources();
        let scopes = resources.into_iter().flat_map(|of| of.scopes);
        scopes.flat_map(|of| of.spans).collect()
    }

    pub fn resources(&self) -> Vec<ResourceSpans> {
        let (records, arena) = (self.records(), Bump::new());
        let mut schemas = SchemaSet::new();
        schemas
            .announce(SCHEMA, TRACE_CHUNK_SCHEMA)
            .expect("the embedded schema");
        let mut batch = SpanBatch::default();
        for record in &records {
            let chunk = schemas
                .decode(&record.payload, &arena, &mut batch)
                .expect("a record");
            assert_eq!(chunk.trace_id, record.trace_id, "the key is the trace id");
            assert_eq!(
                chunk.spans.len(),
                record.spans as usize,
                "the count is the spans'"
            );
            assert_eq!(
                (&chunk.tenant, chunk.received_at),
                (&record.tenant, record.received_at)
            );
        }
        crate::traces::owned(&batch)
    }
}
