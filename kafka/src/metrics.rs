//! Metrics of the Kafka clients: the only place that names them.

use std::time::Duration;

use ::metrics::{
    Counter, Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram,
};
use rdkafka::error::KafkaError;

use crate::record::{Record, TopicPartition};

/// Records acknowledged by all in-sync replicas, by topic.
pub const PRODUCED_RECORDS: &str = "spoor_kafka_produced_records_total";
/// Bytes of keys, payloads and headers acknowledged, before compression, by topic.
pub const PRODUCED_BYTES: &str = "spoor_kafka_produced_bytes_total";
/// Time from a request's first record handed over to its last one acknowledged.
pub const DELIVERY_DURATION: &str = "spoor_kafka_delivery_duration_seconds";
/// Requests whose records were not all acknowledged, by error.
pub const DELIVERY_FAILURES: &str = "spoor_kafka_delivery_failures_total";
/// Bytes of records that wait for acknowledgement.
pub const PRODUCER_QUEUE_BYTES: &str = "spoor_kafka_producer_queue_bytes";
/// Limit of these bytes.
pub const PRODUCER_QUEUE_LIMIT_BYTES: &str = "spoor_kafka_producer_queue_limit_bytes";
/// Records that wait for acknowledgement.
pub const PRODUCER_QUEUE_RECORDS: &str = "spoor_kafka_producer_queue_records";
/// Times that a request found the queue full midway.
pub const PRODUCER_QUEUE_FULL: &str = "spoor_kafka_producer_queue_full_total";
/// Requests that the producer sent to brokers again.
pub const PRODUCER_RETRIES: &str = "spoor_kafka_producer_retries_total";
/// Producers made anew after a fatal error.
pub const PRODUCER_REPLACED: &str = "spoor_kafka_producer_replaced_total";
/// Records delivered to the program, by topic.
pub const CONSUMED_RECORDS: &str = "spoor_kafka_consumed_records_total";
/// Bytes of keys, payloads and headers delivered to the program, by topic.
pub const CONSUMED_BYTES: &str = "spoor_kafka_consumed_bytes_total";
/// Records between the last one delivered and the end of the log, by topic and partition.
pub const CONSUMER_LAG: &str = "spoor_kafka_consumer_lag_records";
/// Partitions that this process owns, by consumer group.
pub const PARTITIONS_OWNED: &str = "spoor_kafka_partitions_owned_count";
/// Changes of the assignment, by kind.
pub const REBALANCES: &str = "spoor_kafka_rebalances_total";
/// Revoked partitions that were not let go within the drain timeout.
pub const DRAIN_TIMEOUTS: &str = "spoor_kafka_drain_timeouts_total";
/// Commits of offsets that failed.
pub const MIRROR_FAILURES: &str = "spoor_kafka_mirror_failures_total";
/// Time that brokers take to answer, by broker, over the last second.
pub const BROKER_RTT: &str = "spoor_kafka_broker_rtt_seconds";
/// Errors of a client as a whole, such as brokers that cannot be reached.
pub const CLIENT_ERRORS: &str = "spoor_kafka_client_errors_total";

/// Bounds of the histograms' buckets: a batch waits some milliseconds, the timeout is 8 s.
pub fn buckets() -> Vec<(&'static str, Vec<f64>)> {
    let delivery = vec![
        0.002, 0.005, 0.01, 0.02, 0.03, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 10.0,
    ];
    vec![(DELIVERY_DURATION, delivery)]
}

/// Describes every metric of this crate to the recorder.
pub fn describe() {
    describe_producer();
    describe_consumer();
    describe_gauge!(
        BROKER_RTT,
        Unit::Seconds,
        "Time that brokers take to answer over the last second, by client role, broker and statistic (mean, p99)."
    );
    describe_counter!(
        CLIENT_ERRORS,
        Unit::Count,
        "Errors of a Kafka client as a whole, such as brokers that cannot be reached, by role and error."
    );
}

fn describe_producer() {
    describe_counter!(
        PRODUCED_RECORDS,
        Unit::Count,
        "Records acknowledged by all in-sync replicas, by topic."
    );
    describe_counter!(
        PRODUCED_BYTES,
        Unit::Bytes,
        "Bytes of keys, payloads and headers acknowledged, before compression, by topic."
    );
    describe_histogram!(
        DELIVERY_DURATION,
        Unit::Seconds,
        "Time from a request's first record handed to the producer to its last one acknowledged."
    );
    describe_counter!(
        DELIVERY_FAILURES,
        Unit::Count,
        "Requests whose records were not all acknowledged, by error."
    );
    describe_gauge!(
        PRODUCER_QUEUE_BYTES,
        Unit::Bytes,
        "Bytes of records that wait for acknowledgement."
    );
    describe_gauge!(
        PRODUCER_QUEUE_LIMIT_BYTES,
        Unit::Bytes,
        "Bytes of records beyond which requests are refused."
    );
    describe_gauge!(
        PRODUCER_QUEUE_RECORDS,
        Unit::Count,
        "Records that wait for acknowledgement."
    );
    describe_counter!(
        PRODUCER_QUEUE_FULL,
        Unit::Count,
        "Times that a request found the producer's queue full midway and waited."
    );
    describe_counter!(
        PRODUCER_RETRIES,
        Unit::Count,
        "Requests that the producer sent to brokers again."
    );
    describe_counter!(
        PRODUCER_REPLACED,
        Unit::Count,
        "Producers made anew after a fatal error."
    );
}

