//! The ingester's metrics: names, meaning, and the only calls that change them.

use std::time::Duration;

use metrics::{
    Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use model::{RedriveOutcome, RejectReason};
use storage::{Source, Written};

use crate::FailureKind;

/// Records whose content is committed. `topic`.
pub const RECORDS: &str = "spoor_ingester_records_total";
/// Spans stored.
pub const SPANS_STORED: &str = "spoor_ingester_spans_stored_total";
/// Spans that were stored already.
pub const SPANS_DUPLICATE: &str = "spoor_ingester_spans_duplicate_total";
/// Spans in dead-lettered records. `reason` is a [`RejectReason`].
pub const SPANS_DEAD_LETTERED: &str = "spoor_ingester_spans_dead_lettered_total";
/// Spans that tail sampling dropped. `policy`.
pub const SPANS_DROPPED: &str = "spoor_ingester_spans_dropped_total";
/// Traces that tail sampling decided of for the first time. `policy`, `decision`.
pub const TRACES_DECIDED: &str = "spoor_ingester_traces_decided_total";
/// Records that went to the dead letters. `reason` is a [`RejectReason`].
pub const RECORDS_DEAD_LETTERED: &str = "spoor_ingester_records_dead_lettered_total";
/// Dead letters that were to be driven again. `outcome` is a [`RedriveOutcome`].
pub const RECORDS_REDRIVEN: &str = "spoor_ingester_records_redriven_total";
/// Records without content.
pub const RECORDS_IGNORED: &str = "spoor_ingester_records_ignored_total";
/// Records whose key is not their trace id.
pub const RECORDS_MISPLACED: &str = "spoor_ingester_records_misplaced_total";
/// Segments written.
pub const SEGMENTS: &str = "spoor_ingester_segments_total";
/// From the collector's receipt to the commit.
pub const FRESHNESS: &str = "spoor_ingester_freshness_seconds";
/// Records committed before they were received, by the clocks of two machines.
pub const CLOCK_SKEW: &str = "spoor_ingester_clock_skew_records_total";
/// Age of the oldest record that is not done. `partition`.
pub const LAG_SECONDS: &str = "spoor_ingester_lag_seconds";
/// Records that are not done. `partition`.
pub const LAG_RECORDS: &str = "spoor_ingester_lag_records";
/// Time until unread records are deleted. `topic`, `partition`.
pub const RETENTION_LEFT: &str = "spoor_ingester_retention_left_seconds";
/// Time for which the topic keeps records. `topic`.
pub const RETENTION: &str = "spoor_ingester_retention_seconds";
/// Bytes of records in memory.
pub const HELD_BYTES: &str = "spoor_ingester_held_bytes";
/// Partitions that this process owns.
pub const PARTITIONS: &str = "spoor_ingester_partitions_owned";
/// How long a write took, decoding included. `outcome`.
pub const WRITE_SECONDS: &str = "spoor_ingester_write_seconds";
/// Spans of a written batch.
pub const BATCH_SPANS: &str = "spoor_ingester_batch_spans";
/// Writes that failed. `kind` is a [`FailureKind`].
pub const WRITE_FAILURES: &str = "spoor_ingester_write_failures_total";
/// Records that the log no longer had when they came next. `policy`.
pub const OFFSET_GAP: &str = "spoor_ingester_offset_gap_records_total";
/// Logs that were found to be other ones than were read before. `policy`.
pub const LOGS_REPLACED: &str = "spoor_ingester_logs_replaced_total";
/// Bytes of records read by replays, wanted or not.
pub const REPLAY_BYTES: &str = "spoor_ingester_replay_bytes_total";
/// Spans stored by replays and backfills.
pub const REPLAY_STORED: &str = "spoor_ingester_replay_spans_stored_total";
/// Spans of replays and backfills that were stored already.
pub const REPLAY_DUPLICATES: &str = "spoor_ingester_replay_duplicates_total";
/// The part of a replay that is done. `job`.
pub const REPLAY_RATIO: &str = "spoor_ingester_replay_progress_ratio";
/// How long the rest of a replay will take. `job`.
pub const REPLAY_ETA: &str = "spoor_ingester_replay_eta_seconds";
/// Whether replays and backfills wait. `reason`.
pub const REPLAY_PAUSED: &str = "spoor_ingester_replay_paused";
/// Requests turned away by the direct writer, for want of room or because the store was away.
pub const DIRECT_REFUSED: &str = "spoor_ingester_direct_refused_requests_total";

/// Label of traces that no policy keeps.
const NO_POLICY: &str = "none";

/// One write of a partition.
pub(crate) fn wrote(elapsed: Duration, spans: u64, failed: Option<FailureKind>) {
    let outcome = failed.map_or("committed", FailureKind::as_str);
    histogram!(WRITE_SECONDS, "outcome" => outcome).record(elapsed.as_secs_f64());
    match failed {
        Some(kind) => counter!(WRITE_FAILURES, "kind" => kind.as_str()).increment(1),
        None => histogram!(BATCH_SPANS).record(spans as f64),
    }
}

/// A claim that failed.
pub(crate) fn claim_failed(kind: FailureKind) {
    counter!(WRITE_FAILURES, "kind" => kind.as_str()).increment(1);
}

/// A committed write, as the progress row counts it.
pub(crate) fn committed(topic: &str, records: u64, written: &Written) {
    counter!(RECORDS, "topic" => topic.to_owned()).increment(records);
    stored(written);
}

/// What a committed transaction did.
pub(crate) fn stored(written: &Written) {
    counter!(SPANS_STORED).increment(written.spans_stored);
    counter!(SPANS_DUPLICATE).increment(written.spans_duplicate);
    counter!(SEGMENTS).increment(written.segments);
    for decided in &written.decided {
        let policy = match decided.policy.as_str() {
            "" => NO_POLICY,
            name => name,
        };
        let decision = if decided.kept { "kept" } else { "dropped" };
        let traces =
            counter!(TRACES_DECIDED, "policy" => policy.to_owned(), "decision" => decision);
        traces.increment(decided.traces);
        if !decided.kept {
            counter!(SPANS_DROPPED, "policy" => policy.to_owned()).increment(decided.spans);
        }
    }
}

/// A record went to the dead letters.
pub(crate) fn dead_lettered(reason: RejectReason, spans: u64) {
    counter!(RECORDS_DEAD_LETTERED, "reason" => reason.as_str()).increment(1);
    counter!(SPANS_DEAD_LETTERED, "reason" => reason.as_str()).increment(spans);
}

/// A dead letter was to be driven again.
pub(crate) fn redriven(outcome: RedriveOutcome) {
    counter!(RECORDS_REDRIVEN, "outcome" => outcome.as_str()).increment(1);
}

/// Records without content were passed over.
pub(crate) fn ignored(records: u64) {
    counter!(RECORDS_IGNORED).increment(records);
}

/// A record's key is not its trace id: stored all the same.
pub(crate) fn misplaced_record() {
    counter!(RECORDS_MISPLACED).increment(1);
}

/// A record was committed so long after a collector received it, or before.
pub(crate) fn fresh(committed_at: u64, received_at: u64) {
    if received_at > committed_at {
        counter!(CLOCK_SKEW).increment(1);
    }
    let age = Duration::from_nanos(committed_at.saturating_sub(received_at));
    histogram!(FRESHNESS).record(age.as_secs_f64());
}

/// How far a partition is behind.
pub(crate) fn lag(source: &Source, seconds: f64, records: u64) {
    let partition = source.partition.to_string();
    gauge!(LAG_SECONDS, "partition" => partition.clone()).set(seconds);
    gauge!(LAG_RECORDS, "partition" => partition).set(records as f64);
}

/// How long until unread records of a partition are deleted.
pub(crate) fn retention_left(topic: &str, partition: i32, seconds: f64) {
    let (topic, partition) = (topic.to_owned(), partition.to_string());
    gauge!(RETENTION_LEFT, "topic" => topic, "partition" => partition).set(seconds);
}

/// How long a topic keeps records; none: for ever.
pub(crate) fn retention(topic: &str, kept: Option<Duration>) {
    let seconds = kept.map_or(f64::INFINITY, |kept| kept.as_secs_f64());
    gauge!(RETENTION, "topic" => topic.to_owned()).set(seconds);
}

/// Memory in use.
pub(crate) fn held(bytes: u64) {
    gauge!(HELD_BYTES).set(bytes as f64);
}

/// How many partitions are owned.
pub(crate) fn partitions(owned: usize) {
    gauge!(PARTITIONS).set(owned as f64);
}

/// Records that came next are not there.
pub(crate) fn offset_gap(policy: &'static str, records: u64) {
    counter!(OFFSET_GAP, "policy" => policy).increment(records);
}

/// A log is another one than was read before.
pub(crate) fn log_replaced(policy: &'static str) {
    counter!(LOGS_REPLACED, "policy" => policy).increment(1);
}

/// A replay has read so much.
pub(crate) fn replay_read(bytes: u64) {
    counter!(REPLAY_BYTES).increment(bytes);
}

/// A write of a replay or a backfill was committed.
pub(crate) fn replayed(written: &Written) {
    counter!(REPLAY_STORED).increment(written.spans_stored);
    counter!(REPLAY_DUPLICATES).increment(written.spans_duplicate);
}

/// How far a replay is, and how long the rest will take, if that can be told.
pub(crate) fn replay_progress(job: i64, ratio: f64, left: Option<Duration>) {
    gauge!(REPLAY_RATIO, "job" => job.to_string()).set(ratio);
    if let Some(left) = left {
        gauge!(REPLAY_ETA, "job" => job.to_string()).set(left.as_secs_f64());
    } else if ratio >= 1.0 {
        gauge!(REPLAY_ETA, "job" => job.to_string()).set(0.0);
    }
}

/// Whether replays give way to new spans.
pub(crate) fn replays_give_way(waiting: bool) {
    gauge!(REPLAY_PAUSED, "reason" => "live_lag").set(f64::from(u8::from(waiting)));
}

/// A direct request was turned away.
pub(crate) fn direct_refused() {
    counter!(DIRECT_REFUSED).increment(1);
}

/// Limits of the histograms' buckets.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    let freshness = [
        0.05, 0.1, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 10.0, 30.0, 60.0,
    ];
    let long = [300.0, 900.0, 3_600.0];
    let write = [
        0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0,
    ];
    let spans = [
        1.0, 10.0, 100.0, 300.0, 1_000.0, 3_000.0, 10_000.0, 20_000.0, 40_000.0,
    ];
    vec![
        (FRESHNESS, freshness.iter().chain(&long).copied().collect()),
        (WRITE_SECONDS, write.to_vec()),
        (BATCH_SPANS, spans.to_vec()),
    ]
}

