//! Metrics of the collector.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, PoisonError};
use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use model::{Refusal, RejectReason, Repair, Tenant};

use crate::receive::Protocol;

/// Requests answered, by protocol and outcome: `ok`, `partial`, or a [`Refusal`].
pub const REQUESTS: &str = "spoor_collector_requests_total";
/// Time from a request's headers to its answer.
pub const REQUEST_DURATION: &str = "spoor_collector_request_duration_seconds";
/// Size of requests as sent.
pub const REQUEST_BYTES: &str = "spoor_collector_request_bytes";
/// Size of requests after decompression.
pub const DECODED_BYTES: &str = "spoor_collector_request_decoded_bytes";
/// Requests under way.
pub const IN_FLIGHT_REQUESTS: &str = "spoor_collector_in_flight_requests";
/// Bytes of requests under way.
pub const IN_FLIGHT_BYTES: &str = "spoor_collector_in_flight_bytes";
/// Spans in requests that could be decoded.
pub const SPANS_RECEIVED: &str = "spoor_collector_spans_received_total";
/// Spans that are durable, by tenant and protocol.
pub const SPANS_ACCEPTED: &str = "spoor_collector_spans_accepted_total";
/// Spans left out of accepted requests, by [`RejectReason`].
pub const SPANS_REJECTED: &str = "spoor_collector_spans_rejected_total";
/// Spans in requests that were decoded and then refused, by [`Refusal`].
pub const SPANS_REFUSED: &str = "spoor_collector_spans_refused_total";
/// Spans accepted with changes, by [`Repair`].
pub const SPANS_REPAIRED: &str = "spoor_collector_spans_repaired_total";
/// Records handed to publishing and acknowledged.
pub const RECORDS_PUBLISHED: &str = "spoor_collector_records_published_total";
/// Bytes of these records.
pub const RECORD_BYTES: &str = "spoor_collector_record_bytes_total";
/// Time from handing a request's records over to the acknowledgement of all.
pub const PUBLISH_DURATION: &str = "spoor_collector_publish_duration_seconds";
/// Open connections by protocol.
pub const CONNECTIONS: &str = "spoor_collector_connections";
/// Connections closed at once because their address has too many.
pub const CONNECTIONS_REFUSED: &str = "spoor_collector_connections_refused_total";
/// Failures to accept a connection, such as too few file descriptors.
pub const ACCEPT_FAILURES: &str = "spoor_collector_accept_failures_total";
/// Records of other collectors' topics that became dead letters, by reason.
pub const KAFKA_DEAD_LETTERS: &str = "spoor_collector_kafka_dead_letters_total";
/// Records of other collectors' topics that were deleted before they were read.
pub const KAFKA_RECORDS_LOST: &str = "spoor_collector_kafka_records_lost_total";

/// Tenants with a label of their own; all further ones share [`OTHER_TENANT`].
const TENANT_LABELS: usize = 200;
/// Label of the tenants beyond [`TENANT_LABELS`].
pub const OTHER_TENANT: &str = "_other";

/// Describes every metric, and shows the counters by reason from the first scrape on.
pub fn describe() {
    describe_requests();
    describe_spans();
    describe_connections();
    describe_topics();
    crate::sampling::metrics::describe();
    crate::agent::metrics::describe();
    for reason in RejectReason::ALL {
        counter!(SPANS_REJECTED, "reason" => reason.as_str()).increment(0);
    }
    for refusal in Refusal::ALL {
        counter!(SPANS_REFUSED, "reason" => refusal.as_str()).increment(0);
    }
    for repair in Repair::ALL {
        counter!(SPANS_REPAIRED, "repair" => repair.as_str()).increment(0);
    }
}

fn describe_requests() {
    describe_counter!(
        REQUESTS,
        Unit::Count,
        "Export requests answered, by protocol and outcome."
    );
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "Time from a request's headers to its answer, by protocol."
    );
    describe_histogram!(
        REQUEST_BYTES,
        Unit::Bytes,
        "Size of export requests as they were sent."
    );
    describe_histogram!(
        DECODED_BYTES,
        Unit::Bytes,
        "Size of export requests after decompression."
    );
    describe_gauge!(
        IN_FLIGHT_REQUESTS,
        Unit::Count,
        "Export requests under way, by protocol."
    );
    describe_gauge!(
        IN_FLIGHT_BYTES,
        Unit::Bytes,
        "Bytes of requests under way, against `admission.max_bytes`."
    );
    describe_counter!(
        RECORDS_PUBLISHED,
        Unit::Count,
        "Records that were published and acknowledged."
    );
    describe_counter!(
        RECORD_BYTES,
        Unit::Bytes,
        "Bytes of the records that were acknowledged, before compression."
    );
    describe_histogram!(
        PUBLISH_DURATION,
        Unit::Seconds,
        "Time from handing over a request's records to the last acknowledgement."
    );
}

fn describe_spans() {
    describe_counter!(
        SPANS_RECEIVED,
        Unit::Count,
        "Spans in requests that could be decoded: the sum of accepted, rejected and refused ones."
    );
    describe_counter!(
        SPANS_ACCEPTED,
        Unit::Count,
        "Spans that were acknowledged as durable, by tenant and protocol."
    );
    describe_counter!(
        SPANS_REJECTED,
        Unit::Count,
        "Spans left out for their own sake while their neighbours went on, by reason."
    );
    describe_counter!(
        SPANS_REFUSED,
        Unit::Count,
        "Spans of requests that were refused after decoding, by reason. Clients send most of them again."
    );
    describe_counter!(
        SPANS_REPAIRED,
        Unit::Count,
        "Spans that were changed so that they can be stored, by repair."
    );
}

