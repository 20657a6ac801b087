//! Edges between services.

use foldhash::HashMap;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{SeriesCounts, Sums};

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    minute: i64,
    tenant: String,
    parent: String,
    child: String,
}

/// By minute, tenant, parent and child.
#[derive(Debug, Default)]
pub(super) struct EdgeSums(HashMap<Key, SeriesCounts>);

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
        let series = parents.len();
        let names = parents.into_iter().zip(children);
        for ((parent, child), counts) in names.zip(SeriesCounts::of_part(part)?) {
            let key = Key {
                minute,
                tenant: tenant.clone(),
                parent,
                child,
            };
            *self.0.entry(key).or_default() += counts;
        }
        Ok(series)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut rows: Vec<(Key, SeriesCounts)> = self.0.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| key.minute);
        let texts = |of: fn(&Key) -> &str| rows.iter().map(|(key, _)| of(key)).collect::<Vec<_>>();
        let numbers = |of: fn(&SeriesCounts) -> i64| {
            rows.iter()
                .map(|(_, of_row)| of(of_row))
                .collect::<Vec<_>>()
        };
        sqlx::query(ADD)
            .bind(rows.iter().map(|(key, _)| key.minute).collect::<Vec<_>>())
            .bind(texts(|key| &key.tenant))
            .bind(texts(|key| &key.parent))
            .bind(texts(|key| &key.child))
            .bind(numbers(|of| of.calls))
            .bind(numbers(|of| of.errors))
            .bind(numbers(SeriesCounts::duration_sum))
            .execute(conn)
            .await?;
        Ok(())
    }
}
