//! Reads candidate segments and sees which of their spans answer the query.

use std::collections::{BTreeMap, HashMap};

use bumpalo::Bump;
use model::{Page, Rank, Tenant, TimeRange, TraceId, TraceOrder, TraceQuery, UnixNanos};
use sqlx::{PgConnection, Row, postgres::PgRow};
use uuid::Uuid;

use super::best::Best;
use super::facts;
use super::frontier::Segment;
use super::gate::Gate;
use super::limits::{Cost, SearchLimits};
use super::sought::{Bounds, Sought};
use super::view::View;
use super::walk::Visitor;
use crate::payload::Reader;
use crate::traces::inconsistent;
use crate::vocabulary::Vocabulary;
use crate::{Day, ReadError};

/// Reads segments, counting what it costs, and keeps the answers.
#[derive(Debug)]
pub(super) struct Candidates<'s> {
    pub(super) reading: Reading<'s>,
    query: &'s TraceQuery,
    sought: Sought<'s>,
    view: Option<View>,
    wanted: usize,
    answers: Answers,
    gate: Option<Gate>,
    /// How many segments had a span that answers, or could not change the answer any more.
    pub(super) with_answers: u64,
}

/// Traces with an answer, each with the start of its newest one.
#[derive(Debug)]
enum Answers {
    /// The newest ones, as many as wanted.
    Newest(Best),
    /// All of them.
    All(HashMap<TraceId, UnixNanos>),
}

impl Answers {
    fn offer(&mut self, trace: TraceId, start: UnixNanos) {
        match self {
            Self::Newest(best) => best.offer(trace, start),
            Self::All(all) => {
                let newest = all.entry(trace).or_default();
                *newest = start.max(*newest);
            }
        }
    }

    fn may_improve(&self, trace: TraceId, bound: UnixNanos) -> bool {
        self.least(trace).is_some_and(|least| least <= bound)
    }

    /// The least start of a span of the trace that changes anything, if one can.
    fn least(&self, trace: TraceId) -> Option<UnixNanos> {
        match self {
            Self::Newest(best) => best.least(trace),
            Self::All(all) => match all.get(&trace) {
                Some(known) => known.checked_add(1),
                None => Some(0),
            },
        }
    }
}

/// What reading payloads takes.
#[derive(Debug)]
pub(super) struct Reading<'s> {
    pub(super) tenant: &'s Tenant,
    pub(super) vocabulary: &'s Vocabulary,
    pub(super) limits: &'s SearchLimits,
    pub(super) arena: Bump,
    /// What was read so far.
    pub(super) cost: Cost,
}

impl<'s> Reading<'s> {
    pub(super) fn new(
        tenant: &'s Tenant,
        limits: &'s SearchLimits,
        vocabulary: &'s Vocabulary,
    ) -> Self {
        Self {
            tenant,
            vocabulary,
            limits,
            arena: Bump::new(),
            cost: Cost::default(),
        }
    }

    /// The start of the newest span of a row that answers, within bounds.
    pub(super) fn newest_answer(
        &mut self,
        trace: TraceId,
        row: &PgRow,
        reader: &mut Reader<'_>,
        sought: &mut Sought<'_>,
        bounds: Bounds,
    ) -> Result<Option<UnixNanos>, ReadError> {
        let payload: &[u8] = row.try_get("payload")?;
        let (lens, mut judge) = sought.judge(bounds);
        let newest = reader.newest(trace, payload, &self.arena, lens, &mut judge);
        self.arena.reset();
        newest.map_err(|e| inconsistent("payload", &e))
    }
}

/// The trace of a row.
pub(super) fn trace_of(row: &PgRow) -> Result<TraceId, ReadError> {
    let id: Uuid = row.try_get("trace_id")?;
    TraceId::from_slice(id.as_bytes()).map_err(|e| inconsistent("trace_id", &e))
}

/// Segments by the day that they lie in.
pub(super) fn by_day(segments: &[Segment]) -> BTreeMap<Day, Vec<i64>> {
    let mut by_day: BTreeMap<Day, Vec<i64>> = BTreeMap::new();
    for segment in segments {
        let ids = by_day.entry(segment.day).or_default();
        ids.push(segment.segment_id);
    }
    by_day
}

/// Segments of one day, by their numbers: start, end, numbers, tenant, and how long they take at
/// least: no span takes longer than its segment. Numbers rise with time, nearly; in their order
/// rows need no sorting, and the first is looked at while Postgres reads the next.
pub(super) const SEGMENTS_OF_DAY: &str =
    "SELECT segment_id, trace_id, start_ns, payload, xmin::text AS made_by FROM segment
     WHERE start_ns >= $1 AND start_ns < $2 AND segment_id = ANY($3) AND tenant = $4
         AND (end_ns - start_ns >= $5 OR end_ns = 9223372036854775807)
     ORDER BY segment_id DESC";

impl<'s> Candidates<'s> {
    /// A reader for this query, of at most so many traces.
    pub(super) fn new(
        tenant: &'s Tenant,
        query: &'s TraceQuery,
        limits: &'s SearchLimits,
        vocabulary: &'s Vocabulary,
        view: Option<View>,
        wanted: usize,
    ) -> Self {
        let (answers, gate) = match query.order {
            TraceOrder::Newest => (
                Answers::Newest(Best::new(wanted)),
                Gate::of(query, view.clone()),
            ),
            _ => (Answers::All(HashMap::new()), None),
        };
        Self {
            reading: Reading::new(tenant, limits, vocabulary),
            query,
            sought: Sought::of(query),
            view,
            wanted,
            answers,
            gate,
            with_answers: 0,
        }
    }

