//! Segments: numbered, summarised, encoded and copied, with the runs of their tokens.

use sqlx::PgConnection;

use super::plan::{Part, Plan};
use super::probe::uuid;
use crate::copy_binary::CopyRows;
use crate::index::{self, RunBuilder};
use crate::payload::{self, EncodeError, Encoder, Stranger, Words};
use crate::summary::SegmentSummary;
use crate::{Day, WriteError, tokens, vocabulary};

const COLUMN_LIST: &str = "(start_ns, last_start_ns, end_ns, segment_id, received_first_ns, \
     received_last_ns, trace_id, span_count, error_count, completeness, codec, tenant, \
     root_service, root_operation, services, payload)";
/// Columns of a segment's row.
pub(crate) const SEGMENT_COLUMNS: u16 = 16;

/// The `COPY` of rows of segments to a table.
pub(crate) fn segment_copy(table: &str) -> String {
    format!("COPY {table} {COLUMN_LIST} FROM STDIN (FORMAT binary)")
}

/// Segments of a block; a run of the index never spans two blocks.
const BLOCK: usize = 1 << BLOCK_BITS;
const BLOCK_BITS: u32 = 12;

/// Segments after which other tasks of the process get their turn.
const PER_TURN: usize = 32;

/// What was written.
#[derive(Debug, Default)]
pub(super) struct Segments {
    pub(super) count: u64,
    pub(super) payload_bytes: u64,
    /// Their numbers, in the order of the plan's parts.
    pub(super) ids: Vec<i64>,
    /// Proof that the transaction was committed.
    pub(super) first: Option<SegmentProof>,
    /// Name of the newest dictionary there is.
    pub(super) newest_dictionary: u64,
    /// Resources that had to be spelt out.
    pub(super) strangers: Vec<Stranger>,
}

/// A segment that only this transaction can have written.
#[derive(Debug, Clone, Copy)]
pub(super) struct SegmentProof {
    pub(super) id: i64,
    pub(super) trace: uuid::Uuid,
    pub(super) day: Day,
}

impl Segments {
    /// Writes the parts of the plan.
    pub(super) async fn write(
        conn: &mut PgConnection,
        plan: &Plan<'_, '_>,
        words: &Words,
        level: i32,
    ) -> Result<Self, WriteError> {
        let parts = plan.parts();
        if parts.is_empty() {
            return Ok(Self::default());
        }
        let blocks: Vec<&[Part]> = parts
            .chunk_by(|a, b| a.day == b.day)
            .flat_map(|of_day| of_day.chunks(BLOCK))
            .collect();
        let first_ids = take_blocks(conn, blocks.len()).await?;
        let mut rows = Rows::new(words, level)?;
        let mut runs = Vec::with_capacity(blocks.len());
        for (block, first_id) in blocks.into_iter().zip(first_ids) {
            let run = rows.add_block(plan, block, first_id).await?;
            runs.push((block[0].day, first_id, run));
        }
        let referenced: Vec<u64> = rows.encoder.referenced().collect();
        let mut written = rows.written;
        written.strangers = rows.encoder.into_strangers();
        written.newest_dictionary =
            vocabulary::confirm(conn, words.dictionary.name(), &referenced).await?;
        rows.copy.send(conn, &segment_copy("segment")).await?;
        for (day, first_id, run) in runs {
            index::write_run(conn, day, first_id, run).await?;
        }
        Ok(written)
    }
}

/// First numbers of as many new blocks.
async fn take_blocks(conn: &mut PgConnection, count: usize) -> Result<Vec<i64>, sqlx::Error> {
    let blocks: Vec<i64> =
        sqlx::query_scalar("SELECT nextval('segment_block') FROM generate_series(1, $1)")
            .bind(count as i32)
            .fetch_all(conn)
            .await?;
    Ok(blocks
        .into_iter()
        .map(|block| block << BLOCK_BITS)
        .collect())
}

struct Rows<'w> {
    copy: CopyRows,
    encoder: Encoder<'w>,
    tokens: Vec<u32>,
    text: String,
    payload: Vec<u8>,
    written: Segments,
}

impl<'w> Rows<'w> {
    fn new(words: &'w Words, level: i32) -> Result<Self, WriteError> {
        Ok(Self {
            copy: CopyRows::new(SEGMENT_COLUMNS),
            encoder: Encoder::new(words, level).map_err(refuse)?,
            tokens: Vec::new(),
            text: String::new(),
            payload: Vec::new(),
            written: Segments::default(),
        })
    }

    async fn add_block(
        &mut self,
        plan: &Plan<'_, '_>,
        parts: &[Part],
        first_id: i64,
    ) -> Result<RunBuilder, WriteError> {
        let mut run = RunBuilder::new();
        for (ordinal, part) in parts.iter().enumerate() {
            self.add(plan, part, first_id, ordinal as u32, &mut run)?;
            if ordinal % PER_TURN == PER_TURN - 1 {
                tokio::task::yield_now().await;
            }
        }
        Ok(run)
    }

    fn add(
        &mut self,
        plan: &Plan<'_, '_>,
        part: &Part,
        first_id: i64,
        ordinal: u32,
        run: &mut RunBuilder,
    ) -> Result<(), WriteError> {
        let of = plan.of(part);
        let tenant = of.tenant.as_str();
        let summary = SegmentSummary::of(of.batch, &part.spans);
        let (start, last) = (summary.start as i64, summary.last_start as i64);
        let (text, found) = (&mut self.text, &mut self.tokens);
        tokens::of_segment(tenant, of.batch, &part.spans, text, found);
        run.add_segment(ordinal, start, last, &self.tokens);
        let id = first_id + i64::from(ordinal);
        self.copy
            .row()
            .bigint(start)
            .bigint(last)
            .bigint(i64::try_from(summary.end).unwrap_or(i64::MAX))
            .bigint(id)
            .bigint(i64::try_from(of.received.start).unwrap_or(i64::MAX))
            .bigint(i64::try_from(of.received.end).unwrap_or(i64::MAX))
            .uuid(uuid(of.trace_id))
            .integer(summary.spans as i32)
            .integer(summary.errors as i32)
            .smallint(of.completeness.number())
            .smallint(i16::from(payload::VERSION))
            .text(tenant)
            .optional_text(summary.root.map(|(service, _)| service))
            .optional_text(summary.root.map(|(_, operation)| operation))
            .texts(&summary.services);
        self.payload.clear();
        let payload = &mut self.payload;
        self.encoder
            .encode(of.batch, &part.spans, payload)
            .map_err(refuse)?;
        self.copy.bytes(payload);
        self.written.count += 1;
        self.written.ids.push(id);
        self.written.payload_bytes += self.payload.len() as u64;
        self.written.first.get_or_insert(SegmentProof {
            id,
            trace: uuid(of.trace_id),
            day: part.day,
        });
        Ok(())
    }
}

/// Spans that no payload can hold are refused as Postgres refuses what it cannot hold.
fn refuse(error: EncodeError) -> WriteError {
    WriteError::Poison {
        sqlstate: "54000".to_owned(),
        source: sqlx::Error::Encode(Box::new(error)),
    }
}
