//! Reads partitions, each into its own queue, from offsets that the caller names.
//!
//! One mechanism serves start, seek, pause and resume: the partition is taken out of the
//! client's assignment and put in again at an absolute offset. The client is no member of the
//! group, so nothing else ever moves its positions.

use std::collections::HashMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::metadata::MetadataTopic;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::Notify;

use super::ConsumeError;
use super::context::ReaderContext;
use super::ownership::{Epoch, Ownership};
use crate::metrics;
use crate::record::TopicPartition;

/// How long the brokers are asked.
const ASK_TIMEOUT: Duration = Duration::from_secs(5);

/// How many events of the client as a whole are taken at once.
const EVENTS_AT_ONCE: usize = 16;

/// Ends of a partition's log, how far it has been read, and how much lies ready.
#[derive(Debug)]
pub(crate) struct Watermarks {
    pub(crate) low: AtomicI64,
    pub(crate) high: AtomicI64,
    pub(crate) position: AtomicI64,
    pub(crate) prefetched: AtomicU64,
}

impl Watermarks {
    fn new(low: i64, high: i64, position: i64) -> Arc<Self> {
        let [low, high, position] = [low, high, position].map(AtomicI64::new);
        Arc::new(Self {
            low,
            high,
            position,
            prefetched: AtomicU64::new(0),
        })
    }

    /// Takes over what was seen; unknown ends are negative.
    pub(crate) fn saw(&self, low: i64, high: i64) {
        self.low.fetch_max(low, Ordering::Relaxed);
        self.high.fetch_max(high, Ordering::Relaxed);
    }

    /// Records that are not delivered yet.
    pub(crate) fn lag(&self) -> i64 {
        let position = self.position.load(Ordering::Relaxed);
        (self.high.load(Ordering::Relaxed) - position).max(0)
    }
}

/// Where the records of one started partition wait. Emptied when the partition is stopped.
pub(crate) struct Slot {
    pub(crate) queue: Mutex<Option<PartitionQueue<ReaderContext>>>,
    pub(crate) wake: Notify,
    pub(crate) watermarks: Arc<Watermarks>,
}

impl Slot {
    pub(crate) fn queue(&self) -> MutexGuard<'_, Option<PartitionQueue<ReaderContext>>> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the queue away and wakes whoever waits for its records.
    fn close(&self) {
        drop(self.queue().take());
        self.wake.notify_one();
    }
}

/// The client that reads.
pub(crate) struct Reader {
    /// Taken out when dropped, see [`Drop`].
    client: Option<Arc<BaseConsumer<ReaderContext>>>,
    started: Mutex<HashMap<TopicPartition, Arc<Slot>>>,
    pub(super) ownership: Arc<Ownership>,
}

impl Reader {
    pub(crate) fn new(
        settings: &ClientConfig,
        ownership: Arc<Ownership>,
    ) -> Result<Arc<Self>, ConsumeError> {
        let client = BaseConsumer::from_config_and_context(settings, ReaderContext::default())
            .map_err(|source| ConsumeError::Client { source })?;
        let (client, started) = (Some(Arc::new(client)), Mutex::default());
        Ok(Arc::new(Self {
            client,
            started,
            ownership,
        }))
    }

    /// Starts to read a partition at an offset, which must be known to lie within its log.
    /// Whatever was started of it before is stopped.
    pub(crate) fn start(
        &self,
        at: &TopicPartition,
        epoch: Epoch,
        offset: i64,
        (low, high): (i64, i64),
    ) -> Result<Arc<Slot>, ConsumeError> {
        let mut started = self.started();
        if !self.ownership.is_current(at, epoch) {
            return Err(ConsumeError::NotOwned { at: at.clone() });
        }
        if let Some(previous) = started.remove(at) {
            self.halt(at, &previous);
        }
        let slot = self.open(at, offset, Watermarks::new(low, high, offset))?;
        started.insert(at.clone(), slot.clone());
        Ok(slot)
    }

