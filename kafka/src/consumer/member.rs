//! The group's member: joins, polls, passes changes on, leaves. Runs in a thread of its own.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, TryRecvError};
use std::time::{Duration, Instant};

use rdkafka::config::FromClientConfigAndContext;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::{ClientConfig, Offset, TopicPartitionList};
use tokio::sync::mpsc::UnboundedSender;

use super::context::{Change, MemberContext, answer};
use super::ownership::Ownership;
use super::reader::Reader;
use super::{ConsumeError, GroupEvent, Release};
use crate::config::ConsumerConfig;
use crate::metrics;
use crate::partition::AssignedPartition;
use crate::record::TopicPartition;

/// How long one poll waits, normally and while partitions are being let go.
const POLL: Duration = Duration::from_millis(50);
const POLL_DRAINING: Duration = Duration::from_millis(5);
/// How long a member that the group has shut out waits before it joins anew.
const REJOIN_AFTER: Duration = Duration::from_secs(2);

/// How long the group may take to answer a member that leaves, beside the drain timeout.
const LEAVE_MARGIN: Duration = Duration::from_secs(5);

/// What the handles ask of the member.
#[derive(Debug)]
pub(super) enum Command {
    /// Commit offsets, for lag tools.
    Mirror(Vec<(TopicPartition, i64)>),
    /// Let go of everything and end.
    Leave,
}

/// Partitions that are being let go.
struct Drain {
    partitions: Vec<TopicPartition>,
    hold: Arc<()>,
    deadline: Instant,
}

impl Drain {
    fn is_over(&self) -> bool {
        Arc::strong_count(&self.hold) == 1 || Instant::now() >= self.deadline
    }
}

/// The member and what it must remember between polls.
pub(super) struct Member {
    settings: ClientConfig,
    group: String,
    topics: Vec<String>,
    drain_timeout: Duration,
    client: BaseConsumer<MemberContext>,
    reader: Arc<Reader>,
    ownership: Arc<Ownership>,
    events: UnboundedSender<GroupEvent>,
    drain: Option<Drain>,
    mirror: HashMap<TopicPartition, i64>,
    leave_by: Option<Instant>,
    /// When to join anew, after the group has shut this member out.
    rejoin_at: Option<Instant>,
}

impl Member {
    pub(super) fn new(
        config: &ConsumerConfig,
        settings: ClientConfig,
        reader: Arc<Reader>,
        events: UnboundedSender<GroupEvent>,
    ) -> Result<Self, ConsumeError> {
        let client = subscribe(&settings, &config.topics)?;
        Ok(Self {
            settings,
            group: config.group.clone(),
            topics: config.topics.clone(),
            drain_timeout: config.drain_timeout,
            client,
            ownership: reader.ownership.clone(),
            reader,
            events,
            drain: None,
            mirror: HashMap::new(),
            leave_by: None,
            rejoin_at: None,
        })
    }

    /// poll → pass changes on → let go → mirror → poll, until the group is left.
    pub(super) fn run(mut self, commands: &Receiver<Command>) {
        while !self.has_left() {
            self.poll();
            for (change, partitions) in self.client.context().take_changes() {
                self.change(change, partitions);
            }
            // Asked first: positions that were told before the last release are heard by then.
            let drained = self.drain.as_ref().is_some_and(Drain::is_over);
            self.obey(commands);
            self.commit_mirror();
            if drained {
                self.finish_drain();
            }
            self.reader.attend();
            self.ownership.polled();
        }
        wind_down(&self.client, self.drain.is_some());
    }

    fn poll(&mut self) {
        if let Some(at) = self.rejoin_at {
            // The client is dead: there is nothing to poll, but commands are still heard.
            std::thread::sleep(POLL.min(at.saturating_duration_since(Instant::now())));
            return self.rejoin();
        }
        let wait = if self.drain.is_some() {
            POLL_DRAINING
        } else {
            POLL
        };
        // Errors come here a second time, after the context's callback.
        let polled = self.client.poll(wait);
        let fatal = matches!(polled, Some(Err(KafkaError::MessageConsumptionFatal(_))));
        drop(polled);
        if fatal || self.client.client().fatal_error().is_some() {
            self.shut_out();
        }
    }

    fn change(&mut self, change: Change, partitions: Vec<TopicPartition>) {
        metrics::rebalanced(change.label());
        tracing::info!(
            kafka.partitions = partitions.len(),
            kafka.rebalance = change.label(),
            "The group's assignment changes: {}",
            change.label(),
        );
        match change {
            Change::Assign => self.assign(partitions),
            Change::Revoke => self.revoke(partitions),
            Change::Lose => self.lose(partitions),
        }
        metrics::partitions_owned(&self.group, self.ownership.count());
    }

    fn assign(&mut self, partitions: Vec<TopicPartition>) {
        for at in partitions {
            let epoch = self.ownership.assign(&at);
            let assigned = AssignedPartition::new(at, epoch, self.reader.clone());
            let _ = self.events.send(GroupEvent::Assigned(assigned));
        }
        self.ownership.set_joined(true);
        answer(&self.client, Change::Assign);
    }

