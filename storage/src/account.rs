//! What the store says became of every record and span, read in one snapshot.

use roaring::RoaringTreemap;
use sqlx::{AssertSqlSafe, Executor, FromRow, PgConnection};

use crate::removal::{KEPT_BY_REPLAY, RETENTION};
use crate::{Counts, Day, PostgresStore, ReadError, Source, progress};

/// Every row of a table may be read: no time limit, and plans for many rows.
pub(crate) const BEGIN: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; \
     SET LOCAL statement_timeout = 0; SET LOCAL enable_seqscan = on";

/// What the store says, as of one moment.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Account {
    /// The consumed positions, in order of their names.
    pub sources: Vec<SourceAccount>,
    /// What became of each tenant's records, by consumer and tenant.
    pub tallies: Vec<TenantTally>,
    /// What is stored, by tenant and day.
    pub days: Vec<StoredDay>,
    /// What was deleted on purpose, by tenant and day.
    pub removals: Vec<Removal>,
}

/// One source's position and counts.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceAccount {
    /// Which source.
    pub source: Source,
    /// Every record with a lower offset is done.
    pub watermark: i64,
    /// Offsets at or above it that are done as well.
    pub done_above: RoaringTreemap,
    /// What became of its records.
    pub counts: Counts,
    /// The offset where counting began; none in a row that an earlier version wrote last.
    pub base: Option<i64>,
    /// Offsets below the watermark that no record has.
    pub skipped: u64,
    /// Offsets that the log had lost before they were read.
    pub lost: u64,
    /// Spans counted before tallies were kept.
    pub spans_untallied: u64,
}

impl SourceAccount {
    /// Offsets from the base on that are done, by the position.
    pub fn offsets_done(&self) -> Option<i64> {
        let above = self.done_above.len() as i64;
        self.base.map(|base| self.watermark + above - base)
    }

    /// Offsets from the base on that are done, by the counts of what became of each.
    pub fn offsets_counted(&self) -> i64 {
        (self.counts.records + self.skipped + self.lost) as i64
    }

    /// By how many offsets the position has passed what was counted; zero if all is well.
    pub fn offsets_residue(&self) -> i64 {
        let done = self.offsets_done();
        done.map_or(0, |done| done - self.offsets_counted())
    }

    /// Spans of its records that are done.
    pub fn spans(&self) -> u64 {
        self.counts.spans()
    }
}

/// What became of the records of one tenant that one consumer has read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TenantTally {
    /// Who consumed: as in [`Source`]; [`crate::DIRECT_CONSUMER`] where there is no log.
    pub consumer: String,
    /// Whose records they are; empty if that could not be told.
    pub tenant: String,
    /// What became of them.
    pub counts: Counts,
}

/// What is stored of one tenant's spans that start on one day.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct StoredDay {
    /// Whose spans.
    pub tenant: String,
    /// Days since 1970.
    pub day: i32,
    /// Segments.
    pub segments: i64,
    /// Spans in them.
    pub spans: i64,
    /// Spans that tail sampling dropped and that are remembered.
    pub dropped: i64,
    /// Spans that the RED series of the day count.
    pub calls: i64,
}

/// Spans that were deleted on purpose.
#[derive(Debug, Clone, PartialEq, Eq, FromRow)]
pub struct Removal {
    /// Whose spans they were.
    pub tenant: String,
    /// The day they started on, in days since 1970.
    pub day: i32,
    /// Why: `retention`; of spans that a policy had dropped, `retention of dropped` or `kept by a
    /// replay`.
    pub reason: String,
    /// How many spans.
    pub spans: i64,
    /// In how many segments; of dropped ones, decisions.
    pub segments: i64,
}

impl Removal {
    /// Whether retention has taken the day, so that its spans need not be there. A replay that stores
    /// what was dropped takes nothing away.
    pub fn is_of_whole_day(&self) -> bool {
        self.reason != KEPT_BY_REPLAY
    }

    /// Whether these spans were stored; else a policy had dropped them, and they are remembered as
    /// dropped no longer.
    pub fn was_stored(&self) -> bool {
        self.reason == RETENTION
    }
}

