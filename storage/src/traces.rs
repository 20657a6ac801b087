//! Whole traces by their ids.

use std::collections::BTreeMap;
use std::num::NonZero;
use std::ops::Range;
use std::sync::Arc;

use bumpalo::Bump;
use model::{
    IdentityHasher, NANOS_PER_DAY, SpanBatch, SpanHash, Tenant, TimeRange, Trace, TraceId,
};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::merge::TraceMerger;
use crate::payload::{Known, Reader};
use crate::search::Cost;
use crate::vocabulary::Vocabulary;
use crate::{Completeness, ReadError, SearchLimits, StoredTrace};

/// Bytes of payloads that are worth a thread of their own: some hundreds of spans.
const WORTH_A_THREAD: usize = 16 << 10;

/// Reads traces of a tenant, within what that may cost.
#[derive(Debug)]
pub(crate) struct TraceReading<'r> {
    tenant: &'r Tenant,
    limits: &'r SearchLimits,
    vocabulary: &'r Vocabulary,
    cost: Cost,
}

impl<'r> TraceReading<'r> {
    /// A reading that goes on from what was spent already.
    pub(crate) fn new(
        tenant: &'r Tenant,
        limits: &'r SearchLimits,
        vocabulary: &'r Vocabulary,
        cost: Cost,
    ) -> Self {
        Self {
            tenant,
            limits,
            vocabulary,
            cost,
        }
    }

    /// The traces with these ids that the tenant has, archived ones among them, those that start
    /// in `range` or a day around it.
    #[tracing::instrument(name = "db.traces.by_id", skip_all)]
    pub(crate) async fn by_id(
        &mut self,
        conn: &mut PgConnection,
        ids: &[TraceId],
        range: TimeRange,
    ) -> Result<BTreeMap<TraceId, StoredTrace>, ReadError> {
        let ids: Vec<Uuid> = ids
            .iter()
            .map(|id| Uuid::from_bytes(*id.as_bytes()))
            .collect();
        let bounded = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        let query = sqlx::query(
            "SELECT trace_id, completeness, payload, start_ns, segment_id FROM segment
             WHERE trace_id = ANY($1) AND tenant = $2 AND start_ns >= $3 AND start_ns <= $4
             UNION ALL
             SELECT trace_id, completeness, payload, start_ns, segment_id FROM archived_segment
             WHERE trace_id = ANY($1) AND tenant = $2 AND start_ns >= $3 AND start_ns <= $4
             ORDER BY start_ns, segment_id",
        )
        .bind(ids)
        .bind(self.tenant.as_str())
        .bind(bounded(range.start.saturating_sub(NANOS_PER_DAY)))
        .bind(bounded(range.end.saturating_add(NANOS_PER_DAY)));
        let (cost, limits) = (&mut self.cost, self.limits);
        let spend = |row: &PgRow| cost.spend(row.try_get("payload")?, limits);
        let (rows, known) = self.vocabulary.payloads(conn, query, spend).await?;
        let stored = rows.iter().map(Stored::of).collect::<Result<_, _>>()?;
        decoded(self.tenant, rows, stored, known).await
    }
}

/// A segment that was read.
#[derive(Debug, Clone, Copy)]
struct Stored {
    id: TraceId,
    completeness: Completeness,
    payload_len: usize,
}

impl Stored {
    fn of(row: &PgRow) -> Result<Self, ReadError> {
        let id: Uuid = row.try_get("trace_id")?;
        let payload: &[u8] = row.try_get("payload")?;
        Ok(Self {
            id: TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?,
            completeness: Completeness::from_number(row.try_get("completeness")?),
            payload_len: payload.len(),
        })
    }
}

