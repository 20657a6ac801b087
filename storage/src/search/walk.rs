//! Walks from days to segments, the most promising first, and shows the segments to a visitor.

use std::future::Future;

use model::{TimeRange, UnixNanos};
use sqlx::PgConnection;

use super::frontier::{self, Frontier, Segment, Step};
use crate::index::{self, Run};
use crate::tokens::TokenQuery;
use crate::{Day, ReadError};

/// Who looks at segments.
pub(super) trait Visitor: Send {
    /// What starts earlier than this need not be shown any more.
    fn threshold(&self) -> Option<UnixNanos>;

    /// Whether nothing more need be shown.
    fn is_satisfied(&self) -> bool {
        false
    }

    /// Looks at some segments.
    fn visit(
        &mut self,
        conn: &mut PgConnection,
        segments: &[Segment],
    ) -> impl Future<Output = Result<(), ReadError>> + Send;
}

/// A walk through the index.
pub(super) struct Walk<'w> {
    conn: &'w mut PgConnection,
    tokens: TokenQuery,
    /// Runs that were read from the catalogue; the frontier knows them by their place.
    runs: Vec<Run>,
}

impl<'w> Walk<'w> {
    /// A walk to the segments with these tokens.
    pub(super) fn new(conn: &'w mut PgConnection, tokens: TokenQuery) -> Self {
        Self {
            conn,
            tokens,
            runs: Vec::new(),
        }
    }

    /// Shows the segments that reach into the range, newest first. Of about `wanted` segments the
    /// first batch is.
    pub(super) async fn run(
        &mut self,
        range: TimeRange,
        wanted: usize,
        visitor: &mut impl Visitor,
    ) -> Result<(), ReadError> {
        let days = index::days(self.conn).await?;
        let mut frontier = Frontier::new(range, wanted, days);
        while !visitor.is_satisfied() {
            match frontier.next(visitor.threshold()) {
                Step::Days(days) => self.read_catalogue(&days, range, &mut frontier).await?,
                Step::Runs(places) => self.look_up(&places, &mut frontier).await?,
                Step::Chunks(chunks) => self.read_directories(&chunks, &mut frontier).await?,
                Step::Segments(segments) => visitor.visit(self.conn, &segments).await?,
                Step::Done => break,
            }
        }
        Ok(())
    }

    /// Days → runs.
    async fn read_catalogue(
        &mut self,
        days: &[Day],
        range: TimeRange,
        frontier: &mut Frontier,
    ) -> Result<(), ReadError> {
        for run in index::runs(self.conn, days, range).await? {
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
}