impl PostgresStore {
    /// Reads the account. The columns of all segments are read, not their payloads.
    ///
    /// # Errors
    /// If the store cannot be read; also when a day is dropped meanwhile: worth trying again.
    pub async fn account(&self) -> Result<Account, ReadError> {
        let mut tx = self.read_pool.begin_with(BEGIN).await?;
        Ok(Account {
            sources: sources(&mut tx).await?,
            tallies: tallies(&mut tx).await?,
            days: days(&mut tx).await?,
            removals: sqlx::query_as(
                "SELECT tenant, day, reason, spans, segments FROM span_removal
                 ORDER BY tenant, day, reason",
            )
            .fetch_all(&mut *tx)
            .await?,
        })
    }

    /// Reads the consumed positions alone.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn source_accounts(&self) -> Result<Vec<SourceAccount>, ReadError> {
        sources(&mut *self.read_pool.acquire().await?).await
    }
}

#[derive(FromRow)]
struct SourceRow {
    consumer: String,
    topic: String,
    partition: i32,
    watermark: i64,
    done_above: Vec<u8>,
    records: i64,
    records_dead_lettered: i64,
    spans_stored: i64,
    spans_duplicate: i64,
    spans_dead_lettered: i64,
    spans_dropped: i64,
    base_offset: Option<i64>,
    offsets_skipped: i64,
    offsets_lost: i64,
    spans_untallied: i64,
}

pub(crate) async fn sources(conn: &mut PgConnection) -> Result<Vec<SourceAccount>, ReadError> {
    let rows: Vec<SourceRow> = sqlx::query_as(
        "SELECT consumer, topic, partition, watermark, done_above, records, records_dead_lettered,
             spans_stored, spans_duplicate, spans_dead_lettered, spans_dropped, base_offset,
             offsets_skipped, offsets_lost, spans_untallied
         FROM progress ORDER BY consumer, topic, partition",
    )
    .fetch_all(conn)
    .await?;
    rows.into_iter().map(source).collect()
}

fn source(row: SourceRow) -> Result<SourceAccount, ReadError> {
    let unreadable = |error: crate::WriteError| ReadError::Inconsistent {
        table: "progress",
        column: "done_above",
        what: error.to_string(),
    };
    Ok(SourceAccount {
        done_above: progress::read_offsets(&row.done_above).map_err(unreadable)?,
        watermark: row.watermark,
        counts: Counts {
            records: unsigned(row.records),
            spans_stored: unsigned(row.spans_stored),
            spans_duplicate: unsigned(row.spans_duplicate),
            spans_dead_lettered: unsigned(row.spans_dead_lettered),
            spans_dropped: unsigned(row.spans_dropped),
            records_dead_lettered: unsigned(row.records_dead_lettered),
        },
        base: row.base_offset,
        skipped: unsigned(row.offsets_skipped),
        lost: unsigned(row.offsets_lost),
        spans_untallied: unsigned(row.spans_untallied),
        source: Source {
            consumer: row.consumer,
            topic: row.topic,
            partition: row.partition,
        },
    })
}

fn unsigned(number: i64) -> u64 {
    number.max(0) as u64
}

#[derive(FromRow)]
struct TallyRow {
    consumer: String,
    tenant: String,
    records: i64,
    records_dead_lettered: i64,
    spans_stored: i64,
    spans_duplicate: i64,
    spans_dead_lettered: i64,
    spans_dropped: i64,
}

