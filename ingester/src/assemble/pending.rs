//! The records of one trace while they are held, and the trace that they become.

use std::sync::OnceLock;

use bytes::Bytes;
use kafka::Headers;
use model::{Tenant, TimeRange, TraceId, UnixNanos};
use storage::Completeness;

use super::completion::{Activity, CompletionRules};
use crate::{Moment, SpanRecord, TraceVerdict};

/// One record of a trace, as it came from the log.
#[derive(Debug, Clone, PartialEq)]
pub struct HeldRecord {
    /// Offset in the partition.
    pub offset: i64,
    /// When the broker took it, in milliseconds.
    pub timestamp_ms: i64,
    /// When a collector received it.
    pub received_at: UnixNanos,
    /// The record's key.
    pub key: Option<Bytes>,
    /// Framed Avro.
    pub payload: Bytes,
    /// Its headers, without those that follow from the payload.
    pub headers: Headers,
    /// How many spans it holds.
    pub spans: u32,
}

/// A trace, or a part of one, that is to be written.
#[derive(Debug, Clone, PartialEq)]
pub struct DueTrace {
    /// Whose trace it is.
    pub tenant: Tenant,
    /// Which trace.
    pub trace_id: TraceId,
    /// When a collector received the earliest and the latest record.
    pub received: TimeRange,
    /// Why it is written now.
    pub completeness: Completeness,
    /// Its records, by offset.
    pub records: Vec<HeldRecord>,
    /// Spans in the records.
    pub spans: u64,
    /// Bytes that the records take of the memory budget.
    pub bytes: u64,
    /// What tail sampling says of it, once it was asked: of all the records that were due together.
    pub verdict: OnceLock<TraceVerdict>,
}

/// A trace that is still held.
#[derive(Debug)]
pub(super) struct PendingTrace {
    pub(super) tenant: Tenant,
    pub(super) trace_id: TraceId,
    pub(super) activity: Activity,
    pub(super) due_at: Moment,
    /// Whether it stands in the queue of due traces.
    pub(super) due: bool,
    pub(super) spans: u64,
    pub(super) bytes: u64,
    received: TimeRange,
    records: Vec<HeldRecord>,
}

impl PendingTrace {
    pub(super) fn begin(record: &SpanRecord, now: Moment) -> Self {
        Self {
            tenant: record.tenant.clone(),
            trace_id: record.trace_id,
            activity: Activity {
                first: now,
                last: now,
                root_seen: false,
            },
            due_at: Moment::MAX,
            due: false,
            spans: 0,
            bytes: 0,
            received: TimeRange {
                start: record.held.received_at,
                end: record.held.received_at,
            },
            records: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, record: SpanRecord, now: Moment, rules: &CompletionRules) {
        self.activity.last = now;
        self.activity.root_seen |= record.has_root;
        self.due_at = rules.due_at(self.activity);
        self.spans += u64::from(record.held.spans);
        self.bytes += record.cost();
        self.received.start = self.received.start.min(record.held.received_at);
        self.received.end = self.received.end.max(record.held.received_at);
        self.records.push(record.held);
    }

    pub(super) fn records(&self) -> &[HeldRecord] {
        &self.records
    }

    pub(super) fn into_due(self, now: Moment, rules: &CompletionRules) -> DueTrace {
        DueTrace {
            completeness: rules.completeness(self.activity, now),
            tenant: self.tenant,
            trace_id: self.trace_id,
            received: self.received,
            records: self.records,
            spans: self.spans,
            bytes: self.bytes,
            verdict: OnceLock::new(),
        }
    }
}
