//! Counts again, from the contents of segments, what was counted when they were written: RED
//! series, edges between services, the catalogue of operations, the spans of each segment.

mod dropped;
mod names;
mod stored;
mod trace;

use std::collections::{HashMap, HashSet};

use bumpalo::Bump;
use futures_util::TryStreamExt;
use model::UnixNanos;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use self::dropped::Dropped;
use self::names::{EdgeSeries, Names, OperationDay, RedSeries};
use self::trace::{SegmentRow, TraceCount};
use crate::account::BEGIN;
use crate::payload::Reader;
use crate::{Day, PostgresStore, ReadError};

/// Parts into which traces are divided by their ids, so that one part at a time is in memory.
const PARTS: u128 = 64;

/// What a recount found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Recount {
    /// Segments read.
    pub segments: u64,
    /// Traces in them.
    pub traces: u64,
    /// Stored spans of the days counted.
    pub spans: u64,
    /// Spans of the days that a policy dropped, counted as well.
    pub dropped: u64,
    /// Spans that are stored, or remembered as dropped, more than once.
    pub doubled: u64,
    /// Figures that differ.
    pub differences: u64,
    /// Figures that could not be compared: edges of traces that last for days.
    pub unsure: u64,
    /// The first of what is wrong.
    pub examples: Vec<Recounted>,
}

/// A figure that is not what the stored spans add up to.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recounted {
    /// Which figure: `red`, `edges`, `operations`, `segment`, `doubled`.
    pub what: &'static str,
    /// Whose.
    pub tenant: String,
    /// The minute or the day that it counts, or the start of a span.
    pub at: UnixNanos,
    /// Names: service, operation and kind; caller and callee; trace and span.
    pub of: String,
    /// What the store says.
    pub stored: i64,
    /// What the spans add up to.
    pub counted: i64,
}

impl PostgresStore {
    /// Reads every segment of these days, both included, and of the days around them, in one
    /// snapshot. Names the first `limit` differences.
    ///
    /// # Errors
    /// If the store cannot be read to the end.
    pub async fn recount(&self, first: Day, last: Day, limit: usize) -> Result<Recount, ReadError> {
        let mut tx = self.read_pool.begin_with(BEGIN).await?;
        let mut counting = Counting::new(first, last, limit);
        stored::red(&mut tx, first, last, &mut counting).await?;
        stored::edges(&mut tx, first, last, &mut counting).await?;
        stored::operations(&mut tx, first, last, &mut counting).await?;
        // No row has to wait for its words: the whole store would.
        let known = self.vocabulary.load_all(&mut tx).await?;
        let mut reader = Reader::new(&known);
        for part in 0..PARTS {
            counting.read_part(&mut tx, part, &mut reader).await?;
        }
        Ok(counting.finish())
    }
}

/// What is stored, less what was counted.
struct Counting {
    first: Day,
    last: Day,
    limit: usize,
    names: Names,
    red: HashMap<RedSeries, Balance>,
    edges: HashMap<EdgeSeries, Balance>,
    operations: HashMap<OperationDay, Balance>,
    dropped: Dropped,
    /// Callees and minutes whose edges are not a function of what one day's writer could see.
    unsure: HashSet<(u32, UnixNanos, u32)>,
    found: Recount,
}

/// Both sides of a figure. Durations are compared as far as they fit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Balance {
    stored: Figures,
    counted: Figures,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Figures {
    calls: i64,
    errors: i64,
    duration: i64,
    /// A digest of the histogram: sums of buckets and of their squares, weighted by counts.
    shape: [u64; 2],
}

impl Figures {
    fn add(&mut self, other: Self) {
        self.calls += other.calls;
        self.errors += other.errors;
        self.duration = self.duration.saturating_add(other.duration);
        for (mine, more) in self.shape.iter_mut().zip(other.shape) {
            *mine = mine.wrapping_add(more);
        }
    }
}

/// What a bucket of a histogram adds to the digest.
fn shape(bucket: u64, count: u64) -> [u64; 2] {
    let square = bucket.wrapping_mul(bucket);
    [bucket.wrapping_mul(count), square.wrapping_mul(count)]
}

impl Counting {
    fn new(first: Day, last: Day, limit: usize) -> Self {
        Self {
            first,
            last,
            limit,
            names: Names::default(),
            red: HashMap::new(),
            edges: HashMap::new(),
            operations: HashMap::new(),
            dropped: Dropped::default(),
            unsure: HashSet::new(),
            found: Recount::default(),
        }
    }

    fn covers(&self, at: UnixNanos) -> bool {
        (self.first..=self.last).contains(&Day::of(at))
    }