/// Sums of folded rows and of those that are not folded yet.
pub(crate) async fn tallies(conn: &mut PgConnection) -> Result<Vec<TenantTally>, ReadError> {
    let rows: Vec<TallyRow> = sqlx::query_as(
        "SELECT consumer, tenant, sum(records)::bigint AS records,
             sum(records_dead_lettered)::bigint AS records_dead_lettered,
             sum(spans_stored)::bigint AS spans_stored,
             sum(spans_duplicate)::bigint AS spans_duplicate,
             sum(spans_dead_lettered)::bigint AS spans_dead_lettered,
             sum(spans_dropped)::bigint AS spans_dropped
         FROM (SELECT consumer, tenant, records, records_dead_lettered, spans_stored,
                   spans_duplicate, spans_dead_lettered, spans_dropped FROM tally
               UNION ALL
               SELECT consumer, tenant, records, records_dead_lettered, spans_stored,
                   spans_duplicate, spans_dead_lettered, spans_dropped FROM tally_delta) AS parts
         GROUP BY consumer, tenant ORDER BY consumer, tenant",
    )
    .fetch_all(conn)
    .await?;
    let tally = |row: TallyRow| TenantTally {
        counts: Counts {
            records: unsigned(row.records),
            spans_stored: unsigned(row.spans_stored),
            spans_duplicate: unsigned(row.spans_duplicate),
            spans_dead_lettered: unsigned(row.spans_dead_lettered),
            spans_dropped: unsigned(row.spans_dropped),
            records_dead_lettered: unsigned(row.records_dead_lettered),
        },
        consumer: row.consumer,
        tenant: row.tenant,
    };
    Ok(rows.into_iter().map(tally).collect())
}

/// Of attached partitions, and of those that retention has taken out and not dropped yet.
async fn days(conn: &mut PgConnection) -> Result<Vec<StoredDay>, ReadError> {
    let segments = tables(conn, "segment").await?.into_iter().map(|table| {
        format!(
            "SELECT tenant, (start_ns / 86400000000000)::int AS day, count(*) AS segments,
                 sum(span_count) AS spans, 0 AS dropped, 0 AS calls FROM {table} GROUP BY 1, 2"
        )
    });
    let segments: Vec<String> = segments.collect();
    let dropped = tables(conn, "trace_decision").await?.into_iter();
    let dropped = dropped.map(|table| {
        format!(
            "SELECT tenant, (start_ns / 86400000000000)::int, 0, 0, sum(span_count), 0
             FROM {table} WHERE segment_id IS NULL GROUP BY 1, 2"
        )
    });
    let all: Vec<String> = segments.into_iter().chain(dropped).collect();
    let statement = format!(
        "SELECT tenant, day, sum(segments)::bigint AS segments, sum(spans)::bigint AS spans,
             sum(dropped)::bigint AS dropped, sum(calls)::bigint AS calls
         FROM ({} UNION ALL
               SELECT tenant, (minute_ns / 86400000000000)::int, 0, 0, 0, sum(calls)
               FROM red_series GROUP BY 1, 2) AS parts
         GROUP BY tenant, day ORDER BY tenant, day",
        all.join(" UNION ALL ")
    );
    conn.execute("SET LOCAL max_parallel_workers_per_gather = 2")
        .await?;
    Ok(sqlx::query_as(AssertSqlSafe(statement))
        .fetch_all(conn)
        .await?)
}

/// A table with a partition for each day, and its partitions that are detached.
async fn tables(conn: &mut PgConnection, name: &str) -> Result<Vec<String>, sqlx::Error> {
    let mut tables: Vec<String> = sqlx::query_scalar(
        "SELECT c.relname::text FROM pg_class c
         WHERE c.relnamespace = current_schema()::regnamespace AND c.relkind = 'r'
           AND c.relname ~ ('^' || $1 || '_[0-9]{8}$')
           AND NOT EXISTS (SELECT FROM pg_inherits i
                           WHERE i.inhrelid = c.oid AND NOT i.inhdetachpending)",
    )
    .bind(name)
    .fetch_all(conn)
    .await?;
    tables.push(name.to_owned());
    Ok(tables)
}

impl StoredDay {
    /// The day.
    pub fn day(&self) -> Day {
        Day(self.day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::removal::FORGOTTEN;

    #[test]
    fn a_replay_that_keeps_what_was_dropped_takes_no_day() {
        let of_whole_day = |reason: &str| {
            let removal = Removal {
                tenant: "a".to_owned(),
                day: 90,
                reason: reason.to_owned(),
                spans: 5,
                segments: 0,
            };
            removal.is_of_whole_day()
        };
        let all = [RETENTION, FORGOTTEN, KEPT_BY_REPLAY];
        assert_eq!(all.map(of_whole_day), [true, true, false]);
    }
}
