//! decode: a framed Avro record → spans in a batch.
//!
//! Records written with the embedded schema are walked by hand and borrowed (`decode/walk.rs`).
//! Every other known schema goes the slow way: checked against its bounds (`decode/skim.rs`), read
//! by apache-avro, and resolved by field name (`decode/resolve.rs`). Both give the same batch.

mod flaw;
mod lengths;
mod cursor;
mod walk;
mod skim;
mod fields;
mod resolve;
#[cfg(test)]
mod bounds;

use std::{collections::HashMap, ops::Range, panic};

use apache_avro::Schema;
use bumpalo::Bump;
use model::{RejectReason, SpanBatch, Tenant, TenantError, TraceId, UnixNanos};

pub use self::flaw::Flaw;
use self::lengths::Lengths;
use crate::{SchemaId, frame, trace_chunk};

/// Why a record gives no spans. The batch it was to be appended to is as it was.
#[derive(Debug, thiserror::Error)]
pub enum DecodeError {
    /// Too short for the Confluent frame, or another magic byte.
    #[error("a record of {len} bytes has no Confluent frame")]
    Unframed {
        /// Length of the record.
        len: usize,
    },
    /// No schema was announced under this id. It may become known: ask the registry.
    #[error("schema {id} is not known")]
    UnknownSchema {
        /// The id in the frame.
        id: SchemaId,
    },
    /// The bytes do not follow the schema, or hold values that a span cannot have.
    #[error("the record does not follow schema {id}: at byte {at}")]
    Undecodable {
        /// The id in the frame.
        id: SchemaId,
        /// Where in the record.
        at: usize,
        /// What is wrong there.
        source: Flaw,
    },
    /// The tenant is not a tenant's name.
    #[error("the record of schema {id} names no tenant")]
    InvalidTenant {
        /// The id in the frame.
        id: SchemaId,
        /// The cause.
        source: TenantError,
    },
    /// The trace id is all zero.
    #[error("the record of schema {id} has a trace id of nothing but zeros")]
    InvalidTraceId {
        /// The id in the frame.
        id: SchemaId,
    },
    /// A span's id is all zero.
    #[error("the record of schema {id} has a span id of nothing but zeros, at byte {at}")]
    InvalidSpanId {
        /// The id in the frame.
        id: SchemaId,
        /// Where in the record.
        at: usize,
    },
}

impl DecodeError {
    /// The reason under which the record is dead-lettered.
    pub fn reason(&self) -> RejectReason {
        match self {
            Self::Unframed { .. } => RejectReason::Unframed,
            Self::UnknownSchema { .. } => RejectReason::UnknownSchema,
            Self::Undecodable { .. } => RejectReason::Undecodable,
            Self::InvalidTenant { .. } => RejectReason::InvalidTenant,
            Self::InvalidTraceId { .. } => RejectReason::InvalidTraceId,
            Self::InvalidSpanId { .. } => RejectReason::InvalidSpanId,
        }
    }
}

/// Why a schema cannot be announced.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The text is no Avro schema.
    #[error("not an Avro schema")]
    Invalid(#[source] Box<apache_avro::Error>),
    /// The text is an Avro schema with attributes that make no sense where they stand.
    #[error("an Avro schema with attributes that have no place in it")]
    Strange,
    /// The schema is not one of a record named `TraceChunk`.
    #[error("schema {id} does not describe a TraceChunk")]
    NotATraceChunk {
        /// The id it was announced under.
        id: SchemaId,
    },
    /// Another schema was announced under the same id before; that one stays.
    #[error("schema {id} is known as {known} and cannot become {announced}")]
    Conflicting {
        /// The id.
        id: SchemaId,
        /// Fingerprint of the schema that stays.
        known: String,
        /// Fingerprint of the schema that was refused.
        announced: String,
    },
}

/// Parses a schema with the process's allocation limit in force, and takes its fingerprint.
///
/// apache-avro panics on some schemas that it has parsed, such as one with a stray `"items": null`.
/// Schemas come from outside: none of them may end the process.
pub(crate) fn parse_schema(json: &str) -> Result<(Schema, String), SchemaError> {
    trace_chunk::limit_allocations();
    let parse = || {
        let schema = Schema::parse_str(json).map_err(|e| SchemaError::Invalid(Box::new(e)))?;
        let fingerprint = trace_chunk::hex_fingerprint(&schema);
        Ok((schema, fingerprint))
    };
    panic::catch_unwind(parse).unwrap_or(Err(SchemaError::Strange))
}

/// What a record held: its head, and where its spans lie in the batch.
#[derive(Debug, Clone, PartialEq)]
pub struct DecodedChunk {
    /// Whose spans they are.
    pub tenant: Tenant,
    /// When a collector received them, in nanoseconds.
    pub received_at: UnixNanos,
    /// The trace they belong to.
    pub trace_id: TraceId,
    /// Their indices in the batch.
    pub spans: Range<u32>,
}

/// The head of a record, before its tenant is parsed.
struct Head<'a> {
    tenant: &'a str,
    received_at: UnixNanos,
    trace_id: TraceId,
}

impl Head<'_> {
    /// What the record held, if its spans were appended after `before`.
    fn decoded(
        &self,
        id: SchemaId,
        before: &Lengths,
        batch: &SpanBatch<'_>,
    ) -> Result<DecodedChunk, DecodeError> {
        Ok(DecodedChunk {
            tenant: Tenant::parse(self.tenant)
                .map_err(|source| DecodeError::InvalidTenant { id, source })?,
            received_at: self.received_at,
            trace_id: self.trace_id,
            spans: before.spans as u32..batch.spans.len() as u32,
        })
    }
}

