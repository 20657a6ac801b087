//! What librdkafka tells about itself once a second, as far as anybody looks at it.

use std::collections::HashMap;

use serde::Deserialize;

use crate::metrics;
use crate::record::TopicPartition;

#[derive(Deserialize, Default)]
#[serde(default)]
struct Statistics {
    brokers: HashMap<String, Broker>,
    topics: HashMap<String, Topic>,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Broker {
    nodeid: i64,
    txretries: u64,
    rtt: Window,
}

/// A rolling window, in microseconds.
#[derive(Deserialize, Default)]
#[serde(default)]
struct Window {
    avg: i64,
    p99: i64,
    cnt: i64,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Topic {
    partitions: HashMap<String, Partition>,
}

#[derive(Deserialize)]
#[serde(default)]
struct Partition {
    partition: i32,
    lo_offset: i64,
    hi_offset: i64,
    fetchq_size: u64,
}

impl Default for Partition {
    fn default() -> Self {
        Self {
            partition: -1,
            lo_offset: -1,
            hi_offset: -1,
            fetchq_size: 0,
        }
    }
}

/// Ends of one partition's log as the last fetch saw them; -1 where it is not known.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct SeenPartition {
    pub(crate) at: TopicPartition,
    pub(crate) low: i64,
    pub(crate) high: i64,
    pub(crate) prefetched_bytes: u64,
}

/// Takes over the statistics of a producer.
pub(crate) fn producer(json: &[u8]) {
    if let Some(statistics) = parse(json) {
        brokers("producer", &statistics);
        let retries = statistics
            .brokers
            .values()
            .map(|broker| broker.txretries)
            .sum();
        metrics::producer_retries(retries);
    }
}

/// Takes over the statistics of a consumer; returns what they say about its partitions.
pub(crate) fn consumer(json: &[u8]) -> Vec<SeenPartition> {
    let Some(statistics) = parse(json) else {
        return Vec::new();
    };
    brokers("consumer", &statistics);
    seen(&statistics)
}

fn parse(json: &[u8]) -> Option<Statistics> {
    match serde_json::from_slice(json) {
        Ok(statistics) => Some(statistics),
        Err(error) => {
            tracing::debug!(error = %error, "Statistics of the Kafka client cannot be read");
            None
        }
    }
}

fn brokers(role: &'static str, statistics: &Statistics) {
    // Bootstrap addresses and the coordinator's extra connection have negative ids.
    let real = statistics
        .brokers
        .values()
        .filter(|broker| broker.nodeid >= 0);
    for broker in real.filter(|broker| broker.rtt.cnt > 0) {
        let seconds = |micros: i64| micros as f64 / 1e6;
        metrics::broker_rtt(
            role,
            broker.nodeid,
            seconds(broker.rtt.avg),
            seconds(broker.rtt.p99),
        );
    }
}

fn seen(statistics: &Statistics) -> Vec<SeenPartition> {
    let mut seen = Vec::new();
    for (topic, statistics) in &statistics.topics {
        let topic: std::sync::Arc<str> = topic.as_str().into();
        // Partition -1 stands for records that have no partition yet.
        for p in statistics.partitions.values().filter(|p| p.partition >= 0) {
            let at = TopicPartition {
                topic: topic.clone(),
                partition: p.partition,
            };
            seen.push(SeenPartition {
                at,
                low: p.lo_offset,
                high: p.hi_offset,
                prefetched_bytes: p.fetchq_size,
            });
        }
    }
    seen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_of_each_partition_are_taken_from_the_statistics() {
        let json =
            br#"{"name":"x","brokers":{"b/1":{"nodeid":1,"rtt":{"avg":700,"p99":900,"cnt":3}}},
            "topics":{"t":{"partitions":{
                "0":{"partition":0,"lo_offset":2,"hi_offset":7,"ls_offset":7,"fetchq_size":5},
                "-1":{"partition":-1,"lo_offset":-1001,"hi_offset":-1001}}}}}"#;
        let at = TopicPartition::new("t", 0);
        assert_eq!(
            consumer(json),
            [SeenPartition {
                at,
                low: 2,
                high: 7,
                prefetched_bytes: 5
            }]
        );
    }

    #[test]
    fn statistics_that_cannot_be_read_say_nothing() {
        assert_eq!(consumer(b"not json"), []);
    }
}