    /// Where spans that answer may start: by time, no page looks behind the one before it.
    pub(super) fn range(&self) -> TimeRange {
        let mut range = self.query.start;
        if let (TraceOrder::Newest, Page::After(mark)) = (self.query.order, &self.query.page) {
            range.end = range.end.min(mark.rank.newest());
        }
        range
    }

    fn look_at(
        &mut self,
        row: &PgRow,
        reader: &mut Reader<'_>,
        bounds: &HashMap<i64, UnixNanos>,
    ) -> Result<(), ReadError> {
        let trace = trace_of(row)?;
        self.reading.spend(row)?;
        if !View::sees_row(self.view.as_ref(), row)? {
            return Ok(());
        }
        let bound = bounds.get(&row.try_get("segment_id")?).copied();
        let shut = self.gate.as_ref().is_some_and(|gate| gate.is_shut(trace));
        let least = self.answers.least(trace).filter(|_| !shut);
        let least = least.filter(|least| bound.is_none_or(|bound| *least <= bound));
        let Some(least) = least else {
            self.with_answers += 1;
            return Ok(());
        };
        let range = self.range();
        let bounds = Bounds { range, least };
        let newest = self
            .reading
            .newest_answer(trace, row, reader, &mut self.sought, bounds)?;
        if let Some(start) = newest {
            self.with_answers += 1;
            match &mut self.gate {
                None => self.answers.offer(trace, start),
                Some(gate) => gate.hold(trace, start),
            }
        }
        Ok(())
    }

    /// Lets those in that the gate is open to.
    async fn settle(&mut self, conn: &mut PgConnection) -> Result<(), ReadError> {
        let Some(gate) = &mut self.gate else {
            return Ok(());
        };
        let answers = &self.answers;
        let may_improve = |trace, start| answers.may_improve(trace, start);
        let admitted = gate
            .settle(conn, &mut self.reading, &mut self.sought, may_improve)
            .await?;
        for (trace, start) in admitted {
            self.answers.offer(trace, start);
        }
        Ok(())
    }

    /// The ranks of what was found, in order, and how many traces there are in all if that is
    /// known.
    pub(super) async fn into_ranks(self, conn: &mut PgConnection) -> Result<Ranks, ReadError> {
        let (view, cost) = (self.view, self.reading.cost);
        let (ranks, total) = match self.answers {
            Answers::Newest(best) => {
                let found = best.into_sorted().into_iter();
                let rank = |(start, trace)| Rank::new(start, start, trace);
                (found.map(rank).collect(), None)
            }
            Answers::All(all) => {
                let traces: Vec<TraceId> = all.keys().copied().collect();
                let tenant = self.reading.tenant;
                let facts = facts::read(conn, tenant, &traces, view.as_ref()).await?;
                let (ranks, total) = ranked(self.query, &all, &facts, self.wanted);
                (ranks, Some(total))
            }
        };
        Ok(Ranks {
            ranks,
            total,
            view,
            cost,
        })
    }
}

/// What was found, ranked.
#[derive(Debug, Default)]
pub(crate) struct Ranks {
    /// In order, as many as were wanted.
    pub(super) ranks: Vec<Rank>,
    /// How many there are in all, if that is known.
    pub(super) total: Option<u64>,
    /// What of the store was seen.
    pub(super) view: Option<View>,
    /// What it cost.
    pub(crate) cost: Cost,
}

/// The first of all answers after the page before, and how many answers there are in all.
fn ranked(
    query: &TraceQuery,
    newest: &HashMap<TraceId, UnixNanos>,
    facts: &HashMap<TraceId, model::TraceFacts>,
    wanted: usize,
) -> (Vec<Rank>, u64) {
    let of_trace = |(trace, start): (&TraceId, &UnixNanos)| {
        let facts = facts.get(trace).filter(|of| query.matches_trace(of))?;
        Some(Rank::new(query.order.score(*start, facts), *start, *trace))
    };
    let mut ranks: Vec<Rank> = newest.iter().filter_map(of_trace).collect();
    let total = ranks.len() as u64;
    if let Page::After(mark) = &query.page {
        ranks.retain(|rank| *rank > mark.rank);
    }
    ranks.sort_unstable();
    ranks.truncate(wanted);
    (ranks, total)
}

impl Visitor for Candidates<'_> {
    fn threshold(&self) -> Option<UnixNanos> {
        match &self.answers {
            Answers::Newest(best) => best.threshold(),
            Answers::All(_) => None,
        }
    }

    #[tracing::instrument(name = "db.search.candidates", skip_all)]
    async fn visit(
        &mut self,
        conn: &mut PgConnection,
        segments: &[Segment],
    ) -> Result<(), ReadError> {
        let bounds: HashMap<i64, UnixNanos> = segments
            .iter()
            .map(|segment| (segment.segment_id, segment.bound))
            .collect();
        let (tenant, vocabulary) = (self.reading.tenant, self.reading.vocabulary);
        let least_duration = self.sought.least_duration();
        let least_duration = i64::try_from(least_duration).unwrap_or(i64::MAX);
        for (day, ids) in by_day(segments).into_iter().rev() {
            let query = sqlx::query(SEGMENTS_OF_DAY)
                .bind(day.start_ns())
                .bind(day.end_ns())
                .bind(ids)
                .bind(tenant.as_str())
                .bind(least_duration);
            let look = |row: &PgRow, reader: &mut Reader<'_>| self.look_at(row, reader, &bounds);
            vocabulary.each_payload(conn, query, look).await?;
        }
        self.settle(conn).await
    }
}

impl Reading<'_> {
    /// Counts a row with a payload, unless it is one too many.
    pub(super) fn spend(&mut self, row: &PgRow) -> Result<(), ReadError> {
        let payload: &[u8] = row.try_get("payload")?;
        self.cost.spend(payload, self.limits)
    }
}
