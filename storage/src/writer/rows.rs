//! Rows of a planned transaction, sent by COPY.

use std::collections::{BTreeMap, BTreeSet};

use sqlx::PgConnection;
use uuid::Uuid;

use super::edges::EdgeChange;
use super::plan::{MAX_SEGMENT_SPANS, Plan, Segment};
use crate::copy_binary::CopyRows;
use crate::{Completeness, Day, WriteBatch, WriteError, index, payload, tokens};

/// Segments of one block of numbers.
const BLOCK: usize = 1 << 12;

/// Everything that a transaction sends, encoded.
#[derive(Debug)]
pub(crate) struct Prepared {
    segments: CopyRows,
    runs: Vec<(Day, i64, index::RunBuilder)>,
    red: CopyRows,
    edges: CopyRows,
}

/// How many blocks of segment numbers a batch may take at the most.
pub(crate) fn blocks_needed(batch: &WriteBatch<'_, '_>) -> usize {
    let mut by_day: BTreeMap<Day, usize> = BTreeMap::new();
    for trace in batch.traces {
        let starts = trace
            .spans
            .iter()
            .map(|index| trace.batch.spans[*index as usize].start);
        let mut of_trace: BTreeMap<Day, usize> = BTreeMap::new();
        starts.for_each(|start| *of_trace.entry(Day::of(start)).or_default() += 1);
        for (day, spans) in of_trace {
            *by_day.entry(day).or_default() += spans.div_ceil(MAX_SEGMENT_SPANS);
        }
    }
    by_day
        .values()
        .map(|segments| segments.div_ceil(BLOCK))
        .sum()
}

/// Takes blocks of segment numbers.
pub(crate) async fn take_blocks(
    conn: &mut PgConnection,
    count: usize,
) -> Result<Vec<i64>, sqlx::Error> {
    sqlx::query_scalar("SELECT nextval('segment_block') FROM generate_series(1, $1)")
        .bind(count as i32)
        .fetch_all(conn)
        .await
}

/// Encodes a plan, numbering its segments from `blocks`.
pub(crate) fn prepare(
    plan: &Plan<'_, '_>,
    blocks: Vec<i64>,
    level: i32,
) -> Result<Prepared, WriteError> {
    let mut by_day: BTreeMap<Day, Vec<&Segment<'_, '_>>> = BTreeMap::new();
    for segment in &plan.segments {
        by_day.entry(segment.day).or_default().push(segment);
    }
    let mut encoder = payload::Encoder::new(level).map_err(unencodable)?;
    let mut segments = CopyRows::new(16);
    let mut runs = Vec::new();
    let in_blocks = by_day
        .iter()
        .flat_map(|(day, all)| all.chunks(BLOCK).map(|some| (*day, some)));
    for ((day, block), number) in in_blocks.zip(blocks) {
        let first = number * BLOCK as i64;
        runs.push((
            day,
            first,
            encode_block(block, first, &mut encoder, &mut segments)?,
        ));
    }
    Ok(Prepared {
        segments,
        runs,
        red: red_rows(plan),
        edges: edge_rows(plan),
    })
}

/// Sends what was prepared.
pub(crate) async fn send(conn: &mut PgConnection, prepared: Prepared) -> Result<(), sqlx::Error> {
    let segments = "COPY segment (start_ns, last_start_ns, end_ns, segment_id, received_first_ns,
             received_last_ns, trace_id, span_count, error_count, completeness, codec, tenant,
             root_service, root_operation, services, payload)
         FROM STDIN (FORMAT binary)";
    prepared.segments.send(conn, segments).await?;
    for (day, first, run) in prepared.runs {
        index::write_run(conn, day, first, run).await?;
    }
    let red = "COPY red_delta (minute_ns, duration_sum, calls, errors, kind, tenant, service,
             operation, buckets, counts)
         FROM STDIN (FORMAT binary)";
    prepared.red.send(conn, red).await?;
    let edges = "COPY edge_delta (minute_ns, duration_sum, calls, errors, tenant, parent, child)
         FROM STDIN (FORMAT binary)";
    prepared.edges.send(conn, edges).await
}

