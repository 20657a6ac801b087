//! The tables: which are emptied, and how nobody is kept waiting or made to fail by it.

use std::collections::BTreeSet;
use std::time::Duration;

use sqlx::{AssertSqlSafe, Executor, PgConnection};

use crate::{Day, index};

/// What is emptied, in the order in which changes of partitions lock it.
const EMPTIED: &str = "operation_seen, red_part, red_delta, red, edge_part, edge_delta, edge, trace_decision, segment, posting_table, \
     posting_run, dead_letter, tally_delta, tally, span_removal, rebuilt_day";

/// What is emptied when it is asked for.
const ARCHIVE: &str = ", archived_segment";

/// How long the tables may be waited for while others wait behind. Less than the second after
/// which Postgres looks for deadlocks; when nothing else helps, more, so that a vacuum gives way.
pub(super) fn patience(attempt: u32) -> Duration {
    match attempt {
        0..10 => Duration::from_millis(800),
        _ => Duration::from_secs(3),
    }
}

/// Keeps everybody from the tables until the end of the transaction.
pub(super) async fn lock(
    conn: &mut PgConnection,
    archive: bool,
    patience: Duration,
) -> Result<(), sqlx::Error> {
    let within = format!("SET LOCAL statement_timeout = {}", patience.as_millis());
    conn.execute(AssertSqlSafe(within)).await?;
    let lock = format!("LOCK TABLE {} IN ACCESS EXCLUSIVE MODE", names(archive));
    conn.execute(AssertSqlSafe(lock)).await?;
    conn.execute("SET LOCAL statement_timeout = '60s'").await?;
    Ok(())
}

fn names(archive: bool) -> String {
    let archive = if archive { ARCHIVE } else { "" };
    format!("{EMPTIED}{archive}")
}

/// Empties the tables, which are locked. The days stay, with an index that is empty.
pub(super) async fn empty(conn: &mut PgConnection, archive: bool) -> Result<(), sqlx::Error> {
    let tables: Vec<(i32, i16, i32)> =
        sqlx::query_as("SELECT day, level, generation FROM posting_table")
            .fetch_all(&mut *conn)
            .await?;
    let truncate = format!("TRUNCATE {}", names(archive));
    conn.execute(AssertSqlSafe(truncate)).await?;
    let days: BTreeSet<Day> = tables.iter().map(|(day, _, _)| Day(*day)).collect();
    for table in tables {
        index::drop_table(conn, table.into()).await?;
    }
    for day in days {
        index::create_partition(conn, day).await?;
    }
    Ok(())
}
