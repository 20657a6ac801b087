//! Metrics of the agent, beside those of the collector's receivers, which it shares.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use model::{RejectReason, Tally};

use super::loss::Loss;
use crate::decode::ClientCount;
use crate::receive::Protocol;

/// Datagrams that the kernel dropped because the port's buffer was full.
pub const DATAGRAMS_LOST: &str = "spoor_agent_datagrams_lost_total";
/// Batches that Jaeger's clients have numbered and that did not arrive.
pub const CLIENT_BATCHES_LOST: &str = "spoor_agent_client_batches_lost_total";
/// Spans that Jaeger's clients say that they have dropped, by reason.
pub const CLIENT_SPANS_DROPPED: &str = "spoor_agent_client_spans_dropped_total";
/// Requests to collectors, by outcome.
pub const REQUESTS: &str = "spoor_agent_requests_total";
/// Time that collectors take to answer.
pub const REQUEST_DURATION: &str = "spoor_agent_request_duration_seconds";
/// Spans that a collector has taken.
pub const SPANS_DELIVERED: &str = "spoor_agent_spans_delivered_total";
/// Spans of delivered requests that the collector left out, by [`RejectReason`].
pub const SPANS_REJECTED: &str = "spoor_agent_spans_rejected_total";
/// Spans that the agent had taken and will not deliver, by [`Loss`].
pub const SPANS_DROPPED: &str = "spoor_agent_spans_dropped_total";
/// Bytes of the queue on disk.
pub const QUEUE_BYTES: &str = "spoor_agent_queue_bytes";
/// Bytes of the queue on disk that no collector has taken yet.
pub const QUEUE_WAITING: &str = "spoor_agent_queue_waiting_bytes";
/// Bytes of the queue on disk that cannot be read.
pub const QUEUE_UNREADABLE: &str = "spoor_agent_queue_unreadable_bytes_total";
/// Addresses of collectors, by state.
pub const COLLECTORS: &str = "spoor_agent_collectors";
/// Questions for what to sample, by how they were answered.
pub const SAMPLING: &str = "spoor_agent_sampling_answers_total";

/// Describes every metric.
pub(crate) fn describe() {
    describe_counter!(
        DATAGRAMS_LOST,
        Unit::Count,
        "Datagrams that the kernel dropped because the buffer of the agent's port was full, by protocol."
    );
    describe_counter!(
        CLIENT_BATCHES_LOST,
        Unit::Count,
        "Batches that Jaeger's clients have numbered and that did not arrive over UDP."
    );
    describe_counter!(
        CLIENT_SPANS_DROPPED,
        Unit::Count,
        "Spans that Jaeger's clients say that they have dropped, by reason: queue_full, too_large, unsent."
    );
    describe_counter!(
        SAMPLING,
        Unit::Count,
        "Answers of the agent to what to sample: fresh (remembered), asked (a collector), outlived (remembered, no collector answers), failed."
    );
    describe_publishing();
    describe_queue();
}

fn describe_publishing() {
    describe_counter!(
        REQUESTS,
        Unit::Count,
        "Requests of the agent to collectors, by outcome: ok, partial, refused (for good), retryable."
    );
    describe_histogram!(
        REQUEST_DURATION,
        Unit::Seconds,
        "Time that a collector takes to answer the agent."
    );
    describe_counter!(
        SPANS_DELIVERED,
        Unit::Count,
        "Spans that a collector has taken from the agent."
    );
    describe_counter!(
        SPANS_REJECTED,
        Unit::Count,
        "Spans of the agent's requests that the collector left out, by reason."
    );
    describe_counter!(
        SPANS_DROPPED,
        Unit::Count,
        "Spans that the agent had taken and will not deliver, by reason."
    );
    describe_gauge!(
        COLLECTORS,
        Unit::Count,
        "Addresses of collectors that the agent knows, by state: in, out (left out after a failure)."
    );
}

fn describe_queue() {
    describe_gauge!(
        QUEUE_BYTES,
        Unit::Bytes,
        "Size of the agent's queue on disk, against `queue.max_bytes`."
    );
    describe_gauge!(
        QUEUE_WAITING,
        Unit::Bytes,
        "Bytes of the agent's queue on disk that no collector has taken yet."
    );
    describe_counter!(
        QUEUE_UNREADABLE,
        Unit::Bytes,
        "Bytes of the agent's queue on disk that cannot be read and were passed over: an interrupted write, or a failing disk."
    );
}

/// Shows the counters by reason from the first scrape on. An agent's alone.
pub(super) fn show() {
    client_told(&ClientCount::default());
    for loss in Loss::ALL {
        spans_dropped(*loss, 0);
    }
    for reason in RejectReason::ALL {
        counter!(SPANS_REJECTED, "reason" => reason.as_str()).increment(0);
    }
}

/// Bucket limits of the histograms.
pub(crate) fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    let seconds = vec![0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0];
    vec![(REQUEST_DURATION, seconds)]
}

pub(crate) fn datagrams_lost(protocol: Protocol, count: u64) {
    counter!(DATAGRAMS_LOST, "protocol" => protocol.as_str()).increment(count);
}

/// What a client has dropped and how many of its batches were lost, since it told before.
pub(super) fn client_told(since: &ClientCount) {
    counter!(CLIENT_BATCHES_LOST).increment(since.batches);
    for (reason, count) in [
        ("queue_full", since.queue_full),
        ("too_large", since.too_large),
        ("unsent", since.unsent),
    ] {
        counter!(CLIENT_SPANS_DROPPED, "reason" => reason).increment(count);
    }
}

pub(super) fn requested(outcome: &'static str, took: Duration) {
    counter!(REQUESTS, "outcome" => outcome).increment(1);
    histogram!(REQUEST_DURATION).record(took.as_secs_f64());
}

pub(super) fn spans_delivered(count: u64, rejected: &Tally) {
    counter!(SPANS_DELIVERED).increment(count.saturating_sub(rejected.total()));
    for (reason, count) in rejected.iter() {
        counter!(SPANS_REJECTED, "reason" => reason.as_str()).increment(count);
    }
}

pub(super) fn spans_dropped(loss: Loss, count: u64) {
    counter!(SPANS_DROPPED, "reason" => loss.as_str()).increment(count);
}

pub(super) fn queue_bytes(all: u64, waiting: u64) {
    gauge!(QUEUE_BYTES).set(all as f64);
    gauge!(QUEUE_WAITING).set(waiting as f64);
}

pub(super) fn queue_unreadable(bytes: u64) {
    counter!(QUEUE_UNREADABLE).increment(bytes);
}

pub(super) fn collectors(present: usize, out: usize) {
    gauge!(COLLECTORS, "state" => "in").set(present as f64);
    gauge!(COLLECTORS, "state" => "out").set(out as f64);
}

pub(super) fn sampling_answered(how: &'static str) {
    counter!(SAMPLING, "answer" => how).increment(1);
}
