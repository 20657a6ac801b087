//! Old payloads to new ones, some segments at a time.

use bumpalo::Bump;
use model::{SpanBatch, TraceId};
use sqlx::postgres::{PgArguments, PgRow};
use sqlx::query::Query;
use sqlx::{AssertSqlSafe, Connection, PgConnection, Postgres, Row};
use uuid::Uuid;

use super::{RebuildError, Rebuilt, Tables};
use crate::copy_binary::CopyRows;
use crate::payload::{self, Encoder, Known, Reader, Stranger, Words};
use crate::writer::segment_copy;
use crate::{PostgresStore, vocabulary};

/// Segments of one transaction.
const AT_ONCE: i64 = 1_000;

/// A copy on its way.
pub(super) struct Copying<'s> {
    store: &'s PostgresStore,
    tables: Tables,
    pub(super) done: Rebuilt,
    /// The greatest number copied so far, in the pass over the whole day.
    after: i64,
    transactions: Option<Transactions>,
}

/// The numbers of the transactions that have copied so far, in 64 bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Transactions {
    pub(super) first: i64,
    pub(super) last: i64,
}

impl<'s> Copying<'s> {
    pub(super) fn new(store: &'s PostgresStore, tables: Tables) -> Self {
        Self {
            store,
            tables,
            done: Rebuilt::default(),
            after: i64::MIN,
            transactions: None,
        }
    }

    /// The transactions that have copied; none if there was nothing to copy.
    pub(super) fn transactions(&self) -> Option<Transactions> {
        self.transactions
    }

    /// Writes with the newest dictionary there is from now on.
    pub(super) async fn follow_newest(&self, conn: &mut PgConnection) -> Result<(), RebuildError> {
        let newest = vocabulary::confirm(conn, 0, &[]).await?;
        let (vocabulary, pool) = (&self.store.vocabulary, &self.store.write_pool);
        Ok(vocabulary.follow(pool, newest, &[]).await?)
    }

    /// Copies the next segments of the pass. Returns whether there were any.
    pub(super) async fn next(&mut self, conn: &mut PgConnection) -> Result<bool, RebuildError> {
        let query = format!(
            "SELECT * FROM {} WHERE segment_id > $1 ORDER BY segment_id LIMIT $2",
            self.tables.present()
        );
        let query = sqlx::query(AssertSqlSafe(query))
            .bind(self.after)
            .bind(AT_ONCE);
        self.copy(conn, query).await
    }

    /// Copies segments that came late. Returns whether there were any.
    pub(super) async fn late(&mut self, conn: &mut PgConnection) -> Result<bool, RebuildError> {
        let (old, new) = (self.tables.present(), self.tables.afresh());
        let query = format!(
            "SELECT o.* FROM {old} o JOIN rebuild_late l USING (segment_id)
             WHERE l.day = $1 AND NOT EXISTS (SELECT FROM {new} n
                                              WHERE n.segment_id = o.segment_id)
             LIMIT $2"
        );
        let query = sqlx::query(AssertSqlSafe(query))
            .bind(self.tables.day.0)
            .bind(AT_ONCE);
        self.copy(conn, query).await
    }

    /// Copies the segments of a query, in one transaction.
    async fn copy(
        &mut self,
        conn: &mut PgConnection,
        query: Query<'_, Postgres, PgArguments>,
    ) -> Result<bool, RebuildError> {
        let words = self.store.vocabulary.words();
        let mut tx = conn.begin().await?;
        let known = words.known();
        let mut rows = Rows::new(&words, &known, self.store.config.compression_level)?;
        let vocabulary = &self.store.vocabulary;
        vocabulary
            .each_payload(&mut tx, query, |row, reader| rows.add(row, reader))
            .await?;
        if rows.done.segments == 0 {
            tx.rollback().await?;
            return Ok(false);
        }
        let referenced: Vec<u64> = rows.encoder.referenced().collect();
        let newest = vocabulary::confirm(&mut tx, words.dictionary.name(), &referenced).await?;
        rows.copy
            .send(&mut tx, &segment_copy(&self.tables.afresh()))
            .await?;
        let last: i64 = sqlx::query_scalar("SELECT pg_current_xact_id()::text::bigint")
            .fetch_one(&mut *tx)
            .await?;
        tx.commit().await?;
        let first = self.transactions.map_or(last, |so_far| so_far.first);
        self.transactions = Some(Transactions { first, last });
        self.after = self.after.max(rows.last);
        self.done.segments += rows.done.segments;
        self.done.spans += rows.done.spans;
        self.done.bytes_before += rows.done.bytes_before;
        self.done.bytes_after += rows.done.bytes_after;
        let strangers: Vec<Stranger> = rows.encoder.into_strangers();
        vocabulary
            .follow(&self.store.write_pool, newest, &strangers)
            .await?;
        Ok(true)
    }
}

