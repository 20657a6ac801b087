//! RED series.

use foldhash::HashMap;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use super::{SeriesCounts, Sums};
use crate::DurationHistogram;
use crate::copy_binary::Literals;

#[derive(Debug, PartialEq, Eq, Hash)]
struct Key {
    minute: i64,
    tenant: String,
    service: String,
    operation: String,
    kind: i16,
}

#[derive(Debug, Default)]
struct Sum {
    counts: SeriesCounts,
    histogram: DurationHistogram,
}

/// By minute, tenant, service, operation and kind.
#[derive(Debug, Default)]
pub(super) struct RedSums(HashMap<Key, Sum>);

/// The key hashes the names as a JSON list, so that no two series share one, whatever they hold.
const ADD: &str = "
    INSERT INTO red AS known (minute_ns, key, tenant, service, operation, kind, calls, errors,
        duration_sum, buckets, counts)
    SELECT minute_ns, md5(jsonb_build_array(tenant, service, operation, kind)::text)::uuid,
        tenant, service, operation, kind, calls, errors, duration_sum, buckets::smallint[],
        counts::bigint[]
    FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::smallint[], $6::bigint[],
                $7::bigint[], $8::bigint[], $9::text[], $10::text[])
        AS s (minute_ns, tenant, service, operation, kind, calls, errors, duration_sum, buckets,
              counts)
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
                  GROUP BY bucket) AS merged)";

impl Sums for RedSums {
    const FOLDED: &'static str = "red";
    const PARTS: [(&'static str, &'static str); 2] = [
        (
            "red_part",
            "services, operations, kinds, calls, errors, duration_sums, buckets, counts",
        ),
        (
            "red_delta",
            "ARRAY[service] AS services, ARRAY[operation] AS operations, ARRAY[kind] AS kinds,
             ARRAY[calls] AS calls, ARRAY[errors] AS errors, ARRAY[duration_sum] AS duration_sums,
             ARRAY[buckets::text] AS buckets, ARRAY[counts::text] AS counts",
        ),
    ];

    fn add(&mut self, part: &PgRow) -> Result<usize, sqlx::Error> {
        let minute: i64 = part.try_get("minute_ns")?;
        let tenant: String = part.try_get("tenant")?;
        let services: Vec<String> = part.try_get("services")?;
        let operations: Vec<String> = part.try_get("operations")?;
        let kinds: Vec<i16> = part.try_get("kinds")?;
        let buckets: Vec<String> = part.try_get("buckets")?;
        let counts: Vec<String> = part.try_get("counts")?;
        let series = services.len();
        let names = services.into_iter().zip(operations).zip(kinds);
        let bars = buckets.into_iter().zip(counts);
        for ((((service, operation), kind), counts), bars) in
            names.zip(SeriesCounts::of_part(part)?).zip(bars)
        {
            let key = Key {
                minute,
                tenant: tenant.clone(),
                service,
                operation,
                kind,
            };
            let sum = self.0.entry(key).or_default();
            sum.counts += counts;
            sum.histogram
                .add_literals(&bars.0, &bars.1)
                .ok_or_else(|| sqlx::Error::Decode("red_part holds no histogram".into()))?;
        }
        Ok(series)
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error> {
        let mut rows: Vec<(Key, Sum)> = self.0.into_iter().collect();
        rows.sort_unstable_by_key(|(key, _)| key.minute);
        let bars = || rows.iter().map(|(_, sum)| sum.histogram.iter());
        let buckets = Literals::of(bars().map(|bars| bars.map(|(bucket, _)| bucket)));
        let counts = Literals::of(bars().map(|bars| bars.map(|(_, count)| count)));
        let texts = |of: fn(&Key) -> &str| rows.iter().map(|(key, _)| of(key)).collect::<Vec<_>>();
        let numbers = |of: fn(&SeriesCounts) -> i64| {
            rows.iter()
                .map(|(_, sum)| of(&sum.counts))
                .collect::<Vec<_>>()
        };
        sqlx::query(ADD)
            .bind(rows.iter().map(|(key, _)| key.minute).collect::<Vec<_>>())
            .bind(texts(|key| &key.tenant))
            .bind(texts(|key| &key.service))
            .bind(texts(|key| &key.operation))
            .bind(rows.iter().map(|(key, _)| key.kind).collect::<Vec<i16>>())
            .bind(numbers(|of| of.calls))
            .bind(numbers(|of| of.errors))
            .bind(numbers(SeriesCounts::duration_sum))
            .bind(buckets.each())
            .bind(counts.each())
            .execute(conn)
            .await?;
        Ok(())
    }
}