    fn open(
        &self,
        at: &TopicPartition,
        offset: i64,
        watermarks: Arc<Watermarks>,
    ) -> Result<Arc<Slot>, ConsumeError> {
        let failed = |source| ConsumeError::from_client(at, source);
        let client = self.client();
        let wake = Notify::new();
        let slot = Arc::new(Slot {
            queue: Mutex::new(None),
            wake,
            watermarks,
        });
        // Split before the assignment, so that no record reaches the common queue.
        let mut queue = client
            .split_partition_queue(&at.topic, at.partition)
            .ok_or_else(|| failed(KafkaError::Canceled))?;
        let waker = Arc::downgrade(&slot);
        queue.set_nonempty_callback(move || {
            if let Some(slot) = waker.upgrade() {
                slot.wake.notify_one();
            }
        });
        client
            .incremental_assign(&list(at, Offset::Offset(offset)).map_err(failed)?)
            .map_err(failed)?;
        client.context().watch(at, slot.watermarks.clone());
        *slot.queue() = Some(queue);
        Ok(slot)
    }

    /// Stops to read a partition, whoever started it.
    pub(super) fn stop(&self, at: &TopicPartition) {
        let mut started = self.started();
        if let Some(slot) = started.remove(at) {
            self.halt(at, &slot);
            // The gauge of a partition that is gone would otherwise stand still for ever.
            metrics::consumer_lag(at, 0);
        }
    }

    /// Stops to read a partition, unless another has started it since.
    pub(crate) fn stop_slot(&self, at: &TopicPartition, slot: &Arc<Slot>) {
        let mut started = self.started();
        if started
            .get(at)
            .is_some_and(|current| Arc::ptr_eq(current, slot))
        {
            started.remove(at);
            self.halt(at, slot);
        }
    }

    fn halt(&self, at: &TopicPartition, slot: &Slot) {
        slot.close();
        let client = self.client();
        client.context().forget(at);
        let stopped = list(at, Offset::Invalid).and_then(|list| client.incremental_unassign(&list));
        if let Err(error) = stopped {
            tracing::warn!(
                kafka.topic = %at.topic, kafka.partition = at.partition, error = %error,
                "A partition could not be taken out of the reader's assignment",
            );
        }
    }

    pub(crate) fn is_current(&self, at: &TopicPartition, epoch: Epoch) -> bool {
        self.ownership.is_current(at, epoch)
    }

    /// Asks the brokers for the ends of a partition's log.
    pub(crate) async fn watermarks(&self, at: &TopicPartition) -> Result<(i64, i64), ConsumeError> {
        let (client, asked) = (self.client().clone(), at.clone());
        let answer = tokio::task::spawn_blocking(move || {
            client.fetch_watermarks(&asked.topic, asked.partition, ASK_TIMEOUT)
        });
        let answer = answer.await.unwrap_or(Err(KafkaError::Canceled));
        answer.map_err(|source| ConsumeError::from_client(at, source))
    }

    /// Asks the brokers for the first offset with a timestamp at or after this one, if any.
    pub(crate) async fn offset_at(
        &self,
        at: &TopicPartition,
        timestamp_ms: i64,
    ) -> Result<Option<i64>, ConsumeError> {
        let (client, asked) = (self.client().clone(), at.clone());
        let answer = tokio::task::spawn_blocking(move || {
            // The protocol carries the timestamp in the place of the offset.
            let asked = list(&asked, Offset::Offset(timestamp_ms))?;
            let found = client.offsets_for_times(asked, ASK_TIMEOUT)?;
            let found = found.elements().into_iter().next();
            match found.map(|element| (element.error(), element.offset())) {
                Some((Ok(()), Offset::Offset(offset))) => Ok(Some(offset)),
                Some((Err(error), _)) => Err(error),
                _ => Ok(None),
            }
        });
        let answer = answer.await.unwrap_or(Err(KafkaError::Canceled));
        answer.map_err(|source| ConsumeError::from_client(at, source))
    }