    /// Reads the traces of one part, trace by trace.
    async fn read_part(
        &mut self,
        conn: &mut PgConnection,
        part: u128,
        reader: &mut Reader<'_>,
    ) -> Result<(), ReadError> {
        let size = u128::MAX / PARTS + 1;
        let mut rows = sqlx::query(
            "SELECT tenant, trace_id, segment_id, span_count, payload, false AS is_dropped FROM segment
             WHERE trace_id >= $1 AND trace_id <= $2 AND start_ns >= $3 AND start_ns < $4
             UNION ALL
             SELECT tenant, trace_id, number, span_count, dropped, true FROM trace_decision
             WHERE trace_id >= $1 AND trace_id <= $2 AND start_ns >= $3 AND start_ns < $4
               AND segment_id IS NULL
             ORDER BY trace_id, tenant, is_dropped, segment_id",
        )
        .bind(Uuid::from_u128(part * size))
        .bind(Uuid::from_u128(part * size + (size - 1)))
        .bind(self.first.plus(-1).start_ns())
        .bind(self.last.plus(1).end_ns())
        .fetch(conn);
        let mut trace: Vec<SegmentRow> = Vec::new();
        while let Some(row) = rows.try_next().await? {
            let row = SegmentRow {
                tenant: row.try_get(0)?,
                trace: row.try_get(1)?,
                segment: row.try_get(2)?,
                spans: row.try_get(3)?,
                payload: row.try_get(4)?,
                is_dropped: row.try_get(5)?,
            };
            if trace.last().is_some_and(|last| !last.is_same_trace(&row)) {
                self.count_trace(&trace, reader)?;
                trace.clear();
            }
            trace.push(row);
        }
        self.count_trace(&trace, reader)
    }

    fn count_trace(
        &mut self,
        rows: &[SegmentRow],
        reader: &mut Reader<'_>,
    ) -> Result<(), ReadError> {
        let Some(first) = rows.first() else {
            return Ok(());
        };
        let arena = Bump::new();
        let trace = TraceCount::read(rows, reader, &arena)?;
        self.found.segments += rows.iter().filter(|row| !row.is_dropped).count() as u64;
        self.found.traces += 1;
        for segment in trace.miscounted() {
            self.differ(segment);
        }
        for doubled in trace.doubled() {
            self.found.doubled += 1;
            self.example(doubled);
        }
        let tenant = self.names.of(&first.tenant);
        for span in trace.spans() {
            if !self.covers(span.start) {
                continue;
            }
            let (red, operation) = self.names.of_span(tenant, &span);
            let figures = span.figures();
            if span.is_dropped {
                self.found.dropped += 1;
                self.dropped.count(red, figures);
                continue;
            }
            self.found.spans += 1;
            self.red.entry(red).or_default().counted.add(figures);
            let seen = self.operations.entry(operation).or_default();
            seen.counted.calls = 1;
        }
        let lasts_for_days = trace.lasts_for_days();
        for (edge, figures) in trace.edges() {
            let series = self.names.of_edge(tenant, &edge);
            self.edges.entry(series).or_default().counted.add(figures);
        }
        if lasts_for_days {
            for span in trace.spans() {
                let service = self.names.of(span.service);
                self.unsure.insert((tenant, span.minute(), service));
            }
        }
        Ok(())
    }

    fn example(&mut self, example: Recounted) {
        if self.found.examples.len() < self.limit {
            self.found.examples.push(example);
        }
    }

    fn differ(&mut self, difference: Recounted) {
        self.found.differences += 1;
        self.example(difference);
    }

    /// Compares what is left.
    fn finish(mut self) -> Recount {
        let mut different: Vec<Recounted> = Vec::new();
        for (series, balance) in self.dropped.compare(&self.red) {
            different.push(self.names.red(&series, &balance));
        }
        let differ = |(_, balance): &(&OperationDay, &Balance)| balance.stored != balance.counted;
        for (day, balance) in self.operations.iter().filter(differ) {
            // Whose spans were all dropped: of these the operation is not remembered.
            let extra = balance.stored.calls > balance.counted.calls;
            if !(extra && self.dropped.may_have_had(day)) {
                different.push(self.names.operation(day, balance));
            }
        }
        for (series, balance) in &self.edges {
            let here = self.covers(series.minute) && balance.stored != balance.counted;
            if here && self.unsure.contains(&series.callee()) {
                self.found.unsure += 1;
            } else if here {
                different.push(self.names.edge(series, balance));
            }
        }
        different.sort();
        for difference in different {
            self.differ(difference);
        }
        self.found
    }
}