    /// Answered later, by [`Self::finish_drain`]: until then the partitions stay with us.
    fn revoke(&mut self, partitions: Vec<TopicPartition>) {
        let hold = Arc::new(());
        for at in &partitions {
            if self.ownership.withdraw(at).is_some() {
                self.reader.stop(at);
                let release = Release {
                    _hold: hold.clone(),
                };
                let _ = self.events.send(GroupEvent::Revoked(at.clone(), release));
            }
        }
        let deadline = Instant::now() + self.drain_timeout;
        self.drain = Some(Drain {
            partitions,
            hold,
            deadline,
        });
    }

    fn lose(&mut self, partitions: Vec<TopicPartition>) {
        self.tell_lost(&partitions);
        self.drain = None;
        answer(&self.client, Change::Lose);
    }

    fn tell_lost(&mut self, partitions: &[TopicPartition]) {
        for at in partitions {
            self.mirror.remove(at);
            if self.ownership.withdraw(at).is_some() {
                self.reader.stop(at);
                let _ = self.events.send(GroupEvent::Lost(at.clone()));
            }
        }
    }

    fn finish_drain(&mut self) {
        let Some(drain) = self.drain.take() else {
            return;
        };
        if Arc::strong_count(&drain.hold) > 1 {
            metrics::drain_timed_out();
            tracing::warn!(
                kafka.partitions = drain.partitions.len(),
                "Revoked partitions were not let go in time; they move all the same",
            );
        }
        answer(&self.client, Change::Revoke);
    }

    fn obey(&mut self, commands: &Receiver<Command>) {
        loop {
            match commands.try_recv() {
                Ok(Command::Mirror(positions)) => self.mirror.extend(positions),
                Ok(Command::Leave) | Err(TryRecvError::Disconnected) => {
                    return self.start_leaving();
                }
                Err(TryRecvError::Empty) => return,
            }
        }
    }

    fn start_leaving(&mut self) {
        if self.leave_by.is_none() {
            self.commit_mirror();
            self.leave_by = Some(Instant::now() + self.drain_timeout + LEAVE_MARGIN);
            self.client.unsubscribe();
        }
    }

    fn has_left(&self) -> bool {
        let let_go = self.drain.is_none() && self.ownership.count() == 0;
        self.leave_by
            .is_some_and(|by| let_go || Instant::now() >= by)
    }

    /// Commits for partitions that are ours, those that are being let go included.
    fn commit_mirror(&mut self) {
        let mut list = TopicPartitionList::new();
        for (at, offset) in self.mirror.drain() {
            let draining = self
                .drain
                .as_ref()
                .is_some_and(|drain| drain.partitions.contains(&at));
            if draining || self.ownership.owns(&at) {
                let added =
                    list.add_partition_offset(&at.topic, at.partition, Offset::Offset(offset));
                debug_assert!(added.is_ok(), "an absolute offset can always be added");
            }
        }
        if list.count() > 0 && self.client.commit(&list, CommitMode::Async).is_err() {
            metrics::mirror_failed();
        }
    }

    /// The library has given up on this member for good: everything is lost, a new one is due.
    fn shut_out(&mut self) {
        let reason = self.client.client().fatal_error();
        tracing::error!(kafka.error = ?reason, "The group has shut this member out; it joins anew");
        let owned = self.ownership.all();
        self.tell_lost(&owned);
        wind_down(&self.client, self.drain.take().is_some());
        self.ownership.set_joined(false);
        metrics::partitions_owned(&self.group, 0);
        self.rejoin_at = Some(Instant::now() + REJOIN_AFTER);
    }

    /// Becomes a member anew, once it is time and unless it leaves anyway.
    fn rejoin(&mut self) {
        let due = self.rejoin_at.is_some_and(|at| at <= Instant::now());
        if !due || self.leave_by.is_some() {
            return;
        }
        match subscribe(&self.settings, &self.topics) {
            Ok(fresh) => {
                self.client = fresh;
                self.rejoin_at = None;
            }
            Err(error) => {
                tracing::error!(error = %error, "No new member could be made");
                self.rejoin_at = Some(Instant::now() + REJOIN_AFTER);
            }
        }
    }
}

/// Answers everything that is open, so that the client can be closed: dropping it polls, and
/// would wait for ever for an answer that nobody gives.
fn wind_down(client: &BaseConsumer<MemberContext>, draining: bool) {
    client.context().close();
    for (change, _) in client.context().take_changes() {
        answer(client, change);
    }
    if draining {
        answer(client, Change::Revoke);
    }
}

impl Change {
    fn label(self) -> &'static str {
        match self {
            Self::Assign => "assigned",
            Self::Revoke => "revoked",
            Self::Lose => "lost",
        }
    }
}

fn subscribe(
    settings: &ClientConfig,
    topics: &[String],
) -> Result<BaseConsumer<MemberContext>, ConsumeError> {
    let failed = |source| ConsumeError::Client { source };
    let client = BaseConsumer::from_config_and_context(settings, MemberContext::default());
    let client = client.map_err(failed)?;
    let topics: Vec<&str> = topics.iter().map(String::as_str).collect();
    client.subscribe(&topics).map_err(failed)?;
    Ok(client)
}
