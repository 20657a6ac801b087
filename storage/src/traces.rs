//! Whole traces by their ids.

use std::collections::BTreeMap;

use bumpalo::Bump;
use model::{NANOS_PER_DAY, Tenant, TimeRange, TraceId};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use crate::merge::TraceMerger;
use crate::{ReadError, StoredTrace, payload};

/// The traces with these ids that the tenant has, those that start in `range` or a day around it.
pub(crate) async fn by_id(
    conn: &mut PgConnection,
    tenant: &Tenant,
    ids: &[TraceId],
    range: TimeRange,
) -> Result<BTreeMap<TraceId, StoredTrace>, ReadError> {
    let ids: Vec<Uuid> = ids
        .iter()
        .map(|id| Uuid::from_bytes(*id.as_bytes()))
        .collect();
    let rows = sqlx::query(
        "SELECT trace_id, completeness, payload FROM segment
         WHERE trace_id = ANY($1) AND tenant = $2 AND start_ns >= $3 AND start_ns <= $4
         ORDER BY start_ns, segment_id",
    )
    .bind(ids)
    .bind(tenant.as_str())
    .bind(
        range
            .start
            .saturating_sub(NANOS_PER_DAY)
            .min(i64::MAX as u64) as i64,
    )
    .bind(range.end.saturating_add(NANOS_PER_DAY).min(i64::MAX as u64) as i64)
    .fetch_all(conn)
    .await?;
    merge(tenant, &rows)
}

/// Merges the segments of several traces.
fn merge(tenant: &Tenant, rows: &[PgRow]) -> Result<BTreeMap<TraceId, StoredTrace>, ReadError> {
    let mut traces: BTreeMap<TraceId, (TraceMerger, bool)> = BTreeMap::new();
    let mut arena = Bump::new();
    for row in rows {
        let id: Uuid = row.try_get("trace_id")?;
        let id = TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
        let payload: &[u8] = row.try_get("payload")?;
        let complete = row.try_get::<i16, _>("completeness")? == 1;
        let (merger, seen_complete) = traces
            .entry(id)
            .or_insert_with(|| (TraceMerger::new(id), false));
        *seen_complete |= complete;
        let batch = payload::decode(payload, &arena).map_err(|e| inconsistent("payload", &e))?;
        merger.add(tenant.as_str(), &batch);
        drop(batch);
        arena.reset();
    }
    let finished = traces.into_iter().filter_map(|(id, (merger, complete))| {
        merger
            .finish()
            .map(|trace| (id, StoredTrace { trace, complete }))
    });
    Ok(finished.collect())
}

/// A stored value that this program did not write.
pub(crate) fn inconsistent(column: &'static str, error: &dyn std::error::Error) -> ReadError {
    ReadError::Inconsistent {
        table: "segment",
        column,
        what: error.to_string(),
    }
}
