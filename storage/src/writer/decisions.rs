//! What tail sampling has decided of the batch's traces, and what it decides now.

use std::collections::BTreeMap;

use foldhash::{HashMap, HashSet};
use model::TraceId;
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::plan::{Known, Part, Plan};
use super::probe::{ranges, uuid};
use crate::WriteError;
use crate::copy_binary::CopyRows;
use crate::payload::DecodeError;
use crate::summary::dropped::{self, DroppedSpan, dropped_span};
use crate::summary::{KnownTrace, Node, StoredDecision};
use crate::{Day, removal};

const COPY: &str = "COPY trace_decision (start_ns, segment_id, trace_id, weight, span_count, tenant, \
     policy, dropped) FROM STDIN (FORMAT binary)";
const COLUMNS: u16 = 8;

/// Adds what was decided of the traces, and what is remembered of their dropped spans.
pub(super) async fn known(
    conn: &mut PgConnection,
    plan: &Plan<'_, '_>,
    known: &mut Known,
) -> Result<(), WriteError> {
    let traces = plan.traces().iter().enumerate();
    let numbers: HashMap<(&str, TraceId), usize> = traces.map(|(at, trace)| (*trace, at)).collect();
    let mut ids: Vec<Uuid> = plan.traces().iter().map(|(_, id)| uuid(*id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let read: Vec<i64> = known
        .iter()
        .flatten()
        .flat_map(KnownTrace::decisions)
        .collect();
    for (first, last) in ranges(plan.searched().iter().copied()) {
        // What was decided first comes first.
        let rows = sqlx::query(
            "SELECT tenant, trace_id, number, segment_id IS NOT NULL AS kept, policy, weight, dropped
             FROM trace_decision
             WHERE trace_id = ANY($1) AND start_ns >= $2 AND start_ns < $3
               AND NOT number = ANY($4)
             ORDER BY number",
        )
        .bind(&ids)
        .bind(first.start_ns())
        .bind(last.end_ns())
        .bind(&read)
        .fetch_all(&mut *conn)
        .await?;
        for row in &rows {
            add(known, &numbers, row)?;
        }
    }
    Ok(())
}

fn add(
    known: &mut Known,
    numbers: &HashMap<(&str, TraceId), usize>,
    row: &PgRow,
) -> Result<(), WriteError> {
    let tenant: &str = row.try_get("tenant")?;
    let id: Uuid = row.try_get("trace_id")?;
    let found = TraceId::new(*id.as_bytes()).and_then(|id| numbers.get(&(tenant, id)));
    // The same id of another tenant is another trace.
    let Some(&number) = found else {
        return Ok(());
    };
    let decision = StoredDecision {
        kept: row.try_get("kept")?,
        policy: row.try_get("policy")?,
        weight: row.try_get("weight")?,
    };
    let row_number: i64 = row.try_get("number")?;
    let trace = known[number].get_or_insert_with(KnownTrace::default);
    let added = trace.add_decision(row_number, decision, row.try_get("dropped")?);
    added.map_err(|error: DecodeError| WriteError::Inconsistent {
        table: "trace_decision",
        column: "dropped",
        what: format!("decision {row_number}: {error}"),
    })
}

/// Writes what holds for the traces of the batch: a row for each segment, with its number in
/// `segments`, and one for each part that is dropped.
pub(super) async fn write(
    conn: &mut PgConnection,
    plan: &Plan<'_, '_>,
    known: &Known,
    segments: &[i64],
    decided: bool,
) -> Result<(), WriteError> {
    let mut rows = Rows {
        copy: CopyRows::new(COLUMNS),
        count: 0,
    };
    for (part, segment) in plan.parts().iter().zip(segments) {
        rows.add(plan, part, Some(*segment), None);
    }
    reverse(conn, plan, known, &mut rows).await?;
    let mut remembered = Vec::new();
    for part in plan.dropped() {
        let of = plan.of(part);
        let both = part.spans.iter().zip(&part.hashes);
        let nodes: Vec<Node<'_>> = both
            .map(|(index, hash)| {
                let span = &of.batch.spans[*index as usize];
                Node::new(*hash, of.batch.service_name(of.batch.resource(span)), span)
            })
            .collect();
        remembered.clear();
        dropped::encode(&nodes, &mut remembered);
        rows.add(plan, part, None, Some(&remembered));
    }
    if rows.count > 0 && !decided {
        sqlx::query("UPDATE purge SET decided = true WHERE NOT decided")
            .execute(&mut *conn)
            .await?;
    }
    rows.copy.send(conn, COPY).await?;
    Ok(())
}

/// Takes back what was remembered of dropped spans that a replay stores: what is left of it is
/// written anew, after the decision that keeps the trace.
async fn reverse(
    conn: &mut PgConnection,
    plan: &Plan<'_, '_>,
    known: &Known,
    rows: &mut Rows,
) -> Result<(), WriteError> {
    let mut stored: BTreeMap<usize, HashSet<DroppedSpan>> = BTreeMap::new();
    let mut reversed: BTreeMap<(&str, Day), i64> = BTreeMap::new();
    for part in plan.parts() {
        if !plan.decision(part.trace).is_some_and(|one| one.is_reversed) {
            continue;
        }
        let of = plan.of(part);
        let spans = part.counted_before();
        let again = spans.map(|(at, hash)| dropped_span(of.batch.spans[at as usize].span_id, hash));
        let of_trace = stored.entry(part.trace).or_default();
        let before = of_trace.len();
        of_trace.extend(again);
        let count = (of_trace.len() - before) as i64;
        *reversed.entry((of.tenant.as_str(), part.day)).or_default() += count;
    }
    let mut gone: Vec<i64> = Vec::new();
    for (trace, spans) in &stored {
        let Some(known) = &known[*trace] else {
            continue;
        };
        gone.extend(known.dropping());
        rows.add_left(plan.traces()[*trace], known, spans);
    }
    let days = plan.searched();
    if let (false, Some(first), Some(last)) = (gone.is_empty(), days.first(), days.last()) {
        sqlx::query(
            "DELETE FROM trace_decision
             WHERE number = ANY($1) AND start_ns >= $2 AND start_ns < $3",
        )
        .bind(gone)
        .bind(first.start_ns())
        .bind(last.end_ns())
        .execute(&mut *conn)
        .await?;
        reversed.retain(|_, spans| *spans > 0);
        removal::note_reversed(conn, &reversed).await?;
    }
    Ok(())
}

struct Rows {
    copy: CopyRows,
    count: usize,
}

impl Rows {
    /// What is still dropped of a trace, a row for each day.
    fn add_left(
        &mut self,
        (tenant, id): (&str, TraceId),
        known: &KnownTrace,
        stored: &HashSet<DroppedSpan>,
    ) {
        let mut by_day: BTreeMap<Day, Vec<Node<'_>>> = BTreeMap::new();
        for node in known.dropped_but(stored) {
            by_day.entry(Day::of(node.start)).or_default().push(node);
        }
        for nodes in by_day.into_values() {
            let mut remembered = Vec::new();
            dropped::encode(&nodes, &mut remembered);
            let start = nodes.iter().map(|node| node.start).min();
            self.count += 1;
            self.copy
                .row()
                .bigint(start.unwrap_or_default() as i64)
                .optional_bigint(None)
                .uuid(uuid(id))
                .optional_double(None)
                .integer(nodes.len() as i32)
                .text(tenant)
                .text("")
                .bytes(&remembered);
        }
    }

    /// Nothing where nothing was decided.
    fn add(
        &mut self,
        plan: &Plan<'_, '_>,
        part: &Part,
        segment: Option<i64>,
        dropped: Option<&[u8]>,
    ) {
        let Some(decision) = plan.decision(part.trace) else {
            return;
        };
        let of = plan.of(part);
        let starts = part
            .spans
            .iter()
            .map(|at| of.batch.spans[*at as usize].start);
        self.count += 1;
        self.copy
            .row()
            .bigint(starts.min().unwrap_or_default() as i64)
            .optional_bigint(segment)
            .uuid(uuid(of.trace_id))
            .optional_double(decision.weight.filter(|_| decision.kept))
            .integer(part.spans.len() as i32)
            .text(of.tenant.as_str())
            .text(&decision.policy)
            .optional_bytes(dropped);
    }
}
