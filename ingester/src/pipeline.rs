//! The life of one assigned partition, from the claim to the release. What to do is decided by the
//! state machine in `partition.rs`; here it is done.

mod intake;
mod orders;
mod drain;

use std::{sync::Arc, time::Duration};

use storage::{Landmark, Owner, Source, TraceWriter, Written};
use tokio::task::JoinHandle;
use uuid::Uuid;

use self::intake::{Fetched, Intake};
pub use self::orders::{Order, OrderGiver, Orders, orders};
use crate::{
    Assigned, DeadLetters, FailureKind, Moment, OffsetGapPolicy, Released, Running, SpanLog,
    Stages, Verdict, WriteFailure, WriteRequest, commit, consume::landmark, metrics,
};

/// How often a partition that has nothing to do says how far it is behind.
const OBSERVE_EVERY: Duration = Duration::from_secs(1);

/// consume → decode → assemble → summarise → write → commit, for one partition, until it is
/// revoked, lost, or the process stops. What goes wrong on the way is waited for, never skipped.
///
/// Returns what was let go; nothing when the partition was lost.
pub async fn partition<L: SpanLog, W: TraceWriter, D: DeadLetters>(
    log: L,
    assigned: Assigned,
    stages: Arc<Stages<W, D>>,
    mut orders: Orders,
) -> Option<Released> {
    let mut shell = Shell::new(log, &assigned, stages);
    let released = shell.live(assigned, &mut orders).await;
    shell.forget();
    released
}

enum End {
    Fenced,
    Ordered(Order),
}

/// A write under way. Dropped, it goes on to its end with nobody listening: a store's connection
/// that is left in the middle of a transaction is worth nothing to the next one who takes it, and
/// who may write is the store's to decide anyway.
type Writing = JoinHandle<Result<Written, WriteFailure>>;

/// Does what the state machine of one partition says.
struct Shell<L, W, D> {
    source: Source,
    stages: Arc<Stages<W, D>>,
    intake: Intake<L>,
    writing: Option<Writing>,
    /// Where to begin anew once everything held is written: the log is not the one it was.
    rewind_to: Option<i64>,
    /// The last record that was read, by which the log is known again.
    landmark: Option<Landmark>,
    observed_at: Moment,
}

impl<L: SpanLog, W: TraceWriter, D: DeadLetters> Shell<L, W, D> {
    fn new(log: L, assigned: &Assigned, stages: Arc<Stages<W, D>>) -> Self {
        let seed = assigned.source().partition as u64;
        let (schemas, retry) = (stages.schemas.clone(), stages.settings.retry);
        Self {
            source: assigned.source().clone(),
            intake: Intake::new(log, schemas, stages.fetch, retry, seed),
            stages,
            writing: None,
            rewind_to: None,
            landmark: None,
            observed_at: Moment::ZERO,
        }
    }

    /// claim → run → drain; again from the claim when another owner has taken the partition over.
    async fn live(&mut self, mut assigned: Assigned, orders: &mut Orders) -> Option<Released> {
        loop {
            let mut running = self.claim(assigned, orders).await.ok()?;
            match self.run(&mut running, orders).await {
                End::Fenced => assigned = self.wait_to_claim(running, orders).await.ok()?,
                End::Ordered(order) => return self.drain(running, order, orders).await,
            }
        }
    }

    /// Claims the partition in the store, for as long as it takes.
    async fn claim(
        &mut self,
        mut assigned: Assigned,
        orders: &mut Orders,
    ) -> Result<Running, Order> {
        loop {
            let owner = Owner(Uuid::new_v4());
            let claim = self.stages.writer.claim(&self.source, owner);
            let error = match orders.unless_given(claim).await? {
                Ok(progress) => {
                    self.stages.conditions.clear(self.source.partition);
                    self.landmark = progress.landmark;
                    self.intake.go_on_at(progress.watermark, self.landmark);
                    return Ok(assigned.claimed(owner, progress));
                }
                Err(error) => error,
            };
            let kind = FailureKind::from(&error);
            let wait = assigned.claim_failed(kind);
            metrics::claim_failed(kind);
            self.warn(
                "claim",
                kind,
                assigned.failures(),
                &bootstrap::chain(&error).to_string(),
            );
            orders.unless_given(tokio::time::sleep(wait)).await?;
        }
    }

