//! The partitions of a day: made ahead and on demand, dropped behind, never in a writer's way.
//!
//! `CREATE TABLE … PARTITION OF`, plain `DETACH` and `DROP` of an attached partition lock the
//! parent against everybody; one of them waiting behind a long query would hold up every writer.
//! So partitions are made as tables of their own and attached, and detached concurrently.

use std::collections::BTreeSet;
use std::sync::Mutex;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection, PgPool};

use crate::{Day, index, locks, pool::SCHEMA};

/// The partitioned tables, and how their partitions are bounded.
const TABLES: &[(&str, Bounds)] = &[
    ("segment", Bounds::Nanoseconds),
    ("operation_seen", Bounds::Days),
    ("red_delta", Bounds::Nanoseconds),
    ("red", Bounds::Nanoseconds),
    ("edge_delta", Bounds::Nanoseconds),
    ("edge", Bounds::Nanoseconds),
];

#[derive(Debug, Clone, Copy)]
enum Bounds {
    Days,
    Nanoseconds,
}

impl Bounds {
    fn of(self, day: Day) -> (i64, i64) {
        match self {
            Self::Days => (i64::from(day.0), i64::from(day.0) + 1),
            Self::Nanoseconds => (day.start_ns(), day.end_ns()),
        }
    }
}

/// Days whose partitions are known to exist.
#[derive(Debug, Default)]
pub(crate) struct KnownDays(Mutex<BTreeSet<Day>>);

impl KnownDays {
    /// Forgets all: the store may have gone back in time.
    pub(crate) fn forget(&self) {
        self.lock().clear();
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<Day>> {
        self.0
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner)
    }

    /// Makes the partitions of those days that are not known to have them.
    pub(crate) async fn ensure(
        &self,
        pool: &PgPool,
        days: &BTreeSet<Day>,
    ) -> Result<(), sqlx::Error> {
        let unknown: Vec<Day> = days.difference(&self.lock()).copied().collect();
        for day in unknown {
            create(&mut *pool.acquire().await?, day).await?;
            self.lock().insert(day);
        }
        Ok(())
    }
}

/// Makes the partitions of a day, unless they are there.
async fn create(conn: &mut PgConnection, day: Day) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(locks::PARTITION_CHANGE)
        .bind(day.0)
        .execute(&mut *tx)
        .await?;
    for (table, bounds) in TABLES {
        let partition = format!("{SCHEMA}.{table}_{}", day.suffix());
        if !exists(&mut tx, &partition).await? {
            let (from, to) = bounds.of(day);
            let statements = format!(
                "CREATE TABLE {partition} (LIKE {SCHEMA}.{table} INCLUDING ALL);
                 ALTER TABLE {partition} SET (autovacuum_vacuum_insert_threshold = -1);
                 ALTER TABLE {SCHEMA}.{table} ATTACH PARTITION {partition}
                     FOR VALUES FROM ({from}) TO ({to})"
            );
            tx.execute(AssertSqlSafe(statements)).await?;
        }
    }
    index::create_partition(&mut tx, day).await?;
    tx.commit().await
}

async fn exists(conn: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT to_regclass($1) IS NOT NULL")
        .bind(table)
        .fetch_one(conn)
        .await
}

/// The days that have partitions, oldest first.
pub(crate) async fn days(conn: &mut PgConnection) -> Result<Vec<Day>, sqlx::Error> {
    let names: Vec<String> = sqlx::query_scalar(
        "SELECT child.relname::text FROM pg_inherits
         JOIN pg_class child ON child.oid = inhrelid
         WHERE inhparent = to_regclass($1) ORDER BY 1",
    )
    .bind(format!("{SCHEMA}.segment"))
    .fetch_all(conn)
    .await?;
    Ok(names
        .iter()
        .filter_map(|name| Day::from_suffix(name.rsplit('_').next()?))
        .collect())
}

/// Drops all that is stored of a day.
pub(crate) async fn drop_day(conn: &mut PgConnection, day: Day) -> Result<(), sqlx::Error> {
    for (table, _) in TABLES {
        let partition = format!("{SCHEMA}.{table}_{}", day.suffix());
        if !exists(conn, &partition).await? {
            continue;
        }
        if is_attached(conn, &partition).await? {
            let detach =
                format!("ALTER TABLE {SCHEMA}.{table} DETACH PARTITION {partition} CONCURRENTLY");
            conn.execute(AssertSqlSafe(detach)).await?;
        }
        conn.execute(AssertSqlSafe(format!("DROP TABLE {partition}")))
            .await?;
    }
    index::drop_partition(conn, day).await
}

async fn is_attached(conn: &mut PgConnection, table: &str) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("SELECT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass($1))")
        .bind(table)
        .fetch_one(conn)
        .await
}
