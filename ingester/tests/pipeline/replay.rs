//! What is read once more, with a real Kafka and a real Postgres.

use std::time::Duration;

use bootstrap::clock::now;
use ingester::{Comparison, Plan, PlanError, inspect, plan};
use kafka::{Admin, RangeReader, TopicPartition};
use model::{NANOS_PER_DAY, TimeRange};
use storage::{PostgresStore, ReplayCommand, ReplayJob, ReplaySpec, ReplayState, Stores};
use tokio::sync::Mutex;
use uuid::Uuid;

use crate::{
    cluster::{Cluster, Member, PARTITIONS, kafka, on_topics},
    sent::{Sent, store, until},
    stage::schemas,
};

const MARGIN: Duration = Duration::from_secs(60);

impl Cluster<PostgresStore> {
    pub fn replayer(&self) -> Member {
        let stores = Stores::one(self.store.clone());
        self.member_as(|ingester| ingester.with_replays(stores, &bootstrap::Liveness::new()))
    }

    pub fn spec(&self) -> ReplaySpec {
        let sent_at = now();
        ReplaySpec {
            topic: self.config.consume.topic.clone(),
            received: TimeRange {
                start: sent_at - NANOS_PER_DAY,
                end: sent_at + NANOS_PER_DAY,
            },
            tenant: None,
            service: None,
            spans_per_second: None,
        }
    }

    async fn planned(&self, spec: &ReplaySpec) -> Result<Plan, PlanError> {
        let reader = RangeReader::new(&kafka()).unwrap();
        plan(&reader, &spec.topic, spec.received, MARGIN, false).await
    }

    pub async fn start(&self, spec: &ReplaySpec) -> i64 {
        let planned = self.planned(spec).await.unwrap();
        let created = self.store.create_replay(spec, &planned.stretches).await;
        created.unwrap()
    }

    async fn job(&self, id: i64) -> ReplayJob {
        self.store.replay(id).await.unwrap()
    }

    pub async fn until_done(&self, id: i64) -> ReplayJob {
        until("the replay is done", async || {
            self.job(id).await.state == ReplayState::Done
        })
        .await;
        self.job(id).await
    }

    /// Compares what the log and the store hold of these traces' tenant.
    async fn compared(&self, sent: &Sent) -> Comparison {
        let spec = &ReplaySpec {
            tenant: Some(sent.tenant.clone()),
            ..self.spec()
        };
        let planned = self.planned(spec).await.unwrap();
        let reader = RangeReader::new(&kafka()).unwrap();
        let known = schemas(None);
        let compared = inspect(
            &reader,
            &Stores::one(self.store.clone()),
            &known,
            spec,
            &planned,
            3,
        )
        .await;
        compared.unwrap()
    }

    /// Stores new spans as the live path does.
    async fn ingest(&self, sent: &Sent) {
        let member = self.member();
        self.publish(sent, now()).await;
        until("everything is stored", async || {
            sent.whole(&self.store).await == sent.ids.len()
        })
        .await;
        member.stop().await;
    }
}

/// Some day long before retention that no other test uses.
fn old_day() -> u64 {
    let days = 60 + Uuid::new_v4().as_u128() as u64 % 8_000;
    now() - days * NANOS_PER_DAY
}

/// Retention of one test must not take the days of another one before they are stored.
static RETENTION: Mutex<()> = Mutex::const_new(());

