//! Edges between services.

use foldhash::HashMap;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{Sums, bounded};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    minute: i64,
    tenant: String,
    parent: String,
    child: String,
}

#[derive(Debug, Default)]
struct Sum {
    calls: i64,
    errors: i64,
    durations: i128,
}

/// By minute, tenant, parent and child.
#[derive(Debug, Default)]
pub(super) struct EdgeSums(HashMap<Key, Sum>);

const ADD: &str = "
    INSERT INTO edge AS known (minute_ns, key, tenant, parent, child, calls, errors, duration_sum)
    SELECT minute_ns, md5(jsonb_build_array(tenant, parent, child)::text)::uuid, tenant, parent,
        child, calls, errors, duration_sum
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::bigint[],
                $7::bigint[])
        AS s (minute_ns, tenant, parent, child, calls, errors, duration_sum)
    ON CONFLICT (minute_ns, key) DO UPDATE SET
        calls = known.calls + excluded.calls, errors = known.errors + excluded.errors,
        duration_sum = greatest(least(known.duration_sum::numeric + excluded.duration_sum,
            9223372036854775807), -9223372036854775808)::bigint";

impl Sums for EdgeSums {
    const FOLDED: &'static str = "edge";
    const PARTS: [(&'static str, &'static str); 2] = [
        (
            "edge_part",
            "parents, children, calls, errors, duration_sums",
        ),
        (
            "edge_delta",
            "ARRAY[parent] AS parents, ARRAY[child] AS children, ARRAY[calls] AS calls,
             ARRAY[errors] AS errors, ARRAY[duration_sum] AS duration_sums",
        ),
    ];

    fn add(&mut self, part: &PgRow) -> Result<usize, sqlx::Error> {
        let minute: i64 = part.try_get("minute_ns")?;
        let tenant: String = part.try_get("tenant")?;
        let parents: Vec<String> = part.try_get("parents")?;
        let children: Vec<String> = part.try_get("children")?;
        let calls: Vec<i64> = part.try_get("calls")?;
        let errors: Vec<i64> = part.try_get("errors")?;
        let durations: Vec<i64> = part.try_get("duration_sums")?;
        let series = parents.len();
        let figures = calls.into_iter().zip(errors).zip(durations);
        for ((parent, child), ((calls, errors), durations)) in
            parents.into_iter().zip(children).zip(figures)
        {
            let key = Key {
                minute,
                tenant: tenant.clone(),
                parent,
                child,
            };
            let sum = self.0.entry(key).or_default();
            sum.calls += calls;
            sum.errors += errors;
            sum.durations += i128::from(durations);
        }
        Ok(series)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut rows: Vec<(Key, Sum)> = self.0.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| key.minute);
        let texts = |of: fn(&Key) -> &str| rows.iter().map(|(key, _)| of(key)).collect::<Vec<_>>();
        let numbers =
            |of: fn(&Key, &Sum) -> i64| rows.iter().map(|(k, s)| of(k, s)).collect::<Vec<_>>();
        sqlx::query(ADD)
            .bind(numbers(|key, _| key.minute))
            .bind(texts(|key| &key.tenant))
            .bind(texts(|key| &key.parent))
            .bind(texts(|key| &key.child))
            .bind(numbers(|_, sum| sum.calls))
            .bind(numbers(|_, sum| sum.errors))
            .bind(numbers(|_, sum| bounded(sum.durations)))
            .execute(conn)
            .await?;
        Ok(())
    }
}
