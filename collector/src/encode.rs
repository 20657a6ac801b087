//! encode: a batch of any traces → one framed Avro record per trace, split below the record limit.
//! An agent encodes as OTLP instead ([`otlp_protobuf`]): collectors are what it speaks to.

mod group;
pub mod otlp_protobuf;

use model::{RejectReason, SpanBatch, Tally, Tenant, TraceChunk, TraceId, UnixNanos};
use schemas::ChunkEncoder;

use self::group::Groups;
use crate::config::LimitsConfig;
use crate::decode::Decoded;
use crate::enrich::Origin;
use crate::validate::shrink_span;

/// One Kafka record's worth: spans of one trace of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpanRecord {
    /// The trace they all belong to: the record's key.
    pub trace_id: TraceId,
    /// Whose spans they are.
    pub tenant: Tenant,
    /// When the request was received, in nanoseconds.
    pub received_at: UnixNanos,
    /// How many spans.
    pub spans: u32,
    /// The framed Avro `TraceChunk`.
    pub payload: Vec<u8>,
}

/// Why a request has no records.
#[derive(Debug, thiserror::Error)]
pub enum EncodeError {
    /// All records together are too large.
    #[error("the request's records would be larger than {limit} bytes together")]
    TooLarge {
        /// The limit.
        limit: usize,
    },
    /// A span has no Avro form, which validated spans always have.
    #[error("a validated span cannot be encoded")]
    Unencodable(#[source] schemas::EncodeError),
}

/// Encodes a batch. Of a span that is too large for a record the longest values are cut; one that
/// is too large even then is counted as rejected. Within a trace, spans keep their order.
///
/// # Errors
/// When the records together are larger than the limit.
pub fn records(
    decoded: &mut Decoded<'_>,
    origin: &Origin,
    encoder: &ChunkEncoder,
    limits: &LimitsConfig,
) -> Result<Vec<SpanRecord>, EncodeError> {
    let groups = Groups::by_trace(&decoded.batch.spans);
    let mut run = Run {
        batch: &mut decoded.batch,
        origin,
        encoder,
        limits,
        rejected: &mut decoded.rejected,
        records: Vec::with_capacity(groups.len()),
        total: 0,
    };
    for (trace_id, spans) in groups.iter() {
        run.trace(trace_id, spans)?;
    }
    Ok(run.records)
}

/// The encoding of one request.
struct Run<'r, 'a> {
    batch: &'r mut SpanBatch<'a>,
    origin: &'r Origin,
    encoder: &'r ChunkEncoder,
    limits: &'r LimitsConfig,
    rejected: &'r mut Tally,
    records: Vec<SpanRecord>,
    /// Bytes of all records.
    total: usize,
}

impl Run<'_, '_> {
    /// Spans of one trace: one record if they fit, as many as needed if not.
    fn trace(&mut self, trace_id: TraceId, spans: &[u32]) -> Result<(), EncodeError> {
        let payload = self.chunk(trace_id, spans)?;
        if payload.len() <= self.limits.record_bytes.as_usize() {
            return self.push(trace_id, spans, payload);
        }
        if let [span] = spans {
            return self.large_span(trace_id, *span);
        }
        // A quarter more parts than would do if all spans were alike.
        let parts = payload.len().div_ceil(self.limits.record_bytes.as_usize()) * 5 / 4 + 1;
        drop(payload);
        for part in spans.chunks(spans.len().div_ceil(parts)) {
            self.trace(trace_id, part)?;
        }
        Ok(())
    }

    /// A span that is too large on its own: cut its values further and further.
    fn large_span(&mut self, trace_id: TraceId, span: u32) -> Result<(), EncodeError> {
        for attempt in 0.. {
            if !shrink_span(self.batch, span as usize, attempt) {
                break;
            }
            let payload = self.chunk(trace_id, &[span])?;
            if payload.len() <= self.limits.record_bytes.as_usize() {
                return self.push(trace_id, &[span], payload);
            }
        }
        self.rejected.add(RejectReason::SpanTooLarge);
        Ok(())
    }

    fn chunk(&self, trace_id: TraceId, spans: &[u32]) -> Result<Vec<u8>, EncodeError> {
        let chunk = TraceChunk {
            tenant: &self.origin.tenant,
            received_at: self.origin.received_at,
            trace_id,
            batch: self.batch,
            spans,
        };
        let mut payload = Vec::with_capacity(512 + 512 * spans.len());
        let encoded = self.encoder.encode(&chunk, &mut payload);
        encoded.map_err(EncodeError::Unencodable)?;
        Ok(payload)
    }

    fn push(
        &mut self,
        trace_id: TraceId,
        spans: &[u32],
        payload: Vec<u8>,
    ) -> Result<(), EncodeError> {
        self.total += payload.len();
        let limit = self.limits.encoded_bytes.as_usize();
        if self.total > limit {
            return Err(EncodeError::TooLarge { limit });
        }
        self.records.push(SpanRecord {
            trace_id,
            tenant: self.origin.tenant.clone(),
            received_at: self.origin.received_at,
            spans: spans.len() as u32,
            payload,
        });
        Ok(())
    }
}
