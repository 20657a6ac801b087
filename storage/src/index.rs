//! The token index: which segments hold a token, newest first.

use sqlx::{PgConnection, PgPool};

use model::UnixNanos;

use crate::Day;

/// The tokens of one transaction's segments within one day and one block of segment numbers.
#[derive(Debug, Default)]
pub(crate) struct RunBuilder {}

impl RunBuilder {
    /// An empty run.
    pub(crate) fn new() -> Self {
        Self::default()
    }

    /// Adds a segment: its number less that of the run's first one, the earliest and the latest
    /// start of its spans, and its tokens, sorted and distinct.
    pub(crate) fn add_segment(
        &mut self,
        _ordinal: u32,
        _start_ns: i64,
        _last_start_ns: i64,
        _tokens: &[u32],
    ) {
    }
}

/// What one merge did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct MergeOutcome {}

/// Writes a run within the caller's transaction.
pub(crate) async fn write_run(
    _conn: &mut PgConnection,
    _day: Day,
    _first_segment_id: i64,
    _run: RunBuilder,
) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Makes the tables of a day, unless they are there.
pub(crate) async fn create_partition(
    _conn: &mut PgConnection,
    _day: Day,
) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Drops the tables of a day, if they are there.
pub(crate) async fn drop_partition(_conn: &mut PgConnection, _day: Day) -> Result<(), sqlx::Error> {
    Ok(())
}

/// Merges the runs that are due. Called by one worker of the store at a time.
pub(crate) async fn merge_once(
    _pool: &PgPool,
    _now: UnixNanos,
) -> Result<MergeOutcome, sqlx::Error> {
    Ok(MergeOutcome::default())
}
