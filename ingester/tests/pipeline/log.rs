//! A log of one partition in memory, and records as a collector makes them.

use std::{
    sync::{Arc, Mutex},
    time::Duration,
};

use bytes::Bytes;
use ingester::{LogError, SpanLog};
use kafka::Record;
use model::{
    ResourceRef, ScopeRef, SpanBatch, SpanId, SpanKind, SpanRef, StatusCode, Tenant, TraceChunk,
    TraceId, UnixNanos,
};
use schemas::{ChunkEncoder, SchemaId};
use tokio::sync::Notify;

pub const SCHEMA: SchemaId = SchemaId(1);

/// A log that tests write to. Clones are the same log.
#[derive(Clone, Default)]
pub struct MemoryLog {
    shared: Arc<Mutex<Shared>>,
    written: Arc<Notify>,
    position: Option<i64>,
}

#[derive(Default)]
struct Shared {
    records: Vec<Record>,
    low: i64,
    mirrored: i64,
    paused: bool,
}

impl MemoryLog {
    pub fn append(&self, payload: Option<Vec<u8>>, headers: &[(&str, &str)]) -> i64 {
        let mut shared = self.shared.lock().unwrap();
        let offset = shared
            .low
            .max(shared.records.last().map_or(0, |last| last.offset + 1));
        shared.records.push(Record {
            offset,
            timestamp_ms: 0,
            key: None,
            payload: payload.map(Bytes::from),
            headers: headers.iter().copied().collect(),
        });
        self.written.notify_waiters();
        offset
    }

    /// Retention takes everything below `low`.
    pub fn cut(&self, low: i64) {
        let mut shared = self.shared.lock().unwrap();
        shared.low = low;
        shared.records.retain(|record| record.offset >= low);
    }

    /// The topic is deleted and made again, with these records of its own.
    pub fn make_again(&self, payloads: Vec<Vec<u8>>) {
        let mut shared = self.shared.lock().unwrap();
        shared.low = 0;
        shared.records.clear();
        drop(shared);
        for payload in payloads {
            self.append(Some(payload), &[]);
        }
    }

    pub fn mirrored(&self) -> i64 {
        self.shared.lock().unwrap().mirrored
    }

    pub fn is_paused(&self) -> bool {
        self.shared.lock().unwrap().paused
    }

    fn bounds(&self) -> (i64, i64) {
        let shared = self.shared.lock().unwrap();
        let last = shared.records.last();
        (shared.low, last.map_or(shared.low, |last| last.offset + 1))
    }

    fn check(&self, wanted: i64) -> Result<(), LogError> {
        let (low, high) = self.bounds();
        if (low..=high).contains(&wanted) {
            return Ok(());
        }
        Err(LogError::OutOfRange { wanted, low, high })
    }
}

impl SpanLog for MemoryLog {
    async fn start_at(&mut self, offset: i64) -> Result<(), LogError> {
        self.check(offset)?;
        self.position = Some(offset);
        Ok(())
    }

    async fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        let position = self.position.expect("a log is started before it is read");
        self.check(position)?;
        let written = self.written.clone();
        let written = written.notified();
        let take = |log: &mut Self| {
            let shared = log.shared.lock().unwrap();
            let next = shared
                .records
                .iter()
                .filter(|record| record.offset >= position);
            let records: Vec<Record> = next.take(max_records).cloned().collect();
            log.position = records.last().map(|last| last.offset + 1).or(log.position);
            records
        };
        let records = take(self);
        if records.is_empty() && tokio::time::timeout(max_wait, written).await.is_ok() {
            self.check(position)?;
            return Ok(take(self));
        }
        Ok(records)
    }

    fn pause(&mut self) {
        self.shared.lock().unwrap().paused = true;
    }

    fn resume(&mut self) -> Result<(), LogError> {
        self.shared.lock().unwrap().paused = false;
        Ok(())
    }

    fn mirror(&self, watermark: i64) {
        self.shared.lock().unwrap().mirrored = watermark;
    }

    async fn ends(&self) -> Result<Option<(i64, i64)>, LogError> {
        Ok(Some(self.bounds()))
    }

    fn lag(&self) -> u64 {
        0
    }
}

pub fn trace_id(number: u8) -> TraceId {
    TraceId::new([number; 16]).expect("not zero")
}

/// A framed record with one root span per name, in one trace.
pub fn chunk(trace: u8, names: &[&str]) -> Vec<u8> {
    chunk_of(SCHEMA, &Tenant::default(), trace, names)
}

pub fn chunk_of(schema: SchemaId, tenant: &Tenant, trace: u8, names: &[&str]) -> Vec<u8> {
    framed(schema, tenant, trace_id(trace), 1_000, names)
}

/// A framed record with one root span per name, in one trace, from `start` on.
pub fn framed(
    schema: SchemaId,
    tenant: &Tenant,
    trace_id: TraceId,
    start: UnixNanos,
    names: &[&str],
) -> Vec<u8> {
    let batch = SpanBatch {
        resources: vec![ResourceRef::default()],
        scopes: vec![ScopeRef::default()],
        spans: names
            .iter()
            .zip(1..)
            .map(|(name, id)| span(trace_id, start, name, id))
            .collect(),
        ..SpanBatch::default()
    };
    let chunk = TraceChunk {
        tenant,
        received_at: bootstrap::clock::now(),
        trace_id,
        batch: &batch,
        spans: &(0..names.len() as u32).collect::<Vec<_>>(),
    };
    let mut out = Vec::new();
    ChunkEncoder::new(schema)
        .encode(&chunk, &mut out)
        .expect("a small chunk can be encoded");
    out
}

fn span(trace_id: TraceId, start: UnixNanos, name: &str, id: u8) -> SpanRef<'_> {
    SpanRef {
        scope: 0,
        trace_id,
        span_id: SpanId::new([id; 8]).expect("not zero"),
        parent_span_id: None,
        trace_state: "",
        flags: 0,
        name,
        kind: SpanKind::Server,
        start,
        end: start + 1_000,
        attributes: Default::default(),
        dropped_attributes: 0,
        events: Default::default(),
        dropped_events: 0,
        links: Default::default(),
        dropped_links: 0,
        status: StatusCode::Unset,
        status_message: "",
        repairs: Default::default(),
    }
}
