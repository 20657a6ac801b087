//! What the stages of every partition share: the store, the dead letters, the schemas, the bounds.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use bootstrap::ReadinessFlag;
use storage::{Stores, TraceWriter, Written};
use tokio::time::Instant;

use crate::{
    DeadLetters, FailureKind, FetchLimits, IngesterConfig, KnownSchemas, LiveLag, MemoryBudget,
    Moment, OffsetGapPolicy, PartitionSettings, TailSampler, WriteFailure, WriteRequest, metrics,
    write,
    write::{GATHER, Outcome, SpareBatches, Waiting, WriteQueue, abandoned, shared_failure},
};

/// Shared by the partitions of a process whose spans lie in the same store.
#[derive(Debug)]
pub struct Stages<W, D> {
    /// The store.
    pub writer: Arc<W>,
    /// Where records go that can never be stored.
    pub dead_letters: D,
    /// How records are decoded.
    pub schemas: KnownSchemas,
    /// What decides which traces are kept; none where all are.
    pub sampler: Option<Arc<TailSampler>>,
    /// Bytes that all partitions may hold together.
    pub budget: MemoryBudget,
    /// What the state machines go by.
    pub settings: PartitionSettings,
    /// How much is fetched at once.
    pub fetch: FetchLimits,
    /// What to do when records are missing from the log.
    pub on_offset_gap: OffsetGapPolicy,
    /// Why the process is not ready, if it is not.
    pub conditions: Conditions,
    /// How far the partitions are behind, for what gives way to them.
    pub lag: LiveLag,
    writes: WriteQueue,
    spare: SpareBatches,
    started: Instant,
}

impl<W: TraceWriter, D: DeadLetters> Stages<W, D> {
    /// The stages of a process.
    ///
    /// # Panics
    /// If the policies of tail sampling contradict each other: checked with the configuration.
    pub fn new(
        config: &IngesterConfig,
        schemas: KnownSchemas,
        dead_letters: D,
        writer: Arc<W>,
        conditions: Conditions,
    ) -> Self {
        Self {
            writer,
            dead_letters,
            schemas,
            sampler: TailSampler::new(&config.tail_sampling)
                .expect("the policies were checked with the configuration")
                .map(Arc::new),
            budget: MemoryBudget::new(config.assemble.memory.0),
            settings: config.partition(),
            fetch: config.fetch_limits(),
            on_offset_gap: config.consume.on_offset_gap,
            conditions,
            lag: LiveLag::default(),
            writes: WriteQueue::new(config.write.concurrency, config.write.batch_spans),
            spare: SpareBatches::default(),
            started: Instant::now(),
        }
    }

    /// The stages of a process before several stores. They share what they may hold in memory and how
    /// policies count; writes wait in a line for each store, so that no transaction has partitions
    /// of two of them, and none waits for a store that is away.
    ///
    /// # Panics
    /// As [`Self::new`].
    pub fn of_stores(
        config: &IngesterConfig,
        schemas: &KnownSchemas,
        dead_letters: &D,
        writers: &Stores<W>,
        conditions: &Conditions,
    ) -> Stores<Self>
    where
        D: Clone,
    {
        let new = |writer: &Arc<W>| {
            let (schemas, letters) = (schemas.clone(), dead_letters.clone());
            Self::new(config, schemas, letters, writer.clone(), conditions.clone())
        };
        let home = new(writers.home());
        writers.map(|writer| Self {
            sampler: home.sampler.clone(),
            budget: home.budget.clone(),
            lag: home.lag.clone(),
            started: home.started,
            ..new(writer)
        })
    }

    /// Now, as the state machines count time.
    pub fn now(&self) -> Moment {
        self.started.elapsed()
    }

