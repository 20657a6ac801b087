//! What is stored already of the traces that are about to be written.

use std::collections::BTreeSet;

use bumpalo::Bump;
use model::{NANOS_PER_MINUTE, TraceId};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::plan::Stored;
use crate::{Day, WriteBatch, WriteError, payload};

/// A trace that comes this close to midnight may have spans on the other side of it.
const NEAR_MIDNIGHT: u64 = 60 * NANOS_PER_MINUTE;

/// The days in which a batch's spans start.
pub(crate) fn days_of(batch: &WriteBatch<'_, '_>) -> BTreeSet<Day> {
    starts(batch).map(Day::of).collect()
}

/// These days, and their neighbours that a trace may reach into.
fn days_to_look_at(batch: &WriteBatch<'_, '_>) -> BTreeSet<Day> {
    let around = |start: u64| {
        [
            start.saturating_sub(NEAR_MIDNIGHT),
            start,
            start.saturating_add(NEAR_MIDNIGHT),
        ]
    };
    starts(batch).flat_map(around).map(Day::of).collect()
}

fn starts<'x>(batch: &'x WriteBatch<'_, '_>) -> impl Iterator<Item = u64> + 'x {
    batch.traces.iter().flat_map(|trace| {
        trace
            .spans
            .iter()
            .map(|index| trace.batch.spans[*index as usize].start)
    })
}

/// The stored segments of a batch's traces, as rows.
pub(crate) async fn find(
    conn: &mut PgConnection,
    batch: &WriteBatch<'_, '_>,
) -> Result<Vec<PgRow>, WriteError> {
    let ids: BTreeSet<TraceId> = batch.traces.iter().map(|trace| trace.trace_id).collect();
    let ids: Vec<Uuid> = ids
        .iter()
        .map(|id| Uuid::from_bytes(*id.as_bytes()))
        .collect();
    let mut found = Vec::new();
    for day in days_to_look_at(batch) {
        let rows = sqlx::query(
            "SELECT tenant, trace_id, payload FROM segment
             WHERE trace_id = ANY($1) AND start_ns >= $2 AND start_ns < $3",
        )
        .bind(&ids)
        .bind(day.start_ns())
        .bind(day.end_ns())
        .fetch_all(&mut *conn)
        .await?;
        found.extend(rows);
    }
    Ok(found)
}

/// Decodes stored segments. Their spans come to lie in `arena`.
pub(crate) fn decode<'s>(rows: &[PgRow], arena: &'s Bump) -> Result<Stored<'s>, WriteError> {
    let mut stored = Stored::new();
    for row in rows {
        let id: Uuid = row.try_get("trace_id")?;
        let bytes: &[u8] = row.try_get("payload")?;
        let spans =
            payload::decode(bytes, arena).map_err(|error| inconsistent("payload", &error))?;
        let id = TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
        stored
            .entry((row.try_get("tenant")?, id))
            .or_default()
            .push(spans);
    }
    Ok(stored)
}

fn inconsistent(column: &'static str, error: &dyn std::error::Error) -> WriteError {
    WriteError::Inconsistent {
        table: "segment",
        column,
        what: error.to_string(),
    }
}
