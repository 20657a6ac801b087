//! What the client's own thread calls: delivery reports, statistics, log lines.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::message::{BorrowedMessage, DeliveryResult, Headers, Message};
use rdkafka::producer::{NoCustomPartitioner, ProducerContext};

use super::queue::Queue;
use super::request::{Failure, Request};
use crate::metrics::{self, Produced};
use crate::{client, statistics};

/// Receives the reports of one client.
pub(super) struct Context {
    queue: Arc<Queue>,
    produced: Mutex<HashMap<String, Produced>>,
}

impl Context {
    pub(super) fn new(queue: Arc<Queue>) -> Self {
        let produced = Mutex::default();
        Self { queue, produced }
    }
}

impl Context {
    fn count(&self, topic: &str, bytes: usize) {
        let mut produced = self.produced.lock().unwrap_or_else(PoisonError::into_inner);
        match produced.get(topic) {
            Some(counters) => counters.add(bytes),
            None => produced
                .entry(topic.to_owned())
                .or_insert(Produced::to(topic))
                .add(bytes),
        }
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, line: &str) {
        client::log_line(level, facility, line);
    }

    fn error(&self, error: KafkaError, reason: &str) {
        client::client_error("producer", &error, reason);
    }

    fn stats_raw(&self, json: &[u8]) {
        statistics::producer(json);
        metrics::producer_queue(self.queue.records(), self.queue.bytes());
    }
}

impl ProducerContext<NoCustomPartitioner> for Context {
    type DeliveryOpaque = Arc<Request>;

    fn delivery(&self, result: &DeliveryResult<'_>, request: Arc<Request>) {
        let message = match result {
            Ok(message) | Err((_, message)) => message,
        };
        let size = size(message);
        self.queue.leave(size);
        if result.is_ok() {
            self.queue.acknowledged();
            self.count(message.topic(), size);
        }
        request.report(|| match result {
            Ok(_) => None,
            Err((error, message)) => Some(Failure {
                topic: message.topic().to_owned(),
                key: message.key().map(<[u8]>::to_vec),
                bytes: message.payload_len(),
                error: error.clone(),
            }),
        });
    }
}

/// The same bytes that [`crate::OutboundRecord::size`] counted when the record came in.
fn size(message: &BorrowedMessage<'_>) -> usize {
    let headers = message.headers().map_or(0, |headers| {
        headers
            .iter()
            .map(|h| h.key.len() + h.value.map_or(0, <[u8]>::len))
            .sum()
    });
    message.key_len() + message.payload_len() + headers
}
