//! consume: the log of one partition → records, as many as there is room for.

mod kafka_log;
mod recognise;

use std::{future::Future, time::Duration};

use kafka::Record;

pub use kafka_log::KafkaLog;
pub(crate) use recognise::{Recognised, landmark};

/// Why a log gives no records.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The records that come next are not there: cut by retention, deleted, or never written.
    #[error("offset {wanted} is not in the log, which has {low} to {high}")]
    OutOfRange {
        /// The offset that comes next.
        wanted: i64,
        /// The first one there is.
        low: i64,
        /// The one after the last.
        high: i64,
    },
    /// The partition is not ours any more. The group says so as well, in its own time.
    #[error("the partition is not assigned any more")]
    NotOwned,
    /// Worth trying again.
    #[error("the log is not available for now")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// Nothing will be read until an operator steps in: the topic is missing, or the rights.
    #[error("the log needs an operator")]
    Refused(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// The log of one assigned partition.
pub trait SpanLog: Send + 'static {
    /// Goes on at exactly this offset. Nothing is delivered before the first call. Resumes.
    fn start_at(&mut self, offset: i64) -> impl Future<Output = Result<(), LogError>> + Send;

    /// The next records: at most `max_records`, as soon as there are any; none when `max_wait`
    /// is over. MUST be cancel safe: a record is returned, or delivered by a later call.
    fn next(
        &mut self,
        max_records: usize,
        max_wait: Duration,
    ) -> impl Future<Output = Result<Vec<Record>, LogError>> + Send;

    /// Reads nothing ahead until resumed.
    fn pause(&mut self);

    /// Reads on where it was paused.
    ///
    /// # Errors
    /// If it is paused still; the call may be repeated.
    fn resume(&mut self) -> Result<(), LogError>;

    /// Tells the log how far the partition is done. For lag tools; nothing is read back.
    fn mirror(&self, watermark: i64);

    /// Where it begins, and the offset that the next record will get; none for a log that cannot be
    /// another one under the same name.
    fn ends(&self) -> impl Future<Output = Result<Option<(i64, i64)>, LogError>> + Send {
        async { Ok(None) }
    }

    /// Records that are not delivered yet.
    fn lag(&self) -> u64;
}

/// How much is fetched at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FetchLimits {
    /// Most records.
    pub max_records: usize,
    /// Size that a record may have.
    pub max_record_bytes: u64,
    /// Longest wait for the first.
    pub max_wait: Duration,
}

/// Takes records from a log without ever exceeding the room that there is for them.
#[derive(Debug)]
pub(crate) struct Consumer<L> {
    pub(crate) log: L,
    limits: FetchLimits,
    paused: bool,
    /// Records that were taken from the log and not handed on.
    fetched: Vec<Record>,
}

impl<L: SpanLog> Consumer<L> {
    pub(crate) fn new(log: L, limits: FetchLimits) -> Self {
        Self {
            log,
            limits,
            paused: false,
            fetched: Vec::new(),
        }
    }

    pub(crate) async fn start_at(&mut self, offset: i64) -> Result<(), LogError> {
        self.fetched.clear();
        self.paused = false;
        self.log.start_at(offset).await
    }

    /// Waits for one record, then takes what is there as far as there is certainly room for it.
    /// Cancel safe.
    pub(crate) async fn fetch(&mut self, room: u64) -> Result<Vec<Record>, LogError> {
        if self.fetched.is_empty() {
            self.fetched = self.log.next(1, self.limits.max_wait).await?;
        }
        let fitting = room / self.limits.max_record_bytes.max(1);
        let wanted = self
            .limits
            .max_records
            .min(usize::try_from(fitting).unwrap_or(usize::MAX));
        let more = wanted.saturating_sub(self.fetched.len());
        if !self.fetched.is_empty() && more > 0 {
            let rest = self.log.next(more, Duration::ZERO).await?;
            self.fetched.extend(rest);
        }
        Ok(std::mem::take(&mut self.fetched))
    }

    /// Pauses or resumes. What cannot be resumed stays paused; the call is repeated anyway.
    pub(crate) fn set_paused(&mut self, paused: bool) -> Result<(), LogError> {
        if paused == self.paused {
            return Ok(());
        }
        if paused {
            self.log.pause();
        } else {
            self.log.resume()?;
        }
        self.paused = paused;
        Ok(())
    }
}
