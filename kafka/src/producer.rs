//! Produces records and waits for their acknowledgement by all in-sync replicas.
//!
//! Acknowledgements are counted per request, not per record: all records of one [`Producer::send_all`]
//! share one counter, and the caller is woken once, when it has come to zero.

mod context;
mod error;
mod queue;
mod request;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rdkafka::ClientConfig;
use rdkafka::config::FromClientConfigAndContext;
use rdkafka::error::KafkaError;
use rdkafka::message::{Header, OwnedHeaders};
use rdkafka::producer::{BaseRecord, Producer as _, ThreadedProducer};
use rdkafka::types::RDKafkaErrorCode as Code;

use crate::config::{KafkaConfig, ProducerConfig};
use crate::metrics;
use crate::record::OutboundRecord;

use context::Context;
use queue::Queue;
use request::Request;

pub use error::{ProduceError, ProducerError};

type Client = ThreadedProducer<Context>;

/// Produces records. One per process is enough; it is shared by reference.
pub struct Producer {
    settings: ClientConfig,
    config: ProducerConfig,
    queue: Arc<Queue>,
    client: Mutex<Arc<Client>>,
}

impl Producer {
    /// Makes a producer. Does not wait for a broker: one that is away shows when records are sent.
    pub fn new(kafka: &KafkaConfig, config: &ProducerConfig) -> Result<Self, ProducerError> {
        let settings = config.client(kafka)?;
        let queue = Arc::new(Queue::new(config.queue_bytes, config.queue_records));
        let client = connect(&settings, &queue)?;
        metrics::producer_queue_limit(config.queue_bytes);
        Ok(Self {
            settings,
            config: config.clone(),
            queue,
            client: Mutex::new(client),
        })
    }

    /// Whether this many records and bytes more would be let in now. To be asked before the work
    /// of decoding a request is done; it reserves nothing.
    pub fn has_room(&self, records: usize, bytes: usize) -> bool {
        self.queue.has_room(records as u64, bytes as u64)
    }

    /// Bytes of records that wait for their acknowledgement.
    pub fn queued_bytes(&self) -> u64 {
        self.queue.bytes()
    }

    /// How long ago the last record was acknowledged; `None` before the first.
    pub fn last_ack_age(&self) -> Option<Duration> {
        self.queue.last_ack_age()
    }

    /// Sends records and waits until every one of them is acknowledged by all in-sync replicas.
    ///
    /// - **Durable.** `Ok` means that every record is in its topic, exactly once.
    /// - **Not atomic.** After an error some of the records may be in their topics.
    /// - **Bounded.** Returns within `delivery_timeout` and `queue_wait`.
    pub async fn send_all(&self, records: &[OutboundRecord<'_>]) -> Result<(), ProduceError> {
        let started = Instant::now();
        let result = self.send_and_wait(records).await;
        match &result {
            Ok(()) => metrics::delivered(started.elapsed()),
            Err(error) => metrics::delivery_failed(error.kind()),
        }
        result
    }

    /// Waits until everything that was sent is acknowledged or has failed, at most for `timeout`.
    /// `false` when something was still under way then.
    pub async fn flush(&self, timeout: Duration) -> bool {
        let client = self.client();
        let flushed = tokio::task::spawn_blocking(move || client.flush(timeout).is_ok()).await;
        flushed.unwrap_or(false)
    }

    async fn send_and_wait(&self, records: &[OutboundRecord<'_>]) -> Result<(), ProduceError> {
        let client = self.client();
        let request = Request::new();
        let deadline = Instant::now() + self.config.queue_wait;
        for (index, record) in records.iter().enumerate() {
            self.send_one(&client, &request, index, record, deadline)
                .await?;
        }
        match request.acknowledged().await {
            Ok(()) => Ok(()),
            Err(failure) => Err(failure.into_error(records)),
        }
    }

    async fn send_one(
        &self,
        client: &Client,
        request: &Arc<Request>,
        index: usize,
        record: &OutboundRecord<'_>,
        deadline: Instant,
    ) -> Result<(), ProduceError> {
        loop {
            self.queue.enter(record.size());
            request.expect_one();
            let Err((error, _)) = client.send(base_record(record, request.clone())) else {
                return Ok(());
            };
            request.expect_one_less();
            self.queue.leave(record.size());
            match error {
                KafkaError::MessageProduction(Code::QueueFull) if Instant::now() < deadline => {
                    metrics::producer_queue_full();
                    self.queue.room_within(deadline).await;
                }
                error => return Err(self.refused(index, record, error)),
            }
        }
    }

    /// What became of a record that the library would not take.
    fn refused(
        &self,
        index: usize,
        record: &OutboundRecord<'_>,
        error: KafkaError,
    ) -> ProduceError {
        match error.rdkafka_error_code() {
            Some(Code::QueueFull) => ProduceError::QueueFull {
                waited: self.config.queue_wait,
            },
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => ProduceError::TooLarge {
                index,
                bytes: record.size(),
            },
            _ => {
                self.replace_if_dead();
                ProduceError::from_client(record.topic, error)
            }
        }
    }

    fn client(&self) -> Arc<Client> {
        self.replace_if_dead();
        self.client
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// An idempotent producer that has met a fatal error refuses everything from then on; a new
    /// one gets a new identity from the brokers and goes on.
    fn replace_if_dead(&self) {
        let mut client = self.client.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((code, reason)) = client.client().fatal_error() else {
            return;
        };
        tracing::error!(kafka.error = %code, "The producer has failed for good: {reason}; made anew");
        metrics::producer_replaced();
        match connect(&self.settings, &self.queue) {
            Ok(fresh) => {
                let dead = std::mem::replace(&mut *client, fresh);
                // Joins the client's threads, which may take a while.
                std::thread::spawn(move || drop(dead));
            }
            Err(error) => tracing::error!(error = %error, "No new producer could be made"),
        }
    }
}

impl std::fmt::Debug for Producer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Producer")
            .field("queued_bytes", &self.queued_bytes())
            .finish_non_exhaustive()
    }
}

fn connect(settings: &ClientConfig, queue: &Arc<Queue>) -> Result<Arc<Client>, ProducerError> {
    let context = Context::new(queue.clone());
    match ThreadedProducer::from_config_and_context(settings, context) {
        Ok(client) => Ok(Arc::new(client)),
        Err(source) => Err(ProducerError::Client { source }),
    }
}

fn base_record<'a>(
    record: &OutboundRecord<'a>,
    request: Arc<Request>,
) -> BaseRecord<'a, [u8], [u8], Arc<Request>> {
    let mut sent = BaseRecord::with_opaque_to(record.topic, request);
    if !record.key.is_empty() {
        sent = sent.key(record.key);
    }
    if !record.payload.is_empty() {
        sent = sent.payload(record.payload);
    }
    if !record.headers.is_empty() {
        let empty = OwnedHeaders::new_with_capacity(record.headers.len());
        sent = sent.headers(record.headers.iter().fold(empty, |headers, (key, value)| {
            headers.insert(Header {
                key,
                value: Some(*value),
            })
        }));
    }
    sent
}
