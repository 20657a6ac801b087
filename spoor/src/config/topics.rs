//! What `spoor migrate` makes of the topics, and the registry it registers schemas in.

use std::time::Duration;

use bootstrap::{ByteSize, Secret, config};
use kafka::{CleanupPolicy, TopicSpec};
use schemas::{Cleanup, RegistryTimeouts, TopicDefinition};

/// The topic of spans, the only one whose partitions and retention are settings.
const SPANS: &str = "spoor.spans";

config! {
    /// What `spoor migrate` makes of the topics. Topics that exist are compared and not changed.
    pub(crate) struct TopicsSection {
        /// Partitions of `spoor.spans`: how many ingesters can share the work. A power of two, so
        /// that a trace keeps its place in the store when there are more.
        pub partitions: u32 = 8,
        /// How long Kafka keeps spans: how long the store may be away without loss, and how far
        /// back a replay reaches.
        pub retention: Duration = Duration::from_secs(72 * 3600),
        /// Copies of each record. 3 survives the loss of two brokers; the default is the
        /// cluster's own (`default.replication.factor`).
        pub replication_factor: Option<u32> = None,
        /// Copies that must have a record before it is acknowledged. Default: the cluster's own.
        /// With 3 copies, 2 survives the loss of a broker at any moment.
        pub min_insync_replicas: Option<u32> = None,
        /// Largest batch of records as it is sent, compressed. Not less than
        /// `kafka.producer.max_record_bytes`.
        pub max_message_bytes: ByteSize = ByteSize::mib(1),
        /// Whether `spoor migrate` may add partitions to topics that have fewer.
        pub grow: bool = false,
    }

    /// The schema registry, by the Confluent-compatible API. Needed at deploy and start alone.
    pub(crate) struct RegistrySection {
        /// Base URL, as in `http://registry:8081`. Empty: `spoor all-in-one` starts a registry of
        /// its own, and other roles learn schemas from the control topic alone.
        pub url: Secret = Secret::none(),
        /// How long it may take to accept a connection.
        pub connect_timeout: Duration = RegistryTimeouts::default().connect,
        /// How long it may take to answer.
        pub timeout: Duration = RegistryTimeouts::default().total,
    }
}

impl TopicsSection {
    /// The topics that are to exist.
    pub(crate) fn specs(&self) -> Vec<TopicSpec> {
        schemas::topics()
            .into_iter()
            .map(|topic| self.spec(topic))
            .collect()
    }

    fn spec(&self, topic: TopicDefinition) -> TopicSpec {
        let spans = topic.name == SPANS;
        let count = |number: u32| i32::try_from(number).unwrap_or(i32::MAX);
        TopicSpec {
            partitions: count(if spans {
                self.partitions
            } else {
                topic.partitions
            }),
            replication_factor: self.replication_factor.map(count),
            cleanup: match topic.cleanup {
                Cleanup::Delete => CleanupPolicy::Delete,
                Cleanup::Compact => CleanupPolicy::Compact,
            },
            retention: if spans {
                Some(self.retention)
            } else {
                topic.retention
            },
            min_insync_replicas: self.min_insync_replicas.map(count),
            max_message_bytes: Some(
                self.max_message_bytes
                    .0
                    .max(u64::from(topic.max_message_bytes)),
            ),
            grow: self.grow,
            name: topic.name,
        }
    }
}

impl RegistrySection {
    /// How long the client waits.
    pub(crate) fn timeouts(&self) -> RegistryTimeouts {
        RegistryTimeouts {
            connect: self.connect_timeout,
            total: self.timeout,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn partitions_and_retention_are_those_of_the_topic_of_spans() {
        let topics = TopicsSection {
            partitions: 32,
            ..TopicsSection::default()
        };
        let specs = topics.specs();
        let partitions = |name: &str| {
            specs
                .iter()
                .find(|spec| spec.name == name)
                .unwrap()
                .partitions
        };
        assert_eq!(partitions(SPANS), 32);
        assert_eq!(partitions("spoor.control"), 1);
    }

    #[test]
    fn no_topic_takes_less_than_its_definition_asks_for() {
        let max_message_bytes = ByteSize(1);
        let topics = TopicsSection {
            max_message_bytes,
            ..TopicsSection::default()
        };
        for (spec, topic) in topics.specs().iter().zip(schemas::topics()) {
            assert!(spec.max_message_bytes >= Some(u64::from(topic.max_message_bytes)));
        }
    }
}