fn describe_connections() {
    describe_gauge!(CONNECTIONS, Unit::Count, "Open connections, by protocol.");
    describe_counter!(
        CONNECTIONS_REFUSED,
        Unit::Count,
        "Connections closed at once because their address had too many."
    );
    describe_counter!(
        ACCEPT_FAILURES,
        Unit::Count,
        "Failures to accept a connection, such as too few file descriptors."
    );
}

fn describe_topics() {
    describe_counter!(
        KAFKA_DEAD_LETTERS,
        Unit::Count,
        "Records of other collectors' topics that hold what can never be stored and became dead \
         letters, by reason."
    );
    describe_counter!(
        KAFKA_RECORDS_LOST,
        Unit::Count,
        "Records of other collectors' topics that their brokers deleted before they were read."
    );
}

/// Bucket limits of the histograms.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    // A full batch takes about a millisecond; an acknowledgement 5 to 50; clients give up at 10 s.
    let seconds = vec![
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ];
    // Powers of four up to the default limit of 16 MiB.
    let bytes: Vec<f64> = (4..=12).map(|power| f64::from(4u32.pow(power))).collect();
    let collector = vec![
        (REQUEST_DURATION, seconds.clone()),
        (PUBLISH_DURATION, seconds),
        (REQUEST_BYTES, bytes.clone()),
        (DECODED_BYTES, bytes),
    ];
    [collector, crate::agent::metrics::buckets()].concat()
}

pub(crate) fn request(protocol: Protocol, outcome: &'static str, took: Duration) {
    counter!(REQUESTS, "protocol" => protocol.as_str(), "outcome" => outcome).increment(1);
    histogram!(REQUEST_DURATION, "protocol" => protocol.as_str()).record(took.as_secs_f64());
}

pub(crate) fn request_size(protocol: Protocol, encoded: usize, decoded: usize) {
    histogram!(REQUEST_BYTES, "protocol" => protocol.as_str()).record(encoded as f64);
    histogram!(DECODED_BYTES, "protocol" => protocol.as_str()).record(decoded as f64);
}

pub(crate) fn requests_in_flight(protocol: Protocol, change: f64) {
    gauge!(IN_FLIGHT_REQUESTS, "protocol" => protocol.as_str()).increment(change);
}

pub(crate) fn bytes_in_flight(bytes: usize) {
    gauge!(IN_FLIGHT_BYTES).set(bytes as f64);
}

pub(crate) fn spans_received(protocol: Protocol, count: u64) {
    counter!(SPANS_RECEIVED, "protocol" => protocol.as_str()).increment(count);
}

pub(crate) fn spans_accepted(protocol: Protocol, tenant: &Tenant, count: u64) {
    let (protocol, tenant) = (protocol.as_str(), tenant_label(tenant));
    counter!(SPANS_ACCEPTED, "protocol" => protocol, "tenant" => tenant).increment(count);
}

pub(crate) fn spans_rejected(reason: RejectReason, count: u64) {
    counter!(SPANS_REJECTED, "reason" => reason.as_str()).increment(count);
}

pub(crate) fn spans_refused(refusal: Refusal, count: u64) {
    counter!(SPANS_REFUSED, "reason" => refusal.as_str()).increment(count);
}

pub(crate) fn spans_repaired(repair: Repair, count: u64) {
    counter!(SPANS_REPAIRED, "repair" => repair.as_str()).increment(count);
}

pub(crate) fn published(records: usize, bytes: usize, took: Duration) {
    counter!(RECORDS_PUBLISHED).increment(records as u64);
    counter!(RECORD_BYTES).increment(bytes as u64);
    histogram!(PUBLISH_DURATION).record(took.as_secs_f64());
}

pub(crate) fn connections(protocol: Protocol, change: f64) {
    gauge!(CONNECTIONS, "protocol" => protocol.as_str()).increment(change);
}

pub(crate) fn connection_refused(protocol: Protocol) {
    counter!(CONNECTIONS_REFUSED, "protocol" => protocol.as_str()).increment(1);
}

pub(crate) fn kafka_dead_letter(reason: RejectReason) {
    counter!(KAFKA_DEAD_LETTERS, "reason" => reason.as_str()).increment(1);
}

pub(crate) fn kafka_records_lost(count: u64) {
    counter!(KAFKA_RECORDS_LOST).increment(count);
}

pub(crate) fn accept_failed(protocol: Protocol) {
    counter!(ACCEPT_FAILURES, "protocol" => protocol.as_str()).increment(1);
}

/// The tenant's name for the first tenants, so that no client can make series without end.
fn tenant_label(tenant: &Tenant) -> String {
    static KNOWN: LazyLock<Mutex<HashSet<Tenant>>> = LazyLock::new(Mutex::default);
    let mut known = KNOWN.lock().unwrap_or_else(PoisonError::into_inner);
    if !known.contains(tenant) {
        if known.len() >= TENANT_LABELS {
            return OTHER_TENANT.to_owned();
        }
        known.insert(tenant.clone());
    }
    tenant.as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tenants_beyond_the_cap_share_a_label() {
        for n in 0..TENANT_LABELS + 1 {
            tenant_label(&Tenant::parse(&format!("t{n}")).expect("a name"));
        }
        let late = Tenant::parse("one-too-many").expect("a name");
        assert_eq!(tenant_label(&late), OTHER_TENANT);
        assert_eq!(tenant_label(&Tenant::parse("t0").expect("a name")), "t0");
    }
}
