//! What the clients' polls call back: rebalances, commits, statistics, log lines.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult};
use rdkafka::types::RDKafkaRespErr;
use rdkafka::{ClientContext, TopicPartitionList};

use super::reader::Watermarks;
use crate::record::TopicPartition;
use crate::{client, metrics, statistics};

/// A change of the assignment that the group asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Change {
    /// Partitions come.
    Assign,
    /// Partitions go, once that is answered.
    Revoke,
    /// Partitions are gone.
    Lose,
}

/// Takes down the member's callbacks. The member's loop acts on them after the poll.
#[derive(Default)]
pub(super) struct MemberContext {
    changes: Mutex<Vec<(Change, Vec<TopicPartition>)>>,
    closing: AtomicBool,
}

impl MemberContext {
    pub(super) fn take_changes(&self) -> Vec<(Change, Vec<TopicPartition>)> {
        std::mem::take(&mut *self.changes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// From now on changes are answered at once: nobody is left to act on them.
    pub(super) fn close(&self) {
        self.closing.store(true, Ordering::Relaxed);
    }
}

impl ClientContext for MemberContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client::log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::client_error("member", &error, reason);
    }

    fn stats_raw(&self, _json: &[u8]) {}
}

impl ConsumerContext for MemberContext {
    fn rebalance(
        &self,
        member: &BaseConsumer<Self>,
        code: RDKafkaRespErr,
        partitions: &mut TopicPartitionList,
    ) {
        let change = match code {
            RDKafkaRespErr::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Change::Assign,
            _ if member.assignment_lost() => Change::Lose,
            _ => Change::Revoke,
        };
        if self.closing.load(Ordering::Relaxed) {
            return answer(member, change);
        }
        let elements = partitions.elements();
        let named = elements
            .iter()
            .map(|e| TopicPartition::new(e.topic(), e.partition()));
        let mut changes = self.changes.lock().unwrap_or_else(PoisonError::into_inner);
        changes.push((change, named.collect()));
    }

    fn commit_callback(&self, result: KafkaResult<()>, _offsets: &TopicPartitionList) {
        if let Err(error) = result {
            metrics::mirror_failed();
            tracing::debug!(error = %error, "Offsets were not mirrored to the group");
        }
    }
}

/// Tells the library that a change has been made. The member itself reads no partition, so the
/// lists are empty: the group's own record of who owns what does not depend on them.
pub(super) fn answer(member: &BaseConsumer<MemberContext>, change: Change) {
    let none = TopicPartitionList::new();
    let cooperative = matches!(member.rebalance_protocol(), RebalanceProtocol::Cooperative);
    let answered = match (change, cooperative) {
        (Change::Assign, true) => member.incremental_assign(&none),
        (Change::Assign, false) => member.assign(&none),
        (Change::Revoke | Change::Lose, true) => member.incremental_unassign(&none),
        (Change::Revoke | Change::Lose, false) => member.unassign(),
    };
    if let Err(error) = answered {
        tracing::warn!(error = %error, "A rebalance could not be answered");
    }
}

/// Takes down what the reader learns of its partitions.
#[derive(Default)]
pub(crate) struct ReaderContext {
    watermarks: Mutex<HashMap<TopicPartition, Arc<Watermarks>>>,
}

impl ReaderContext {
    pub(super) fn watch(&self, at: &TopicPartition, watermarks: Arc<Watermarks>) {
        let mut watched = self
            .watermarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        watched.insert(at.clone(), watermarks);
    }

    pub(super) fn forget(&self, at: &TopicPartition) {
        self.watermarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(at);
    }
}

impl ClientContext for ReaderContext {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client::log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::client_error("reader", &error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        let watched = self
            .watermarks
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        for seen in statistics::consumer(json) {
            let Some(watermarks) = watched.get(&seen.at) else {
                continue;
            };
            watermarks.saw(seen.low, seen.high);
            watermarks
                .prefetched
                .store(seen.prefetched_bytes, Ordering::Relaxed);
            metrics::consumer_lag(&seen.at, watermarks.lag());
        }
    }
}

impl ConsumerContext for ReaderContext {}