/// Describes every metric, and makes the counters without a bounded label visible at zero.
pub fn describe() {
    describe_consumption();
    describe_writing();
    describe_replays();
    crate::sampling::metrics::describe();
    for name in [
        REPLAY_BYTES,
        REPLAY_STORED,
        REPLAY_DUPLICATES,
        SPANS_STORED,
        SPANS_DUPLICATE,
        RECORDS_IGNORED,
        RECORDS_MISPLACED,
        DIRECT_REFUSED,
    ] {
        counter!(name).increment(0);
    }
    for reason in RejectReason::ALL {
        counter!(RECORDS_DEAD_LETTERED, "reason" => reason.as_str()).increment(0);
        counter!(SPANS_DEAD_LETTERED, "reason" => reason.as_str()).increment(0);
    }
    for outcome in RedriveOutcome::ALL {
        counter!(RECORDS_REDRIVEN, "outcome" => outcome.as_str()).increment(0);
    }
    for kind in FailureKind::ALL {
        counter!(WRITE_FAILURES, "kind" => kind.as_str()).increment(0);
    }
}

fn describe_consumption() {
    let count = |name, help: &'static str| describe_counter!(name, Unit::Count, help);
    count(
        RECORDS,
        "Records that are done: stored, duplicates, dead-lettered or without content.",
    );
    count(
        RECORDS_DEAD_LETTERED,
        "Records sent to the dead letters, by reason.",
    );
    count(
        SPANS_DEAD_LETTERED,
        "Spans in dead-lettered records, as far as they could be counted.",
    );
    count(
        RECORDS_REDRIVEN,
        "Dead letters that were to be driven again, by outcome.",
    );
    count(RECORDS_IGNORED, "Tombstones: records without content.");
    count(
        RECORDS_MISPLACED,
        "Records whose key is not their trace id. They are stored.",
    );
    count(
        OFFSET_GAP,
        "Records that the log no longer had when they came next, by policy.",
    );
    count(
        LOGS_REPLACED,
        "Logs that were found to be other ones than were read before: a topic made again, or one \
         that has lost its end. By policy.",
    );
    describe_gauge!(
        LAG_SECONDS,
        Unit::Seconds,
        "Age of the oldest record that is not done."
    );
    describe_gauge!(LAG_RECORDS, Unit::Count, "Records that are not done.");
    describe_gauge!(
        RETENTION_LEFT,
        Unit::Seconds,
        "Time until Kafka deletes the oldest record that no ingester has read, by partition; where all are read, for how long new ones are kept."
    );
    describe_gauge!(
        RETENTION,
        Unit::Seconds,
        "Time for which the topic keeps records."
    );
    describe_gauge!(
        HELD_BYTES,
        Unit::Bytes,
        "Bytes of records held or being written."
    );
    describe_gauge!(
        PARTITIONS,
        Unit::Count,
        "Partitions that this process owns."
    );
}

