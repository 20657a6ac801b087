//! The canary's metrics: names, meaning, and the only calls that change them.

use std::time::Duration;

use ::metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};

use super::apis::{Api, Kind};
use super::verdict::Outcome;

/// Traces written. `outcome`: ok or failed.
const WRITES: &str = "spoor_canary_writes_total";
/// Traces read back. `api`, `kind`, `outcome`.
const READS: &str = "spoor_canary_reads_total";
/// From the ack of a trace until it is found whole by its id.
const VISIBLE: &str = "spoor_canary_visible_seconds";
/// Age of the trace that was read last. `api`, `kind`.
const AGE: &str = "spoor_canary_read_age_seconds";
/// When a trace was last found as it was sent. `api`, `kind`.
const LAST_OK: &str = "spoor_canary_last_ok_timestamp_seconds";

/// Describes every metric, and makes the counters visible at zero.
pub(crate) fn describe() {
    describe_counter!(
        WRITES,
        Unit::Count,
        "Traces written by the canary, by outcome: ok, failed."
    );
    describe_counter!(
        READS,
        Unit::Count,
        "Traces that the canary read back, by api (jaeger_v1, jaeger_v3, zipkin_v2), kind (id, search) and outcome: ok, missing, incomplete, wrong, failed."
    );
    describe_histogram!(
        VISIBLE,
        Unit::Seconds,
        "From the ack of the canary's trace until it is found whole by its id."
    );
    describe_gauge!(
        AGE,
        Unit::Seconds,
        "Age of the trace that the canary read last, by api and kind."
    );
    describe_gauge!(
        LAST_OK,
        Unit::Seconds,
        "When the canary last found a trace as it was sent, by api and kind."
    );
    for outcome in ["ok", "failed"] {
        counter!(WRITES, "outcome" => outcome).increment(0);
    }
    for (api, kind) in Api::ALL
        .into_iter()
        .flat_map(|api| Kind::ALL.map(|kind| (api, kind)))
    {
        for outcome in Outcome::ALL {
            let (api, kind, outcome) = (api.as_str(), kind.as_str(), outcome.as_str());
            counter!(READS, "api" => api, "kind" => kind, "outcome" => outcome).increment(0);
        }
    }
}

/// Limits of the histogram's buckets.
pub(crate) fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    vec![(
        VISIBLE,
        vec![
            0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0, 60.0,
        ],
    )]
}

pub(super) fn wrote(ok: bool) {
    counter!(WRITES, "outcome" => if ok { "ok" } else { "failed" }).increment(1);
}

pub(super) fn visible(after: Duration) {
    histogram!(VISIBLE).record(after.as_secs_f64());
}

pub(super) fn read(api: Api, kind: Kind, outcome: Outcome, age: Duration, now: u64) {
    let (api, kind) = (api.as_str(), kind.as_str());
    counter!(READS, "api" => api, "kind" => kind, "outcome" => outcome.as_str()).increment(1);
    gauge!(AGE, "api" => api, "kind" => kind).set(age.as_secs_f64());
    if outcome == Outcome::Ok {
        gauge!(LAST_OK, "api" => api, "kind" => kind).set(now as f64 / 1e9);
    }
}
