//! Reading the rows of runs that are merged, and writing the postings of the run they become.

use std::collections::BTreeMap;

use sqlx::{AssertSqlSafe, PgConnection};

use super::SourceRun;
use crate::index::directory::{self, DirectoryEntry};
use crate::index::kway::{Merge, Need};
use crate::index::page::PageError;
use crate::index::run::PageNumbers;
use crate::index::tables::{PageTable, copy_pages};

/// Pages of a run that are read at once.
const PAGES_AT_ONCE: i64 = 4;

/// A page is not what this program writes.
#[derive(Debug, thiserror::Error)]
#[error("{table} has a bad page of run {run_id}")]
struct BadPage {
    table: PageTable,
    run_id: i64,
    source: PageError,
}

impl BadPage {
    fn error(table: PageTable, run_id: i64, source: PageError) -> sqlx::Error {
        sqlx::Error::Decode(Box::new(Self {
            table,
            run_id,
            source,
        }))
    }
}

/// The directories of the runs, one behind the other.
pub(super) async fn read_directories(
    conn: &mut PgConnection,
    table: PageTable,
    sources: &[SourceRun],
) -> Result<Vec<DirectoryEntry>, sqlx::Error> {
    let select = format!(
        "SELECT body FROM {table} WHERE run_id = $1 AND first_token < 0 ORDER BY first_token DESC"
    );
    let mut entries = Vec::new();
    for source in sources {
        let chunks: Vec<Vec<u8>> = sqlx::query_scalar(AssertSqlSafe(select.clone()))
            .bind(source.run_id)
            .fetch_all(&mut *conn)
            .await?;
        let before = entries.len();
        for body in &chunks {
            let chunk = directory::decode(body);
            entries.extend(chunk.map_err(|error| BadPage::error(table, source.run_id, error))?);
        }
        if entries.len() - before != source.segments as usize {
            let wrong = PageError::Impossible("directory");
            return Err(BadPage::error(table, source.run_id, wrong));
        }
    }
    Ok(entries)
}

/// Reads, merges and writes the postings, holding some pages of each run at a time.
pub(super) async fn merge_postings(
    conn: &mut PgConnection,
    from: PageTable,
    sources: &[SourceRun],
    to: PageTable,
    run_id: i64,
) -> Result<(), sqlx::Error> {
    let segments: Vec<u32> = sources.iter().map(|run| run.segments as u32).collect();
    let expected_tokens = segments.iter().map(|n| u64::from(*n)).sum::<u64>() * 32;
    let mut merge = Merge::new(&segments, expected_tokens);
    let mut cursors: BTreeMap<usize, (i64, i32)> = BTreeMap::new();
    let mut numbers = PageNumbers::default();
    loop {
        let need = merge.advance();
        match need.map_err(|error| BadPage::error(from, sources[0].run_id, error))? {
            Need::Pages(source) => {
                let cursor = cursors.entry(source).or_insert((0, -1));
                let pages = next_pages(conn, from, sources[source].run_id, cursor).await?;
                merge.feed(source, pages);
            }
            Need::Room => {
                let rows = numbers.rows(merge.take_full());
                copy_pages(conn, to, run_id, &rows).await?;
            }
            Need::Nothing => break,
        }
    }
    let rows = numbers.rows(merge.finish());
    copy_pages(conn, to, run_id, &rows).await?;
    Ok(())
}

/// The pages of a run behind a cursor, which moves on.
async fn next_pages(
    conn: &mut PgConnection,
    table: PageTable,
    run_id: i64,
    cursor: &mut (i64, i32),
) -> Result<Vec<Vec<u8>>, sqlx::Error> {
    let select = format!(
        "SELECT first_token, page_no, body FROM {table}
         WHERE run_id = $1 AND (first_token, page_no) > ($2, $3)
         ORDER BY first_token, page_no LIMIT $4"
    );
    let rows: Vec<(i64, i32, Vec<u8>)> = sqlx::query_as(AssertSqlSafe(select))
        .bind(run_id)
        .bind(cursor.0)
        .bind(cursor.1)
        .bind(PAGES_AT_ONCE)
        .fetch_all(conn)
        .await?;
    if let Some((first_token, page_no, _)) = rows.last() {
        *cursor = (*first_token, *page_no);
    }
    Ok(rows.into_iter().map(|(_, _, body)| body).collect())
}
