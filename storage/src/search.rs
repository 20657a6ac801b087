//! Finds the traces of which one span answers a query, in the order that is asked for.
//!
//! The index names candidate segments, each with a bound: no span of it starts later. What is most
//! promising is looked into first (a day, a run, a chunk of a run's directory, a segment), until
//! as many traces as wanted are found and nothing left can hold a newer answer. Payloads decide,
//! so that the answer is what a scan over every span would find. An order that is not by time needs
//! every answer of the range before it knows the first.

mod best;
mod frontier;
mod walk;
mod sought;
mod candidates;
mod gate;
mod facts;
mod view;
mod limits;
mod counting;

use model::{Page, PageMark, Rank, Tenant, TraceId, TraceQuery};
use sqlx::PgConnection;

use crate::tokens::TokenQuery;
use crate::vocabulary::Vocabulary;
use crate::{ReadError, read_metrics};
use candidates::{Candidates, Ranks};
use view::View;
use walk::Walk;

pub(crate) use counting::count_attributes;
pub(crate) use limits::Cost;
pub use limits::SearchLimits;

/// What a search has found.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// The traces, in order.
    pub(crate) ids: Vec<TraceId>,
    /// Where the page ends, if there is more and pages are asked for.
    pub(crate) next: Option<PageMark>,
    /// How many traces answer, if that is known.
    pub(crate) total: Option<u64>,
    /// What it cost.
    pub(crate) cost: Cost,
}

/// The ids of the traces found, in order. `conn` is in a transaction that sees one snapshot.
#[tracing::instrument(name = "db.search", skip_all)]
pub(crate) async fn search(
    conn: &mut PgConnection,
    tenant: &Tenant,
    query: &TraceQuery,
    limits: &SearchLimits,
    vocabulary: &Vocabulary,
) -> Result<Found, ReadError> {
    let nothing = || Found {
        total: Some(0),
        ..Found::default()
    };
    let Some(tokens) = TokenQuery::of(tenant.as_str(), query) else {
        return Ok(nothing());
    };
    if query.limit == 0 || query.start.start > query.start.end {
        return Ok(nothing());
    }
    let view = View::of_page(conn, &query.page).await?;
    // One more tells whether there is another page.
    let wanted = match query.page {
        Page::Only => query.limit,
        Page::First | Page::After(_) => query.limit.saturating_add(1),
    };
    let mut candidates = Candidates::new(tenant, query, limits, vocabulary, view, wanted);
    let range = candidates.range();
    let walked = Walk::new(conn, tokens)
        .run(range, wanted, &mut candidates)
        .await;
    count(candidates.reading.cost, candidates.with_answers);
    walked?;
    let ranks = candidates.into_ranks(conn).await?;
    Ok(found(query, ranks))
}

/// The page, from what may be one trace more than it has.
fn found(query: &TraceQuery, found: Ranks) -> Found {
    let Ranks {
        mut ranks,
        total,
        view,
        cost,
    } = found;
    // A search that found less than it wanted has found all.
    let known = match query.page {
        Page::Only => (ranks.len() < query.limit).then_some(ranks.len() as u64),
        Page::First => (ranks.len() <= query.limit).then_some(ranks.len() as u64),
        Page::After(_) => None,
    };
    let more = ranks.len() > query.limit;
    ranks.truncate(query.limit);
    let end = ranks.last().filter(|_| more).copied();
    Found {
        ids: ranks.iter().map(Rank::trace).collect(),
        next: end.zip(view).map(|(rank, view)| PageMark {
            rank,
            view: view.to_string(),
        }),
        total: total.or(known),
        cost,
    }
}

/// Counts what a search has cost.
fn count(cost: Cost, with_answers: u64) {
    let Cost {
        segments,
        payload_bytes,
    } = cost;
    read_metrics::candidates(segments, with_answers.min(segments), payload_bytes);
    tracing::debug!(
        search.candidates = segments,
        search.with_answers = with_answers,
        search.payload_bytes = payload_bytes,
        "Searched"
    );
}
