//! What the topics are: one definition for `spoor migrate`, the tests and the documentation.

use std::time::Duration;

use serde::Deserialize;

/// One topic. Numbers are defaults that configuration may override.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicDefinition {
    /// Its name.
    pub name: String,
    /// What it is for, in a sentence.
    pub purpose: String,
    /// What the keys of its records are.
    pub key: String,
    /// What the values of its records are.
    pub value: String,
    /// File name of the values' Avro schema, if they have one.
    pub schema: Option<String>,
    /// Names of the headers that its records carry.
    pub headers: Vec<String>,
    /// Roles that write it.
    pub produced_by: Vec<String>,
    /// Roles that read it.
    pub consumed_by: Vec<String>,
    /// What happens to old records.
    pub cleanup: Cleanup,
    /// How many partitions it is created with: a power of two.
    pub partitions: u32,
    /// How long records are kept, if they are deleted by age.
    #[serde(rename = "retention_hours", deserialize_with = "hours")]
    pub retention: Option<Duration>,
    /// Kafka's `max.message.bytes`: the largest batch of records as it is sent, compressed.
    pub max_message_bytes: u32,
}

/// Kafka's `cleanup.policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cleanup {
    /// Records beyond the retention are deleted.
    Delete,
    /// Of each key, the last record is kept.
    Compact,
}

impl Cleanup {
    /// The value of `cleanup.policy`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delete => "delete",
            Self::Compact => "compact",
        }
    }
}

const FILES: [&str; 4] = [
    include_str!("../topics/spoor.spans.yaml"),
    include_str!("../topics/spoor.spans.dlq.yaml"),
    include_str!("../topics/spoor.spans.replay.yaml"),
    include_str!("../topics/spoor.control.yaml"),
];

/// Every topic of the product, in data-path order.
pub fn topics() -> Vec<TopicDefinition> {
    let parse = |file: &&str| {
        serde_yaml_ng::from_str(file).expect("the embedded topic definitions are well-formed")
    };
    FILES.iter().map(parse).collect()
}

fn hours<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    let hours = Option::<u32>::deserialize(deserializer)?;
    Ok(hours.map(|hours| Duration::from_secs(u64::from(hours) * 3600)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_file_defines_the_topic_it_is_named_for() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/topics");
        let mut files: Vec<String> = std::fs::read_dir(folder)
            .expect("the folder exists")
            .map(|file| {
                file.expect("it can be read")
                    .file_name()
                    .to_string_lossy()
                    .into()
            })
            .collect();
        let mut names: Vec<_> = topics()
            .into_iter()
            .map(|topic| topic.name + ".yaml")
            .collect();
        files.sort();
        names.sort();
        assert_eq!(files, names);
    }

    #[test]
    fn partitions_are_powers_of_two() {
        assert!(
            topics()
                .iter()
                .all(|topic| topic.partitions.is_power_of_two())
        );
    }

    #[test]
    fn what_is_deleted_has_an_age_and_what_is_compacted_has_none() {
        for topic in topics() {
            let deleted = topic.cleanup == Cleanup::Delete;
            assert_eq!(topic.retention.is_some(), deleted, "{}", topic.name);
        }
    }
}
