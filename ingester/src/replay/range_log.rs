//! A stretch of a partition as a log that ends.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kafka::{RangeReader, Record, RecordRange, TopicPartition};
use storage::{ReplayLease, ReplayStretch};
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep},
};

use super::{Gate, TokenBucket, Wanted};
use crate::{KnownSchemas, LogError, SpanLog, metrics};

/// How a stretch came to its end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// Everything was handed on; the offset of the last record that was.
    Read {
        /// `None`: no record of the stretch was wanted.
        last: Option<i64>,
    },
    /// The log has lost records of the stretch.
    Gone {
        /// Why, in words.
        reason: String,
    },
}

/// Says when the log has ended.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    ended: Arc<Mutex<Option<Ended>>>,
    said: Arc<Notify>,
}

impl End {
    fn say(&self, ended: Ended) {
        *self.ended.lock().unwrap_or_else(PoisonError::into_inner) = Some(ended);
        self.said.notify_one();
    }

    /// How it has ended, if it has.
    pub(super) fn is(&self) -> Option<Ended> {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.clone()
    }

    /// Waits for the end. Cancel safe.
    pub(super) async fn ended(&self) -> Ended {
        loop {
            let said = self.said.notified();
            if let Some(ended) = self.is() {
                return ended;
            }
            said.await;
        }
    }
}

/// The records of a stretch that are wanted, as fast as they may come.
pub struct RangeLog {
    reader: RangeReader,
    at: TopicPartition,
    stretch: ReplayStretch,
    wanted: Wanted,
    schemas: KnownSchemas,
    gate: Gate,
    /// Spans per second.
    rate: watch::Receiver<Option<f64>>,
    bucket: TokenBucket,
    started: Instant,
    range: Option<RecordRange>,
    last: Option<i64>,
    end: End,
}

impl RangeLog {
    /// A stretch of a partition; not read yet. Each needs a reader of its own.
    pub(super) fn new(
        reader: RangeReader,
        lease: &ReplayLease,
        wanted: Wanted,
        schemas: KnownSchemas,
        gate: Gate,
        rate: watch::Receiver<Option<f64>>,
    ) -> Self {
        let stretch = lease.stretch;
        Self {
            reader,
            at: TopicPartition::new(lease.spec.topic.as_str(), stretch.partition),
            stretch,
            wanted,
            schemas,
            bucket: TokenBucket::new(None, Duration::ZERO),
            gate,
            rate,
            started: Instant::now(),
            range: None,
            last: None,
            end: End::default(),
        }
    }

    /// What says when it has ended.
    pub(super) fn end(&self) -> End {
        self.end.clone()
    }

    /// Records that are missing are no end that waiting would change: the job is told, and the
    /// partition gets nothing more.
    fn gone(&self, error: LogError) -> Result<(), LogError> {
        match error {
            LogError::OutOfRange { .. } => {
                self.end.say(Ended::Gone {
                    reason: format!("{}/{}: {error}", self.at.topic, self.at.partition),
                });
                Ok(())
            }
            other => Err(other),
        }
    }

    /// Waits for the gate and for the rate. Whether records may come now.
    async fn may_read(&mut self, max_wait: Duration) -> bool {
        if !self.gate.opened(max_wait).await {
            return false;
        }
        let now = self.started.elapsed();
        self.bucket.set_rate(*self.rate.borrow(), now);
        let wait = self.bucket.wait(now);
        if wait > max_wait {
            sleep(max_wait).await;
            return false;
        }
        sleep(wait).await;
        true
    }

    /// Keeps what is wanted, and takes it from the rate.
    fn sift(&mut self, mut records: Vec<Record>) -> Vec<Record> {
        let bytes: usize = records
            .iter()
            .map(|r| r.payload.as_ref().map_or(0, |p| p.len()))
            .sum();
        metrics::replay_read(bytes as u64);
        records.retain(|record| self.wanted.by_headers(record));
        if self.wanted.looks_inside() {
            let schemas = self.schemas.read();
            let mut spans = 0;
            records.retain(|record| {
                let found = self.wanted.by_content(record, &schemas);
                spans += found.unwrap_or(0);
                found.is_some()
            });
            self.bucket.take(spans, self.started.elapsed());
        }
        if let Some(last) = records.last() {
            self.last = self.last.max(Some(last.offset));
        }
        records
    }
}

impl SpanLog for RangeLog {
    async fn start_at(&mut self, offset: i64) -> Result<(), LogError> {
        self.range = None;
        self.last = None;
        if offset >= self.stretch.end {
            return Ok(());
        }
        match self.reader.range(&self.at, offset, self.stretch.end).await {
            Ok(range) => self.range = Some(range),
            Err(error) => self.gone(error.into())?,
        }
        Ok(())
    }

    async fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        if self.end.is().is_some() {
            sleep(max_wait).await;
            return Ok(Vec::new());
        }
        // What has been let through is let through whole.
        if !max_wait.is_zero() && !self.may_read(max_wait).await {
            return Ok(Vec::new());
        }
        // A quarter of a second's worth of spans: how many a record has is known only afterwards.
        let rate = *self.rate.borrow();
        let most = rate.map_or(max_records, |rate| max_records.min((rate / 4.0) as usize));
        let read = match &mut self.range {
            None => Ok(None),
            Some(range) => range.next(most.max(1), max_wait).await,
        };
        match read {
            Ok(Some(records)) => Ok(self.sift(records)),
            Ok(None) => {
                self.end.say(Ended::Read { last: self.last });
                Ok(Vec::new())
            }
            Err(error) => {
                self.gone(error.into())?;
                Ok(Vec::new())
            }
        }
    }

    fn pause(&mut self) {}

    fn resume(&mut self) -> Result<(), LogError> {
        Ok(())
    }

    fn mirror(&self, _watermark: i64) {}

    fn lag(&self) -> u64 {
        let position = self
            .range
            .as_ref()
            .map_or(self.stretch.end, RecordRange::position);
        (self.stretch.end - position).max(0) as u64
    }
}

/// Another log, behind a gate: nothing is read while it is shut.
pub(crate) struct GatedLog<L> {
    log: L,
    gate: Gate,
}

impl<L: SpanLog> GatedLog<L> {
    pub(crate) fn new(log: L, gate: Gate) -> Self {
        Self { log, gate }
    }
}

impl<L: SpanLog> SpanLog for GatedLog<L> {
    async fn start_at(&mut self, offset: i64) -> Result<(), LogError> {
        self.log.start_at(offset).await
    }

    async fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> Result<Vec<Record>, LogError> {
        if !self.gate.opened(max_wait).await {
            return Ok(Vec::new());
        }
        self.log.next(max_records, max_wait).await
    }

    fn pause(&mut self) {
        self.log.pause();
    }

    fn resume(&mut self) -> Result<(), LogError> {
        self.log.resume()
    }

    fn mirror(&self, watermark: i64) {
        self.log.mirror(watermark);
    }

    fn ends(&self) -> impl Future<Output = Result<Option<(i64, i64)>, LogError>> + Send {
        self.log.ends()
    }

    fn lag(&self) -> u64 {
        self.log.lag()
    }
}
