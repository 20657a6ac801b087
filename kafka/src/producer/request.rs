//! One request's records under way: a counter, the first failure, and who to wake at zero.

use std::future::poll_fn;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::Poll;

use futures_util::task::AtomicWaker;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

use super::ProduceError;
use crate::record::OutboundRecord;

/// The records of one request that are not acknowledged yet.
pub(super) struct Request {
    outstanding: AtomicUsize,
    failure: Mutex<Option<Failure>>,
    waker: AtomicWaker,
}

/// The first record of a request that failed, as the delivery report names it.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) topic: String,
    pub(super) key: Option<Vec<u8>>,
    pub(super) bytes: usize,
    pub(super) error: KafkaError,
}

impl Request {
    pub(super) fn new() -> Arc<Self> {
        let (failure, waker) = (Mutex::new(None), AtomicWaker::new());
        Arc::new(Self {
            outstanding: AtomicUsize::new(0),
            failure,
            waker,
        })
    }

    /// One record more is about to be handed over.
    pub(super) fn expect_one(&self) {
        self.outstanding.fetch_add(1, Ordering::Relaxed);
    }

    /// The record was not taken after all: no report will come.
    pub(super) fn expect_one_less(&self) {
        self.outstanding.fetch_sub(1, Ordering::AcqRel);
    }

    /// The report of one record has come.
    pub(super) fn report(&self, failure: impl FnOnce() -> Option<Failure>) {
        if let Some(failure) = failure() {
            let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
            first.get_or_insert(failure);
        }
        if self.outstanding.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.waker.wake();
        }
    }

    /// Waits until every record that was handed over has been reported.
    pub(super) async fn acknowledged(&self) -> Result<(), Failure> {
        poll_fn(|context| {
            self.waker.register(context.waker());
            match self.outstanding.load(Ordering::Acquire) {
                0 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        })
        .await;
        let mut first = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        first.take().map_or(Ok(()), Err)
    }
}

impl Failure {
    /// The failure in the terms of the request that it happened in.
    pub(super) fn into_error(self, records: &[OutboundRecord<'_>]) -> ProduceError {
        match self.error.rdkafka_error_code() {
            Some(Code::MessageSizeTooLarge | Code::InvalidMessageSize) => {
                let index = records
                    .iter()
                    .position(|record| self.is(record))
                    .unwrap_or(0);
                ProduceError::TooLarge {
                    index,
                    bytes: self.bytes,
                }
            }
            _ => ProduceError::from_client(&self.topic, self.error),
        }
    }

    fn is(&self, record: &OutboundRecord<'_>) -> bool {
        let key = self.key.as_deref().unwrap_or_default();
        self.topic == record.topic && key == record.key && self.bytes == record.payload.len()
    }
}
