//! What the query service counts.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

/// Requests answered, by route and code: HTTP's status, or the name of gRPC's.
pub const REQUESTS: &str = "spoor_query_requests_total";
/// Time from a request to the head of its answer, by route.
pub const DURATION: &str = "spoor_query_duration_seconds";
/// Requests being worked on or answered.
pub const IN_FLIGHT: &str = "spoor_query_in_flight_requests";
/// Requests whose client went away before the answer was complete, by route.
pub const CANCELLED: &str = "spoor_query_cancelled_total";
/// Bytes of answers before compression, by route.
pub const RESPONSE_BYTES: &str = "spoor_query_response_bytes_total";
/// Traces of which only the first spans were shown.
pub const TRUNCATED: &str = "spoor_query_truncated_traces_total";
/// Connections open.
pub const CONNECTIONS: &str = "spoor_query_open_connections";

/// Describes every metric of this crate.
pub fn describe() {
    describe_counter!(
        REQUESTS,
        Unit::Count,
        "Requests answered, by route and code: HTTP's status, or the name of gRPC's."
    );
    describe_histogram!(
        DURATION,
        Unit::Seconds,
        "Time from a request to the head of its answer, by route."
    );
    describe_gauge!(
        IN_FLIGHT,
        Unit::Count,
        "Requests being worked on or answered."
    );
    describe_counter!(
        CANCELLED,
        Unit::Count,
        "Requests whose client went away before the answer was complete, by route."
    );
    describe_counter!(
        RESPONSE_BYTES,
        Unit::Bytes,
        "Bytes of answers before compression, by route."
    );
    describe_counter!(
        TRUNCATED,
        Unit::Count,
        "Traces of which only the first spans were shown."
    );
    describe_gauge!(CONNECTIONS, Unit::Count, "Connections open.");
}

/// The buckets of this crate's histograms: from a catalogue look-up to a request's time limit.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    let seconds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ];
    vec![(DURATION, seconds.to_vec())]
}

pub(crate) fn answered(route: &'static str, status: u16, took: Duration) {
    counter!(REQUESTS, "route" => route, "code" => status.to_string()).increment(1);
    histogram!(DURATION, "route" => route).record(took);
}

/// Counts a gRPC call.
pub(crate) fn called(route: &'static str, code: tonic::Code, took: Duration) {
    counter!(REQUESTS, "route" => route, "code" => format!("{code:?}")).increment(1);
    histogram!(DURATION, "route" => route).record(took);
}

pub(crate) fn cancelled(route: &'static str) {
    counter!(CANCELLED, "route" => route).increment(1);
}

pub(crate) fn sent(route: &'static str, bytes: usize) {
    counter!(RESPONSE_BYTES, "route" => route).increment(bytes as u64);
}

pub(crate) fn truncated(traces: usize) {
    counter!(TRUNCATED).increment(traces as u64);
}

/// Counts a request as in flight for as long as it lives.
#[derive(Debug)]
pub(crate) struct InFlight;

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!(IN_FLIGHT).increment(1.0);
        Self
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!(IN_FLIGHT).decrement(1.0);
    }
}

/// Counts a connection as open for as long as it lives.
#[derive(Debug)]
pub(crate) struct OpenConnection;

impl OpenConnection {
    pub(crate) fn begin() -> Self {
        gauge!(CONNECTIONS).increment(1.0);
        Self
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        gauge!(CONNECTIONS).decrement(1.0);
    }
}
