//! Writing a run within the transaction that writes its segments.

use sqlx::PgConnection;

use super::run::{EncodedRun, RunBuilder};
use super::tables::{FRESH, PageTable, copy_pages, hold_generation};
use crate::Day;
use crate::tokens::TokenSet;

/// Writes a run within the caller's transaction, which must see what others commit meanwhile
/// (`READ COMMITTED`). The day's tables must be there: [`sqlx::Error::RowNotFound`] otherwise.
pub(crate) async fn write_run(
    conn: &mut PgConnection,
    day: Day,
    first_segment_id: i64,
    run: RunBuilder,
) -> Result<(), sqlx::Error> {
    if run.is_empty() {
        return Ok(());
    }
    let run = run.encode(first_segment_id);
    // Two statements: the second one must see what was committed while the first one waited.
    hold_generation(conn, day).await?;
    let (generation, run_id): (i32, i64) = sqlx::query_as(
        "SELECT generation, nextval('posting_run_number')
         FROM posting_table WHERE day = $1 AND level = $2 AND open",
    )
    .bind(day.0)
    .bind(FRESH)
    .fetch_one(&mut *conn)
    .await?;
    let table = (day.0, FRESH, generation).into();
    copy_pages(conn, table, run_id, &run.rows).await?;
    catalogue_run(conn, table, run_id, TokenSet::WRITTEN, &run).await
}

/// Enters a run whose rows are written.
pub(super) async fn catalogue_run(
    conn: &mut PgConnection,
    table: PageTable,
    run_id: i64,
    token_set: TokenSet,
    run: &EncodedRun,
) -> Result<(), sqlx::Error> {
    let first: Vec<i64> = run.chunks.iter().map(|chunk| chunk.first_ns).collect();
    let last: Vec<i64> = run.chunks.iter().map(|chunk| chunk.last_ns).collect();
    sqlx::query(
        "INSERT INTO posting_run (day, run_id, level, generation, segments,
                                  token_set, start_min, start_max, chunk_start_min,
                                  chunk_start_max)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
    )
    .bind(table.day.0)
    .bind(run_id)
    .bind(table.level)
    .bind(table.generation)
    .bind(run.segments as i32)
    .bind(token_set.number())
    .bind(first.iter().min())
    .bind(last.iter().max())
    .bind(&first)
    .bind(&last)
    .execute(conn)
    .await?;
    Ok(())
}
