//! What a store takes on disk, by part.

use std::time::Duration;

use sqlx::Row;

use crate::vocabulary::Costs;
use crate::{PostgresStore, ReadError};

/// Bytes at rest, by what they are for. Free space within files counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sizes {
    /// Spans stored.
    pub spans: u64,
    /// Segments stored.
    pub segments: u64,
    /// Payloads alone.
    pub payload: u64,
    /// The rest of the segments' rows: summaries, headers, what a page leaves free.
    pub rows: u64,
    /// The indexes on segments.
    pub row_indexes: u64,
    /// The token index with its catalogue.
    pub token_index: u64,
    /// RED series, edges, services and operations.
    pub derived: u64,
    /// Dictionaries and named resources.
    pub words: u64,
    /// Everything else in the database, archived segments and Postgres's catalogues included.
    pub other: u64,
    /// Bytes of write-ahead log written since the server was set up.
    pub wal: u64,
}

impl Sizes {
    /// Adds what another store takes.
    pub(crate) fn add(&mut self, other: &Self) {
        self.spans += other.spans;
        self.segments += other.segments;
        self.payload += other.payload;
        self.rows += other.rows;
        self.row_indexes += other.row_indexes;
        self.token_index += other.token_index;
        self.derived += other.derived;
        self.words += other.words;
        self.other += other.other;
        self.wal += other.wal;
    }
}

/// The part of the tables whose names begin so; what matches none is `other`.
const PARTS: &str = "CASE
    WHEN relname ~ '^segment_[0-9]{8}$' THEN 'segment'
    WHEN relname ~ '^posting_' THEN 'token_index'
    WHEN relname ~ '^(red|edge|operation_seen)' THEN 'derived'
    WHEN relname ~ '^payload_' THEN 'words'
    ELSE 'other' END";

impl PostgresStore {
    /// Measures the store. Reads the summaries of all segments.
    ///
    /// # Errors
    /// If the store cannot be read, or not in time.
    pub async fn sizes(&self) -> Result<Sizes, ReadError> {
        let mut conn = self.read_pool.acquire().await?;
        let query = format!(
            "SELECT {PARTS} AS part, sum(pg_table_size(oid))::bigint AS tables,
                 sum(pg_indexes_size(oid))::bigint AS indexes
             FROM pg_class
             WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r'
             GROUP BY 1"
        );
        let parts = sqlx::query(sqlx::AssertSqlSafe(query))
            .fetch_all(&mut *conn)
            .await?;
        let (spans, segments, payload, database, wal): (i64, i64, i64, i64, i64) = sqlx::query_as(
            "SELECT coalesce(sum(span_count), 0)::bigint, count(*),
                 coalesce(sum(octet_length(payload)), 0)::bigint,
                 pg_database_size(current_database()),
                 (pg_current_wal_lsn() - '0/0')::bigint
             FROM segment",
        )
        .fetch_one(&mut *conn)
        .await?;
        let mut sizes = Sizes {
            spans: spans as u64,
            segments: segments as u64,
            payload: payload as u64,
            wal: wal as u64,
            ..Sizes::default()
        };
        for row in &parts {
            let bytes = |column| Ok::<_, sqlx::Error>(row.try_get::<i64, _>(column)? as u64);
            let (tables, indexes) = (bytes("tables")?, bytes("indexes")?);
            match row.try_get::<&str, _>("part")? {
                "segment" => {
                    sizes.rows = tables.saturating_sub(sizes.payload);
                    sizes.row_indexes = indexes;
                }
                "token_index" => sizes.token_index = tables + indexes,
                "derived" => sizes.derived = tables + indexes,
                "words" => sizes.words = tables + indexes,
                _ => {}
            }
        }
        let named = sizes.payload
            + sizes.rows
            + sizes.row_indexes
            + sizes.token_index
            + sizes.derived
            + sizes.words;
        sizes.other = (database as u64).saturating_sub(named);
        Ok(sizes)
    }

    /// Encodes and decodes a sample of what is stored with each version of the payload, and with a
    /// dictionary learnt from another half of the sample. `clock` tells how long the thread has
    /// been at work.
    ///
    /// # Errors
    /// If the store cannot be read.
    pub async fn payload_costs(
        &self,
        clock: impl Fn() -> Duration,
    ) -> Result<Vec<PayloadCost>, ReadError> {
        let mut conn = self.read_pool.acquire().await?;
        let sample = self.vocabulary.sample(&mut conn).await?;
        drop(conn);
        let level = self.config.compression_level;
        let costs = Costs::measure(&sample, level, &clock);
        costs.map_err(|error| ReadError::Inconsistent {
            table: "segment",
            column: "payload",
            what: error.to_string(),
        })
    }
}

/// What one way to write payloads costs.
#[derive(Debug, Clone, Copy)]
pub struct PayloadCost {
    /// How they are written.
    pub codec: &'static str,
    /// Spans written and read.
    pub spans: u64,
    /// Bytes they took.
    pub bytes: u64,
    /// Time to write them.
    pub encoding: Duration,
    /// Time to read them.
    pub decoding: Duration,
}
