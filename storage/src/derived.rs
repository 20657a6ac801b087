//! Reads what follows from the spans: services, operations, edges, RED series. Sums of folded rows
//! and of parts that are not folded yet, in one statement and so in one snapshot.

use std::collections::BTreeMap;

use model::{SpanKind, Tenant, TimeRange};
use sqlx::{PgConnection, Row, postgres::PgRow};

use crate::{Dependency, DurationHistogram, Operation, ReadError, RedPoint, RedQuery};

/// Services of a tenant, sorted.
pub(crate) async fn services(
    conn: &mut PgConnection,
    tenant: &Tenant,
) -> Result<Vec<String>, ReadError> {
    let names = sqlx::query_scalar(
        "SELECT DISTINCT service COLLATE \"C\" FROM operation_seen WHERE tenant = $1 ORDER BY 1",
    );
    Ok(names.bind(tenant.as_str()).fetch_all(conn).await?)
}

/// Operations of a service, sorted by name and kind.
pub(crate) async fn operations(
    conn: &mut PgConnection,
    tenant: &Tenant,
    service: &str,
    kind: Option<SpanKind>,
) -> Result<Vec<Operation>, ReadError> {
    let rows = sqlx::query(
        "SELECT DISTINCT operation COLLATE \"C\" AS operation, kind FROM operation_seen
         WHERE tenant = $1 AND service = $2 AND ($3::smallint IS NULL OR kind = $3)
         ORDER BY 1, 2",
    )
    .bind(tenant.as_str())
    .bind(service)
    .bind(kind.map(|kind| i16::from(kind.number())))
    .fetch_all(conn)
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Operation {
                name: row.try_get("operation")?,
                kind: kind_of(row)?,
            })
        })
        .collect()
}

fn kind_of(row: &PgRow) -> Result<SpanKind, ReadError> {
    let number: i16 = row.try_get("kind")?;
    SpanKind::from_number(number.into()).ok_or_else(|| ReadError::Inconsistent {
        table: "operation_seen",
        column: "kind",
        what: number.to_string(),
    })
}

/// Edges between services, of minutes that overlap the range.
pub(crate) async fn dependencies(
    conn: &mut PgConnection,
    tenant: &Tenant,
    range: TimeRange,
) -> Result<Vec<Dependency>, ReadError> {
    let (from, to) = minutes(range);
    let rows = sqlx::query(
        "SELECT parent COLLATE \"C\" AS parent, child COLLATE \"C\" AS child,
             sum(calls)::bigint AS calls, sum(errors)::bigint AS errors,
             least(sum(duration_sum), 9223372036854775807)::bigint AS duration_sum
         FROM edge_series
         WHERE tenant = $1 AND minute_ns BETWEEN $2 AND $3
         GROUP BY 1, 2 HAVING sum(calls) > 0 ORDER BY 1, 2",
    )
    .bind(tenant.as_str())
    .bind(from)
    .bind(to)
    .fetch_all(conn)
    .await?;
    let dependency = |row: &PgRow| {
        let count = |column: &str| row.try_get::<i64, _>(column).map(|n| n.max(0) as u64);
        Ok(Dependency {
            parent: row.try_get("parent")?,
            child: row.try_get("child")?,
            calls: count("calls")?,
            errors: count("errors")?,
            duration_sum: count("duration_sum")?,
        })
    };
    rows.iter().map(dependency).collect()
}

/// The first and the last minute of a range, as Postgres holds them.
fn minutes(range: TimeRange) -> (i64, i64) {
    let bounded = |at: u64| at.min(i64::MAX as u64) as i64;
    let start = range.start - range.start % model::NANOS_PER_MINUTE;
    (bounded(start), bounded(range.end))
}

/// RED series by minute, sorted by service, operation and minute.
pub(crate) async fn red(
    conn: &mut PgConnection,
    tenant: &Tenant,
    query: &RedQuery,
) -> Result<Vec<RedPoint>, ReadError> {
    let (from, to) = minutes(query.range);
    let kinds: Vec<i16> = query
        .kinds
        .iter()
        .map(|kind| i16::from(kind.number()))
        .collect();
    let rows = sqlx::query(
        "SELECT minute_ns, service, CASE WHEN $6 THEN operation ELSE '' END AS operation, calls,
             errors, duration_sum, buckets, counts
         FROM red_series
         WHERE tenant = $1 AND service = ANY($2) AND kind = ANY($3)
             AND minute_ns BETWEEN $4 AND $5",
    )
    .bind(tenant.as_str())
    .bind(&query.services)
    .bind(kinds)
    .bind(from)
    .bind(to)
    .bind(query.by_operation)
    .fetch_all(conn)
    .await?;
    let mut points: BTreeMap<(String, String, u64), RedPoint> = BTreeMap::new();
    for row in &rows {
        add_point(&mut points, row)?;
    }
    Ok(points.into_values().collect())
}

fn add_point(
    points: &mut BTreeMap<(String, String, u64), RedPoint>,
    row: &PgRow,
) -> Result<(), ReadError> {
    let (service, operation): (String, String) =
        (row.try_get("service")?, row.try_get("operation")?);
    let minute = row.try_get::<i64, _>("minute_ns")? as u64;
    let key = (service.clone(), operation.clone(), minute);
    let point = points.entry(key).or_insert_with(|| RedPoint {
        minute,
        service,
        operation,
        calls: 0,
        errors: 0,
        duration_sum: 0,
        histogram: DurationHistogram::default(),
    });
    point.calls += row.try_get::<i64, _>("calls")? as u64;
    point.errors += row.try_get::<i64, _>("errors")? as u64;
    let durations = row.try_get::<i64, _>("duration_sum")? as u64;
    point.duration_sum = point.duration_sum.saturating_add(durations);
    let (buckets, counts): (Vec<i16>, Vec<i64>) = (row.try_get("buckets")?, row.try_get("counts")?);
    for (bucket, count) in buckets.into_iter().zip(counts) {
        point.histogram.add_bucket(bucket as u16, count as u64);
    }
    Ok(())
}
