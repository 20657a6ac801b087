//! What a record turns out to be once it is decoded.

use bytes::Bytes;
use kafka::{Headers, Record};
use model::{RejectReason, Tenant, TraceId};

use crate::HeldRecord;

/// Header that carries the tenant beside the record.
pub const TENANT_HEADER: &str = "tenant";
/// Header that carries the time of receipt beside the record, in decimal nanoseconds.
pub const RECEIVED_AT_HEADER: &str = "received-at";

/// Memory that a held record takes beside its bytes: its entry, its share of the trace's.
const OVERHEAD: u64 = 384;

/// A decoded record that is to be assembled.
#[derive(Debug, Clone, PartialEq)]
pub struct SpanRecord {
    /// Whose spans they are.
    pub tenant: Tenant,
    /// The trace they belong to.
    pub trace_id: TraceId,
    /// Whether one of them is a root: has no parent.
    pub has_root: bool,
    /// The record itself.
    pub held: HeldRecord,
}

/// A record that can never be stored, as it came, with the reason.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadRecord {
    /// Offset in the partition.
    pub offset: i64,
    /// When the broker took it, in milliseconds.
    pub timestamp_ms: i64,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its payload.
    pub payload: Bytes,
    /// Its headers.
    pub headers: Headers,
    /// Why it cannot be stored.
    pub reason: RejectReason,
    /// The error in words.
    pub error: String,
    /// Spans in it, as far as they could be counted.
    pub spans: u32,
}

/// What a record turned out to be.
#[derive(Debug, Clone, PartialEq)]
pub enum Decoded {
    /// Spans of a trace.
    Spans(SpanRecord),
    /// Nothing that could ever be stored.
    Dead(DeadRecord),
    /// A tombstone: there is nothing in it.
    Ignored {
        /// Offset in the partition.
        offset: i64,
    },
}

impl Decoded {
    /// Offset in the partition.
    pub fn offset(&self) -> i64 {
        match self {
            Self::Spans(record) => record.held.offset,
            Self::Dead(record) => record.offset,
            Self::Ignored { offset } => *offset,
        }
    }
}

impl HeldRecord {
    /// Bytes that it takes of the memory budget.
    pub fn cost(&self) -> u64 {
        cost(&self.payload, self.key.as_ref(), &self.headers)
    }
}

impl SpanRecord {
    /// Bytes that it takes of the memory budget.
    pub fn cost(&self) -> u64 {
        self.held.cost()
    }
}

impl DeadRecord {
    /// Bytes that it takes of the memory budget.
    pub fn cost(&self) -> u64 {
        cost(&self.payload, self.key.as_ref(), &self.headers)
    }

    /// Whose it says it is; empty if it does not say, or not in a way that can be stored.
    pub fn tenant(&self) -> &str {
        let headers = self.headers.iter();
        let named = headers.filter(|(name, _)| *name == TENANT_HEADER).last();
        let name = named.and_then(|(_, value)| std::str::from_utf8(value).ok());
        name.filter(|name| Tenant::parse(name).is_ok())
            .unwrap_or_default()
    }

    /// The schema that its frame names, if it has one.
    pub fn schema_id(&self) -> Option<u32> {
        Self::schema_of(&self.payload)
    }

    /// The schema that the frame of a payload names, if it has one.
    pub(crate) fn schema_of(payload: &[u8]) -> Option<u32> {
        match payload.get(..schemas::FRAME_LEN)? {
            [0, id @ ..] => id.try_into().ok().map(u32::from_be_bytes),
            _ => None,
        }
    }

    /// A record that was held and that the store refused.
    pub(crate) fn refused(
        record: HeldRecord,
        tenant: &Tenant,
        reason: RejectReason,
        error: &str,
    ) -> Self {
        let received_at = record.received_at.to_string();
        let following = [
            (TENANT_HEADER, tenant.as_str().as_bytes()),
            (RECEIVED_AT_HEADER, received_at.as_bytes()),
        ];
        Self {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            payload: record.payload,
            headers: record.headers.iter().chain(following).collect(),
            reason,
            error: error.to_owned(),
            spans: record.spans,
        }
    }

    pub(super) fn undecodable(
        record: Record,
        reason: RejectReason,
        error: String,
        spans: u32,
    ) -> Self {
        Self {
            offset: record.offset,
            timestamp_ms: record.timestamp_ms,
            key: record.key,
            payload: record.payload.unwrap_or_default(),
            headers: record.headers,
            reason,
            error,
            spans,
        }
    }
}

/// Whether a header can be made again from the payload.
pub(super) fn follows(header: &str) -> bool {
    header == TENANT_HEADER || header == RECEIVED_AT_HEADER
}

fn cost(payload: &Bytes, key: Option<&Bytes>, headers: &Headers) -> u64 {
    (payload.len() + key.map_or(0, Bytes::len) + headers.size()) as u64 + OVERHEAD
}
