//! The service: one member of the consumer group, one task per partition that it is given.

use std::{collections::HashMap, sync::Arc, time::Duration};

use bootstrap::{Heartbeat, Liveness, Readiness, Stop};
use kafka::{
    AssignedPartition, ConsumeError, ConsumerConfig, GroupConsumer, GroupEvent, GroupEvents,
    KafkaConfig, Producer, ProducerConfig, ProducerError, Release, TopicPartition,
};
use storage::{LIVE_CONSUMER, PostgresStore, Source, Stores, TraceWriter};
use tokio::{
    task::{self, JoinSet},
    time::sleep,
};

use crate::{
    Assigned, BACKFILL_CONSUMER, Conditions, Gate, GateKeeper, IngesterConfig, KafkaDeadLetters,
    KafkaLog, KnownSchemas, OrderGiver, ShortRetention, Stages, metrics, orders, partition,
    replay::{GatedLog, Replays, worker},
    retention,
};

/// Largest dead letter: a record of the live topic and its headers, with room to spare.
const MAX_DEAD_LETTER_BYTES: u64 = 4_000_000;
/// Bytes of records, compressed, that brokers gather before they answer a fetch, and how long they do
/// so: what comes slower is read so much later, and is written on beats that are longer (ADR 0046).
const GATHERED_BYTES: u64 = 128 << 10;
const GATHERED_FOR: Duration = Duration::from_millis(100);

/// How long a partition rests whose task has failed.
const RESTART_AFTER: Duration = Duration::from_secs(5);
/// How often the loop looks up, whatever happens.
const BEAT_EVERY: Duration = Duration::from_secs(1);
/// Age of the last beat at which the process counts as hung.
const HUNG_AFTER: Duration = Duration::from_secs(30);

