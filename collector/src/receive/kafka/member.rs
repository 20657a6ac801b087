//! One member of the group that reads one topic: partitions come and go, a task for each.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bootstrap::{ReadinessFlag, Stop, chain};
use kafka::{
    AssignedPartition, GroupConsumer, GroupEvent, GroupEvents, KafkaConfig, Release, TopicPartition,
};
use tokio::sync::Semaphore;
use tokio::task::{self, JoinError, JoinSet};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use super::deliver::Delivery;
use super::letters::DeadLetterTopic;
use super::partition::{self, Reading};
use crate::config::{KafkaReceiverConfig, TopicConfig};
use crate::receive::{Ingest, Shared};

/// How often it is looked whether the group has been joined.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// How long a partition rests whose task has failed.
const RESTART_AFTER: Duration = Duration::from_secs(5);

/// What becomes ready when every topic's group is joined.
pub(super) struct Told {
    flag: ReadinessFlag,
    missing: AtomicUsize,
}

impl Told {
    pub(super) fn new(flag: ReadinessFlag, topics: usize) -> Self {
        flag.not_ready("the consumer group is not joined yet");
        Self {
            flag,
            missing: AtomicUsize::new(topics),
        }
    }

    fn joined(&self) {
        if self.missing.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.flag.ready();
        }
    }

    fn failed(&self, reason: String) {
        self.flag.not_ready(reason);
    }
}

/// A member that has not joined yet.
pub(super) struct Member<P> {
    pub(super) shared: Arc<Shared<P>>,
    pub(super) config: Arc<KafkaReceiverConfig>,
    pub(super) topic: TopicConfig,
    pub(super) letters: Arc<DeadLetterTopic>,
    pub(super) room: Arc<Semaphore>,
    pub(super) told: Arc<Told>,
}

/// The partitions that a member owns.
struct Partitions {
    owned: HashMap<TopicPartition, Owned>,
    tasks: JoinSet<()>,
    running: HashMap<task::Id, AssignedPartition>,
}

/// One of them.
struct Owned {
    epoch: u64,
    letting_go: CancellationToken,
    /// Held until the partition's task has ended, so that no other member begins before.
    release: Option<Release>,
}

impl<P: Ingest> Member<P> {
    /// Reads the topic until told to stop.
    pub(super) async fn run(self, cluster: KafkaConfig, stop: Stop) {
        let (group, mut events) = match GroupConsumer::join(
            &cluster,
            &self.config.consumer(&self.topic),
        ) {
            Ok(joined) => joined,
            Err(error) => {
                let error = chain(&error);
                tracing::error!(kafka.topic = %self.topic.topic, error = %error, "A topic cannot be read");
                self.told.failed(error.to_string());
                return;
            }
        };
        let mut partitions = Partitions {
            owned: HashMap::new(),
            tasks: JoinSet::new(),
            running: HashMap::new(),
        };
        let mut has_joined = false;
        loop {
            if !has_joined && group.has_joined() {
                has_joined = true;
                self.told.joined();
            }
            tokio::select! {
                () = stop.stopped() => break,
                Some(event) = events.next() => self.heed(&group, &mut partitions, event),
                again = partitions.ended() => if let Some(assigned) = again {
                    self.begin(&group, &mut partitions, assigned, RESTART_AFTER);
                },
                () = sleep(LOOK_EVERY), if !has_joined => {}
            }
        }
        partitions.let_go();
        tokio::select! {
            () = partitions.all_ended() => {}
            () = stop.overdue() => {}
        }
        drop(partitions);
        leave(group, events).await;
    }

    fn heed(&self, group: &GroupConsumer, partitions: &mut Partitions, event: GroupEvent) {
        match event {
            GroupEvent::Assigned(assigned) => {
                self.begin(group, partitions, assigned, Duration::ZERO);
            }
            GroupEvent::Revoked(at, release) => {
                if let Some(owned) = partitions.owned.get_mut(&at) {
                    owned.release = Some(release);
                    owned.letting_go.cancel();
                }
            }
            GroupEvent::Lost(at) => {
                if let Some(owned) = partitions.owned.remove(&at) {
                    owned.letting_go.cancel();
                }
            }
        }
    }

    fn begin(
        &self,
        group: &GroupConsumer,
        partitions: &mut Partitions,
        assigned: AssignedPartition,
        after: Duration,
    ) {
        let letting_go = CancellationToken::new();
        let owned = Owned {
            epoch: assigned.epoch(),
            letting_go: letting_go.clone(),
            release: None,
        };
        partitions.owned.insert(assigned.id().clone(), owned);
        let reading = Reading {
            group: group.clone(),
            assigned: assigned.clone(),
            topic: self.topic.clone(),
            start: self.config.start,
            room: self.room.clone(),
            delivery: Delivery {
                shared: self.shared.clone(),
                letters: self.letters.clone(),
                at: assigned.id().clone(),
                encoding: self.topic.encoding.of_record(),
                longest_pause: self.config.retry_longest,
                letting_go: letting_go.clone(),
            },
        };
        let life = partitions.tasks.spawn(async move {
            tokio::select! {
                () = letting_go.cancelled() => {}
                () = sleep(after) => partition::read(reading).await,
            }
        });
        partitions.running.insert(life.id(), assigned);
    }
}

impl Partitions {
    /// Waits until a partition's task has ended, and lets the next member have it. One that failed
    /// is to begin again. Cancel safe.
    async fn ended(&mut self) -> Option<AssignedPartition> {
        match self.tasks.join_next_with_id().await {
            None => std::future::pending().await,
            Some(ended) => self.settle(ended),
        }
    }

    fn settle(&mut self, ended: Result<(task::Id, ()), JoinError>) -> Option<AssignedPartition> {
        let (id, failure) = match ended {
            Ok((id, ())) => (id, None),
            Err(error) => (error.id(), Some(error)),
        };
        let assigned = self.running.remove(&id)?;
        let epoch = self.owned.get(assigned.id())?.epoch;
        if epoch != assigned.epoch() {
            return None;
        }
        let owned = self.owned.remove(assigned.id())?;
        let failure = failure.filter(|_| owned.release.is_none())?;
        tracing::error!(
            kafka.topic = %assigned.id().topic, kafka.partition = assigned.id().partition,
            error = %failure, "The reading of a partition has failed; it begins again",
        );
        Some(assigned)
    }

    fn let_go(&self) {
        for owned in self.owned.values() {
            owned.letting_go.cancel();
        }
    }

    async fn all_ended(&mut self) {
        while let Some(ended) = self.tasks.join_next_with_id().await {
            self.settle(ended);
        }
    }
}

/// Leaves the group; what it still says meanwhile is heard, and nothing of it done.
async fn leave(group: GroupConsumer, mut events: GroupEvents) {
    let left = group.leave();
    tokio::pin!(left);
    loop {
        tokio::select! {
            () = &mut left => return,
            Some(event) = events.next() => drop(event),
        }
    }
}
