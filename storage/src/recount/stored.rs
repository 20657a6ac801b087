//! What the store says: folded rows and parts together.

use futures_util::TryStreamExt;
use sqlx::{PgConnection, Row};

use super::names::{EdgeSeries, OperationDay, RedSeries};
use super::{Counting, Figures, shape};
use crate::{Day, ReadError};

/// RED series of the days.
pub(super) async fn red(
    conn: &mut PgConnection,
    first: Day,
    last: Day,
    counting: &mut Counting,
) -> Result<(), ReadError> {
    let mut rows = sqlx::query(
        "SELECT minute_ns, tenant, service, operation, kind, calls, errors, duration_sum, buckets,
             counts
         FROM red_series
         WHERE minute_ns >= $1 AND minute_ns < $2",
    )
    .bind(first.start_ns())
    .bind(last.end_ns())
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let series = RedSeries {
            minute: row.try_get::<i64, _>("minute_ns")? as u64,
            tenant: counting.names.of(row.try_get("tenant")?),
            service: counting.names.of(row.try_get("service")?),
            operation: counting.names.of(row.try_get("operation")?),
            kind: row.try_get::<i16, _>("kind")? as u8,
        };
        let (buckets, counts): (Vec<i16>, Vec<i64>) =
            (row.try_get("buckets")?, row.try_get("counts")?);
        let mut figures = Figures {
            calls: row.try_get("calls")?,
            errors: row.try_get("errors")?,
            duration: row.try_get("duration_sum")?,
            shape: [0; 2],
        };
        for (bucket, count) in buckets.into_iter().zip(counts) {
            figures.add(Figures {
                shape: shape(bucket as u64, count as u64),
                ..Figures::default()
            });
        }
        let balance = counting.red.entry(series).or_default();
        balance.stored.add(figures);
    }
    Ok(())
}

/// Edges of the days.
pub(super) async fn edges(
    conn: &mut PgConnection,
    first: Day,
    last: Day,
    counting: &mut Counting,
) -> Result<(), ReadError> {
    let mut rows = sqlx::query(
        "SELECT minute_ns, tenant, parent, child, calls, errors, duration_sum
         FROM edge_series
         WHERE minute_ns >= $1 AND minute_ns < $2",
    )
    .bind(first.start_ns())
    .bind(last.end_ns())
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let series = EdgeSeries {
            minute: row.try_get::<i64, _>("minute_ns")? as u64,
            tenant: counting.names.of(row.try_get("tenant")?),
            parent: counting.names.of(row.try_get("parent")?),
            child: counting.names.of(row.try_get("child")?),
        };
        let figures = Figures {
            calls: row.try_get("calls")?,
            errors: row.try_get("errors")?,
            duration: row.try_get("duration_sum")?,
            shape: [0; 2],
        };
        let balance = counting.edges.entry(series).or_default();
        balance.stored.add(figures);
    }
    Ok(())
}

/// The catalogue of operations of the days.
pub(super) async fn operations(
    conn: &mut PgConnection,
    first: Day,
    last: Day,
    counting: &mut Counting,
) -> Result<(), ReadError> {
    let mut rows = sqlx::query(
        "SELECT day, tenant, service, operation, kind FROM operation_seen
         WHERE day BETWEEN $1 AND $2",
    )
    .bind(first.0)
    .bind(last.0)
    .fetch(conn);
    while let Some(row) = rows.try_next().await? {
        let seen = OperationDay {
            day: row.try_get("day")?,
            tenant: counting.names.of(row.try_get("tenant")?),
            service: counting.names.of(row.try_get("service")?),
            operation: counting.names.of(row.try_get("operation")?),
            kind: row.try_get::<i16, _>("kind")? as u8,
        };
        let balance = counting.operations.entry(seen).or_default();
        balance.stored.calls = 1;
    }
    Ok(())
}
