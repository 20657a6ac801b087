//! The stages of the ingester between the consumer and the store.

use bumpalo::Bump;
use bytes::Bytes;
use ingester::{BatchTargets, CompletionRules, Decoded, DueTrace, Moment, TraceAssembler, decode};
use kafka::Record;
use model::SpanBatch;
use schemas::{SchemaId, SchemaSet, TRACE_CHUNK_SCHEMA};
use std::time::Duration;
use storage::{PostgresStore, TraceSpans, TraceWriter, WriteBatch};

/// The id of the schema that is compiled in.
pub(crate) const SCHEMA: SchemaId = SchemaId(1);

const RULES: CompletionRules = CompletionRules {
    idle_with_root: Duration::from_millis(500),
    idle_without_root: Duration::from_secs(5),
    hold_at_most: Duration::from_secs(30),
    decision_wait: None,
    max_held_spans: 100_000,
};

/// Records as the consumer hands them on.
pub(crate) fn consumed(records: Vec<collector::SpanRecord>) -> Vec<Record> {
    let record = |(offset, record): (usize, collector::SpanRecord)| Record {
        offset: offset as i64,
        timestamp_ms: (record.received_at / 1_000_000) as i64,
        key: Some(Bytes::copy_from_slice(record.trace_id.as_bytes())),
        payload: Some(record.payload.into()),
        headers: kafka::Headers::default(),
    };
    records.into_iter().enumerate().map(record).collect()
}

pub(crate) struct IngesterStages {
    schemas: SchemaSet,
}

impl IngesterStages {
    pub(crate) fn new() -> Self {
        let mut schemas = SchemaSet::new();
        schemas.announce(SCHEMA, TRACE_CHUNK_SCHEMA).unwrap();
        Self { schemas }
    }

    pub(crate) fn decode(&self, records: Vec<Record>) -> Vec<Decoded> {
        decode(&self.schemas, |_| false, records).0
    }

    pub(crate) fn assemble(&self, records: Vec<Decoded>) -> Vec<DueTrace> {
        let mut assembler = TraceAssembler::new(RULES);
        for record in records {
            let Decoded::Spans(record) = record else {
                panic!("a record without spans");
            };
            assembler.add(record, Moment::ZERO);
        }
        assembler.flush(Moment::ZERO);
        let all = BatchTargets {
            traces: usize::MAX,
            spans: u64::MAX,
        };
        assembler.take(all, Moment::ZERO)
    }

    /// Writes the traces in one transaction, as a load without a source.
    pub(crate) async fn write(&self, traces: &[DueTrace], store: &PostgresStore) {
        let arena = Bump::new();
        let mut batch = SpanBatch::default();
        let mut ranges = Vec::with_capacity(traces.len());
        for trace in traces {
            let start = batch.spans.len();
            for record in &trace.records {
                self.schemas
                    .decode(&record.payload, &arena, &mut batch)
                    .unwrap();
            }
            ranges.push(start..batch.spans.len());
        }
        let indices: Vec<u32> = (0..batch.spans.len() as u32).collect();
        let mut summaries: Vec<TraceSpans<'_, '_>> = Vec::with_capacity(traces.len());
        for (trace, range) in traces.iter().zip(ranges) {
            summaries.push(TraceSpans {
                source: None,
                tenant: &trace.tenant,
                trace_id: trace.trace_id,
                received: trace.received,
                completeness: trace.completeness,
                verdict: None,
                batch: &batch,
                spans: &indices[range],
            });
        }
        let whole = WriteBatch {
            progress: &[],
            traces: &summaries,
        };
        store.write(whole).await.unwrap();
    }
}
