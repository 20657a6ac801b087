//! Folds appended deltas of RED series and edges into one row per series and minute.
//!
//! One worker of the store does it, so that no two transactions ever update the same row. A fold
//! moves rows from the delta to the sum in one transaction: readers who read both in one snapshot
//! never see a count twice or not at all.

use sqlx::{Connection, PgConnection};

/// Moves RED deltas into their series; the histograms are added bucket by bucket.
const FOLD_RED: &str = "WITH moved AS (
     DELETE FROM red_delta WHERE minute_ns < $1
     RETURNING minute_ns, tenant, service, operation, kind, calls, errors, duration_sum,
         buckets, counts
 ), keys AS (
     SELECT DISTINCT minute_ns, tenant, service, operation, kind FROM moved
 ), parts AS (
     SELECT * FROM moved
     UNION ALL
     SELECT minute_ns, tenant, service, operation, kind, red.calls, red.errors,
         red.duration_sum, red.buckets, red.counts
     FROM keys JOIN red USING (minute_ns, tenant, service, operation, kind)
 ), sums AS (
     SELECT minute_ns, tenant, service, operation, kind, sum(calls)::bigint AS calls,
         sum(errors)::bigint AS errors,
         least(sum(duration_sum), 9223372036854775807)::bigint AS duration_sum
     FROM parts GROUP BY 1, 2, 3, 4, 5
 ), bars AS (
     SELECT minute_ns, tenant, service, operation, kind, bucket, sum(n)::bigint AS n
     FROM parts, unnest(buckets, counts) AS bar (bucket, n) GROUP BY 1, 2, 3, 4, 5, 6
 ), histograms AS (
     SELECT minute_ns, tenant, service, operation, kind,
         array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
     FROM bars GROUP BY 1, 2, 3, 4, 5
 )
 INSERT INTO red (minute_ns, key, tenant, service, operation, kind, calls, errors,
     duration_sum, buckets, counts)
 SELECT minute_ns, md5(jsonb_build_array(tenant, service, operation, kind)::text)::uuid, tenant,
     service, operation, kind, calls, errors, duration_sum, buckets, counts
 FROM sums JOIN histograms USING (minute_ns, tenant, service, operation, kind)
 ON CONFLICT (minute_ns, key) DO UPDATE SET calls = excluded.calls,
     errors = excluded.errors, duration_sum = excluded.duration_sum,
     buckets = excluded.buckets, counts = excluded.counts";

/// Moves edge deltas into their edges.
const FOLD_EDGES: &str = "WITH moved AS (
     DELETE FROM edge_delta WHERE minute_ns < $1
     RETURNING minute_ns, tenant, parent, child, calls, errors, duration_sum
 )
 INSERT INTO edge AS known (minute_ns, key, tenant, parent, child, calls, errors,
     duration_sum)
 SELECT minute_ns, md5(jsonb_build_array(tenant, parent, child)::text)::uuid, tenant, parent,
     child, sum(calls)::bigint, sum(errors)::bigint,
     least(sum(duration_sum), 9223372036854775807)::bigint
 FROM moved GROUP BY minute_ns, tenant, parent, child
 ON CONFLICT (minute_ns, key) DO UPDATE SET calls = known.calls + excluded.calls,
     errors = known.errors + excluded.errors,
     duration_sum = known.duration_sum + excluded.duration_sum";

/// Folds the deltas of minutes that begin before `until_ns`. Returns how many rows it made.
pub(crate) async fn fold(conn: &mut PgConnection, until_ns: i64) -> Result<u64, sqlx::Error> {
    let mut tx = conn.begin().await?;
    let mut rows = 0;
    for statement in [FOLD_RED, FOLD_EDGES] {
        let folded = sqlx::query(statement)
            .bind(until_ns)
            .execute(&mut *tx)
            .await?;
        rows += folded.rows_affected();
    }
    tx.commit().await?;
    Ok(rows)
}
