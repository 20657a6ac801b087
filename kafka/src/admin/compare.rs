//! What a topic is, against what it should be. Pure.

use std::collections::HashMap;

use rdkafka::metadata::MetadataTopic;

use super::{CleanupPolicy, Difference, TopicSpec, TopicState};

/// What the difference in the number of partitions is called.
const PARTITIONS: &str = "partitions";
const REPLICATION: &str = "replication.factor";

/// A topic as the cluster describes it.
pub(super) struct FoundTopic {
    pub(super) partitions: i32,
    pub(super) replicas: i32,
    pub(super) led: bool,
    pub(super) settings: HashMap<String, String>,
}

impl FoundTopic {
    pub(super) fn of(topic: &MetadataTopic) -> Self {
        let partitions = topic.partitions();
        Self {
            partitions: partitions.len() as i32,
            replicas: partitions
                .iter()
                .map(|p| p.replicas().len())
                .min()
                .unwrap_or(0) as i32,
            led: partitions.iter().all(|p| p.leader() >= 0),
            settings: HashMap::new(),
        }
    }

    /// Whether every partition has a leader.
    pub(super) fn is_led(&self) -> bool {
        self.led && self.partitions > 0
    }

    pub(super) fn compare(&self, spec: &TopicSpec) -> TopicState {
        let mut wanted = vec![(PARTITIONS.to_owned(), spec.partitions.to_string())];
        wanted.extend(
            spec.replication_factor
                .map(|n| (REPLICATION.to_owned(), n.to_string())),
        );
        wanted.extend(
            settings(spec)
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value)),
        );
        let differences = wanted.into_iter().filter_map(|(what, expected)| {
            let found = self.value(&what);
            (found != expected).then_some(Difference {
                what,
                expected,
                found,
            })
        });
        let differences: Vec<Difference> = differences.collect();
        match differences.is_empty() {
            true => TopicState::Exists,
            false => TopicState::Differs(differences),
        }
    }

    fn value(&self, what: &str) -> String {
        match what {
            PARTITIONS => self.partitions.to_string(),
            REPLICATION => self.replicas.to_string(),
            setting => self.settings.get(setting).cloned().unwrap_or_default(),
        }
    }
}

/// The settings that a topic should have. Times are always the broker's, so that looking a time
/// up finds every record that came after it.
pub(super) fn settings(spec: &TopicSpec) -> Vec<(&'static str, String)> {
    let policy = match spec.cleanup {
        CleanupPolicy::Delete => "delete",
        CleanupPolicy::Compact => "compact",
    };
    let mut settings = vec![
        ("cleanup.policy", policy.to_owned()),
        ("message.timestamp.type", "LogAppendTime".to_owned()),
    ];
    settings.extend(
        spec.retention
            .map(|time| ("retention.ms", time.as_millis().to_string())),
    );
    settings.extend(
        spec.min_insync_replicas
            .map(|n| ("min.insync.replicas", n.to_string())),
    );
    settings.extend(
        spec.max_message_bytes
            .map(|n| ("max.message.bytes", n.to_string())),
    );
    settings
}

/// The number of partitions to grow from, where growing is allowed and all that is needed.
pub(super) fn growth(spec: &TopicSpec, differences: &[Difference]) -> Option<i32> {
    let [Difference { what, found, .. }] = differences else {
        return None;
    };
    let from = found
        .parse()
        .ok()
        .filter(|from| *from > 0 && *from < spec.partitions)?;
    (spec.grow && what == PARTITIONS).then_some(from)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec() -> TopicSpec {
        TopicSpec {
            name: "t".to_owned(),
            partitions: 8,
            replication_factor: None,
            cleanup: CleanupPolicy::Delete,
            retention: None,
            min_insync_replicas: Some(2),
            max_message_bytes: None,
            grow: false,
        }
    }

    fn found(partitions: i32) -> FoundTopic {
        let settings = settings(&spec())
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value));
        FoundTopic {
            partitions,
            replicas: 1,
            led: true,
            settings: settings.collect(),
        }
    }

    #[test]
    fn a_topic_that_is_what_it_should_be_exists() {
        assert_eq!(found(8).compare(&spec()), TopicState::Exists);
    }

    #[test]
    fn each_difference_is_named_with_both_values() {
        let mut topic = found(4);
        topic.settings.remove("min.insync.replicas");
        let TopicState::Differs(differences) = topic.compare(&spec()) else {
            panic!("differs")
        };
        let named: Vec<_> = differences
            .iter()
            .map(|d| (&*d.what, &*d.expected, &*d.found))
            .collect();
        assert_eq!(
            named,
            [("partitions", "8", "4"), ("min.insync.replicas", "2", "")]
        );
    }

    #[test]
    fn only_a_lack_of_partitions_alone_is_grown_and_only_when_asked() {
        let TopicState::Differs(fewer) = found(4).compare(&spec()) else {
            panic!("differs")
        };
        let TopicState::Differs(more) = found(16).compare(&spec()) else {
            panic!("differs")
        };
        let growing = TopicSpec {
            grow: true,
            ..spec()
        };
        assert_eq!(growth(&growing, &fewer), Some(4));
        assert_eq!(growth(&spec(), &fewer), None);
        assert_eq!(growth(&growing, &more), None);
    }
}