/// Decodes segments, many of them on several threads where blocking is allowed, and puts each trace
/// together from its segments in their order.
async fn decoded(
    tenant: &Tenant,
    rows: Vec<PgRow>,
    stored: Vec<Stored>,
    known: Arc<Known>,
) -> Result<BTreeMap<TraceId, StoredTrace>, ReadError> {
    let mut segments_of: BTreeMap<TraceId, usize> = BTreeMap::new();
    for segment in &stored {
        *segments_of.entry(segment.id).or_default() += 1;
    }
    let is_alone: Vec<bool> = stored.iter().map(|of| segments_of[&of.id] == 1).collect();
    let ranges = shares(&stored);
    let decoding = Arc::new(Decoding {
        tenant: tenant.clone(),
        rows,
        stored,
        is_alone,
        known,
    });
    let mut parts = Vec::with_capacity(decoding.stored.len());
    if ranges.len() < 2 {
        parts = decoding.range(0..decoding.stored.len())?;
    } else {
        let each = ranges.into_iter().map(|range| {
            let decoding = decoding.clone();
            tokio::task::spawn_blocking(move || decoding.range(range))
        });
        for share in each.collect::<Vec<_>>() {
            match share.await {
                Ok(share) => parts.extend(share?),
                Err(error) => match error.try_into_panic() {
                    Ok(panic) => std::panic::resume_unwind(panic),
                    // The runtime is being shut down, and this answer with it.
                    Err(_) => return Err(ReadError::Timeout),
                },
            }
        }
    }
    Ok(put_together(&decoding.stored, parts))
}

/// Ranges of segments of about the same size, one for each thread that is worth it.
fn shares(stored: &[Stored]) -> Vec<Range<usize>> {
    let bytes: usize = stored.iter().map(|of| of.payload_len).sum();
    let threads = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = (bytes / threads).max(WORTH_A_THREAD);
    let (mut ranges, mut start, mut taken) = (Vec::new(), 0, 0);
    for (place, of) in stored.iter().enumerate() {
        taken += of.payload_len;
        if taken >= share {
            ranges.push(start..place + 1);
            (start, taken) = (place + 1, 0);
        }
    }
    if start < stored.len() {
        ranges.push(start..stored.len());
    }
    ranges
}

/// Segments that are to be decoded.
struct Decoding {
    tenant: Tenant,
    rows: Vec<PgRow>,
    stored: Vec<Stored>,
    /// Whether a segment is all of its trace.
    is_alone: Vec<bool>,
    known: Arc<Known>,
}

/// The spans of a segment, and who each is if another segment may hold it too.
type Part = (Trace, Option<Vec<SpanHash>>);

impl Decoding {
    fn range(&self, range: Range<usize>) -> Result<Vec<Part>, ReadError> {
        let mut reader = Reader::new(&self.known);
        let mut arena = Bump::new();
        let mut parts = Vec::with_capacity(range.len());
        for place in range {
            let id = self.stored[place].id;
            let payload: &[u8] = self.rows[place].try_get("payload")?;
            let batch = reader.decode(id, payload, &arena);
            let batch = batch.map_err(|e| inconsistent("payload", &e))?;
            let trace = batch.own_trace(id, 0..batch.spans.len() as u32);
            let identities = (!self.is_alone[place]).then(|| self.identities(&trace));
            parts.push((trace, identities));
            drop(batch);
            arena.reset();
        }
        Ok(parts)
    }

    fn identities(&self, trace: &Trace) -> Vec<SpanHash> {
        let batch = SpanBatch::of_trace(trace);
        let mut hasher = IdentityHasher::new(self.tenant.as_str(), &batch);
        batch.spans.iter().map(|span| hasher.span(span)).collect()
    }
}

fn put_together(stored: &[Stored], parts: Vec<Part>) -> BTreeMap<TraceId, StoredTrace> {
    let mut whole: BTreeMap<TraceId, StoredTrace> = BTreeMap::new();
    let mut merging: BTreeMap<TraceId, (TraceMerger, Completeness)> = BTreeMap::new();
    for (segment, (trace, identities)) in stored.iter().zip(parts) {
        let (id, completeness) = (segment.id, segment.completeness);
        let Some(identities) = identities else {
            // A segment holds each of its spans once.
            let stored = StoredTrace {
                trace,
                completeness,
            };
            whole.insert(id, stored);
            continue;
        };
        let new = || (TraceMerger::new(id), Completeness::Unknown);
        let (merger, best) = merging.entry(id).or_insert_with(new);
        *best = best.better(completeness);
        merger.add_trace(trace, &identities);
    }
    let merged = merging.into_iter().filter_map(|(id, (merger, best))| {
        let stored = StoredTrace {
            trace: merger.finish()?,
            completeness: best,
        };
        Some((id, stored))
    });
    whole.extend(merged);
    whole
}

/// A stored value that this program did not write.
pub(crate) fn inconsistent(column: &'static str, error: &dyn std::error::Error) -> ReadError {
    ReadError::Inconsistent {
        table: "segment",
        column,
        what: error.to_string(),
    }
}
