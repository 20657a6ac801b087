//! Takes partitions of running jobs and works on them, as many at a time as it may.

use std::{sync::Arc, time::Duration};

use bootstrap::{Heartbeat, Stop, chain};
use kafka::{KafkaConfig, RangeReader};
use storage::{
    PostgresStore, ReplayError, ReplayLease, ReplayRenewal, ReplayState, Source, Stores,
    TraceWriter, replay_consumer,
};
use tokio::{
    sync::watch,
    task::JoinSet,
    time::{Instant, interval, sleep, timeout},
};
use uuid::Uuid;

use super::{Ended, Gate, GateKeeper, LiveLag, RangeLog, Wanted};
use crate::{
    Assigned, KafkaDeadLetters, OrderGiver, PartitionSettings, Released, ReplayConfig, Stages,
    metrics, orders, partition,
};

/// How often the worker looks for work.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// How long a look for work may take: a store that is frozen answers nothing at all.
const LOOK_WITHIN: Duration = Duration::from_secs(10);
/// How often a lease is renewed while it lasts.
const RENEWALS: u32 = 5;
/// How long a partition may take to write what it holds.
const GRACE: Duration = Duration::from_secs(20);

/// What the worker works with.
pub(crate) struct Replays<W> {
    pub(crate) jobs: Stores<PostgresStore>,
    pub(crate) kafka: KafkaConfig,
    pub(crate) stages: Stores<Stages<W, KafkaDeadLetters>>,
    pub(crate) config: ReplayConfig,
    pub(crate) lag: LiveLag,
    pub(crate) keeper: GateKeeper,
    pub(crate) gate: Gate,
    pub(crate) heartbeat: Heartbeat,
}

/// Works until told to stop; then writes what is held, within the time that `stop` leaves.
pub(crate) async fn worker<W: TraceWriter>(replays: Arc<Replays<W>>, stop: Stop) {
    let member = Uuid::new_v4();
    let mut tasks = JoinSet::new();
    while !stop.is_stopped() {
        replays.heartbeat.beat();
        let looked = timeout(LOOK_WITHIN, replays.look(member, &mut tasks, &stop)).await;
        match looked {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::debug!(error = %chain(&error), "Cannot look for replays now");
            }
            Err(_) => tracing::debug!("The store does not say whether there are replays"),
        }
        tokio::select! {
            () = stop.stopped() => break,
            Some(_) = tasks.join_next() => {}
            () = sleep(BEAT_EVERY) => {}
        }
    }
    loop {
        replays.heartbeat.beat();
        tokio::select! {
            ended = tasks.join_next() => if ended.is_none() {
                return;
            },
            () = stop.overdue() => return,
            () = sleep(BEAT_EVERY) => {}
        }
    }
}

impl<W: TraceWriter> Replays<W> {
    /// Gives way if need be, and takes what there is to do.
    async fn look(
        self: &Arc<Self>,
        member: Uuid,
        tasks: &mut JoinSet<()>,
        stop: &Stop,
    ) -> Result<(), ReplayError> {
        let longest = self.jobs.share_live_lag(member, self.lag.longest()).await?;
        let limit = self.config.give_way_at;
        let shut = self.keeper.heed(longest, limit);
        metrics::replays_give_way(shut);
        let reason = format!(
            "live traffic is more than {} s behind",
            limit.as_secs_f64() / 2.0
        );
        let home = self.jobs.home();
        home.replays_wait(shut.then_some(reason.as_str())).await?;
        while tasks.len() < self.config.concurrency.max(1) {
            let Some(lease) = home.lease_replay(self.config.lease).await? else {
                break;
            };
            let (replays, stop) = (self.clone(), stop.clone());
            tasks.spawn(async move { replays.work_on(lease, stop).await });
        }
        Ok(())
    }

    /// consume → decode → assemble → summarise → write → commit, for one partition of a job.
    async fn work_on(&self, lease: ReplayLease, stop: Stop) {
        tracing::info!(
            replay.job = lease.job,
            kafka.partition = lease.stretch.partition,
            "Works on a partition of replay {}",
            lease.job
        );
        let finished = match RangeReader::new(&self.kafka) {
            Ok(reader) => self.read(&lease, reader, stop).await,
            Err(error) => {
                tracing::warn!(replay.job = lease.job, error = %chain(&error), "Cannot read for a replay");
                false
            }
        };
        match self.jobs.home().end_lease(&lease, finished).await {
            Ok(true) => tracing::info!(replay.job = lease.job, "Replay {} is done", lease.job),
            Ok(false) => {}
            // It ends by itself, and whoever takes it finds how far it was.
            Err(error) => tracing::debug!(error = %chain(&error), "Cannot give a lease back"),
        }
        if let Ok(job) = self.jobs.replay(lease.job).await {
            metrics::replay_progress(job.id, job.ratio(), None);
        }
    }

