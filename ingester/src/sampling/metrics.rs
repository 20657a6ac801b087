//! Metrics of adaptive sampling.

use metrics::{Unit, counter, describe_counter, describe_gauge, gauge};

/// Rounds of the calculation. `outcome`: `ok`, `failed`, `unpublished`.
pub const ROUNDS: &str = "spoor_ingester_sampling_rounds_total";
/// Whether this process calculates.
pub const ELECTED: &str = "spoor_ingester_sampling_elected";
/// Operations that have a probability.
pub const OPERATIONS: &str = "spoor_ingester_sampling_operations";
/// Services that have one.
pub const SERVICES: &str = "spoor_ingester_sampling_services";
/// Operations that did not fit into the record of their service.
pub const LEFT_OUT: &str = "spoor_ingester_sampling_operations_left_out_total";

/// Describes every metric.
pub(crate) fn describe() {
    describe_counter!(
        ROUNDS,
        Unit::Count,
        "Rounds of adaptive sampling by outcome: ok, failed, unpublished."
    );
    describe_gauge!(
        ELECTED,
        Unit::Count,
        "Whether this process calculates the probabilities of adaptive sampling."
    );
    describe_gauge!(
        OPERATIONS,
        Unit::Count,
        "Operations that adaptive sampling has a probability of, where it is calculated."
    );
    describe_gauge!(
        SERVICES,
        Unit::Count,
        "Services that adaptive sampling has probabilities of, where they are calculated."
    );
    describe_counter!(
        LEFT_OUT,
        Unit::Count,
        "Operations that are told the default because the record of their service was full."
    );
}

pub(super) fn round(outcome: &'static str) {
    counter!(ROUNDS, "outcome" => outcome).increment(1);
}

pub(super) fn elected(elected: bool) {
    gauge!(ELECTED).set(f64::from(u8::from(elected)));
}

pub(super) fn known(operations: usize, services: usize) {
    gauge!(OPERATIONS).set(operations as f64);
    gauge!(SERVICES).set(services as f64);
}

pub(super) fn left_out() {
    counter!(LEFT_OUT).increment(1);
}
