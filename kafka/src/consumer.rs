//! A member of a consumer group: who reads which partition, and when that changes.
//!
//! Two clients work together. The *member* (`member.rs`) joins the group and reads nothing; its
//! own thread polls it, whatever the partitions do, so that a store that is down never costs the
//! membership. The *reader* (`reader.rs`) reads the partitions that are owned, each in its own
//! queue from an offset that the caller names, and knows nothing of the group: a rebalance
//! disturbs only the partitions that move, and Kafka's committed offsets decide nothing.

pub(crate) mod context;
mod error;
mod member;
pub(crate) mod ownership;
pub(crate) mod reader;

use std::sync::Arc;
use std::sync::mpsc;
use std::time::Duration;

use futures_util::Stream;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::sync::watch;

use crate::config::{ConsumerConfig, KafkaConfig};
use crate::partition::AssignedPartition;
use crate::record::TopicPartition;

use member::{Command, Member};
use ownership::Ownership;
use reader::Reader;

pub use error::ConsumeError;

/// What happens to this member of the group. Events of one partition come in order.
#[derive(Debug)]
pub enum GroupEvent {
    /// A partition is ours. Nothing of it is read before [`AssignedPartition::start_at`].
    Assigned(AssignedPartition),
    /// A partition moves to another member once [`Release`] is dropped, or the drain timeout is
    /// over. Nothing more of it is delivered; what was delivered may still be written.
    Revoked(TopicPartition, Release),
    /// A partition was taken away: another member may be reading it already.
    Lost(TopicPartition),
}

/// Holds a revoked partition back from the next member until it is dropped.
#[derive(Debug)]
#[must_use = "dropping it lets the partition go"]
pub struct Release {
    _hold: Arc<()>,
}

/// Events of the group, in order. Ends after [`GroupConsumer::leave`].
#[derive(Debug)]
pub struct GroupEvents {
    events: UnboundedReceiver<GroupEvent>,
}

impl GroupEvents {
    /// The next event; `None` once the group has been left.
    pub async fn next(&mut self) -> Option<GroupEvent> {
        self.events.recv().await
    }
}

impl Stream for GroupEvents {
    type Item = GroupEvent;

    fn poll_next(
        mut self: std::pin::Pin<&mut Self>,
        context: &mut std::task::Context<'_>,
    ) -> std::task::Poll<Option<GroupEvent>> {
        self.events.poll_recv(context)
    }
}

/// Membership in a group. Clones are handles of the same membership; when the last one is
/// dropped, the group is left.
#[derive(Debug, Clone)]
pub struct GroupConsumer {
    handle: Arc<Handle>,
    ended: watch::Receiver<()>,
}

#[derive(Debug)]
struct Handle {
    commands: mpsc::Sender<Command>,
    ownership: Arc<Ownership>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Leave);
    }
}

impl GroupConsumer {
    /// Joins the group. Returns at once; partitions come as events.
    ///
    /// Fails only for settings that cannot work; a broker that is away is waited for.
    pub fn join(
        kafka: &KafkaConfig,
        config: &ConsumerConfig,
    ) -> Result<(Self, GroupEvents), ConsumeError> {
        let ownership = Arc::new(Ownership::new());
        let reader = Reader::new(&config.reader(kafka)?, ownership.clone())?;
        let (events_in, events) = tokio::sync::mpsc::unbounded_channel();
        let (commands, commands_out) = mpsc::channel();
        let (alive, ended) = watch::channel(());
        let member = Member::new(config, config.member(kafka)?, reader, events_in)?;
        std::thread::Builder::new()
            .name("kafka-member".to_owned())
            .spawn(move || {
                member.run(&commands_out);
                drop(alive);
            })
            .map_err(|source| ConsumeError::Thread { source })?;
        Ok((
            Self {
                handle: Arc::new(Handle {
                    commands,
                    ownership,
                }),
                ended,
            },
            GroupEvents { events },
        ))
    }

    /// Tells Kafka how far the partitions are consumed: for lag tools, and for callers that keep no
    /// position of their own. Returns at once.
    /// Partitions that are not owned are left out; failures are counted and otherwise ignored.
    pub fn mirror(&self, positions: &[(TopicPartition, i64)]) {
        let _ = self
            .handle
            .commands
            .send(Command::Mirror(positions.to_vec()));
    }

    /// Whether the group has told this member which partitions are its own, be it none.
    pub fn has_joined(&self) -> bool {
        self.handle.ownership.has_joined()
    }

    /// How long ago the membership was last attended to: milliseconds, unless the process froze.
    pub fn poll_age(&self) -> Duration {
        self.handle.ownership.poll_age()
    }

    /// Leaves the group: all partitions are revoked, their [`Release`]s waited for within the
    /// drain timeout, and the other members told. Events must be taken meanwhile.
    ///
    /// A member with an `instance_id` in the classic protocol keeps its place until the session
    /// timeout, so that a restart moves nothing.
    pub async fn leave(mut self) {
        let _ = self.handle.commands.send(Command::Leave);
        while self.ended.changed().await.is_ok() {}
    }
}
