//! The deployment without Kafka: records of collectors in the same process are decoded, grouped
//! by trace and committed, many requests at once, and each caller is answered after the commit.
//!
//! Nothing is held back for assembly. What a caller loses when the process dies was never
//! answered with success.

mod group;
mod rewrite;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;
use storage::TraceWriter;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot},
    task::JoinHandle,
    time::{Instant, timeout, timeout_at},
};

use self::group::{Group, commit};
pub use self::rewrite::{RewriteError, rewrite};
use crate::{DirectConfig, KnownSchemas, RetryPolicy, metrics};

/// What a client that is turned away should wait before it tries again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Why records were not committed. Nothing of them is promised; the same records may be sent again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DirectError {
    /// The memory for requests under way is spent.
    #[error("no room for {bytes} bytes more")]
    Overloaded {
        /// Size of the request.
        bytes: usize,
        /// When to try again.
        retry_after: Duration,
    },
    /// The store was away for as long as a client waits.
    #[error("the store did not commit in time: {reason}")]
    Unavailable {
        /// The last failure in words.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// The process stops.
    #[error("the process is shutting down")]
    Stopped,
}

/// What all groups share.
#[derive(Debug)]
struct Shared<W> {
    writer: Arc<W>,
    schemas: KnownSchemas,
    retry: RetryPolicy,
    config: DirectConfig,
    writes: Arc<Semaphore>,
}

/// One caller's records on their way.
#[derive(Debug)]
struct Request {
    records: Vec<Bytes>,
    bytes: usize,
    arrived: Instant,
    answer: oneshot::Sender<Result<(), DirectError>>,
    /// Room in memory, given back when the answer is known.
    _room: OwnedSemaphorePermit,
}

/// Commits the records of many callers together.
#[derive(Debug)]
pub struct DirectWriter {
    requests: mpsc::UnboundedSender<Request>,
    room: Arc<Semaphore>,
    grouping: JoinHandle<()>,
    /// Longest that a caller waits, whatever the store does.
    patience: Duration,
}

/// What a caller waits beyond `give_up_after`, for the answer of a try that was begun in time.
const GRACE: Duration = Duration::from_secs(1);

impl DirectWriter {
    /// Starts to group and write. Must be called within a tokio runtime.
    pub fn start<W: TraceWriter>(
        config: &DirectConfig,
        retry: RetryPolicy,
        schemas: KnownSchemas,
        writer: Arc<W>,
    ) -> Self {
        let (requests, queue) = mpsc::unbounded_channel();
        let shared = Arc::new(Shared {
            writer,
            schemas,
            retry,
            writes: Arc::new(Semaphore::new(config.concurrency.max(1))),
            config: config.clone(),
        });
        Self {
            requests,
            room: Arc::new(Semaphore::new(config.memory.as_usize())),
            patience: config.give_up_after + GRACE,
            grouping: tokio::spawn(group(queue, shared)),
        }
    }

    /// Whether a request of so many bytes would be let in now. Reserves nothing.
    pub fn has_room(&self, bytes: usize) -> bool {
        self.room.available_permits() >= bytes
    }

    /// Commits framed Avro records. `Ok` means that every span in them is stored, was stored
    /// already, or is kept with its reason among the dead letters.
    ///
    /// # Errors
    /// If there is no room, or the store is away: worth trying again. A call that is dropped may
    /// be committed all the same.
    pub async fn write(&self, records: Vec<Vec<u8>>) -> Result<(), DirectError> {
        let bytes: usize = records.iter().map(Vec::len).sum();
        let overloaded = DirectError::Overloaded {
            bytes,
            retry_after: RETRY_AFTER,
        };
        let permits = u32::try_from(bytes).map_err(|_| overloaded.clone())?;
        let room = self.room.clone().try_acquire_many_owned(permits);
        let room = room.map_err(|_| {
            metrics::direct_refused();
            overloaded
        })?;
        let (answer, answered) = oneshot::channel();
        let request = Request {
            records: records.into_iter().map(Bytes::from).collect(),
            bytes,
            arrived: Instant::now(),
            answer,
            _room: room,
        };
        self.requests
            .send(request)
            .map_err(|_| DirectError::Stopped)?;
        let Ok(answer) = timeout(self.patience, answered).await else {
            metrics::direct_refused();
            return Err(DirectError::Unavailable {
                reason: "the store has not answered".to_owned(),
                retry_after: RETRY_AFTER,
            });
        };
        answer.map_err(|_| DirectError::Stopped)?
    }

    /// Takes nothing more; returns when everything taken is answered.
    pub async fn close(self) {
        let Self {
            requests, grouping, ..
        } = self;
        drop(requests);
        if let Err(error) = grouping.await {
            tracing::error!(error = %error, "The direct writer failed");
        }
    }
}

/// Collects requests into groups and begins a write for each.
async fn group<W: TraceWriter>(
    mut queue: mpsc::UnboundedReceiver<Request>,
    shared: Arc<Shared<W>>,
) {
    while let Some(first) = queue.recv().await {
        let closes = Instant::now() + shared.config.group_for;
        let mut bytes = first.bytes;
        let mut requests = vec![first];
        while bytes < shared.config.group_bytes.as_usize() {
            let Ok(Some(request)) = timeout_at(closes, queue.recv()).await else {
                break;
            };
            bytes += request.bytes;
            requests.push(request);
        }
        let Ok(turn) = shared.writes.clone().acquire_owned().await else {
            return;
        };
        let shared = shared.clone();
        tokio::spawn(async move {
            commit(Group::of(requests), &shared).await;
            drop(turn);
        });
    }
    let all = u32::try_from(shared.config.concurrency.max(1)).unwrap_or(u32::MAX);
    // The semaphore is never closed: this waits for the writes under way and nothing else.
    let _ = shared.writes.acquire_many(all).await;
}
