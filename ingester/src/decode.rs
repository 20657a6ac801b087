//! decode: a record → what is known of its spans, or a dead letter.
//!
//! Every record is decoded once when it arrives, so that one that cannot be is found at once and
//! the assembler knows when a trace is complete, and once more when it is written. In between
//! only its bytes are held.

mod record;
mod known_schemas;

use bumpalo::Bump;
use kafka::Record;
use model::{RejectReason, SpanBatch};
use schemas::{DecodeError, DecodedChunk, SchemaId, SchemaSet};

pub use known_schemas::{Asked, KnownSchemas, SchemaSource, SchemaSourceError};
use record::follows;
pub use record::{DeadRecord, Decoded, RECEIVED_AT_HEADER, SpanRecord, TENANT_HEADER};

use crate::{HeldRecord, metrics};

/// Decoding stopped at a schema that is not known yet.
#[derive(Debug)]
pub struct Stalled {
    /// The schema to ask for.
    pub schema: SchemaId,
    /// The records that are left, the first of which has that schema.
    pub rest: Vec<Record>,
}

/// Decodes records until one has a schema that is not known. `given_up` says which schemas the
/// registry does not know either: their records are dead letters.
pub fn decode(
    schemas: &SchemaSet,
    given_up: impl Fn(SchemaId) -> bool,
    mut records: Vec<Record>,
) -> (Vec<Decoded>, Option<Stalled>) {
    let heads = heads(schemas, given_up, &records);
    let stalled = match heads.last() {
        Some(Head::Unknown(schema)) => Some(Stalled {
            schema: *schema,
            rest: records.split_off(heads.len() - 1),
        }),
        _ => None,
    };
    let decoded = records
        .into_iter()
        .zip(heads)
        .filter_map(|(record, head)| head.of(record));
    (decoded.collect(), stalled)
}

/// What decoding has found out about a record.
enum Head {
    Spans {
        chunk: DecodedChunk,
        has_root: bool,
    },
    Dead {
        reason: RejectReason,
        error: String,
        spans: u32,
    },
    Ignored,
    Unknown(SchemaId),
}

/// The heads of the records, as far as their schemas are known. All are decoded into the same
/// vectors, which are used again for each.
fn heads(
    schemas: &SchemaSet,
    given_up: impl Fn(SchemaId) -> bool,
    records: &[Record],
) -> Vec<Head> {
    let arena = Bump::new();
    let mut batch = SpanBatch::default();
    let mut heads = Vec::with_capacity(records.len());
    for record in records {
        let Some(payload) = &record.payload else {
            heads.push(Head::Ignored);
            continue;
        };
        clear(&mut batch);
        let head = match schemas.decode_bare(payload, &arena, &mut batch) {
            Ok(chunk) => checked(record, chunk, &batch),
            Err(DecodeError::UnknownSchema { id }) if !given_up(id) => {
                heads.push(Head::Unknown(id));
                break;
            }
            Err(error) => Head::Dead {
                reason: error.reason(),
                error: bootstrap::chain(&error).to_string(),
                spans: 0,
            },
        };
        heads.push(head);
    }
    heads
}

fn clear(batch: &mut SpanBatch<'_>) {
    batch.resources.clear();
    batch.scopes.clear();
    batch.spans.clear();
    batch.attributes.clear();
    batch.values.clear();
    batch.events.clear();
    batch.links.clear();
}

/// Compares what is in the record with what is beside it.
fn checked(record: &Record, chunk: DecodedChunk, batch: &SpanBatch<'_>) -> Head {
    let tenant = record.header(TENANT_HEADER);
    if tenant.is_some_and(|name| name != chunk.tenant.as_str().as_bytes()) {
        return Head::Dead {
            reason: RejectReason::InvalidTenant,
            error: "the tenant of the header differs from the record's".to_owned(),
            spans: chunk.spans.len() as u32,
        };
    }
    if record.key.as_deref() != Some(chunk.trace_id.as_bytes()) {
        metrics::misplaced_record();
    }
    Head::Spans {
        has_root: batch.spans.iter().any(|span| span.parent_span_id.is_none()),
        chunk,
    }
}

impl Head {
    /// The decoded record; none if its schema is not known.
    fn of(self, record: Record) -> Option<Decoded> {
        let offset = record.offset;
        Some(match self {
            Self::Unknown(_) => return None,
            Self::Ignored => Decoded::Ignored { offset },
            Self::Dead {
                reason,
                error,
                spans,
            } => Decoded::Dead(DeadRecord::undecodable(record, reason, error, spans)),
            Self::Spans { chunk, has_root } => Decoded::Spans(SpanRecord {
                tenant: chunk.tenant,
                trace_id: chunk.trace_id,
                has_root,
                held: HeldRecord {
                    offset,
                    timestamp_ms: record.timestamp_ms,
                    received_at: chunk.received_at,
                    key: record.key,
                    payload: record.payload.unwrap_or_default(),
                    headers: record
                        .headers
                        .iter()
                        .filter(|(name, _)| !follows(name))
                        .collect(),
                    spans: chunk.spans.len() as u32,
                },
            }),
        })
    }
}
