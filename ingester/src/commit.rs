//! commit: after the store has committed: the watermark mirrored to the log, everything counted,
//! freshness observed.

use storage::Source;

use crate::{Commit, LiveLag, SpanLog, metrics};

/// Settles a committed write.
pub(crate) fn settle<L: SpanLog>(source: &Source, log: &L, commit: &Commit) {
    log.mirror(commit.watermark);
    let load = &commit.load;
    metrics::committed(
        &source.topic,
        load.offsets().count() as u64,
        &commit.written,
    );
    metrics::ignored(load.ignored.len() as u64);
    for record in &load.dead {
        metrics::dead_lettered(record.reason, u64::from(record.spans));
    }
    // One of them speaks for all: poison comes in floods.
    if let Some(first) = load.dead.first() {
        tracing::warn!(
            kafka.topic = source.topic,
            kafka.partition = source.partition,
            kafka.offset = first.offset,
            reject.reason = first.reason.as_str(),
            records = load.dead.len(),
            error = first.error,
            "Dead-lettered records that can never be stored"
        );
    }
    if !source.is_live() {
        metrics::replayed(&commit.written);
        return;
    }
    let committed_at = bootstrap::clock::now();
    for record in load.records() {
        metrics::fresh(committed_at, record.received_at);
    }
}

/// Says how far a partition is behind: `oldest_ms` is the broker's time of the oldest record that
/// is not done, if one is in memory.
pub(crate) fn observe_lag(
    source: &Source,
    board: &LiveLag,
    oldest_ms: Option<i64>,
    held: usize,
    in_log: u64,
) {
    if !source.is_live() {
        return;
    }
    let now_ms = (bootstrap::clock::now() / 1_000_000) as i64;
    let age_ms = oldest_ms.map_or(0, |oldest| (now_ms - oldest).max(0));
    board.observe(source, std::time::Duration::from_millis(age_ms as u64));
    metrics::lag(source, age_ms as f64 / 1e3, held as u64 + in_log);
}
