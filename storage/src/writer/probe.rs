//! Which spans of the batch's traces are stored already: one look-up, then their segments decoded.

use std::collections::HashMap;

use bumpalo::Bump;
use model::TraceId;
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::memory::Memory;
use super::plan::{Known, Plan};
use crate::payload::Reader;
use crate::summary::KnownTrace;
use crate::vocabulary::Vocabulary;
use crate::{Day, WriteError};

/// Looks for the traces in the days that they may have been written to. What is remembered of
/// huge traces is not read again: a segment, once committed, never changes.
pub(super) async fn known(
    conn: &mut PgConnection,
    plan: &Plan<'_, '_>,
    memory: &Memory,
    vocabulary: &Vocabulary,
) -> Result<Known, WriteError> {
    let mut known = memory.recall(plan.traces());
    let numbers: HashMap<(&str, TraceId), usize> = plan
        .traces()
        .iter()
        .enumerate()
        .map(|(number, trace)| (*trace, number))
        .collect();
    let mut ids: Vec<Uuid> = plan.traces().iter().map(|(_, id)| uuid(*id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let remembered: Vec<i64> = known
        .iter()
        .flatten()
        .flat_map(KnownTrace::segments)
        .collect();
    for (first, last) in ranges(plan.searched().iter().copied()) {
        let query = sqlx::query(
            "SELECT tenant, trace_id, segment_id, payload FROM segment
             WHERE trace_id = ANY($1) AND start_ns >= $2 AND start_ns < $3
               AND NOT segment_id = ANY($4)",
        )
        .bind(&ids)
        .bind(first.start_ns())
        .bind(last.end_ns())
        .bind(&remembered);
        let add = |row: &PgRow, reader: &mut Reader<'_>| add(&mut known, &numbers, row, reader);
        vocabulary.each_payload(conn, query, add).await?;
    }
    Ok(known)
}

fn add(
    known: &mut Known,
    numbers: &HashMap<(&str, TraceId), usize>,
    row: &PgRow,
    reader: &mut Reader<'_>,
) -> Result<(), WriteError> {
    let tenant: &str = row.try_get(0)?;
    let id: Uuid = row.try_get(1)?;
    let segment: i64 = row.try_get(2)?;
    let bytes: &[u8] = row.try_get(3)?;
    let Some(id) = TraceId::new(*id.as_bytes()) else {
        return Ok(());
    };
    // The same id of another tenant is another trace.
    let Some(&number) = numbers.get(&(tenant, id)) else {
        return Ok(());
    };
    let arena = Bump::new();
    let batch = reader.decode(id, bytes, &arena);
    let batch = batch.map_err(|error| WriteError::Inconsistent {
        table: "segment",
        column: "payload",
        what: format!("segment {segment}: {error}"),
    })?;
    let trace = known[number].get_or_insert_with(KnownTrace::default);
    trace.add_segment(segment, tenant, &batch);
    Ok(())
}

/// The id as Postgres holds it.
pub(super) fn uuid(id: TraceId) -> Uuid {
    Uuid::from_bytes(*id.as_bytes())
}

/// Runs of neighbouring days: first and last one of each.
pub(super) fn ranges(days: impl Iterator<Item = Day>) -> Vec<(Day, Day)> {
    let mut ranges: Vec<(Day, Day)> = Vec::new();
    for day in days {
        match ranges.last_mut() {
            Some((_, last)) if last.plus(1) == day => *last = day,
            _ => ranges.push((day, day)),
        }
    }
    ranges
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbouring_days_are_looked_at_together() {
        let days = [1, 2, 3, 7, 9, 10].map(Day);
        let pairs = ranges(days.into_iter());
        assert_eq!(
            pairs,
            [(Day(1), Day(3)), (Day(7), Day(7)), (Day(9), Day(10))]
        );
    }
}