fn describe_consumer() {
    describe_counter!(
        CONSUMED_RECORDS,
        Unit::Count,
        "Records delivered to the program, by topic."
    );
    describe_counter!(
        CONSUMED_BYTES,
        Unit::Bytes,
        "Bytes of keys, payloads and headers delivered to the program, by topic."
    );
    describe_gauge!(
        CONSUMER_LAG,
        Unit::Count,
        "Records between the last one delivered and the end of the log, by topic and partition."
    );
    describe_gauge!(
        PARTITIONS_OWNED,
        Unit::Count,
        "Partitions that this process owns, by consumer group."
    );
    describe_counter!(
        REBALANCES,
        Unit::Count,
        "Changes of the assignment, by kind (assigned, revoked, lost)."
    );
    describe_counter!(
        DRAIN_TIMEOUTS,
        Unit::Count,
        "Revocations whose partitions were not let go within the drain timeout."
    );
    describe_counter!(
        MIRROR_FAILURES,
        Unit::Count,
        "Commits of offsets that failed. The next one makes up for it."
    );
}

/// Counters of what one topic has acknowledged, looked up once: they count every record.
pub(crate) struct Produced {
    records: Counter,
    bytes: Counter,
}

impl Produced {
    pub(crate) fn to(topic: &str) -> Self {
        let records = counter!(PRODUCED_RECORDS, "topic" => topic.to_owned());
        let bytes = counter!(PRODUCED_BYTES, "topic" => topic.to_owned());
        Self { records, bytes }
    }

    pub(crate) fn add(&self, bytes: usize) {
        self.records.increment(1);
        self.bytes.increment(bytes as u64);
    }
}

pub(crate) fn delivered(took: Duration) {
    histogram!(DELIVERY_DURATION).record(took.as_secs_f64());
}

pub(crate) fn delivery_failed(error: &'static str) {
    counter!(DELIVERY_FAILURES, "error" => error).increment(1);
}

pub(crate) fn producer_queue(records: u64, bytes: u64) {
    gauge!(PRODUCER_QUEUE_RECORDS).set(records as f64);
    gauge!(PRODUCER_QUEUE_BYTES).set(bytes as f64);
}

pub(crate) fn producer_queue_limit(bytes: u64) {
    gauge!(PRODUCER_QUEUE_LIMIT_BYTES).set(bytes as f64);
}

pub(crate) fn producer_queue_full() {
    counter!(PRODUCER_QUEUE_FULL).increment(1);
}

pub(crate) fn producer_retries(since_start: u64) {
    counter!(PRODUCER_RETRIES).absolute(since_start);
}

pub(crate) fn producer_replaced() {
    counter!(PRODUCER_REPLACED).increment(1);
}

pub(crate) fn consumed(topic: &str, records: &[Record]) {
    if !records.is_empty() {
        let bytes: usize = records.iter().map(Record::size).sum();
        counter!(CONSUMED_RECORDS, "topic" => topic.to_owned()).increment(records.len() as u64);
        counter!(CONSUMED_BYTES, "topic" => topic.to_owned()).increment(bytes as u64);
    }
}

pub(crate) fn consumer_lag(at: &TopicPartition, records: i64) {
    let (topic, partition) = (at.topic.to_string(), at.partition.to_string());
    gauge!(CONSUMER_LAG, "topic" => topic, "partition" => partition).set(records as f64);
}

pub(crate) fn partitions_owned(group: &str, count: usize) {
    gauge!(PARTITIONS_OWNED, "group" => group.to_owned()).set(count as f64);
}

pub(crate) fn rebalanced(kind: &'static str) {
    counter!(REBALANCES, "kind" => kind).increment(1);
}

pub(crate) fn drain_timed_out() {
    counter!(DRAIN_TIMEOUTS).increment(1);
}

pub(crate) fn mirror_failed() {
    counter!(MIRROR_FAILURES).increment(1);
}

pub(crate) fn broker_rtt(role: &'static str, broker: i64, mean: f64, p99: f64) {
    for (statistic, seconds) in [("mean", mean), ("p99", p99)] {
        gauge!(BROKER_RTT, "role" => role, "broker" => broker.to_string(), "statistic" => statistic)
            .set(seconds);
    }
}

pub(crate) fn client_error(role: &'static str, error: &KafkaError) {
    let code = error
        .rdkafka_error_code()
        .map_or_else(|| "other".to_owned(), |code| format!("{code:?}"));
    counter!(CLIENT_ERRORS, "role" => role, "error" => code).increment(1);
}