fn describe_writing() {
    let count = |name, help: &'static str| describe_counter!(name, Unit::Count, help);
    count(SPANS_STORED, "Spans stored.");
    count(
        SPANS_DUPLICATE,
        "Spans that were stored already, and changed nothing.",
    );
    count(
        SPANS_DROPPED,
        "Spans that tail sampling dropped, by policy; `none`: no policy keeps their trace.",
    );
    count(
        TRACES_DECIDED,
        "Traces that tail sampling decided of, by policy and decision: kept, dropped.",
    );
    count(SEGMENTS, "Trace segments written.");
    count(
        WRITE_FAILURES,
        "Writes and claims that failed, by what the failure asks for.",
    );
    count(
        CLOCK_SKEW,
        "Records committed before they were received, by two machines' clocks.",
    );
    count(
        DIRECT_REFUSED,
        "Requests that the direct writer turned away, to be tried again.",
    );
    describe_histogram!(
        FRESHNESS,
        Unit::Seconds,
        "From the receipt of a record by a collector to the commit of its spans."
    );
    describe_histogram!(
        WRITE_SECONDS,
        Unit::Seconds,
        "Duration of a write, decoding included."
    );
    describe_histogram!(BATCH_SPANS, Unit::Count, "Spans of a committed batch.");
}

fn describe_replays() {
    describe_counter!(
        REPLAY_BYTES,
        Unit::Bytes,
        "Bytes of records that replays have read, wanted or not."
    );
    let count = |name, help: &'static str| describe_counter!(name, Unit::Count, help);
    count(REPLAY_STORED, "Spans stored by replays and backfills.");
    count(
        REPLAY_DUPLICATES,
        "Spans of replays and backfills that were stored already.",
    );
    describe_gauge!(
        REPLAY_RATIO,
        Unit::Count,
        "The part of a replay that is done, by job."
    );
    describe_gauge!(
        REPLAY_ETA,
        Unit::Seconds,
        "How long the rest of a replay will take at its present pace, by job."
    );
    describe_gauge!(
        REPLAY_PAUSED,
        Unit::Count,
        "Whether replays and backfills wait, by reason: live_lag."
    );
}
