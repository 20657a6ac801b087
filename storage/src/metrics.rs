//! What the write side counts.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::{WriteError, Written};

/// Time of a write transaction, whatever came of it.
pub const TRANSACTION_SECONDS: &str = "spoor_storage_transaction_duration_seconds";
/// Write transactions by outcome.
pub const TRANSACTIONS: &str = "spoor_storage_transactions_total";
/// Spans by what became of them: `stored` or `duplicate`.
pub const SPANS: &str = "spoor_storage_spans_total";
/// Segments written.
pub const SEGMENTS: &str = "spoor_storage_segments_total";
/// Commits whose answer was lost.
pub const AMBIGUOUS_COMMITS: &str = "spoor_storage_ambiguous_commits_total";
/// Passes of maintenance by task and outcome.
pub const MAINTENANCE: &str = "spoor_storage_maintenance_total";
/// Days that retention has dropped.
pub const DAYS_DROPPED: &str = "spoor_storage_days_dropped_total";

/// Describes every metric.
pub fn describe() {
    describe_histogram!(
        TRANSACTION_SECONDS,
        Unit::Seconds,
        "Time of a write transaction, whatever came of it."
    );
    describe_counter!(
        TRANSACTIONS,
        Unit::Count,
        "Write transactions by outcome: committed, fenced, transient, poison, operator, inconsistent."
    );
    describe_counter!(
        SPANS,
        Unit::Count,
        "Spans by what became of them: stored or duplicate."
    );
    describe_counter!(SEGMENTS, Unit::Count, "Segments written.");
    describe_counter!(
        AMBIGUOUS_COMMITS,
        Unit::Count,
        "Commits whose answer was lost and had to be asked for."
    );
    describe_counter!(
        MAINTENANCE,
        Unit::Count,
        "Passes of maintenance by task (partitions, retention, fold, merge) and outcome (ok, failed)."
    );
    describe_counter!(
        DAYS_DROPPED,
        Unit::Count,
        "Days that retention has dropped."
    );
}

/// Buckets of the histograms.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    vec![(
        TRANSACTION_SECONDS,
        vec![
            0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0,
        ],
    )]
}

pub(crate) fn transaction(took: Duration, outcome: &Result<Written, WriteError>) {
    let label = match outcome {
        Ok(_) => "committed",
        Err(WriteError::Fenced { .. }) => "fenced",
        Err(WriteError::Transient { .. }) => "transient",
        Err(WriteError::Poison { .. }) => "poison",
        Err(WriteError::Operator { .. }) => "operator",
        Err(WriteError::Inconsistent { .. }) => "inconsistent",
    };
    histogram!(TRANSACTION_SECONDS).record(took.as_secs_f64());
    counter!(TRANSACTIONS, "outcome" => label).increment(1);
    if let Ok(written) = outcome {
        counter!(SPANS, "outcome" => "stored").increment(written.spans_stored);
        counter!(SPANS, "outcome" => "duplicate").increment(written.spans_duplicate);
        counter!(SEGMENTS).increment(written.segments);
    }
}

pub(crate) fn ambiguous_commit() {
    counter!(AMBIGUOUS_COMMITS).increment(1);
}

pub(crate) fn maintained(task: &'static str, ok: bool) {
    counter!(MAINTENANCE, "task" => task, "outcome" => if ok { "ok" } else { "failed" })
        .increment(1);
}

pub(crate) fn day_dropped() {
    counter!(DAYS_DROPPED).increment(1);
}
