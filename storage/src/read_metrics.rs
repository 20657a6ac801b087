//! Metrics of searches and of the index.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};

use crate::ReadError;
use crate::index::MergeOutcome;

/// Time of a call of the reader, by call and outcome.
pub const READ_SECONDS: &str = "spoor_storage_read_seconds";
/// Segments that a search read because the index named them.
pub const CANDIDATES: &str = "spoor_storage_search_candidates_total";
/// Of these, segments of which no span answered the query, or none that is new enough to matter.
pub const FALSE_CANDIDATES: &str = "spoor_storage_search_false_candidates_total";
/// Pages of the index that searches read.
pub const PAGES_READ: &str = "spoor_storage_index_pages_read_total";
/// Bytes that payloads were decoded to.
pub const DECODED_BYTES: &str = "spoor_storage_search_decoded_bytes_total";
/// Runs that were merged into larger ones.
pub const RUNS_MERGED: &str = "spoor_storage_index_runs_merged_total";
/// Page tables that were dropped after a merge.
pub const TABLES_DROPPED: &str = "spoor_storage_index_tables_dropped_total";

/// Describes every metric of this module.
pub(crate) fn describe() {
    describe_histogram!(
        READ_SECONDS,
        Unit::Seconds,
        "Time of a read by call (trace, search, attributes, services, operations, dependencies, red, \
         archive) and outcome (ok, unavailable, timeout, operator, inconsistent, too_broad, \
         no_such_page)."
    );
    describe_counter!(
        CANDIDATES,
        Unit::Count,
        "Segments that searches read because the index named them."
    );
    describe_counter!(
        FALSE_CANDIDATES,
        Unit::Count,
        "Segments that searches read and of which no span answered, or none that is new enough to matter."
    );
    describe_counter!(
        PAGES_READ,
        Unit::Count,
        "Pages of the index that searches read."
    );
    describe_counter!(
        DECODED_BYTES,
        Unit::Bytes,
        "Bytes that searches decoded payloads to."
    );
    describe_counter!(
        RUNS_MERGED,
        Unit::Count,
        "Runs of the index that were merged into larger ones."
    );
    describe_counter!(
        TABLES_DROPPED,
        Unit::Count,
        "Tables of the index that were dropped after their runs were merged."
    );
}

/// Buckets of the histograms.
pub(crate) fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    vec![(
        READ_SECONDS,
        vec![
            0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
        ],
    )]
}

pub(crate) fn read<T>(call: &'static str, took: Duration, outcome: &Result<T, ReadError>) {
    let outcome = match outcome {
        Ok(_) => "ok",
        Err(ReadError::Unavailable(_) | ReadError::StoreUnavailable { .. }) => "unavailable",
        Err(ReadError::Timeout) => "timeout",
        Err(ReadError::Operator(_)) => "operator",
        Err(ReadError::Inconsistent { .. }) => "inconsistent",
        Err(ReadError::TooBroad { .. }) => "too_broad",
        Err(ReadError::NoSuchPage) => "no_such_page",
        Err(ReadError::Unsupported(_)) => "unsupported",
        Err(ReadError::TooLarge { .. }) => "too_large",
        Err(ReadError::PluginAway(_) | ReadError::PluginFailed(_)) => "plugin",
    };
    histogram!(READ_SECONDS, "call" => call, "outcome" => outcome).record(took.as_secs_f64());
}

pub(crate) fn candidates(all: u64, with_answers: u64, decoded_bytes: u64) {
    counter!(CANDIDATES).increment(all);
    counter!(FALSE_CANDIDATES).increment(all - with_answers);
    counter!(DECODED_BYTES).increment(decoded_bytes);
}

pub(crate) fn pages_read(count: usize) {
    counter!(PAGES_READ).increment(count as u64);
}

pub(crate) fn merged(outcome: &MergeOutcome) {
    counter!(RUNS_MERGED).increment(outcome.runs_merged);
    counter!(TABLES_DROPPED).increment(outcome.tables_dropped);
}