/// Encodes the segments of one block as rows and as an index run.
fn encode_block(
    segments: &[&Segment<'_, '_>],
    first: i64,
    encoder: &mut payload::Encoder,
    rows: &mut CopyRows,
) -> Result<index::RunBuilder, WriteError> {
    let mut run = index::RunBuilder::new();
    let (mut bytes, mut tokens) = (Vec::new(), Vec::new());
    for (ordinal, segment) in segments.iter().enumerate() {
        bytes.clear();
        encoder
            .encode(segment.trace_id, segment.batch, &segment.spans, &mut bytes)
            .map_err(unencodable)?;
        let summary = Summary::of(segment);
        tokens::of_segment(segment.tenant, segment.batch, &segment.spans, &mut tokens);
        run.add_segment(ordinal as u32, summary.start, summary.last_start, &tokens);
        let root = summary.root;
        rows.row()
            .bigint(summary.start)
            .bigint(summary.last_start)
            .bigint(summary.end)
            .bigint(first + ordinal as i64)
            .bigint(segment.received.start as i64)
            .bigint(segment.received.end as i64)
            .uuid(Uuid::from_bytes(*segment.trace_id.as_bytes()))
            .integer(segment.spans.len() as i32)
            .integer(summary.errors)
            .smallint(completeness_number(segment.completeness))
            .smallint(i16::from(payload::VERSION))
            .text(segment.tenant)
            .optional_text(root.map(|(service, _)| service))
            .optional_text(root.map(|(_, operation)| operation))
            .texts(&summary.services.into_iter().collect::<Vec<_>>())
            .bytes(&bytes);
    }
    Ok(run)
}

/// What a segment's row tells of its spans. Times in nanoseconds.
struct Summary<'a> {
    start: i64,
    last_start: i64,
    end: i64,
    errors: i32,
    root: Option<(&'a str, &'a str)>,
    services: BTreeSet<&'a str>,
}

impl<'a> Summary<'a> {
    fn of(segment: &Segment<'_, 'a>) -> Self {
        let batch = segment.batch;
        let spans = || {
            segment
                .spans
                .iter()
                .map(|index| &batch.spans[*index as usize])
        };
        let service = |span| batch.service_name(batch.resource(span));
        let roots = spans().filter(|span| span.parent_span_id.is_none());
        let root = roots.min_by_key(|span| (span.start, span.span_id));
        Self {
            start: spans().map(|span| span.start).min().unwrap_or_default() as i64,
            last_start: spans().map(|span| span.start).max().unwrap_or_default() as i64,
            end: spans().map(|span| span.end).max().unwrap_or_default() as i64,
            errors: spans()
                .filter(|span| span.status == model::StatusCode::Error)
                .count() as i32,
            root: root.map(|span| (service(span), span.operation_name())),
            services: spans().map(service).collect(),
        }
    }
}

/// How the column `completeness` spells it.
fn completeness_number(completeness: Completeness) -> i16 {
    match completeness {
        Completeness::Unknown => 0,
        Completeness::Complete => 1,
        Completeness::NoRoot => 2,
        Completeness::StillOpen => 3,
    }
}

fn unencodable(error: payload::EncodeError) -> WriteError {
    WriteError::Poison {
        sqlstate: "54000".to_owned(),
        source: sqlx::Error::Encode(Box::new(error)),
    }
}

fn red_rows(plan: &Plan<'_, '_>) -> CopyRows {
    let mut rows = CopyRows::new(10);
    for (key, change) in &plan.red {
        let (buckets, counts): (Vec<i16>, Vec<i64>) = change
            .histogram
            .iter()
            .map(|(bucket, n)| (bucket as i16, n as i64))
            .unzip();
        rows.row()
            .bigint(key.minute as i64)
            .bigint(change.duration_sum)
            .bigint(change.calls)
            .bigint(change.errors)
            .smallint(i16::from(key.kind.number()))
            .text(key.tenant)
            .text(key.service)
            .text(key.operation)
            .smallints(&buckets)
            .bigints(&counts);
    }
    rows
}

fn edge_rows(plan: &Plan<'_, '_>) -> CopyRows {
    let mut rows = CopyRows::new(7);
    for (tenant, changes) in &plan.edges {
        for (key, change) in changes
            .iter()
            .filter(|(_, change)| **change != EdgeChange::default())
        {
            rows.row()
                .bigint(key.minute as i64)
                .bigint(change.duration_sum)
                .bigint(change.calls)
                .bigint(change.errors)
                .text(tenant)
                .text(key.parent)
                .text(key.child);
        }
    }
    rows
}
