//! Consuming and decoding, with the waiting that both may need: for the log, for a schema.

use std::time::Duration;

use futures_util::future::BoxFuture;
use kafka::Record;
use schemas::SchemaId;
use storage::Landmark;
use tokio::time::{Instant, sleep_until};

use crate::{
    Backoff, Consume, Decoded, FetchLimits, KnownSchemas, LogError, RetryPolicy, Running,
    SchemaSourceError, SpanLog, Stalled,
    consume::{Consumer, Recognised},
    decode,
};

type Asking = BoxFuture<'static, Result<(), SchemaSourceError>>;

/// What came of asking for records.
#[derive(Debug)]
pub(super) enum Fetched {
    /// Records, or none for now.
    Records(Vec<Record>),
    /// The records that come next are not in the log.
    Gap { wanted: i64, low: i64, high: i64 },
    /// The log is another one than was read before.
    Another { low: i64, high: i64 },
    /// An operator is needed; it will be tried again.
    Refused(String),
}

/// The way in of one partition.
pub(super) struct Intake<L> {
    consumer: Consumer<L>,
    schemas: KnownSchemas,
    backoff: Backoff,
    /// What the log must have to be the one that it was, until that was looked for.
    landmark: Option<Landmark>,
    /// Where to begin, until that has worked.
    start_at: Option<i64>,
    /// Nothing is tried before then.
    wait_until: Option<Instant>,
    /// Records whose schema is being asked for.
    stalled: Option<Stalled>,
    asking: Option<Asking>,
    /// The last record that was looked at, be it passed over.
    last: Option<i64>,
    /// Nothing is consumed any more.
    closed: bool,
}

impl<L: SpanLog> Intake<L> {
    pub(super) fn new(
        log: L,
        schemas: KnownSchemas,
        limits: FetchLimits,
        retry: RetryPolicy,
        seed: u64,
    ) -> Self {
        Self {
            consumer: Consumer::new(log, limits),
            schemas,
            backoff: Backoff::new(retry, seed),
            landmark: None,
            start_at: None,
            wait_until: None,
            stalled: None,
            asking: None,
            last: None,
            closed: false,
        }
    }

    pub(super) fn log(&self) -> &L {
        &self.consumer.log
    }

    /// Forgets what was taken, to go on at `offset` if the log still has the landmark.
    pub(super) fn go_on_at(&mut self, offset: i64, landmark: Option<Landmark>) {
        self.start_at(offset);
        self.landmark = landmark;
    }

    /// Forgets what was taken, to begin at `offset`.
    pub(super) fn start_at(&mut self, offset: i64) {
        self.start_at = Some(offset);
        self.landmark = None;
        self.stalled = None;
        self.asking = None;
        self.last = None;
        self.closed = false;
    }

    /// Consumes nothing any more, until it is started anew.
    pub(super) fn close(&mut self) {
        self.closed = true;
        self.stalled = None;
        self.asking = None;
    }

    /// Whether nothing is consumed any more, for a reason that a commit does not remove.
    pub(super) fn is_closed(&self) -> bool {
        self.closed
    }

    /// How much to fetch; `None` for nothing. Pauses and resumes the log accordingly.
    pub(super) fn room(&mut self, consume: Consume) -> Option<u64> {
        if self.start_at.is_none() {
            let paused = self.consumer.set_paused(consume == Consume::Paused);
            if let Err(error) = paused {
                self.failed(&error);
            }
        }
        match consume {
            Consume::Room(room) => Some(room),
            Consume::Full | Consume::Paused => None,
        }
    }

    /// The next records. Cancel safe.
    pub(super) async fn fetch(&mut self, room: u64) -> Fetched {
        if self.closed {
            std::future::pending::<()>().await;
        }
        if let Some(until) = self.wait_until {
            sleep_until(until).await;
            self.wait_until = None;
        }
        if self.stalled.is_some() {
            return Fetched::Records(self.ask().await);
        }
        match self.read(room).await {
            Ok(fetched) => {
                self.backoff.succeeded();
                fetched
            }
            Err(LogError::OutOfRange { wanted, low, high }) => Fetched::Gap { wanted, low, high },
            Err(LogError::NotOwned) => {
                self.close();
                Fetched::Records(Vec::new())
            }
            Err(error) => {
                self.failed(&error);
                match error {
                    LogError::Refused(_) => Fetched::Refused(bootstrap::chain(&error).to_string()),
                    _ => Fetched::Records(Vec::new()),
                }
            }
        }
    }

    /// Decodes records that `running` wants, as far as their schemas are known.
    pub(super) fn decode(&mut self, records: Vec<Record>, running: &Running) -> Vec<Decoded> {
        self.last = records.last().map(|record| record.offset).max(self.last);
        let wanted = records
            .into_iter()
            .filter(|record| running.wants(record.offset));
        let given_up = |schema| self.schemas.given_up(schema);
        let (decoded, stalled) = decode::decode(&self.schemas.read(), given_up, wanted.collect());
        if let Some(stalled) = stalled {
            self.asking = Some(asking(&self.schemas, stalled.schema));
            self.stalled = Some(stalled);
        }
        decoded
    }

    /// The last record that was looked at; none while some before it wait for their schema.
    pub(super) fn handed_on(&self) -> Option<i64> {
        self.last.filter(|_| self.stalled.is_none())
    }

    async fn read(&mut self, room: u64) -> Result<Fetched, LogError> {
        if let Some(landmark) = &self.landmark {
            match self.consumer.recognise(landmark).await? {
                Recognised::Same => self.landmark = None,
                Recognised::Another { low, high } => return Ok(Fetched::Another { low, high }),
                Recognised::NotYet => return Ok(Fetched::Records(Vec::new())),
            }
        }
        if let Some(offset) = self.start_at {
            self.consumer.start_at(offset).await?;
            self.start_at = None;
        }
        Ok(Fetched::Records(self.consumer.fetch(room).await?))
    }

    /// Waits for the schema that is being asked for; the records that need it, once there is an
    /// answer. The question outlives a cancelled call.
    async fn ask(&mut self) -> Vec<Record> {
        let answer = match &mut self.asking {
            Some(asking) => asking.await,
            None => Ok(()),
        };
        self.asking = None;
        match answer {
            Ok(()) => self
                .stalled
                .take()
                .map_or_else(Vec::new, |stalled| stalled.rest),
            Err(error) => {
                self.failed(&error);
                self.asking = Some(asking(&self.schemas, error.schema));
                Vec::new()
            }
        }
    }

    fn failed(&mut self, error: &(dyn std::error::Error + 'static)) {
        let wait: Duration = self.backoff.failed();
        if self.backoff.failures().is_power_of_two() {
            tracing::warn!(
                error = %bootstrap::chain(error),
                retry.failures = self.backoff.failures(),
                retry.wait_ms = wait.as_millis() as u64,
                "Cannot consume for now; the partition waits"
            );
        }
        self.wait_until = Some(Instant::now() + wait);
    }
}

fn asking(schemas: &KnownSchemas, schema: SchemaId) -> Asking {
    let schemas = schemas.clone();
    Box::pin(async move { schemas.ask(schema).await.map(drop) })
}
