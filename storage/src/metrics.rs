//! What the write side counts.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use crate::{Placement, WriteError, Written, ledger_metrics, read_metrics};

/// Time of a write transaction, whatever came of it.
pub const TRANSACTION_SECONDS: &str = "spoor_storage_transaction_duration_seconds";
/// Write transactions by outcome.
pub const TRANSACTIONS: &str = "spoor_storage_transactions_total";
/// Spans by what became of them: `stored`, `duplicate` or `dropped`.
pub const SPANS: &str = "spoor_storage_spans_total";
/// Segments written.
pub const SEGMENTS: &str = "spoor_storage_segments_total";
/// Commits whose answer was lost.
pub const AMBIGUOUS_COMMITS: &str = "spoor_storage_ambiguous_commits_total";
/// Passes of maintenance by task and outcome.
pub const MAINTENANCE: &str = "spoor_storage_maintenance_total";
/// Partitions made.
pub const PARTITIONS_CREATED: &str = "spoor_storage_partitions_created_total";
/// Partitions that retention has dropped.
pub const PARTITIONS_DROPPED: &str = "spoor_storage_partitions_dropped_total";
/// Sessions of frozen writers that a claim has ended.
pub const FROZEN_WRITERS_ENDED: &str = "spoor_storage_frozen_writers_ended_total";
/// Records kept as dead letters, by reason.
pub const DEAD_LETTERS: &str = "spoor_storage_dead_letters_total";
/// Bytes of payloads written.
pub const PAYLOAD_BYTES: &str = "spoor_storage_payload_bytes_total";
/// Deltas folded, by table.
pub const DELTAS_FOLDED: &str = "spoor_storage_deltas_folded_total";
/// What the dictionary of payloads costs more than a newly learnt one would.
pub const DICTIONARY_EXCESS: &str = "spoor_storage_dictionary_excess_ratio";
/// Dictionaries learnt.
pub const DICTIONARIES_LEARNT: &str = "spoor_storage_dictionaries_learnt_total";

/// Describes every metric.
pub fn describe() {
    read_metrics::describe();
    ledger_metrics::describe();
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
        "Spans by what became of them: stored, duplicate, or dropped by tail sampling."
    );
    describe_counter!(SEGMENTS, Unit::Count, "Segments written.");
    describe_counter!(
        AMBIGUOUS_COMMITS,
        Unit::Count,
        "Commits whose answer was lost, by what became of them: committed, rolled_back, fenced."
    );
    describe_counter!(
        MAINTENANCE,
        Unit::Count,
        "Passes of maintenance by task (partitions, retention, fold, merge, tally, ledger, relearn) \
          and outcome (ok, failed)."
    );
    describe_counter!(
        PARTITIONS_CREATED,
        Unit::Count,
        "Partitions of tables made."
    );
    describe_counter!(
        PARTITIONS_DROPPED,
        Unit::Count,
        "Partitions of tables that retention has dropped."
    );
    describe_counter!(
        FROZEN_WRITERS_ENDED,
        Unit::Count,
        "Sessions of frozen earlier owners that a claim of a source has ended."
    );
    describe_counter!(
        DEAD_LETTERS,
        Unit::Count,
        "Records kept in the dead letter table, by reason."
    );
    describe_counter!(
        PAYLOAD_BYTES,
        Unit::Bytes,
        "Bytes of compressed payloads written."
    );
    describe_words();
}

fn describe_words() {
    describe_counter!(
        DELTAS_FOLDED,
        Unit::Count,
        "Deltas of series folded into sums, by table (red, edge, tally)."
    );
    describe_gauge!(
        DICTIONARY_EXCESS,
        Unit::Count,
        "Bytes that new payloads take beyond those with a newly learnt dictionary, as a part of \
         the latter, when last looked at, by store where there are several. From 0.05 on a new one is learnt."
    );
    describe_counter!(
        DICTIONARIES_LEARNT,
        Unit::Count,
        "Dictionaries for payloads that were learnt and kept."
    );
}

/// Buckets of the histograms.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    let mut buckets = read_metrics::buckets();
    buckets.push((
        TRANSACTION_SECONDS,
        vec![
            0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0,
        ],
    ));
    buckets
}

pub(crate) fn committed(took: Duration, written: &Written, payload_bytes: u64) {
    histogram!(TRANSACTION_SECONDS).record(took.as_secs_f64());
    counter!(TRANSACTIONS, "outcome" => "committed").increment(1);
    counter!(SPANS, "outcome" => "stored").increment(written.spans_stored);
    counter!(SPANS, "outcome" => "duplicate").increment(written.spans_duplicate);
    counter!(SPANS, "outcome" => "dropped").increment(written.spans_dropped);
    counter!(SEGMENTS).increment(written.segments);
    counter!(PAYLOAD_BYTES).increment(payload_bytes);
}

pub(crate) fn failed(took: Duration, error: &WriteError) {
    let outcome = match error {
        WriteError::Fenced { .. } => "fenced",
        WriteError::Transient { .. } => "transient",
        WriteError::Poison { .. } | WriteError::Misplaced { .. } => "poison",
        WriteError::Operator { .. } => "operator",
        WriteError::Plugin { .. } => "plugin",
        WriteError::Inconsistent { .. } => "inconsistent",
    };
    histogram!(TRANSACTION_SECONDS).record(took.as_secs_f64());
    counter!(TRANSACTIONS, "outcome" => outcome).increment(1);
}

/// By what became of it: `committed`, `rolled_back` or `fenced`.
pub(crate) fn ambiguous_commit(outcome: &'static str) {
    counter!(AMBIGUOUS_COMMITS, "outcome" => outcome).increment(1);
}

pub(crate) fn frozen_writers_ended(count: u64) {
    counter!(FROZEN_WRITERS_ENDED).increment(count);
}

pub(crate) fn dead_letter(reason: &'static str) {
    counter!(DEAD_LETTERS, "reason" => reason).increment(1);
}

pub(crate) fn maintained(task: &'static str, ok: bool) {
    counter!(MAINTENANCE, "task" => task, "outcome" => if ok { "ok" } else { "failed" })
        .increment(1);
}

pub(crate) fn partitions_created(count: u64) {
    counter!(PARTITIONS_CREATED).increment(count);
}

pub(crate) fn partitions_dropped(count: u64) {
    counter!(PARTITIONS_DROPPED).increment(count);
}

pub(crate) fn deltas_folded(table: &'static str, count: u64) {
    counter!(DELTAS_FOLDED, "table" => table).increment(count);
}

pub(crate) fn dictionary_excess(placement: Placement, ratio: f64) {
    gauge!(DICTIONARY_EXCESS, placement.labels()).set(ratio);
}

pub(crate) fn dictionary_learnt() {
    counter!(DICTIONARIES_LEARNT).increment(1);
}
