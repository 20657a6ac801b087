//! Folds appended parts of RED series and edges into one row per series and minute.
//!
//! One worker of the store does it, so that no two transactions ever update the same row. A fold
//! takes parts away and adds them to the sums in one transaction: readers who read both in one
//! snapshot never see a count twice or not at all. Parts are summed here, so that the server need not
//! unnest, group and hash them.

mod edges;
mod red;

use std::ops::AddAssign;

use sqlx::postgres::PgRow;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row};

use crate::metrics;
use edges::EdgeSums;
use red::RedSums;

/// Parts that one statement takes away.
const PARTS_AT_ONCE: i64 = 32;

/// Series that one transaction sums, roughly: bounds its memory.
const SERIES_AT_ONCE: usize = 50_000;

/// Sums of parts, by series and minute.
trait Sums: Default {
    /// The table of the folded rows.
    const FOLDED: &'static str;
    /// Where parts come from, and the columns of a part, made of those of a row.
    const PARTS: [(&'static str, &'static str); 2];

    /// Adds a part. Returns how many series it has.
    fn add(&mut self, part: &PgRow) -> Result<usize, sqlx::Error>;

    /// Series so far.
    fn len(&self) -> usize;

    /// Adds the sums to the folded rows.
    async fn write(self, conn: &mut PgConnection) -> Result<(), sqlx::Error>;
}

/// Folds the parts of minutes that begin before `until_ns`.
pub(crate) async fn fold(conn: &mut PgConnection, until_ns: i64) -> Result<(), sqlx::Error> {
    fold_all::<RedSums>(conn, until_ns).await?;
    fold_all::<EdgeSums>(conn, until_ns).await
}

async fn fold_all<S: Sums>(conn: &mut PgConnection, until_ns: i64) -> Result<(), sqlx::Error> {
    for (table, columns) in S::PARTS {
        for partition in partitions(conn, table).await? {
            let take = format!(
                "DELETE FROM {partition} WHERE ctid = ANY (ARRAY(
                     SELECT ctid FROM {partition} WHERE minute_ns < $1
                     ORDER BY minute_ns LIMIT $2))
                 RETURNING minute_ns, tenant, {columns}"
            );
            while fold_some::<S>(conn, &take, until_ns).await? {}
        }
    }
    Ok(())
}

/// One transaction. Returns whether parts are left.
async fn fold_some<S: Sums>(
    conn: &mut PgConnection,
    take: &str,
    until_ns: i64,
) -> Result<bool, sqlx::Error> {
    let mut tx = conn.begin().await?;
    let (mut sums, mut series) = (S::default(), 0);
    let left = loop {
        let parts = sqlx::query(AssertSqlSafe(take.to_owned()))
            .bind(until_ns)
            .bind(PARTS_AT_ONCE)
            .fetch_all(&mut *tx)
            .await?;
        for part in &parts {
            series += sums.add(part)?;
        }
        if (parts.len() as i64) < PARTS_AT_ONCE {
            break false;
        }
        if sums.len() >= SERIES_AT_ONCE {
            break true;
        }
    };
    if series == 0 {
        tx.rollback().await?;
        return Ok(false);
    }
    sums.write(&mut tx).await?;
    tx.commit().await?;
    metrics::deltas_folded(S::FOLDED, series as u64);
    Ok(left)
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

/// What every series counts.
#[derive(Debug, Clone, Copy, Default)]
struct SeriesCounts {
    calls: i64,
    errors: i64,
    /// Nanoseconds.
    durations: i128,
}

impl SeriesCounts {
    /// Those of the series of a part, in their order.
    fn of_part(part: &PgRow) -> Result<impl Iterator<Item = Self>, sqlx::Error> {
        let calls: Vec<i64> = part.try_get("calls")?;
        let errors: Vec<i64> = part.try_get("errors")?;
        let durations: Vec<i64> = part.try_get("duration_sums")?;
        let each = calls.into_iter().zip(errors).zip(durations);
        Ok(each.map(|((calls, errors), durations)| Self {
            calls,
            errors,
            durations: durations.into(),
        }))
    }

    /// As the column `duration_sum` holds it.
    fn duration_sum(&self) -> i64 {
        self.durations.clamp(i64::MIN.into(), i64::MAX.into()) as i64
    }
}

impl AddAssign for SeriesCounts {
    fn add_assign(&mut self, other: Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.durations += other.durations;
    }
}
