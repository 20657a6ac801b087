//! Finds the traces of which one span answers a query, newest first.

use std::collections::BTreeMap;

use bumpalo::Bump;
use model::{Tenant, TraceId, TraceQuery};
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use crate::traces::inconsistent;
use crate::{ReadError, payload};

/// The ids of the traces found, with the start of the newest span that answers, newest first.
pub(crate) async fn search(
    conn: &mut PgConnection,
    tenant: &Tenant,
    query: &TraceQuery,
) -> Result<Vec<(u64, TraceId)>, ReadError> {
    let rows = sqlx::query(
        "SELECT trace_id, payload FROM segment
         WHERE tenant = $1 AND last_start_ns >= $2 AND start_ns <= $3",
    )
    .bind(tenant.as_str())
    .bind(query.start.start.min(i64::MAX as u64) as i64)
    .bind(query.start.end.min(i64::MAX as u64) as i64)
    .fetch_all(conn)
    .await?;
    let mut newest: BTreeMap<TraceId, u64> = BTreeMap::new();
    let mut arena = Bump::new();
    for row in &rows {
        let id: Uuid = row.try_get("trace_id")?;
        let id = TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
        let batch = payload::decode(row.try_get("payload")?, &arena)
            .map_err(|e| inconsistent("payload", &e))?;
        let answers = batch
            .spans
            .iter()
            .filter(|span| query.matches(&batch, span));
        if let Some(start) = answers.map(|span| span.start).max() {
            let best = newest.entry(id).or_default();
            *best = start.max(*best);
        }
        drop(batch);
        arena.reset();
    }
    let mut found: Vec<(u64, TraceId)> =
        newest.into_iter().map(|(id, start)| (start, id)).collect();
    found.sort_unstable_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
    found.truncate(query.limit);
    Ok(found)
}
