//! Traces that are kept beyond retention.

use model::{Tenant, TraceId};
use sqlx::PgPool;
use uuid::Uuid;

use crate::{Archived, ReadError};

/// Copies every stored segment of the trace that is not copied yet.
#[tracing::instrument(name = "db.archive", skip_all)]
pub(crate) async fn archive(
    pool: &PgPool,
    tenant: &Tenant,
    id: TraceId,
) -> Result<Archived, ReadError> {
    let id = Uuid::from_bytes(*id.as_bytes());
    let copied = sqlx::query(
        "INSERT INTO archived_segment
             (trace_id, tenant, segment_id, start_ns, completeness, codec, payload)
         SELECT trace_id, tenant, segment_id, start_ns, completeness, codec, payload
         FROM segment WHERE trace_id = $1 AND tenant = $2
         ON CONFLICT DO NOTHING",
    )
    .bind(id)
    .bind(tenant.as_str())
    .execute(pool)
    .await?;
    if copied.rows_affected() > 0 {
        return Ok(Archived::Kept);
    }
    let kept: bool = sqlx::query_scalar(
        "SELECT EXISTS (SELECT FROM archived_segment WHERE trace_id = $1 AND tenant = $2)",
    )
    .bind(id)
    .bind(tenant.as_str())
    .fetch_one(pool)
    .await?;
    Ok(if kept {
        Archived::Kept
    } else {
        Archived::NotFound
    })
}
