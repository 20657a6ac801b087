//! publish, in an agent: to a collector at once, or by way of memory or disk.
//!
//! | | no folder | a folder |
//! |---|---|---|
//! | OTLP | a collector has answered | durable on disk |
//! | UDP | waits in memory | waits in memory, then on disk |

use bootstrap::Stop;
use futures_util::{StreamExt, stream};
use model::{Tally, Tenant};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use super::config::AgentConfig;
use super::forward::{Forwarder, Patience};
use super::gather::{Gather, Waiting};
use super::loss::Loss;
use super::parcel::Parcel;
use super::queue::{Queue, QueueError, Reader, Taken};
use crate::publish::PublishError;

/// Where requests go.
pub(super) struct Outbox {
    forwarder: Forwarder,
    gather: Gather,
    queue: Option<Queue>,
    concurrency: usize,
}

/// The other ends, for those who carry requests on.
pub(super) struct Ends {
    waiting: UnboundedReceiver<Waiting>,
    reader: Option<Reader>,
    /// Cancelled when the queue on disk is added to no more.
    closed: CancellationToken,
}

impl Outbox {
    /// Opens the queue on disk, if there is one.
    ///
    /// # Errors
    /// When its folder cannot be used.
    pub(super) async fn open(
        config: &AgentConfig,
        forwarder: Forwarder,
        of_datagrams: Tenant,
    ) -> std::io::Result<(Self, Ends)> {
        let memory = config.queue.memory.as_usize();
        let (gather, waiting) = Gather::new(of_datagrams, config.batch.clone(), memory);
        let closed = CancellationToken::new();
        let (queue, reader) = match config.queue.directory.is_empty() {
            true => (None, None),
            false => {
                let opened = Queue::open(&config.queue, &config.batch, closed.clone()).await?;
                (Some(opened.0), Some(opened.1))
            }
        };
        let outbox = Self {
            forwarder,
            gather,
            queue,
            concurrency: config.publish.concurrency.max(1),
        };
        let ends = Ends {
            waiting,
            reader,
            closed,
        };
        Ok((outbox, ends))
    }

    /// Takes what a client waits for: durable, or taken by a collector, when it returns. What the
    /// collector left out is told.
    pub(super) async fn publish(&self, parcel: Parcel) -> Result<Tally, PublishError> {
        if parcel.spans == 0 {
            return Ok(Tally::default());
        }
        let Some(queue) = &self.queue else {
            return self.forwarder.send_now(&parcel).await;
        };
        match queue.append(parcel).await {
            Ok(()) => Ok(Tally::default()),
            Err(QueueError::Full) => Err(PublishError::Overloaded { retry_after: None }),
            Err(error) => Err(PublishError::Unavailable {
                source: error.into(),
            }),
        }
    }

    /// Takes what nobody waits for, if there is room. Never waits.
    pub(super) fn offer(&self, spans: u32, bytes: &bytes::Bytes) -> Result<(), PublishError> {
        if spans == 0 {
            return Ok(());
        }
        if !self.has_room(bytes.len()) {
            return Err(PublishError::Overloaded { retry_after: None });
        }
        self.gather.add(spans, bytes)
    }

    /// The tenant of what is offered.
    pub(super) fn tenant_of_datagrams(&self) -> &Tenant {
        self.gather.tenant()
    }

    /// Whether the queue on disk would take so many bytes now.
    pub(super) fn has_room(&self, bytes: usize) -> bool {
        self.queue
            .as_ref()
            .is_none_or(|queue| queue.has_room(bytes))
    }

    /// Hands on what is being put together; the last thing before [`Outbox::carry`] may end.
    pub(super) fn flush(&self) {
        self.gather.flush();
    }

    /// Keeps the collectors' addresses and the time, for ever.
    pub(super) async fn keep(&self) {
        tokio::join!(
            self.forwarder.collectors().follow(),
            self.gather.keep_time()
        );
    }

    /// Carries everything to the collectors. Returns when nothing is left after `done`, and on disk
    /// also when no collector is there after `stop`.
    pub(super) async fn carry(&self, ends: Ends, stop: &Stop, done: &CancellationToken) {
        let Ends {
            mut waiting,
            reader,
            closed,
        } = ends;
        let (Some(queue), Some(reader)) = (&self.queue, reader) else {
            return self.carry_waiting(&mut waiting, done).await;
        };
        let onto_disk = async {
            while let Some(parcel) = next(&mut waiting, done).await {
                store(queue, parcel).await;
            }
            closed.cancel();
        };
        tokio::join!(onto_disk, self.carry_stored(queue, reader, stop));
    }

    /// From memory, as many at a time as may be under way.
    async fn carry_waiting(
        &self,
        waiting: &mut UnboundedReceiver<Waiting>,
        done: &CancellationToken,
    ) {
        let each = stream::unfold(waiting, |waiting| async move {
            Some((next(waiting, done).await?, waiting))
        });
        each.for_each_concurrent(self.concurrency, |mut one| async move {
            let parcels = std::slice::from_ref(&one.parcel);
            // It cannot end otherwise: patience is endless.
            if self
                .forwarder
                .deliver(parcels, Patience::Endless)
                .await
                .is_ok()
            {
                one.handed_over();
            }
        })
        .await;
    }

    /// From disk; the place behind what is delivered is noted in order.
    async fn carry_stored(&self, queue: &Queue, reader: Reader, stop: &Stop) {
        let batches = stream::unfold(reader, |mut reader| async move {
            Some((reader.next().await?, reader))
        });
        let deliver = |taken: Taken| async move {
            let patience = Patience::WhileRunning(stop);
            let delivered = self.forwarder.deliver(&taken.parcels, patience).await;
            delivered.map(|()| taken)
        };
        let delivered = batches.map(deliver).buffered(self.concurrency);
        let mut delivered = std::pin::pin!(delivered);
        while let Some(Ok(taken)) = delivered.next().await {
            queue.delivered(&taken);
        }
    }
}

/// The next one, or none when there is none after `done`.
async fn next(
    waiting: &mut UnboundedReceiver<Waiting>,
    done: &CancellationToken,
) -> Option<Waiting> {
    tokio::select! {
        biased;
        next = waiting.recv() => next,
        () = done.cancelled() => waiting.try_recv().ok(),
    }
}

async fn store(queue: &Queue, mut waiting: Waiting) {
    match queue.append(waiting.parcel.clone()).await {
        Ok(()) => waiting.handed_over(),
        Err(QueueError::Full) => waiting.lost(Loss::QueueFull),
        Err(QueueError::Io(_) | QueueError::Closed) => waiting.lost(Loss::QueueFailed),
    }
}
