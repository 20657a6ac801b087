//! Which of the traces that answer belong to the page at all, as long as they are ordered by time:
//! those that are as long as asked for, and that no earlier page has shown.
//!
//! An earlier page has shown a trace if a span of it answers and starts later than where that page
//! ended. The walk does not look there, so that each page costs the same; the segments of the few
//! traces in question are looked up by their ids.

use std::collections::{HashMap, HashSet};

use model::{Page, Rank, TimeRange, TraceId, TraceQuery, UnixNanos};
use sqlx::{PgConnection, postgres::PgRow};
use uuid::Uuid;

use super::candidates::{Reading, trace_of};
use super::facts;
use super::sought::{Bounds, Sought};
use super::view::View;
use crate::payload::Reader;
use crate::{Day, ReadError};

/// Holds traces until it is known whether they belong to the page.
#[derive(Debug)]
pub(super) struct Gate {
    view: Option<View>,
    after: Option<Rank>,
    /// Whether a trace belongs to the page.
    open: HashMap<TraceId, bool>,
    held: Vec<(TraceId, UnixNanos)>,
}

impl Gate {
    /// The gate of a query; none if every trace belongs.
    pub(super) fn of(query: &TraceQuery, view: Option<View>) -> Option<Self> {
        let after = match &query.page {
            Page::After(mark) => Some(mark.rank),
            Page::Only | Page::First => None,
        };
        (after.is_some() || query.bounds_traces()).then(|| Self {
            view,
            after,
            open: HashMap::new(),
            held: Vec::new(),
        })
    }

    /// Whether the trace is known not to belong.
    pub(super) fn is_shut(&self, trace: TraceId) -> bool {
        self.open.get(&trace) == Some(&false)
    }

    /// A span of the trace answers and starts then.
    pub(super) fn hold(&mut self, trace: TraceId, start: UnixNanos) {
        self.held.push((trace, start));
    }

    /// Those held that belong and may change the answer.
    pub(super) async fn settle(
        &mut self,
        conn: &mut PgConnection,
        reading: &mut Reading<'_>,
        sought: &mut Sought<'_>,
        may_improve: impl Fn(TraceId, UnixNanos) -> bool,
    ) -> Result<Vec<(TraceId, UnixNanos)>, ReadError> {
        let query = sought.query();
        let mut held = std::mem::take(&mut self.held);
        held.retain(|(trace, start)| may_improve(*trace, *start));
        let unknown = held.iter().map(|(trace, _)| *trace);
        let unknown: HashSet<TraceId> = unknown
            .filter(|trace| !self.open.contains_key(trace))
            .collect();
        let mut left: Vec<TraceId> = unknown.iter().copied().collect();
        if query.bounds_traces() && !left.is_empty() {
            let facts = facts::read(conn, reading.tenant, &left, self.view.as_ref()).await?;
            left.retain(|trace| facts.get(trace).is_some_and(|of| query.matches_trace(of)));
        }
        if let Some(after) = self.after
            && !left.is_empty()
        {
            let shown = self.shown(conn, reading, sought, after, &left).await?;
            left.retain(|trace| !shown.contains(trace));
        }
        self.open
            .extend(unknown.into_iter().map(|trace| (trace, false)));
        self.open
            .extend(left.into_iter().map(|trace| (trace, true)));
        held.retain(|(trace, _)| self.open.get(trace) == Some(&true));
        Ok(held)
    }

    /// Those of the traces that an earlier page has shown.
    async fn shown(
        &self,
        conn: &mut PgConnection,
        reading: &mut Reading<'_>,
        sought: &mut Sought<'_>,
        after: Rank,
        traces: &[TraceId],
    ) -> Result<HashSet<TraceId>, ReadError> {
        let range = TimeRange {
            start: after.newest(),
            end: sought.query().start.end,
        };
        let bounds = Bounds { range, least: 0 };
        let ids: Vec<Uuid> = traces
            .iter()
            .map(|id| Uuid::from_bytes(*id.as_bytes()))
            .collect();
        let bounded = |at: u64| i64::try_from(at).unwrap_or(i64::MAX);
        let (tenant, vocabulary) = (reading.tenant, reading.vocabulary);
        let rows = sqlx::query(
            "SELECT trace_id, start_ns, payload, xmin::text AS made_by FROM segment
             WHERE trace_id = ANY($1) AND tenant = $2
                 AND start_ns >= $3 AND last_start_ns >= $4 AND start_ns <= $5",
        )
        .bind(ids)
        .bind(tenant.as_str())
        .bind(Day::of(range.start).start_ns())
        .bind(bounded(range.start))
        .bind(bounded(range.end));
        let mut shown = HashSet::new();
        let look = |row: &PgRow, reader: &mut Reader<'_>| {
            let trace = trace_of(row)?;
            reading.spend(row)?;
            if shown.contains(&trace) || !View::sees_row(self.view.as_ref(), row)? {
                return Ok(());
            }
            let newest = reading.newest_answer(trace, row, reader, sought, bounds)?;
            let rank = newest.map(|start| Rank::new(start, start, trace));
            if rank.is_some_and(|rank| rank <= after) {
                shown.insert(trace);
            }
            Ok::<(), ReadError>(())
        };
        vocabulary.each_payload(conn, rows, look).await?;
        Ok(shown)
    }
}