    /// consume → decode → assemble → summarise → write → commit
    async fn run(&mut self, running: &mut Running, orders: &mut Orders) -> End {
        loop {
            let next = running.next(self.stages.now());
            if let Some(request) = next.write {
                self.writing = Some(self.begin(request));
            }
            self.rewind(running);
            self.observe(running);
            let room = self.intake.room(next.consume);
            let wait = self.wait(next.wake_at);
            tokio::select! {
                biased;
                order = orders.next() => return End::Ordered(order),
                outcome = ended(&mut self.writing) => {
                    let verdict = running.written(outcome, self.stages.now());
                    if self.settle(&verdict) {
                        return End::Fenced;
                    }
                }
                fetched = self.intake.fetch(room.unwrap_or_default()), if room.is_some() => {
                    self.admit(running, fetched);
                }
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Begins a write beside everything else.
    fn begin(&self, mut request: WriteRequest) -> Writing {
        request.step.landmark = self.landmark;
        let stages = self.stages.clone();
        tokio::spawn(async move { stages.write(request).await })
    }

    /// decode → assemble
    fn admit(&mut self, running: &mut Running, fetched: Fetched) {
        let now = self.stages.now();
        match fetched {
            Fetched::Records(records) => {
                let last = records.last().map(landmark);
                // Records that waited for their schema come a second time.
                let newer =
                    |last: &Landmark| self.landmark.is_none_or(|at| at.offset < last.offset);
                self.landmark = last.filter(newer).or(self.landmark);
                let decoded = self.intake.decode(records, running);
                running.admit(decoded, now);
                if let Some(offset) = self.intake.handed_on() {
                    running.seen(offset);
                }
            }
            Fetched::Gap { wanted, low, high } => self.gap(running, wanted, low, high),
            Fetched::Another { low, high } => self.another(low, high),
            Fetched::Refused(reason) => {
                self.stages.conditions.report(self.source.partition, reason);
            }
        }
    }

    /// The records that come next are not there. Never passed over in silence.
    fn gap(&mut self, running: &mut Running, wanted: i64, low: i64, high: i64) {
        let first_read = running.is_untouched() && wanted < low;
        let policy = match self.stages.on_offset_gap {
            _ if first_read => OffsetGapPolicy::Skip,
            policy => policy,
        };
        metrics::offset_gap(
            policy.as_str(),
            (low - wanted).max(wanted - high).max(0) as u64,
        );
        let reason = format!("offset {wanted} is not in the log, which has {low} to {high}");
        tracing::error!(
            kafka.topic = self.source.topic,
            kafka.partition = self.source.partition,
            kafka.offset = wanted,
            policy = policy.as_str(),
            "Records are missing: {reason}"
        );
        match policy {
            OffsetGapPolicy::Fail => {
                self.intake.close();
                self.stages.conditions.report(self.source.partition, reason);
            }
            OffsetGapPolicy::Skip if wanted < low => {
                running.pass_to(low);
                self.intake.start_at(low);
            }
            OffsetGapPolicy::Skip => {
                self.intake.close();
                self.rewind_to = Some(low);
            }
        }
    }

    /// The log is another one under the same name: its records are new, whatever offsets are done.
    fn another(&mut self, low: i64, high: i64) {
        let policy = self.stages.on_offset_gap;
        metrics::log_replaced(policy.as_str());
        let read = self.landmark.map_or(-1, |landmark| landmark.offset);
        let reason = format!(
            "the record at offset {read} is not the one that was read: the log, which has {low} to \
             {high}, is another one"
        );
        tracing::error!(
            kafka.topic = self.source.topic,
            kafka.partition = self.source.partition,
            kafka.offset = read,
            policy = policy.as_str(),
            "The topic was made again, or has lost its end: {reason}"
        );
        self.intake.close();
        match policy {
            OffsetGapPolicy::Fail => {
                self.stages.conditions.report(self.source.partition, reason);
            }
            OffsetGapPolicy::Skip => self.rewind_to = Some(low),
        }
    }

    fn rewind(&mut self, running: &mut Running) {
        if let Some(low) = self.rewind_to.take_if(|_| running.is_idle()) {
            running.rewind(low);
            self.landmark = None;
            self.intake.start_at(low);
        }
    }

    /// commit: what has to follow a write. Whether the partition is fenced.
    fn settle(&self, verdict: &Verdict) -> bool {
        match verdict {
            Verdict::Committed(committed) => {
                commit::settle(&self.source, self.intake.log(), committed);
                if !self.intake.is_closed() {
                    self.stages.conditions.clear(self.source.partition);
                }
            }
            Verdict::Retried {
                kind,
                failures,
                reason,
            } => self.warn("write", *kind, *failures, reason),
            Verdict::Split { reason } => tracing::warn!(
                kafka.topic = self.source.topic,
                kafka.partition = self.source.partition,
                error = reason,
                "The store refuses a batch; looking for the record to blame"
            ),
            Verdict::Fenced => return true,
        }
        false
    }

    /// Another owner has written: whoever is right, the store decides again, a little later.
    async fn wait_to_claim(
        &mut self,
        running: Running,
        orders: &mut Orders,
    ) -> Result<Assigned, Order> {
        self.rewind_to = None;
        let (assigned, wait) = running.fenced();
        self.warn(
            "write",
            FailureKind::Fenced,
            assigned.failures(),
            "another owner has claimed it",
        );
        orders.unless_given(tokio::time::sleep(wait)).await?;
        Ok(assigned)
    }

    fn warn(&self, what: &'static str, kind: FailureKind, failures: u32, reason: &str) {
        let partition = self.source.partition;
        if kind == FailureKind::Operator || failures >= 3 {
            self.stages.conditions.report(partition, reason.to_owned());
        }
        if failures.is_power_of_two() {
            tracing::warn!(
                kafka.topic = self.source.topic,
                kafka.partition = partition,
                failure.kind = kind.as_str(),
                retry.failures = failures,
                error = reason,
                "A {what} failed; the partition waits and tries again"
            );
        }
    }

    fn observe(&mut self, running: &Running) {
        let now = self.stages.now();
        if now.saturating_sub(self.observed_at) >= OBSERVE_EVERY {
            self.observed_at = now;
            let (oldest, left) = (running.oldest_timestamp_ms(), running.records_left());
            let (board, in_log) = (&self.stages.lag, self.intake.log().lag());
            commit::observe_lag(&self.source, board, oldest, left, in_log);
            if self.source.is_live() {
                metrics::held(self.stages.budget.used());
            }
        }
    }

    /// Says nothing of the partition any more: it is somebody else's.
    fn forget(&self) {
        commit::observe_lag(&self.source, &self.stages.lag, None, 0, 0);
        self.stages.conditions.clear(self.source.partition);
    }

    /// How long to sleep if nothing happens.
    fn wait(&self, wake_at: Option<Moment>) -> Duration {
        let now = self.stages.now();
        let wait = wake_at.map_or(OBSERVE_EVERY, |at| at.saturating_sub(now));
        wait.min(OBSERVE_EVERY)
    }
}

/// The outcome of the write under way; never, without one. Cancel safe.
async fn ended(writing: &mut Option<Writing>) -> Result<Written, WriteFailure> {
    let Some(under_way) = writing else {
        return std::future::pending().await;
    };
    let outcome = under_way.await;
    *writing = None;
    outcome.unwrap_or_else(|error| {
        Err(WriteFailure {
            kind: FailureKind::Operator,
            dead_letters_acked: false,
            cause: Box::new(error),
        })
    })
}
