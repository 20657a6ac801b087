//! Puts what comes over UDP together, by count, size and time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::{Bytes, BytesMut};
use model::Tenant;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use super::config::BatchConfig;
use super::loss::Loss;
use super::metrics;
use super::parcel::Parcel;
use crate::publish::PublishError;

/// What was put together and waits. Its room is given back when it is dropped; undelivered, its
/// spans count as lost.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) parcel: Parcel,
    loss: Option<Loss>,
    _room: OwnedSemaphorePermit,
}

impl Waiting {
    /// The spans are in other hands.
    pub(super) fn handed_over(&mut self) {
        self.loss = None;
    }

    /// The spans are lost for this reason.
    pub(super) fn lost(&mut self, loss: Loss) {
        self.loss = Some(loss);
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        if let Some(loss) = self.loss {
            metrics::spans_dropped(loss, self.parcel.spans.into());
        }
    }
}

/// What is being put together.
#[derive(Debug)]
struct Growing {
    bytes: BytesMut,
    spans: u32,
    room: OwnedSemaphorePermit,
}

/// Takes parcels one after the other and hands them on many at a time.
#[derive(Debug)]
pub(super) struct Gather {
    tenant: Tenant,
    limits: BatchConfig,
    room: Arc<Semaphore>,
    growing: Mutex<Option<Growing>>,
    begun: Notify,
    full: mpsc::UnboundedSender<Waiting>,
}

impl Gather {
    /// Holds at most so many bytes, those that were handed on and not dropped yet included.
    pub(super) fn new(
        tenant: Tenant,
        limits: BatchConfig,
        memory: usize,
    ) -> (Self, mpsc::UnboundedReceiver<Waiting>) {
        let (full, waiting) = mpsc::unbounded_channel();
        let gather = Self {
            tenant,
            limits,
            room: Arc::new(Semaphore::new(memory.min(Semaphore::MAX_PERMITS))),
            growing: Mutex::default(),
            begun: Notify::new(),
            full,
        };
        (gather, waiting)
    }

    pub(super) fn tenant(&self) -> &Tenant {
        &self.tenant
    }

    /// Adds a request, if there is room. Never waits.
    pub(super) fn add(&self, spans: u32, bytes: &Bytes) -> Result<(), PublishError> {
        let overloaded = || PublishError::Overloaded { retry_after: None };
        let size = u32::try_from(bytes.len()).map_err(|_| overloaded())?;
        let room = self.room.clone().try_acquire_many_owned(size);
        let room = room.map_err(|_| overloaded())?;
        let mut growing = self.lock();
        if growing
            .as_ref()
            .is_some_and(|of| self.is_above(of, bytes.len(), spans))
        {
            self.hand_on(&mut growing);
        }
        match growing.as_mut() {
            Some(of) => {
                of.bytes.extend_from_slice(bytes);
                of.spans += spans;
                of.room.merge(room);
            }
            None => {
                *growing = Some(Growing {
                    bytes: BytesMut::from(&bytes[..]),
                    spans,
                    room,
                });
                self.begun.notify_one();
            }
        }
        if growing.as_ref().is_some_and(|of| self.is_above(of, 1, 1)) {
            self.hand_on(&mut growing);
        }
        Ok(())
    }

    /// Whether so many more would be too many.
    fn is_above(&self, of: &Growing, bytes: usize, spans: u32) -> bool {
        of.bytes.len() + bytes > self.limits.bytes.as_usize()
            || of.spans as usize + spans as usize > self.limits.spans
    }

    /// Hands on what was put together so far.
    pub(super) fn flush(&self) {
        self.hand_on(&mut self.lock());
    }

    /// Hands on what has waited long enough, for ever.
    pub(super) async fn keep_time(&self) {
        loop {
            self.begun.notified().await;
            tokio::time::sleep(self.limits.delay).await;
            self.flush();
        }
    }

    fn hand_on(&self, growing: &mut Option<Growing>) {
        let Some(of) = growing.take() else {
            return;
        };
        let waiting = Waiting {
            parcel: Parcel {
                tenant: self.tenant.clone(),
                spans: of.spans,
                bytes: of.bytes.freeze(),
            },
            loss: Some(Loss::Stopped),
            _room: of.room,
        };
        // Nobody takes it any more: it is dropped, and counted.
        let _ = self.full.send(waiting);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Growing>> {
        self.growing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bootstrap::ByteSize;

    use super::*;

    fn gather(memory: usize) -> (Gather, mpsc::UnboundedReceiver<Waiting>) {
        let limits = BatchConfig {
            spans: 10,
            bytes: ByteSize(100),
            delay: Duration::from_millis(200),
        };
        Gather::new(Tenant::default(), limits, memory)
    }

    fn bytes(count: usize) -> Bytes {
        vec![7; count].into()
    }

    fn handed_on(waiting: &mut mpsc::UnboundedReceiver<Waiting>) -> Vec<(u32, usize)> {
        std::iter::from_fn(|| waiting.try_recv().ok())
            .map(|waiting| (waiting.parcel.spans, waiting.parcel.bytes.len()))
            .collect()
    }

    #[test]
    fn spans_are_handed_on_by_count_and_by_size() {
        let (gather, mut waiting) = gather(1000);
        for _ in 0..10 {
            gather.add(2, &bytes(5)).expect("there is room");
        }
        assert_eq!(handed_on(&mut waiting), [(10, 25), (10, 25)]);
        gather.add(1, &bytes(60)).expect("there is room");
        gather.add(1, &bytes(60)).expect("there is room");
        assert_eq!(handed_on(&mut waiting), [(1, 60)]);
        gather.add(1, &bytes(300)).expect("there is room");
        assert_eq!(handed_on(&mut waiting), [(1, 60), (1, 300)]);
    }

    #[test]
    fn what_waits_takes_room_until_it_is_dropped() {
        let (gather, mut waiting) = gather(150);
        gather.add(1, &bytes(100)).expect("there is room");
        assert!(gather.add(1, &bytes(60)).is_err());
        gather.add(1, &bytes(50)).expect("there is room");
        drop(waiting.try_recv().expect("it was handed on"));
        gather.add(1, &bytes(60)).expect("there is room again");
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_span_waits_no_longer_than_it_may() {
        let (gather, mut waiting) = gather(1000);
        let gather = Arc::new(gather);
        let timed = gather.clone();
        tokio::spawn(async move { timed.keep_time().await });
        let started = tokio::time::Instant::now();
        gather.add(1, &bytes(5)).expect("there is room");
        let parcel = waiting.recv().await.expect("it is handed on");
        assert_eq!(parcel.parcel.spans, 1);
        let waited = started.elapsed();
        assert!(
            (200..=210).contains(&waited.as_millis()),
            "{} ms",
            waited.as_millis()
        );
    }
}