    /// Asks the brokers for the offsets that the client's group has committed of a topic.
    pub(crate) async fn committed(&self, topic: &str) -> Result<HashMap<i32, i64>, ConsumeError> {
        let partitions = self.partitions(topic).await?;
        let (client, asked) = (self.client().clone(), topic.to_owned());
        let answer = tokio::task::spawn_blocking(move || {
            let mut all = TopicPartitionList::with_capacity(partitions.max(0) as usize);
            for partition in 0..partitions {
                all.add_partition(&asked, partition);
            }
            let found = client.committed_offsets(all, ASK_TIMEOUT)?;
            let of =
                |element: rdkafka::topic_partition_list::TopicPartitionListElem<'_>| match element
                    .offset()
                {
                    Offset::Offset(offset) => Some((element.partition(), offset)),
                    _ => None,
                };
            Ok(found.elements().into_iter().filter_map(of).collect())
        });
        let answer = answer.await.unwrap_or(Err(KafkaError::Canceled));
        answer.map_err(|source| ConsumeError::from_client(&TopicPartition::new(topic, -1), source))
    }

    /// Asks the brokers for the offset that the client's group has committed of a partition.
    pub(crate) async fn committed_of(
        &self,
        at: &TopicPartition,
    ) -> Result<Option<i64>, ConsumeError> {
        let (client, asked) = (self.client().clone(), at.clone());
        let answer = tokio::task::spawn_blocking(move || {
            let mut one = TopicPartitionList::with_capacity(1);
            one.add_partition(&asked.topic, asked.partition);
            let found = client.committed_offsets(one, ASK_TIMEOUT)?;
            let found = found.elements().into_iter().next();
            match found.map(|element| (element.error(), element.offset())) {
                Some((Ok(()), Offset::Offset(offset))) => Ok(Some(offset)),
                Some((Err(error), _)) => Err(error),
                _ => Ok(None),
            }
        });
        let answer = answer.await.unwrap_or(Err(KafkaError::Canceled));
        answer.map_err(|source| ConsumeError::from_client(at, source))
    }

    /// Asks the brokers how many partitions a topic has.
    pub(crate) async fn partitions(&self, topic: &str) -> Result<i32, ConsumeError> {
        let (client, asked) = (self.client().clone(), topic.to_owned());
        let answer = tokio::task::spawn_blocking(move || {
            let metadata = client.fetch_metadata(Some(&asked), ASK_TIMEOUT)?;
            let topic = metadata.topics().first();
            match topic.and_then(MetadataTopic::error) {
                Some(error) => Err(KafkaError::MetadataFetch(error.into())),
                None => Ok(topic.map_or(0, |topic| topic.partitions().len() as i32)),
            }
        });
        let answer = answer.await.unwrap_or(Err(KafkaError::Canceled));
        answer.map_err(|source| ConsumeError::from_client(&TopicPartition::new(topic, -1), source))
    }

    /// Attends to statistics, log lines and errors of the client as a whole.
    pub(crate) fn attend(&self) {
        // Each poll takes one event at most. Nothing is assigned without a queue of its own, so
        // no record can come this way.
        for _ in 0..EVENTS_AT_ONCE {
            drop(self.client().poll(Duration::ZERO));
        }
    }

    fn client(&self) -> &Arc<BaseConsumer<ReaderContext>> {
        self.client
            .as_ref()
            .expect("the client is there until the reader is dropped")
    }

    fn started(&self) -> MutexGuard<'_, HashMap<TopicPartition, Arc<Slot>>> {
        self.started.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Reader {
    /// Closing joins the client's threads, which must not hold up an executor's thread.
    fn drop(&mut self) {
        self.started().clear();
        let client = self.client.take();
        std::thread::spawn(move || drop(client));
    }
}

fn list(at: &TopicPartition, offset: Offset) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::with_capacity(1);
    list.add_partition_offset(&at.topic, at.partition, offset)?;
    Ok(list)
}