/// Why an ingester cannot be built or does not run.
#[derive(Debug, thiserror::Error)]
pub enum IngesterError {
    /// There is no producer for the dead letters.
    #[error("the producer of dead letters cannot be made")]
    Producer(#[source] Box<ProducerError>),
    /// The group cannot be joined with these settings.
    #[error("the consumer group {group} cannot be joined")]
    Join {
        /// Name of the group.
        group: String,
        /// The cause.
        source: Box<ConsumeError>,
    },
    /// The topic keeps records for too short a time, and that is not to be borne.
    #[error("the topic's retention is refused")]
    Retention(#[from] ShortRetention),
}

/// consume → decode → assemble → summarise → write → commit, for every partition that the group
/// assigns to this process, and for what is read once more.
pub struct Ingester<W> {
    kafka: KafkaConfig,
    config: IngesterConfig,
    live: Lane<W>,
    backfill: Option<Lane<W>>,
    replays: Option<Replays<W>>,
}

/// One consumer group, and what its partitions share.
struct Lane<W> {
    consumer: ConsumerConfig,
    name: &'static str,
    stages: Stores<Stages<W, KafkaDeadLetters>>,
    /// Asked before anything is read; none for new spans.
    gate: Option<Gate>,
    heartbeat: Heartbeat,
}

impl<W: TraceWriter> Ingester<W> {
    /// An ingester that has not joined the group yet. Each partition writes to its own store.
    ///
    /// # Errors
    /// If the producer of dead letters cannot be made: settings only, no broker is asked.
    pub fn build(
        config: &IngesterConfig,
        kafka: KafkaConfig,
        schemas: KnownSchemas,
        writers: &Stores<W>,
        readiness: &Readiness,
        liveness: &Liveness,
    ) -> Result<Self, IngesterError> {
        let producing = ProducerConfig {
            max_record_bytes: MAX_DEAD_LETTER_BYTES,
            ..ProducerConfig::default()
        };
        let producer = Producer::new(&kafka, &producing)
            .map_err(|error| IngesterError::Producer(Box::new(error)))?;
        let topic = config.consume.dead_letter_topic.clone();
        let dead_letters = KafkaDeadLetters::new(producer, topic, kafka.client_id.clone());
        let conditions = Conditions::new(readiness.register("ingester"));
        let live = Lane {
            consumer: ConsumerConfig {
                fetch_min_bytes: GATHERED_BYTES,
                fetch_wait: GATHERED_FOR,
                ..config.consume.consumer()
            },
            name: LIVE_CONSUMER,
            stages: Stages::of_stores(config, &schemas, &dead_letters, writers, &conditions),
            gate: None,
            heartbeat: liveness.register("ingester", HUNG_AFTER),
        };
        Ok(Self {
            kafka,
            config: config.clone(),
            live,
            backfill: None,
            replays: None,
        })
    }

    /// Works on replays and consumes what was backfilled too, both of which give way to new spans.
    /// Nothing that goes wrong with them makes the process unready.
    #[must_use]
    pub fn with_replays(mut self, jobs: Stores<PostgresStore>, liveness: &Liveness) -> Self {
        let config = self.config.replay.ingester(&self.config);
        let (keeper, gate) = GateKeeper::new();
        let live = &self.live.stages;
        let writers = live.map_shared(|stages| stages.writer.clone());
        let stages = || {
            let conditions = Conditions::new(Readiness::new().register("replay"));
            let (schemas, letters) = (&live.home().schemas, &live.home().dead_letters);
            Stages::of_stores(&config, schemas, letters, &writers, &conditions)
        };
        self.backfill = (!config.consume.topic.is_empty()).then(|| Lane {
            consumer: config.consume.consumer(),
            name: BACKFILL_CONSUMER,
            stages: stages(),
            gate: Some(gate.clone()),
            heartbeat: liveness.register("backfill", HUNG_AFTER),
        });
        self.replays = Some(Replays {
            jobs,
            kafka: self.kafka.clone(),
            stages: stages(),
            config: self.config.replay.clone(),
            lag: live.home().lag.clone(),
            keeper,
            gate,
            heartbeat: liveness.register("replay", HUNG_AFTER),
        });
        self
    }

    /// Joins the group and works until told to stop; then writes what is held, within the time
    /// that `stop` leaves, and leaves the group.
    ///
    /// # Errors
    /// If the settings of the group cannot work. What goes wrong later is waited for.
    pub async fn run(self, stop: Stop) -> Result<(), IngesterError> {
        let kafka = &self.kafka;
        let backfill = async {
            match self.backfill {
                Some(lane) => lane.run(kafka, stop.clone()).await,
                None => Ok(()),
            }
        };
        let replays = async {
            if let Some(replays) = self.replays {
                worker(Arc::new(replays), stop.clone()).await;
            }
            Ok(())
        };
        let retention = async {
            let watched = retention::watch(kafka, &self.config.consume, stop.clone()).await;
            watched.map_err(IngesterError::from)
        };
        let live = self.live.run(kafka, stop.clone());
        tokio::try_join!(live, backfill, replays, retention).map(|_| ())
    }
}

impl<W: TraceWriter> Lane<W> {
    async fn run(self, kafka: &KafkaConfig, stop: Stop) -> Result<(), IngesterError> {
        let joined = GroupConsumer::join(kafka, &self.consumer);
        let (group, mut events) = joined.map_err(|source| IngesterError::Join {
            group: self.consumer.group.clone(),
            source: Box::new(source),
        })?;
        let conditions = self.stages.home().conditions.clone();
        let mut members = Partitions::new(group.clone(), &self, stop.clone());
        loop {
            self.heartbeat.beat();
            if group.has_joined() {
                conditions.joined();
            }
            tokio::select! {
                () = stop.stopped() => break,
                Some(event) = events.next() => members.heed(event),
                () = members.ended() => {}
                () = sleep(BEAT_EVERY) => {}
            }
        }
        conditions.draining();
        members.drain(&mut events, &self.heartbeat).await;
        leave(group, events, members).await;
        Ok(())
    }
}

/// Leaves the group; what it still says meanwhile is heard, and nothing of it done.
async fn leave<W: TraceWriter>(
    group: GroupConsumer,
    mut events: GroupEvents,
    members: Partitions<W>,
) {
    drop(members);
    let left = group.leave();
    tokio::pin!(left);
    loop {
        tokio::select! {
            () = &mut left => return,
            Some(event) = events.next() => drop(event),
        }
    }
}

/// The partitions that this process owns, a task each.
struct Partitions<W> {
    group: GroupConsumer,
    consumer: &'static str,
    stages: Stores<Stages<W, KafkaDeadLetters>>,
    gate: Option<Gate>,
    stop: Stop,
    orders: HashMap<TopicPartition, Owned>,
    tasks: JoinSet<()>,
    running: HashMap<task::Id, AssignedPartition>,
}

/// One of them.
struct Owned {
    epoch: u64,
    orders: OrderGiver,
    /// Held until the partition's task has ended, so that no other member begins before.
    release: Option<Release>,
}

impl<W: TraceWriter> Partitions<W> {
    fn new(group: GroupConsumer, lane: &Lane<W>, stop: Stop) -> Self {
        Self {
            group,
            consumer: lane.name,
            stages: lane.stages.clone(),
            gate: lane.gate.clone(),
            stop,
            orders: HashMap::new(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        }
    }

    fn heed(&mut self, event: GroupEvent) {
        match event {
            GroupEvent::Assigned(assigned) => self.begin(assigned, Duration::ZERO),
            GroupEvent::Revoked(at, release) => {
                if let Some(owned) = self.orders.get_mut(&at) {
                    owned.release = Some(release);
                    owned.orders.revoke();
                }
            }
            GroupEvent::Lost(at) => {
                if let Some(owned) = self.orders.remove(&at) {
                    owned.orders.lose();
                }
            }
        }
        self.count();
    }

    fn count(&self) {
        if self.consumer == LIVE_CONSUMER {
            metrics::partitions(self.orders.len());
        }
    }

    fn begin(&mut self, assigned: AssignedPartition, after: Duration) {
        let at = assigned.id().clone();
        let source = Source {
            consumer: self.consumer.to_owned(),
            topic: at.topic.to_string(),
            partition: at.partition,
        };
        let (giver, orders) = orders(self.stop.clone());
        let owned = Owned {
            epoch: assigned.epoch(),
            orders: giver,
            release: None,
        };
        self.orders.insert(at.clone(), owned);
        let seed = bootstrap::clock::now() ^ (at.partition as u64) << 32;
        let stages = self.stages.of_partition(at.partition).clone();
        let state = Assigned::new(source, stages.settings, &stages.budget, seed);
        let log = KafkaLog::new(self.group.clone(), assigned.clone());
        let gate = self.gate.clone();
        let life = self.tasks.spawn(async move {
            sleep(after).await;
            match gate {
                None => partition(log, state, stages, orders).await,
                Some(gate) => partition(GatedLog::new(log, gate), state, stages, orders).await,
            };
        });
        self.running.insert(life.id(), assigned);
    }

    /// Waits until a partition's life has ended, and lets the next member have it. One that ended
    /// by a panic begins again. Cancel safe.
    async fn ended(&mut self) {
        let (id, failed) = match self.tasks.join_next_with_id().await {
            None => return std::future::pending().await,
            Some(Ok((id, ()))) => (id, None),
            Some(Err(error)) => (error.id(), Some(error)),
        };
        let Some(assigned) = self.running.remove(&id) else {
            return;
        };
        let owned = self.orders.get(assigned.id());
        let ours = owned.filter(|owned| owned.epoch == assigned.epoch());
        let revoked = ours.is_some_and(|owned| owned.release.is_some());
        if ours.is_none() {
            return;
        }
        self.orders.remove(assigned.id());
        self.count();
        if let Some(error) = failed {
            tracing::error!(
                kafka.topic = %assigned.id().topic,
                kafka.partition = assigned.id().partition,
                error = %error,
                "The task of a partition failed; it begins again from what is stored"
            );
            if !revoked && !self.stop.is_stopped() {
                self.begin(assigned, RESTART_AFTER);
            }
        }
    }

    /// Waits for all partitions to end; each was told to stop, and keeps to the deadline itself.
    async fn drain(&mut self, events: &mut GroupEvents, heartbeat: &Heartbeat) {
        while !self.tasks.is_empty() {
            heartbeat.beat();
            tokio::select! {
                () = self.ended() => {}
                Some(event) = events.next() => match event {
                    GroupEvent::Assigned(_) => {}
                    event => self.heed(event),
                },
                () = sleep(BEAT_EVERY) => {}
            }
        }
    }
}