    /// Whether everything of the partition is committed.
    async fn read(&self, lease: &ReplayLease, reader: RangeReader, stop: Stop) -> bool {
        let stages = self.stages.of_partition(lease.stretch.partition);
        let (rate, spans_per_second) = watch::channel(None);
        let log = RangeLog::new(
            reader,
            lease,
            Wanted::new(lease.spec.clone()),
            stages.schemas.clone(),
            self.gate.clone(),
            spans_per_second,
        );
        let end = log.end();
        let source = Source {
            consumer: replay_consumer(lease.job),
            topic: lease.spec.topic.clone(),
            partition: lease.stretch.partition,
        };
        let (own, own_stop) = Stop::with_grace(GRACE);
        let (giver, orders) = orders(own_stop);
        let seed = bootstrap::clock::now() ^ (lease.stretch.partition as u64) << 32;
        // At the end of the log every trace is whole: what is held then is written.
        let settings = PartitionSettings {
            leave_undecided: false,
            ..stages.settings
        };
        let state = Assigned::new(source, settings, &stages.budget, seed);
        let life = partition(log, state, stages.clone(), orders);
        let watch = self.keep(lease, &rate, &giver);
        tokio::pin!(life, watch);
        let mut told = false;
        let released = loop {
            tokio::select! {
                released = &mut life => break released,
                _ = end.ended(), if !told => {
                    told = true;
                    own.stop();
                }
                () = stop.stopped(), if !told => {
                    told = true;
                    match stages.settings.leave_undecided {
                        true => giver.revoke(),
                        false => own.stop(),
                    }
                }
                () = &mut watch => {}
            }
        };
        match end.is() {
            Some(Ended::Gone { reason }) => {
                self.fail(lease.job, &reason).await;
                false
            }
            Some(Ended::Read { last }) => released.is_some_and(|at| is_all_done(&at, last)),
            None => false,
        }
    }

    async fn fail(&self, job: i64, reason: &str) {
        tracing::error!(replay.job = job, "Replay {job} failed: {reason}");
        let failed = self.jobs.home().fail_replay(job, reason).await;
        failed.unwrap_or_else(|error| tracing::warn!(error = %chain(&error), "Cannot say so"));
    }

    /// Renews a lease and tells the partition what the job allows, until it is to end. Then, never
    /// returns: the partition's life does.
    async fn keep(
        &self,
        lease: &ReplayLease,
        rate: &watch::Sender<Option<f64>>,
        giver: &OrderGiver,
    ) {
        let mut pace = Pace::default();
        let mut beat = interval(self.config.lease / RENEWALS);
        loop {
            beat.tick().await;
            match self
                .jobs
                .home()
                .renew_replay(lease, self.config.lease)
                .await
            {
                Ok(ReplayRenewal::Granted { working }) => {
                    let all = lease.spec.spans_per_second;
                    let share = all.map(|all| all as f64 / f64::from(working));
                    rate.send_replace(share);
                }
                Ok(ReplayRenewal::Ended) => {
                    giver.revoke();
                    std::future::pending::<()>().await;
                }
                Err(error) => tracing::debug!(error = %chain(&error), "Cannot renew a lease now"),
            }
            if let Ok(job) = self.jobs.replay(lease.job).await
                && job.state == ReplayState::Running
            {
                let left = pace.left(job.ratio(), Instant::now());
                metrics::replay_progress(job.id, job.ratio(), left);
            }
        }
    }
}

/// A partition is done when its log has ended and everything that came of it is committed.
fn is_all_done(released: &Released, last: Option<i64>) -> bool {
    released.records_left == 0 && last.is_none_or(|last| released.watermark > last)
}

/// How fast a job gets on, seen from when it was first looked at.
#[derive(Debug, Default)]
struct Pace(Option<(f64, Instant)>);

impl Pace {
    /// How long the rest will take at this pace; `None` while there is none.
    fn left(&mut self, ratio: f64, now: Instant) -> Option<Duration> {
        let (first, since) = *self.0.get_or_insert((ratio, now));
        let gained = ratio - first;
        let took = now.saturating_duration_since(since).as_secs_f64();
        (gained > 0.0 && took > 0.0)
            .then(|| Duration::try_from_secs_f64((1.0 - ratio) * took / gained).ok())
            .flatten()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_partition_is_done_once_its_last_record_is_committed() {
        let released = |watermark, records_left| Released {
            source: Source {
                consumer: "replay-1".to_owned(),
                topic: "t".to_owned(),
                partition: 0,
            },
            watermark,
            records_left,
        };
        assert!(is_all_done(&released(11, 0), Some(10)));
        assert!(is_all_done(&released(0, 0), None));
        assert!(
            !is_all_done(&released(10, 0), Some(10)),
            "it was never taken in"
        );
        assert!(!is_all_done(&released(8, 3), Some(10)));
    }

    #[tokio::test(start_paused = true)]
    async fn the_rest_takes_as_long_as_the_part_before() {
        let mut pace = Pace::default();
        assert_eq!(pace.left(0.2, Instant::now()), None);
        sleep(Duration::from_secs(10)).await;
        assert_eq!(
            pace.left(0.6, Instant::now())
                .map(|left| left.as_secs_f64().round()),
            Some(10.0)
        );
    }
}