/// Rows of one transaction.
struct Rows<'w> {
    copy: CopyRows,
    encoder: Encoder<'w>,
    payload: Vec<u8>,
    /// Reads back what was written.
    again: Reader<'w>,
    done: Rebuilt,
    last: i64,
}

impl<'w> Rows<'w> {
    fn new(words: &'w Words, known: &'w Known, level: i32) -> Result<Self, RebuildError> {
        let encoder = Encoder::new(words, level).map_err(|error| RebuildError::Inconsistent {
            table: "payload_dictionary",
            what: error.to_string(),
        })?;
        Ok(Self {
            copy: CopyRows::new(crate::writer::SEGMENT_COLUMNS),
            encoder,
            payload: Vec::new(),
            again: Reader::new(known),
            done: Rebuilt::default(),
            last: i64::MIN,
        })
    }

    fn add(&mut self, row: &PgRow, reader: &mut Reader<'_>) -> Result<(), RebuildError> {
        let (segment, trace): (i64, Uuid) = (row.try_get("segment_id")?, row.try_get("trace_id")?);
        let old: &[u8] = row.try_get("payload")?;
        let differs = |what: String| RebuildError::Differs {
            segment,
            trace,
            what,
        };
        let id = TraceId::new(trace.into_bytes());
        let id = id.ok_or_else(|| differs("the id of its trace is zero".to_owned()))?;
        let arena = Bump::new();
        let batch = reader.decode(id, old, &arena);
        let batch = batch.map_err(|error| differs(error.to_string()))?;
        let spans: Vec<u32> = (0..batch.spans.len() as u32).collect();
        self.payload.clear();
        let encoded = self.encoder.encode(&batch, &spans, &mut self.payload);
        encoded.map_err(|error| differs(error.to_string()))?;
        let written = self.again.decode(id, &self.payload, &arena);
        let written = written.map_err(|error| differs(error.to_string()))?;
        difference(&batch, &written).map_or(Ok(()), |what| Err(differs(what)))?;
        self.put(row)?;
        self.done.segments += 1;
        self.done.spans += batch.spans.len() as u64;
        self.done.bytes_before += old.len() as u64;
        self.done.bytes_after += self.payload.len() as u64;
        self.last = self.last.max(segment);
        Ok(())
    }

    /// The row with its new payload, in the order of the columns of [`segment_copy`].
    fn put(&mut self, row: &PgRow) -> Result<(), sqlx::Error> {
        let services: Vec<String> = row.try_get("services")?;
        let services: Vec<&str> = services.iter().map(String::as_str).collect();
        self.copy
            .row()
            .bigint(row.try_get("start_ns")?)
            .bigint(row.try_get("last_start_ns")?)
            .bigint(row.try_get("end_ns")?)
            .bigint(row.try_get("segment_id")?)
            .bigint(row.try_get("received_first_ns")?)
            .bigint(row.try_get("received_last_ns")?)
            .uuid(row.try_get("trace_id")?)
            .integer(row.try_get("span_count")?)
            .integer(row.try_get("error_count")?)
            .smallint(row.try_get("completeness")?)
            .smallint(i16::from(payload::VERSION))
            .text(row.try_get("tenant")?)
            .optional_text(row.try_get("root_service")?)
            .optional_text(row.try_get("root_operation")?)
            .texts(&services)
            .bytes(&self.payload);
        Ok(())
    }
}

/// What is not the same in two segments, if anything.
fn difference(before: &SpanBatch<'_>, after: &SpanBatch<'_>) -> Option<String> {
    if before.spans.len() != after.spans.len() {
        return Some(format!(
            "{} spans instead of {}",
            after.spans.len(),
            before.spans.len()
        ));
    }
    let mut shared: Option<(u32, u32)> = None;
    for (a, b) in before.spans.iter().zip(&after.spans) {
        // Neighbours mostly share their scope, which need not be compared again then.
        if shared != Some((a.scope, b.scope)) {
            let of = |batch: &SpanBatch<'_>, span| {
                let scope = batch.own_scope(batch.scope(span));
                (scope, batch.own_resource(batch.resource(span)))
            };
            if of(before, a) != of(after, b) {
                return Some(format!("the resource or the scope of span {}", a.span_id));
            }
            shared = Some((a.scope, b.scope));
        }
        if before.own_span(a) != after.own_span(b) {
            return Some(format!("span {}", a.span_id));
        }
    }
    None
}
