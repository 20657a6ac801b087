//! Reads candidate segments and sees which of their spans answer the query.

use std::collections::{BTreeMap, HashMap};

use bumpalo::Bump;
use model::{SpanBatch, Tenant, TraceId, TraceQuery, UnixNanos};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::best::Best;
use super::frontier::Segment;
use super::limits::{Cost, SearchLimits};
use crate::payload::Reader;
use crate::traces::inconsistent;
use crate::vocabulary::Vocabulary;
use crate::{Day, ReadError};

/// Reads segments, counting what it costs.
#[derive(Debug)]
pub(super) struct Candidates<'s> {
    tenant: &'s Tenant,
    query: &'s TraceQuery,
    limits: &'s SearchLimits,
    vocabulary: &'s Vocabulary,
    arena: Bump,
    /// What was read so far.
    pub(super) cost: Cost,
    /// How many segments had a span that answers, or could not change the answer any more.
    pub(super) with_answers: u64,
}

impl<'s> Candidates<'s> {
    /// A reader for this query.
    pub(super) fn new(
        tenant: &'s Tenant,
        query: &'s TraceQuery,
        limits: &'s SearchLimits,
        vocabulary: &'s Vocabulary,
    ) -> Self {
        Self {
            tenant,
            query,
            limits,
            vocabulary,
            arena: Bump::new(),
            cost: Cost::default(),
            with_answers: 0,
        }
    }

    /// Reads segments and offers their answers.
    #[tracing::instrument(name = "db.search.candidates", skip_all)]
    pub(super) async fn read(
        &mut self,
        conn: &mut PgConnection,
        segments: &[Segment],
        best: &mut Best,
    ) -> Result<(), ReadError> {
        let mut by_day: BTreeMap<Day, Vec<i64>> = BTreeMap::new();
        for segment in segments {
            by_day
                .entry(segment.day)
                .or_default()
                .push(segment.segment_id);
        }
        let bounds: HashMap<i64, UnixNanos> = segments
            .iter()
            .map(|segment| (segment.segment_id, segment.bound))
            .collect();
        for (day, ids) in by_day.into_iter().rev() {
            let query = sqlx::query(
                "SELECT segment_id, trace_id, payload FROM segment
                 WHERE start_ns >= $1 AND start_ns < $2 AND segment_id = ANY($3) AND tenant = $4
                 ORDER BY last_start_ns DESC",
            )
            .bind(day.start_ns())
            .bind(day.end_ns())
            .bind(ids)
            .bind(self.tenant.as_str());
            let vocabulary = self.vocabulary;
            let look =
                |row: &PgRow, reader: &mut Reader<'_>| self.look_at(row, reader, &bounds, best);
            vocabulary.each_payload(conn, query, look).await?;
        }
        Ok(())
    }

    fn look_at(
        &mut self,
        row: &PgRow,
        reader: &mut Reader<'_>,
        bounds: &HashMap<i64, UnixNanos>,
        best: &mut Best,
    ) -> Result<(), ReadError> {
        let id: Uuid = row.try_get("trace_id")?;
        let trace = TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))?;
        let payload: &[u8] = row.try_get("payload")?;
        self.cost.spend(payload, self.limits)?;
        let bound = bounds.get(&row.try_get("segment_id")?).copied();
        if bound.is_some_and(|bound| !best.may_improve(trace, bound)) {
            self.with_answers += 1;
            return Ok(());
        }
        let newest = {
            let decoded = reader.decode(trace, payload, &self.arena);
            let batch = decoded.map_err(|e| inconsistent("payload", &e))?;
            newest_answer(self.query, &batch)
        };
        self.arena.reset();
        if let Some(start) = newest {
            self.with_answers += 1;
            best.offer(trace, start);
        }
        Ok(())
    }
}

/// The start of the newest span that answers.
fn newest_answer(query: &TraceQuery, batch: &SpanBatch<'_>) -> Option<UnixNanos> {
    let answers = batch.spans.iter().filter(|span| query.matches(batch, span));
    answers.map(|span| span.start).max()
}
