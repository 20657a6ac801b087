//! Folds appended deltas of RED series and edges into one row per series and minute.
//!
//! One worker of the store does it, so that no two transactions ever update the same row. A fold
//! moves rows from the delta to the sum in one statement: readers who read both in one snapshot
//! never see a count twice or not at all. Keys hash the names as a JSON list, so that no two
//! series share one, whatever their names hold.

use sqlx::{AssertSqlSafe, PgConnection};

use crate::metrics;

/// Most deltas that one statement moves: bounds its memory and how long it holds its locks.
const AT_ONCE: i64 = 20_000;

/// What is folded, by table of deltas: the statement names its partition as `{deltas}`.
const FOLDS: [(&str, &str, &str); 2] = [("red_delta", "red", RED), ("edge_delta", "edge", EDGES)];

const RED: &str = "
    WITH moved AS (
        DELETE FROM {deltas} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {deltas} WHERE minute_ns < $1 LIMIT $2))
        RETURNING minute_ns, tenant, service, operation, kind, calls, errors, duration_sum,
            buckets, counts
    ), sums AS (
        SELECT minute_ns, tenant, service, operation, kind, sum(calls)::bigint AS calls,
            sum(errors)::bigint AS errors,
            least(sum(duration_sum), 9223372036854775807)::bigint AS duration_sum
        FROM moved GROUP BY 1, 2, 3, 4, 5
    ), histograms AS (
        SELECT minute_ns, tenant, service, operation, kind,
            array_agg(bucket ORDER BY bucket) AS buckets, array_agg(n ORDER BY bucket) AS counts
        FROM (SELECT minute_ns, tenant, service, operation, kind, bucket, sum(n)::bigint AS n
              FROM moved, unnest(buckets, counts) AS bar (bucket, n)
              GROUP BY 1, 2, 3, 4, 5, 6) AS bars
        GROUP BY 1, 2, 3, 4, 5
    ), folded AS (
        INSERT INTO red AS known (minute_ns, key, tenant, service, operation, kind, calls, errors,
            duration_sum, buckets, counts)
        SELECT minute_ns, md5(jsonb_build_array(tenant, service, operation, kind)::text)::uuid,
            tenant, service, operation, kind, calls, errors, duration_sum, buckets, counts
        FROM sums JOIN histograms USING (minute_ns, tenant, service, operation, kind)
        ON CONFLICT (minute_ns, key) DO UPDATE SET
            calls = known.calls + excluded.calls, errors = known.errors + excluded.errors,
            duration_sum = least(known.duration_sum::numeric + excluded.duration_sum,
                9223372036854775807)::bigint,
            (buckets, counts) = (
                SELECT array_agg(bucket ORDER BY bucket), array_agg(n ORDER BY bucket)
                FROM (SELECT bucket, sum(n)::bigint AS n
                      FROM (SELECT * FROM unnest(known.buckets, known.counts) AS a (bucket, n)
                            UNION ALL
                            SELECT * FROM unnest(excluded.buckets, excluded.counts)) AS bars
                      GROUP BY bucket) AS merged)
    )
    SELECT count(*) FROM moved";

const EDGES: &str = "
    WITH moved AS (
        DELETE FROM {deltas} WHERE ctid = ANY (ARRAY(
            SELECT ctid FROM {deltas} WHERE minute_ns < $1 LIMIT $2))
        RETURNING minute_ns, tenant, parent, child, calls, errors, duration_sum
    ), folded AS (
        INSERT INTO edge AS known (minute_ns, key, tenant, parent, child, calls, errors,
            duration_sum)
        SELECT minute_ns, md5(jsonb_build_array(tenant, parent, child)::text)::uuid,
            tenant, parent, child, sum(calls)::bigint, sum(errors)::bigint,
            greatest(least(sum(duration_sum), 9223372036854775807), -9223372036854775808)::bigint
        FROM moved GROUP BY minute_ns, tenant, parent, child
        ON CONFLICT (minute_ns, key) DO UPDATE SET
            calls = known.calls + excluded.calls, errors = known.errors + excluded.errors,
            duration_sum = greatest(least(known.duration_sum::numeric + excluded.duration_sum,
                9223372036854775807), -9223372036854775808)::bigint
    )
    SELECT count(*) FROM moved";

/// Folds the deltas of minutes that begin before `until_ns`. Returns how many rows it moved.
pub(crate) async fn fold(conn: &mut PgConnection, until_ns: i64) -> Result<u64, sqlx::Error> {
    let mut all = 0;
    for (deltas, sums, statement) in FOLDS {
        for partition in partitions(conn, deltas).await? {
            let statement = statement.replace("{deltas}", &partition);
            loop {
                let moved: i64 = sqlx::query_scalar(AssertSqlSafe(statement.clone()))
                    .bind(until_ns)
                    .bind(AT_ONCE)
                    .fetch_one(&mut *conn)
                    .await?;
                metrics::deltas_folded(sums, moved as u64);
                all += moved as u64;
                if moved < AT_ONCE {
                    break;
                }
            }
        }
    }
    Ok(all)
}

async fn partitions(conn: &mut PgConnection, table: &str) -> Result<Vec<String>, sqlx::Error> {
    sqlx::query_scalar(
        "SELECT inhrelid::regclass::text FROM pg_inherits
         WHERE inhparent = to_regclass($1) AND NOT inhdetachpending ORDER BY 1",
    )
    .bind(table)
    .fetch_all(conn)
    .await
}
