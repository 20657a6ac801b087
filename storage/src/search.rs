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
use candidates::Candidates;
pub(crate) use candidates::Ranks;
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
}

/// Between the views of several stores.
const BETWEEN_VIEWS: char = ';';

/// What each of so many stores is asked: the same, but a page goes on in what each has seen.
pub(crate) fn questions(query: &TraceQuery, stores: usize) -> Result<Vec<TraceQuery>, ReadError> {
    let Page::After(mark) = &query.page else {
        return Ok(vec![query.clone(); stores]);
    };
    let views: Vec<&str> = mark.view.split(BETWEEN_VIEWS).collect();
    if views.len() != stores {
        return Err(ReadError::NoSuchPage);
    }
    let question = |view: &str| TraceQuery {
        page: Page::After(PageMark {
            rank: mark.rank,
            view: view.to_owned(),
        }),
        ..query.clone()
    };
    Ok(views.into_iter().map(question).collect())
}

/// The traces found, ranked: one more than a page has, if there is more. `conn` is in a transaction that sees one snapshot.
#[tracing::instrument(name = "db.search", skip_all)]
pub(crate) async fn search(
    conn: &mut PgConnection,
    tenant: &Tenant,
    query: &TraceQuery,
    limits: &SearchLimits,
    vocabulary: &Vocabulary,
) -> Result<Ranks, ReadError> {
    let nothing = || Ranks {
        total: Some(0),
        ..Ranks::default()
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
    candidates.into_ranks(conn).await
}

/// The page, from what each store has found: every trace lies in one of them, so that the first of
/// all are among the first of each.
pub(crate) fn found(query: &TraceQuery, parts: Vec<Ranks>) -> Found {
    let total = parts.iter().map(|part| part.total).sum::<Option<u64>>();
    let views: Option<Vec<String>> = parts
        .iter()
        .map(|part| Some(part.view.as_ref()?.to_string()))
        .collect();
    let merge = parts.len() > 1;
    let mut ranks: Vec<Rank> = parts.into_iter().flat_map(|part| part.ranks).collect();
    if merge {
        ranks.sort_unstable();
    }
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
        next: end.zip(views).map(|(rank, views)| PageMark {
            rank,
            view: views.join(&BETWEEN_VIEWS.to_string()),
        }),
        total: total.or(known),
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