    /// Does one write, when it is its turn; or others have done it with theirs.
    pub(crate) async fn write(&self, request: WriteRequest) -> Result<Written, WriteFailure> {
        let mut ticket = self.writes.enter(request);
        tokio::select! {
            biased;
            outcome = &mut ticket.answer => return outcome.unwrap_or_else(|_| Err(abandoned())),
            _turn = self.writes.turn() => {
                tokio::time::sleep(GATHER).await;
                while self.writes.holds(&ticket) {
                    self.write_next().await;
                }
            }
        }
        ticket.answer.await.unwrap_or_else(|_| Err(abandoned()))
    }

    /// Does the writes that are next: in one transaction, or each in its own if one of them is to
    /// blame for its failure.
    async fn write_next(&self) {
        let mut waiting = self.writes.next();
        if waiting.len() > 1 {
            match self.write_together(&waiting).await {
                Ok(written) => {
                    // The sums are told once, to the first.
                    let mut written = Some(written);
                    let each = waiting.drain(..);
                    each.for_each(|one| one.tell(Ok(written.take().unwrap_or_default())));
                }
                Err(failure) if failure.kind == FailureKind::Transient => {
                    let failure = shared_failure(failure);
                    waiting.drain(..).for_each(|one| one.tell(Err(failure())));
                }
                Err(_) => {}
            }
        }
        for one in waiting {
            let outcome = self.write_alone(&one).await;
            one.tell(outcome);
        }
    }

    async fn write_together(&self, waiting: &[Waiting]) -> Outcome {
        let started = Instant::now();
        let requests: Vec<&WriteRequest> = waiting.iter().map(|one| &one.request).collect();
        let (schemas, sampler, spare) = (&self.schemas, self.sampler.as_deref(), &self.spare);
        let outcome =
            write::write_together(&requests, schemas, sampler, spare, &*self.writer).await;
        let spans = waiting.iter().map(Waiting::spans).sum();
        let failed = outcome.as_ref().err().map(|failure| failure.kind);
        metrics::wrote(started.elapsed(), spans, failed);
        outcome
    }

    async fn write_alone(&self, one: &Waiting) -> Outcome {
        let started = Instant::now();
        let (letters, sampler) = (&self.dead_letters, self.sampler.as_deref());
        let (schemas, spare, writer) = (&self.schemas, &self.spare, &*self.writer);
        let written = write::write(&one.request, schemas, sampler, letters, spare, writer);
        let outcome = written.await;
        let failed = outcome.as_ref().err().map(|failure| failure.kind);
        metrics::wrote(started.elapsed(), one.spans(), failed);
        outcome
    }
}

/// Why the process is not ready: a reason per partition that needs somebody. Clones share them.
#[derive(Debug, Clone)]
pub struct Conditions {
    state: Arc<Mutex<State>>,
    flag: ReadinessFlag,
}

#[derive(Debug, Default)]
struct State {
    joined: bool,
    draining: bool,
    reasons: BTreeMap<i32, String>,
}

impl Conditions {
    /// Reported through `flag`; not ready before the group is joined.
    pub fn new(flag: ReadinessFlag) -> Self {
        let conditions = Self {
            state: Arc::default(),
            flag,
        };
        conditions.update(|_| ());
        conditions
    }

    /// The group has said which partitions are ours, be it none.
    pub fn joined(&self) {
        self.update(|state| state.joined = true);
    }

    /// The process stops.
    pub fn draining(&self) {
        self.update(|state| state.draining = true);
    }

    /// A partition does not, for this reason.
    pub fn report(&self, partition: i32, reason: String) {
        self.update(|state| {
            state.reasons.insert(partition, reason);
        });
    }

    /// A partition does its work again, or is ours no longer.
    pub fn clear(&self, partition: i32) {
        self.update(|state| {
            state.reasons.remove(&partition);
        });
    }

    fn update(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        match state.reasons.first_key_value() {
            _ if state.draining => self.flag.not_ready("draining"),
            _ if !state.joined => self.flag.not_ready("the consumer group is not joined yet"),
            None => self.flag.ready(),
            Some((partition, reason)) => self.flag.not_ready(format!(
                "{} partitions wait; partition {partition}: {reason}",
                state.reasons.len()
            )),
        }
    }
}