/// How the records of one schema are read.
#[derive(Debug)]
enum Writer {
    /// By the walk: the bytes follow the embedded schema.
    Embedded,
    /// By resolution.
    Other(Box<Schema>),
}

/// The schemas that records may be written with, by id.
#[derive(Debug, Default)]
pub struct SchemaSet {
    writers: HashMap<SchemaId, (String, Writer)>,
}

impl SchemaSet {
    /// A set that knows no schema yet: the embedded one needs its id as well.
    pub fn new() -> Self {
        trace_chunk::limit_allocations();
        Self::default()
    }

    /// Makes a schema known. Announcing the same one again changes nothing.
    ///
    /// # Errors
    /// If it is no schema of trace chunks, or the id is known for another one.
    pub fn announce(&mut self, id: SchemaId, schema_json: &str) -> Result<(), SchemaError> {
        let (schema, announced) = parse_schema(schema_json)?;
        match &schema {
            Schema::Record(record) if record.name.name() == "TraceChunk" => {}
            _ => return Err(SchemaError::NotATraceChunk { id }),
        }
        if let Some((known, _)) = self.writers.get(&id) {
            let known = known.clone();
            return if known == announced {
                Ok(())
            } else {
                Err(SchemaError::Conflicting {
                    id,
                    known,
                    announced,
                })
            };
        }
        let writer = if announced == crate::fingerprint() {
            Writer::Embedded
        } else {
            Writer::Other(Box::new(schema))
        };
        self.writers.insert(id, (announced, writer));
        Ok(())
    }

    /// Whether records of this schema can be decoded.
    pub fn knows(&self, id: SchemaId) -> bool {
        self.writers.contains_key(&id)
    }

    /// Appends the record's spans to `batch`, with resources and scopes of their own. Strings
    /// point into the record or into `arena`.
    ///
    /// # Errors
    /// If the record gives no spans; `batch` is as it was.
    pub fn decode<'a>(
        &self,
        record: &'a [u8],
        arena: &'a Bump,
        batch: &mut SpanBatch<'a>,
    ) -> Result<DecodedChunk, DecodeError> {
        self.decode_or_restore(walk::chunk, record, arena, batch)
    }

    /// The same for those who ask what a record holds and not what its spans say: all of it is
    /// checked, but attributes, events and links may be left out of `batch`.
    ///
    /// # Errors
    /// As [`Self::decode`].
    pub fn decode_bare<'a>(
        &self,
        record: &'a [u8],
        arena: &'a Bump,
        batch: &mut SpanBatch<'a>,
    ) -> Result<DecodedChunk, DecodeError> {
        self.decode_or_restore(walk::bare_chunk, record, arena, batch)
    }

    /// The same as [`Self::decode`] for those who want to see a record that is broken: after an error,
    /// `batch` keeps the spans that were read before. Only a walk of the embedded schema leaves any.
    ///
    /// # Errors
    /// If not all of the record was read.
    pub fn decode_as_far<'a>(
        &self,
        record: &'a [u8],
        arena: &'a Bump,
        batch: &mut SpanBatch<'a>,
    ) -> Result<DecodedChunk, DecodeError> {
        self.decode_by(walk::chunk, record, arena, batch)
    }

    fn decode_or_restore<'a>(
        &self,
        walk: Walk<'a>,
        record: &'a [u8],
        arena: &'a Bump,
        batch: &mut SpanBatch<'a>,
    ) -> Result<DecodedChunk, DecodeError> {
        let before = Lengths::of(batch);
        let decoded = self.decode_by(walk, record, arena, batch);
        if decoded.is_err() {
            before.restore(batch);
        }
        decoded
    }

    /// Decodes a record of the embedded schema by a walk, any other one whole.
    fn decode_by<'a>(
        &self,
        walk: Walk<'a>,
        record: &'a [u8],
        arena: &'a Bump,
        batch: &mut SpanBatch<'a>,
    ) -> Result<DecodedChunk, DecodeError> {
        let (id, body) = frame::open(record).ok_or(DecodeError::Unframed { len: record.len() })?;
        let (_, writer) = self
            .writers
            .get(&id)
            .ok_or(DecodeError::UnknownSchema { id })?;
        let before = Lengths::of(batch);
        let read = match writer {
            Writer::Embedded => walk(body, batch),
            Writer::Other(schema) => resolve::chunk(body, schema, arena, batch),
        };
        read.map_err(|fault| fault.in_record(id))
            .and_then(|head| head.decoded(id, &before, batch))
    }
}

/// Reads a body of the embedded schema.
type Walk<'a> = fn(&'a [u8], &mut SpanBatch<'a>) -> Result<Head<'a>, Fault>;

/// A flaw and the byte of the body where it was met.
#[derive(Debug)]
struct Fault {
    at: usize,
    flaw: Flaw,
}

impl Fault {
    fn in_record(self, id: SchemaId) -> DecodeError {
        let at = self.at + frame::FRAME_LEN;
        match self.flaw {
            Flaw::ZeroTraceId => DecodeError::InvalidTraceId { id },
            Flaw::ZeroSpanId => DecodeError::InvalidSpanId { id, at },
            source => DecodeError::Undecodable { id, at, source },
        }
    }
}

/// Decodes a body of the embedded schema the way all others are decoded.
#[cfg(test)]
pub(crate) fn resolved_by_name<'a>(
    id: SchemaId,
    body: &[u8],
    arena: &'a Bump,
    batch: &mut SpanBatch<'a>,
) -> Result<DecodedChunk, DecodeError> {
    let before = Lengths::of(batch);
    resolve::chunk(body, trace_chunk::schema(), arena, batch)
        .map_err(|fault| fault.in_record(id))
        .and_then(|head| head.decoded(id, &before, batch))
}