impl Cluster<PostgresStore> {
    /// Stores traces of old days, each received at its moment; then retention takes them.
    async fn store_and_drop(&self, all: &[(&Sent, u64)]) {
        let _alone = RETENTION.lock().await;
        let whole = async || {
            let mut whole = 0;
            for (sent, _) in all {
                whole += sent.whole(&self.store).await;
            }
            whole
        };
        let member = self.member();
        for (sent, received) in all {
            self.publish(sent, *received).await;
        }
        let sum: usize = all.iter().map(|(sent, _)| sent.ids.len()).sum();
        until("everything is stored", async || whole().await == sum).await;
        member.stop().await;
        tokio::select! {
            () = self.store.maintain(now) => {}
            () = until("retention has dropped the days", async || whole().await == 0) => {}
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_replay_over_what_is_stored_changes_nothing_and_counts_duplicates() {
    on_topics("replay-intact", store().await, |cluster| async move {
        let sent = Sent::new(100, now());
        cluster.ingest(&sent).await;
        let spec = cluster.spec();
        assert!(cluster.compared(&sent).await.is_equal());
        let id = cluster.start(&spec).await;
        let replayer = cluster.replayer();
        let job = cluster.until_done(id).await;
        replayer.stop().await;
        let counts = job.counts();
        assert_eq!(
            (counts.spans_stored, counts.spans_duplicate),
            (0, sent.spans())
        );
        assert_eq!(counts.records, 100);
        assert_eq!(sent.whole(&cluster.store).await, 100);
        assert!(cluster.compared(&sent).await.is_equal());
    })
    .await;
}

/// Kills in the long form, and in the short one.
fn kills() -> usize {
    match std::env::var_os("SPOOR_LONG") {
        Some(_) => 50,
        None => 3,
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_day_is_put_back_once_though_ingesters_die_on_the_way() {
    on_topics("replay-dropped", store().await, |cluster| async move {
        let sent = Sent::new(60 * kills(), old_day());
        cluster.store_and_drop(&[(&sent, now())]).await;
        let mut spec = cluster.spec();
        let before = cluster.compared(&sent).await;
        assert_eq!(
            (before.missing.spans, before.extra.spans),
            (sent.spans(), 0)
        );
        assert_eq!(before.missing.examples.len(), 3);

        // So slow that each of the dying ingesters has work left.
        spec.spans_per_second = Some(100);
        let id = cluster.start(&spec).await;
        for _ in 0..kills() {
            let replayer = cluster.replayer();
            let done = cluster.job(id).await.counts().records;
            until("it works", async || {
                cluster.job(id).await.counts().records > done
            })
            .await;
            replayer.task.abort();
        }
        let replayer = cluster.replayer();
        let job = cluster.until_done(id).await;
        replayer.stop().await;
        assert_eq!(job.counts().spans_stored, sent.spans());
        assert_eq!(sent.whole(&cluster.store).await, sent.ids.len());
        assert!(cluster.compared(&sent).await.is_equal());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn retention_leaves_a_day_alone_that_a_replay_has_written_to() {
    on_topics("replay-held", store().await, |cluster| async move {
        let sent = Sent::new(4, old_day());
        cluster.store_and_drop(&[(&sent, now())]).await;
        let replayer = cluster.replayer();
        let id = cluster.start(&cluster.spec()).await;
        cluster.until_done(id).await;
        replayer.stop().await;
        // Another day beside it, which nothing holds, shows that retention has been at work.
        let other = Sent::new(4, sent.start - NANOS_PER_DAY);
        cluster.store_and_drop(&[(&other, now())]).await;
        assert_eq!(sent.whole(&cluster.store).await, 4);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_range_that_kafka_has_deleted_is_refused_with_what_there_is() {
    on_topics("replay-gone", store().await, |cluster| async move {
        let hour = 3_600_000_000_000;
        let sent_at = now();
        let (early, late) = (Sent::new(40, sent_at), Sent::new(40, sent_at));
        cluster.publish(&early, sent_at - 10 * hour).await;
        let reader = RangeReader::new(&kafka()).unwrap();
        let topic = cluster.config.consume.topic.clone();
        let cut = reader.ends(&topic).await.unwrap();
        cluster.publish(&late, sent_at - 2 * hour).await;
        assert!(cluster.planned(&cluster.spec()).await.is_ok());
        let admin = Admin::new(&kafka()).unwrap();
        for one in cut.iter().filter(|one| one.high > 0) {
            let at = TopicPartition::new(topic.as_str(), one.at.partition);
            admin.delete_records(&at, one.high).await.unwrap();
        }
        match cluster.planned(&cluster.spec()).await {
            Err(PlanError::Gone { whole_from, .. }) => {
                assert_eq!(whole_from, Some(sent_at - 2 * hour));
            }
            other => panic!("{other:?}"),
        }
        let mut spec = cluster.spec();
        spec.received.start = sent_at - 2 * hour;
        assert!(cluster.planned(&spec).await.is_ok());
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_job_that_is_paused_rests_and_goes_on_where_it_was() {
    on_topics("replay-paused", store().await, |cluster| async move {
        let sent = Sent::new(400, now());
        cluster.publish(&sent, now()).await;
        let mut spec = cluster.spec();
        spec.spans_per_second = Some(50);
        let id = cluster.start(&spec).await;
        // The live path must not be quicker: this member has another topic for new spans.
        let mut other = cluster.config.clone();
        other.consume.topic = cluster.config.consume.dead_letter_topic.clone();
        let replayers = Cluster {
            config: other,
            store: cluster.store.clone(),
            producer: kafka::Producer::new(&kafka(), &kafka::ProducerConfig::default()).unwrap(),
        };
        let replayer = replayers.replayer();
        until("it works", async || {
            cluster.job(id).await.counts().spans_stored > 0
        })
        .await;
        let store = &cluster.store;
        store.change_replay(id, ReplayCommand::Pause).await.unwrap();
        until_let_go(&cluster, id).await;
        let stored = cluster.job(id).await.counts().spans_stored;
        assert!(stored < sent.spans(), "{stored}");
        store
            .change_replay(id, ReplayCommand::Resume)
            .await
            .unwrap();
        until("it goes on", async || {
            cluster.job(id).await.counts().spans_stored > stored
        })
        .await;
        store
            .change_replay(id, ReplayCommand::Cancel)
            .await
            .unwrap();
        until_let_go(&cluster, id).await;
        assert!(
            store
                .change_replay(id, ReplayCommand::Resume)
                .await
                .is_err()
        );

        spec.spans_per_second = None;
        finish_twice(&cluster, id, &spec, sent.spans()).await;
        assert_eq!(sent.whole(store).await, sent.ids.len());
        replayer.stop().await;
    })
    .await;
}

async fn until_let_go(cluster: &Cluster<PostgresStore>, id: i64) {
    until("nobody works on it", async || {
        let job = cluster.job(id).await;
        job.partitions.iter().all(|one| !one.leased)
    })
    .await;
}

/// Two jobs over the same records, beside each other, finish what an earlier one has left.
async fn finish_twice(
    cluster: &Cluster<PostgresStore>,
    earlier: i64,
    spec: &ReplaySpec,
    spans: u64,
) {
    let mut sum = cluster.job(earlier).await.counts().spans_stored;
    let both = [cluster.start(spec).await, cluster.start(spec).await];
    for id in both {
        let counts = cluster.until_done(id).await.counts();
        assert_eq!(counts.spans_stored + counts.spans_duplicate, spans);
        sum += counts.spans_stored;
    }
    assert_eq!(sum, spans);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn filters_let_through_what_they_name() {
    on_topics("replay-filtered", store().await, |cluster| async move {
        let (wanted, other) = (Sent::new(20, old_day()), Sent::new(20, old_day()));
        let early = Sent {
            tenant: wanted.tenant.clone(),
            ..Sent::new(20, old_day())
        };
        let received = now();
        cluster
            .store_and_drop(&[
                (&wanted, received),
                (&other, received),
                (&early, received - NANOS_PER_DAY / 2),
            ])
            .await;
        let mut spec = cluster.spec();
        spec.tenant = Some(wanted.tenant.clone());
        // Published at the same time, and received half a day before by its header.
        spec.received = TimeRange {
            start: received,
            end: now(),
        };
        let mut nobody = spec.clone();
        nobody.service = Some("no-such-service".to_owned());
        let ids = [cluster.start(&nobody).await, cluster.start(&spec).await];
        let replayer = cluster.replayer();
        let counts = [
            cluster.until_done(ids[0]).await.counts(),
            cluster.until_done(ids[1]).await.counts(),
        ];
        replayer.stop().await;
        assert_eq!(
            counts.map(|counts| counts.spans_stored),
            [0, wanted.spans()]
        );
        assert_eq!(other.whole(&cluster.store).await, 0);
        assert_eq!(early.whole(&cluster.store).await, 0);
        assert_eq!(
            cluster.job(ids[0]).await.partitions.len(),
            PARTITIONS as usize
        );
    })
    .await;
}
