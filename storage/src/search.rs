//! Finds the traces of which one span answers a query, newest first.
//!
//! The index names candidate segments, each with a bound: no span of it starts later. What is most
//! promising is looked into first (a day, a run, a chunk of a run's directory, a segment), until
//! as many traces as wanted are found and nothing left can hold a newer answer. Payloads decide,
//! so that the answer is what a scan over every span would find.

mod best;
mod frontier;
mod candidates;
mod limits;

use model::{Tenant, TraceId, TraceQuery};
use sqlx::PgConnection;

use crate::index::{self, Run};
use crate::tokens::TokenQuery;
use crate::vocabulary::Vocabulary;
use crate::{ReadError, read_metrics};
use best::Best;
use candidates::Candidates;
use frontier::{Frontier, Segment, Step};

pub(crate) use limits::Cost;
pub use limits::SearchLimits;

/// The ids of the traces found, newest first, and what it cost to find them. `conn` is in a transaction that sees one snapshot.
#[tracing::instrument(name = "db.search", skip_all)]
pub(crate) async fn search(
    conn: &mut PgConnection,
    tenant: &Tenant,
    query: &TraceQuery,
    limits: &SearchLimits,
    vocabulary: &Vocabulary,
) -> Result<(Vec<TraceId>, Cost), ReadError> {
    let Some(tokens) = TokenQuery::of(tenant.as_str(), query) else {
        return Ok((Vec::new(), Cost::default()));
    };
    if query.limit == 0 || query.start.start > query.start.end {
        return Ok((Vec::new(), Cost::default()));
    }
    let mut search = Search {
        conn,
        query,
        tokens,
        runs: Vec::new(),
        best: Best::new(query.limit),
        candidates: Candidates::new(tenant, query, limits, vocabulary),
    };
    let found = search.run().await;
    count(&search.candidates);
    found?;
    let cost = search.candidates.cost;
    let found = search.best.into_sorted();
    Ok((found.into_iter().map(|(_, trace)| trace).collect(), cost))
}

struct Search<'s> {
    conn: &'s mut PgConnection,
    query: &'s TraceQuery,
    tokens: TokenQuery,
    /// Runs that were read from the catalogue; the frontier knows them by their place.
    runs: Vec<Run>,
    best: Best,
    candidates: Candidates<'s>,
}

impl Search<'_> {
    async fn run(&mut self) -> Result<(), ReadError> {
        let days = index::days(self.conn).await?;
        let mut frontier = Frontier::new(self.query.start, self.query.limit, days);
        loop {
            match frontier.next(self.best.threshold()) {
                Step::Days(days) => self.read_catalogue(&days, &mut frontier).await?,
                Step::Runs(places) => self.look_up(&places, &mut frontier).await?,
                Step::Chunks(chunks) => self.read_directories(&chunks, &mut frontier).await?,
                Step::Segments(segments) => self.read_segments(&segments).await?,
                Step::Done => return Ok(()),
            }
        }
    }

    /// Days → runs.
    async fn read_catalogue(
        &mut self,
        days: &[crate::Day],
        frontier: &mut Frontier,
    ) -> Result<(), ReadError> {
        for run in index::runs(self.conn, days, self.query.start).await? {
            frontier.add_run(self.runs.len(), run.bounds);
            self.runs.push(run);
        }
        Ok(())
    }

    /// Runs → ordinals that hold the tokens, by chunk.
    async fn look_up(
        &mut self,
        places: &[usize],
        frontier: &mut Frontier,
    ) -> Result<(), ReadError> {
        let runs: Vec<&Run> = places.iter().map(|place| &self.runs[*place]).collect();
        let ordinals = index::ordinals(self.conn, &runs, &self.tokens).await?;
        for ((place, run), ordinals) in places.iter().zip(runs).zip(ordinals) {
            for (chunk, range) in index::chunk_ranges(&ordinals) {
                let bounds = run.chunks.get(chunk).copied().unwrap_or(run.bounds);
                frontier.add_chunk(*place, chunk, bounds, ordinals[range].to_vec());
            }
        }
        Ok(())
    }

    /// Chunks → segments.
    async fn read_directories(
        &mut self,
        chunks: &[frontier::Chunk],
        frontier: &mut Frontier,
    ) -> Result<(), ReadError> {
        let wanted: Vec<(&Run, usize, &[u32])> = chunks
            .iter()
            .map(|chunk| {
                (
                    &self.runs[chunk.run],
                    chunk.chunk,
                    chunk.ordinals.as_slice(),
                )
            })
            .collect();
        let directories = index::directories(self.conn, &wanted).await?;
        for (chunk, entries) in chunks.iter().zip(directories) {
            let day = self.runs[chunk.run].day();
            for entry in entries {
                frontier.add_segment(day, entry);
            }
        }
        Ok(())
    }

    /// Segments → answers.
    async fn read_segments(&mut self, segments: &[Segment]) -> Result<(), ReadError> {
        self.candidates
            .read(self.conn, segments, &mut self.best)
            .await
    }
}

/// Counts what a search has cost.
fn count(candidates: &Candidates<'_>) {
    let Cost {
        segments,
        payload_bytes,
    } = candidates.cost;
    read_metrics::candidates(segments, candidates.with_answers, payload_bytes);
    tracing::debug!(
        search.candidates = segments,
        search.with_answers = candidates.with_answers,
        search.payload_bytes = payload_bytes,
        "Searched"
    );
}
