//! Reads a planned range and the store, and compares them.

use std::time::Duration;

use bumpalo::Bump;
use kafka::{ConsumeError, RangeReader, Record, TopicPartition, partition_of};
use model::{IdentityHasher, NANOS_PER_DAY, SpanBatch, TimeRange, TraceId, ValueRef};
use schemas::DecodeError;
use storage::{
    DroppedIdentity, PostgresStore, ReadError, ReplaySpec, ReplayStretch, StoredIdentity, Stores,
    WhichIdentities,
};

use super::{Comparison, Plan, SpanIdentity, Wanted};
use crate::{KnownSchemas, SchemaSourceError};

const MAX_RECORDS: usize = 500;
const MAX_WAIT: Duration = Duration::from_secs(5);
/// Traces that are looked up at a time.
const TRACES: usize = 1_000;
const SERVICE_NAME: &str = "service.name";

/// Why a comparison has no result.
#[derive(Debug, thiserror::Error)]
pub enum InspectError {
    /// The log cannot be read to the end.
    #[error("the log cannot be read")]
    Log(#[from] ConsumeError),
    /// A schema cannot be had.
    #[error("a record cannot be decoded for want of its schema")]
    Schema(#[from] SchemaSourceError),
    /// The store cannot be read.
    #[error("the store cannot be read")]
    Store(#[from] ReadError),
}

/// Compares the records of a plan that are wanted with what is stored. Holds the identities of one
/// partition's spans in memory, some 150 bytes each. With a service, its own spans alone count.
///
/// # Errors
/// If the log or the store cannot be read to the end.
pub async fn inspect(
    reader: &RangeReader,
    stores: &Stores<PostgresStore>,
    schemas: &KnownSchemas,
    spec: &ReplaySpec,
    plan: &Plan,
    limit: usize,
) -> Result<Comparison, InspectError> {
    let mut comparison = Comparison::new(limit);
    let partitions = plan.stretches.len() as u32;
    for stretch in &plan.stretches {
        comparison.begin(stretch.partition);
        read_log(reader, schemas, spec, *stretch, &mut comparison).await?;
        let store = stores.of_partition(stretch.partition);
        read_store(store, spec, stretch.partition, partitions, &mut comparison).await?;
        comparison.end();
    }
    Ok(comparison)
}

async fn read_log(
    reader: &RangeReader,
    schemas: &KnownSchemas,
    spec: &ReplaySpec,
    stretch: ReplayStretch,
    comparison: &mut Comparison,
) -> Result<(), InspectError> {
    if stretch.start >= stretch.end {
        return Ok(());
    }
    let wanted = Wanted::new(spec.clone());
    let at = TopicPartition::new(spec.topic.as_str(), stretch.partition);
    let mut range = reader.range(&at, stretch.start, stretch.end).await?;
    while let Some(records) = range.next(MAX_RECORDS, MAX_WAIT).await? {
        for record in records.iter().filter(|record| wanted.by_headers(record)) {
            let unknown = name_spans(record, schemas, spec, comparison);
            if let Err(DecodeError::UnknownSchema { id }) = unknown {
                schemas.ask(id).await?;
                let again = name_spans(record, schemas, spec, comparison);
                comparison.undecodable += u64::from(again.is_err());
            } else {
                comparison.undecodable += u64::from(unknown.is_err());
            }
        }
    }
    Ok(())
}

fn name_spans(
    record: &Record,
    schemas: &KnownSchemas,
    spec: &ReplaySpec,
    comparison: &mut Comparison,
) -> Result<(), DecodeError> {
    let Some(payload) = &record.payload else {
        return Ok(());
    };
    let arena = Bump::new();
    let mut batch = SpanBatch::default();
    let chunk = schemas.read().decode(payload, &arena, &mut batch)?;
    if spec
        .tenant
        .as_ref()
        .is_some_and(|tenant| *tenant != chunk.tenant)
    {
        return Ok(());
    }
    let mut hasher = IdentityHasher::new(chunk.tenant.as_str(), &batch);
    for span in &batch.spans {
        let service = batch.attribute(batch.resource(span).attributes, SERVICE_NAME);
        let service = match service {
            Some(ValueRef::String(name)) => name,
            _ => "",
        };
        if spec.service.as_ref().is_none_or(|wanted| wanted == service) {
            comparison.in_log(SpanIdentity {
                tenant: chunk.tenant.clone(),
                trace_id: span.trace_id,
                span_id: span.span_id,
                start: span.start,
                hash: hasher.span(span),
            });
        }
    }
    Ok(())
}

/// First what was received in the range; then, since a span may have been stored by an earlier or
/// a later record, all of the traces of which something is missing.
async fn read_store(
    store: &PostgresStore,
    spec: &ReplaySpec,
    partition: i32,
    partitions: u32,
    comparison: &mut Comparison,
) -> Result<(), ReadError> {
    let received = spec.received;
    let started = TimeRange {
        start: received.start.saturating_sub(NANOS_PER_DAY),
        end: received.end.saturating_add(NANOS_PER_DAY),
    };
    let which = WhichIdentities::Received { received, started };
    let here = |id: TraceId| partition_of(id.as_bytes(), partitions) == partition;
    let visit = |stored: StoredIdentity| {
        let inside = received.start <= stored.received.start && stored.received.end < received.end;
        if is_asked_for(&stored, spec) {
            comparison.in_store(&identity(stored), inside);
        }
    };
    store.identities(which, here, visit).await?;
    for traces in comparison.open_traces().chunks(TRACES) {
        let visit = |stored| comparison.in_store(&identity(stored), false);
        store
            .identities(WhichIdentities::Traces(traces), |_| true, visit)
            .await?;
    }
    for traces in comparison.open_traces().chunks(TRACES) {
        let dropped = store.dropped(traces).await?;
        comparison.dropped(|span| {
            let remembered = DroppedIdentity::of(span.trace_id, span.span_id, span.hash);
            dropped.contains(&remembered)
        });
    }
    Ok(())
}

fn is_asked_for(stored: &StoredIdentity, spec: &ReplaySpec) -> bool {
    let tenant = spec
        .tenant
        .as_ref()
        .is_none_or(|tenant| *tenant == stored.tenant);
    tenant
        && spec
            .service
            .as_ref()
            .is_none_or(|service| *service == stored.service)
}

fn identity(stored: StoredIdentity) -> SpanIdentity {
    SpanIdentity {
        tenant: stored.tenant,
        trace_id: stored.trace_id,
        span_id: stored.span_id,
        start: stored.start,
        hash: stored.hash,
    }
}
