//! The page tables: one for each day, level and generation.

use std::fmt;

use sqlx::{AssertSqlSafe, Connection, Executor, PgConnection};

use super::run::PageRow;
use crate::copy_binary::CopyRows;
use crate::{Day, locks};

/// The level that transactions write.
pub(super) const FRESH: i16 = 0;

/// The level of runs that are not merged again.
pub(super) const FINAL: i16 = 9;

/// A page table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct PageTable {
    /// The day of its segments.
    pub(crate) day: Day,
    /// How often its runs were merged, or [`FINAL`].
    pub(crate) level: i16,
    /// Counts the tables of the day and level.
    pub(crate) generation: i32,
}

/// From the catalogue's columns.
impl From<(i32, i16, i32)> for PageTable {
    fn from((day, level, generation): (i32, i16, i32)) -> Self {
        Self {
            day: Day(day),
            level,
            generation,
        }
    }
}

/// The table's name, which needs no quoting.
impl fmt::Display for PageTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            day,
            level,
            generation,
        } = self;
        write!(f, "posting_page_{level}_{}_{generation}", day.suffix())
    }
}

/// Makes the tables of a day, unless they are there. The caller sees to it that no two sessions
/// do so at once.
pub(crate) async fn create_partition(conn: &mut PgConnection, day: Day) -> Result<(), sqlx::Error> {
    open_generation(conn, day, FRESH).await?;
    Ok(())
}

/// Drops the tables of a day, if they are there. Waits for merges, writers and queries that use
/// them, for as long as the session's `lock_timeout` says.
pub(crate) async fn drop_partition(conn: &mut PgConnection, day: Day) -> Result<(), sqlx::Error> {
    let mut tx = conn.begin().await?;
    sqlx::query("SELECT pg_advisory_xact_lock($1, 0)")
        .bind(locks::INDEX_MERGE)
        .execute(&mut *tx)
        .await?;
    lock_generation(&mut tx, day).await?;
    sqlx::query("DELETE FROM posting_run WHERE day = $1")
        .bind(day.0)
        .execute(&mut *tx)
        .await?;
    let tables: Vec<(i32, i16, i32)> =
        sqlx::query_as("DELETE FROM posting_table WHERE day = $1 RETURNING day, level, generation")
            .bind(day.0)
            .fetch_all(&mut *tx)
            .await?;
    for table in tables {
        drop_table(&mut tx, table.into()).await?;
    }
    tx.commit().await
}

/// Drops a page table, if it is there.
pub(crate) async fn drop_table(
    conn: &mut PgConnection,
    table: PageTable,
) -> Result<(), sqlx::Error> {
    let drop = AssertSqlSafe(format!("DROP TABLE IF EXISTS {table}"));
    conn.execute(drop).await.map(|_| ())
}

/// The generation of a day and level that takes new runs, made if there is none.
pub(super) async fn open_generation(
    conn: &mut PgConnection,
    day: Day,
    level: i16,
) -> Result<PageTable, sqlx::Error> {
    let open: Option<i32> = sqlx::query_scalar(
        "SELECT generation FROM posting_table WHERE day = $1 AND level = $2 AND open",
    )
    .bind(day.0)
    .bind(level)
    .fetch_optional(&mut *conn)
    .await?;
    if let Some(generation) = open {
        return Ok((day.0, level, generation).into());
    }
    let generation: i32 = sqlx::query_scalar(
        "INSERT INTO posting_table (day, level, generation)
         SELECT $1, $2, coalesce(max(generation) + 1, 0) FROM posting_table
         WHERE day = $1 AND level = $2
         RETURNING generation",
    )
    .bind(day.0)
    .bind(level)
    .fetch_one(&mut *conn)
    .await?;
    let table = (day.0, level, generation).into();
    create_table(conn, table).await?;
    Ok(table)
}

/// Pages stay in the heap: one fills a page of Postgres. Nothing is ever deleted, so that vacuum
/// has nothing to do but when the table has to be frozen.
async fn create_table(conn: &mut PgConnection, table: PageTable) -> Result<(), sqlx::Error> {
    let create = format!(
        "CREATE TABLE {table} (
            run_id bigint NOT NULL,
            first_token bigint NOT NULL, -- of the page; -1 - n for chunk n of the directory
            page_no integer NOT NULL,
            body bytea NOT NULL,
            PRIMARY KEY (run_id, first_token, page_no)
         ) WITH (
            toast_tuple_target = 8160,
            autovacuum_vacuum_insert_threshold = -1,
            toast.autovacuum_vacuum_insert_threshold = -1
         );
         ALTER TABLE {table} ALTER COLUMN body SET STORAGE EXTERNAL"
    );
    conn.execute(sqlx::raw_sql(AssertSqlSafe(create))).await?;
    Ok(())
}

/// Writes rows of a run.
pub(super) async fn copy_pages(
    conn: &mut PgConnection,
    table: PageTable,
    run_id: i64,
    rows: &[PageRow],
) -> Result<(), sqlx::Error> {
    let mut copy = CopyRows::new(4);
    for row in rows {
        let start = copy.row().bigint(run_id).bigint(row.key);
        start.integer(row.page_no).bytes(&row.body);
    }
    let statement =
        format!("COPY {table} (run_id, first_token, page_no, body) FROM STDIN (FORMAT binary)");
    copy.send(conn, &statement).await
}

/// Keeps the day's generation from being switched until the end of the transaction.
pub(super) async fn hold_generation(conn: &mut PgConnection, day: Day) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock_shared($1, $2)")
        .bind(locks::INDEX_GENERATION)
        .bind(day.0)
        .execute(conn)
        .await?;
    Ok(())
}

/// Waits until no transaction writes to the day's generation, and keeps others from beginning to.
pub(super) async fn lock_generation(conn: &mut PgConnection, day: Day) -> Result<(), sqlx::Error> {
    sqlx::query("SELECT pg_advisory_xact_lock($1, $2)")
        .bind(locks::INDEX_GENERATION)
        .bind(day.0)
        .execute(conn)
        .await?;
    Ok(())
}
