//! What traces are as a whole, from the columns of all their segments.

use std::collections::HashMap;

use futures_util::TryStreamExt;
use model::{Tenant, TraceFacts, TraceId};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::view::View;
use crate::ReadError;
use crate::traces::inconsistent;

/// Traces that one statement asks for.
const PER_STATEMENT: usize = 4_096;

/// The facts of some traces, as far as the view goes.
#[tracing::instrument(name = "db.search.facts", skip_all)]
pub(super) async fn read(
    conn: &mut PgConnection,
    tenant: &Tenant,
    traces: &[TraceId],
    view: Option<&View>,
) -> Result<HashMap<TraceId, TraceFacts>, ReadError> {
    let mut facts: HashMap<TraceId, TraceFacts> = HashMap::with_capacity(traces.len());
    for some in traces.chunks(PER_STATEMENT) {
        let ids: Vec<Uuid> = some
            .iter()
            .map(|id| Uuid::from_bytes(*id.as_bytes()))
            .collect();
        let mut rows = sqlx::query(
            "SELECT trace_id, start_ns, end_ns, span_count, error_count, xmin::text AS made_by
             FROM segment WHERE trace_id = ANY($1) AND tenant = $2",
        )
        .bind(ids)
        .bind(tenant.as_str())
        .fetch(&mut *conn);
        while let Some(row) = rows.try_next().await? {
            if !View::sees_row(view, &row)? {
                continue;
            }
            let id: Uuid = row.try_get("trace_id")?;
            let trace =
                TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
            let time = |column| row.try_get::<i64, _>(column).map(|ns| ns.max(0) as u64);
            let count = |column| row.try_get::<i32, _>(column).map(|of| of.max(0) as u64);
            let part = TraceFacts {
                start: time("start_ns")?,
                end: time("end_ns")?,
                spans: count("span_count")?,
                errors: count("error_count")?,
            };
            facts.entry(trace).or_insert(TraceFacts::NONE).add(&part);
        }
    }
    Ok(facts)
}
