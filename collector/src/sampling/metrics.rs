//! Metrics of remote sampling.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Requests of clients. `kind`: `sampling`, `sampling-legacy`, `sampling-grpc`, `baggage`;
/// `outcome`: `ok`, `bad_request`, `failed`.
pub const REQUESTS: &str = "spoor_collector_sampling_requests_total";
/// Looks at the file of strategies. `outcome`: `changed`, `unchanged`, `failed`.
pub const RELOADS: &str = "spoor_collector_sampling_reloads_total";
/// Services with probabilities of their own.
pub const SERVICES: &str = "spoor_collector_sampling_services";

/// Describes every metric.
pub(crate) fn describe() {
    describe_counter!(
        REQUESTS,
        Unit::Count,
        "Requests for what to sample, by kind (sampling, sampling-legacy, sampling-grpc, baggage) and outcome (ok, bad_request, failed)."
    );
    describe_counter!(
        RELOADS,
        Unit::Count,
        "Looks at the file of sampling strategies by outcome: changed, unchanged, failed. After a failure the last good one holds."
    );
    describe_gauge!(
        SERVICES,
        Unit::Count,
        "Services that adaptive sampling has announced probabilities of."
    );
}

pub(crate) fn asked(kind: &'static str, outcome: &'static str) {
    counter!(REQUESTS, "kind" => kind, "outcome" => outcome).increment(1);
}

pub(super) fn reloaded(outcome: &'static str) {
    counter!(RELOADS, "outcome" => outcome).increment(1);
}

pub(super) fn known(services: usize) {
    gauge!(SERVICES).set(services as f64);
}
