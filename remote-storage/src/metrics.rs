//! What is counted about a plug-in.

use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_histogram, histogram};
use tonic::Code;

/// Time of a call, by method and code.
pub const CALL_SECONDS: &str = "spoor_storage_plugin_call_seconds";
/// Spans that were acknowledged.
pub const SPANS_EXPORTED: &str = "spoor_storage_plugin_spans_exported_total";
/// Spans that were refused one by one.
pub const SPANS_REJECTED: &str = "spoor_storage_plugin_spans_rejected_total";
/// Bytes of messages that were read.
pub const READ_BYTES: &str = "spoor_storage_plugin_read_bytes_total";

/// Describes every metric.
pub fn describe() {
    describe_histogram!(
        CALL_SECONDS,
        Unit::Seconds,
        "Time of a call of the storage plug-in, its whole answer included, by method and gRPC code."
    );
    describe_counter!(
        SPANS_EXPORTED,
        Unit::Count,
        "Spans that the storage plug-in has acknowledged, those that were sent again included."
    );
    describe_counter!(
        SPANS_REJECTED,
        Unit::Count,
        "Spans that the storage plug-in has counted as refused in exports that it took otherwise."
    );
    describe_counter!(
        READ_BYTES,
        Unit::Bytes,
        "Bytes of the messages with traces that the storage plug-in has answered."
    );
}

/// Buckets of the histograms.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    vec![(
        CALL_SECONDS,
        vec![
            0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0,
        ],
    )]
}

pub(crate) fn called(method: &'static str, code: Code, took: Duration) {
    let code = format!("{code:?}");
    histogram!(CALL_SECONDS, "method" => method, "code" => code).record(took.as_secs_f64());
}

pub(crate) fn exported(spans: u64) {
    counter!(SPANS_EXPORTED).increment(spans);
}

pub(crate) fn rejected(spans: u64) {
    counter!(SPANS_REJECTED).increment(spans);
}

pub(crate) fn read(bytes: u64) {
    counter!(READ_BYTES).increment(bytes);
}
