//! Whole traces by their ids.

use std::collections::BTreeMap;

use bumpalo::Bump;
use model::{NANOS_PER_DAY, Tenant, TimeRange, TraceId};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::merge::TraceMerger;
use crate::payload::Reader;
use crate::search::Cost;
use crate::vocabulary::Vocabulary;
use crate::{Completeness, ReadError, SearchLimits, StoredTrace};

/// Reads traces of a tenant, within what that may cost.
#[derive(Debug)]
pub(crate) struct TraceReading<'r> {
    tenant: &'r Tenant,
    limits: &'r SearchLimits,
    vocabulary: &'r Vocabulary,
    cost: Cost,
    arena: Bump,
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
            arena: Bump::new(),
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
        let mut traces = BTreeMap::new();
        let vocabulary = self.vocabulary;
        let add = |row: &PgRow, reader: &mut Reader<'_>| self.add(row, reader, &mut traces);
        vocabulary.each_payload(conn, query, add).await?;
        let finished = traces.into_iter().filter_map(|(id, part): (_, Part)| {
            let trace = part.merger.finish()?;
            let completeness = part.completeness;
            let stored = StoredTrace {
                trace,
                completeness,
            };
            Some((id, stored))
        });
        Ok(finished.collect())
    }

    /// Adds a segment to its trace.
    fn add(
        &mut self,
        row: &PgRow,
        reader: &mut Reader<'_>,
        traces: &mut BTreeMap<TraceId, Part>,
    ) -> Result<(), ReadError> {
        let id: Uuid = row.try_get("trace_id")?;
        let id = TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
        let payload: &[u8] = row.try_get("payload")?;
        self.cost.spend(payload, self.limits)?;
        let part = traces.entry(id).or_insert_with(|| Part {
            merger: TraceMerger::new(id),
            completeness: Completeness::Unknown,
        });
        let of_segment = Completeness::from_number(row.try_get("completeness")?);
        part.completeness = part.completeness.better(of_segment);
        let decoded = reader.decode(id, payload, &self.arena);
        let batch = decoded.map_err(|e| inconsistent("payload", &e))?;
        part.merger.add(self.tenant.as_str(), &batch);
        drop(batch);
        self.arena.reset();
        Ok(())
    }
}

/// The segments of a trace so far.
struct Part {
    merger: TraceMerger,
    completeness: Completeness,
}

/// A stored value that this program did not write.
pub(crate) fn inconsistent(column: &'static str, error: &dyn std::error::Error) -> ReadError {
    ReadError::Inconsistent {
        table: "segment",
        column,
        what: error.to_string(),
    }
}
