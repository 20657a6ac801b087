//! Creates topics, and checks that they are what the program needs.

mod compare;
mod topic;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rdkafka::admin::{
    AdminClient, AdminOptions, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::FromClientConfig;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;
use rdkafka::{Offset, TopicPartitionList};

use crate::config::{ConfigError, KafkaConfig};
use crate::record::TopicPartition;

use compare::FoundTopic;

pub use topic::{CleanupPolicy, Difference, TopicOutcome, TopicRetention, TopicSpec, TopicState};

/// How long one operation may take.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why topics cannot be created or checked.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The settings are wrong.
    #[error("the Kafka settings cannot be used")]
    Config(#[from] ConfigError),
    /// The library refuses the settings.
    #[error("the Kafka client cannot be made")]
    Client {
        /// The cause.
        source: KafkaError,
    },
    /// The cluster cannot be reached or does not answer.
    #[error("the cluster does not answer: cannot {operation}")]
    Unavailable {
        /// What was to be done.
        operation: &'static str,
        /// The cause.
        source: KafkaError,
    },
    /// The cluster refuses to do it for one topic.
    #[error("cannot {operation} topic {topic}")]
    Refused {
        /// What was to be done.
        operation: &'static str,
        /// For which topic.
        topic: String,
        /// The cause.
        source: KafkaError,
    },
}

/// Creates and checks topics.
pub struct Admin {
    client: Arc<AdminClient<DefaultClientContext>>,
}

impl Admin {
    /// Makes an administrator's client. Does not wait for a broker.
    pub fn new(kafka: &KafkaConfig) -> Result<Self, AdminError> {
        let client = AdminClient::from_config(&kafka.client()?);
        let client = client.map_err(|source| AdminError::Client { source })?;
        Ok(Self {
            client: Arc::new(client),
        })
    }

    /// Creates the topics that do not exist and grows those that may grow; everything else that
    /// differs is reported and left as it is. Idempotent.
    pub async fn ensure_topics(
        &self,
        topics: &[TopicSpec],
    ) -> Result<Vec<TopicOutcome>, AdminError> {
        let mut outcomes = Vec::with_capacity(topics.len());
        for (spec, outcome) in topics.iter().zip(self.check_topics(topics).await?) {
            let state = match outcome.state {
                TopicState::Missing => self.create(spec).await?,
                TopicState::Differs(differences) => self.grow(spec, differences).await?,
                state => state,
            };
            outcomes.push(TopicOutcome {
                name: spec.name.clone(),
                state,
            });
        }
        self.until_known(topics).await?;
        Ok(outcomes)
    }

    /// Says how topics compare with what they should be. Changes nothing.
    pub async fn check_topics(
        &self,
        topics: &[TopicSpec],
    ) -> Result<Vec<TopicOutcome>, AdminError> {
        let mut found = self.metadata().await?;
        let existing: Vec<&str> = topics
            .iter()
            .map(|t| t.name.as_str())
            .filter(|name| found.contains_key(*name))
            .collect();
        for (name, settings) in self.settings(&existing).await? {
            if let Some(topic) = found.get_mut(&name) {
                topic.settings = settings;
            }
        }
        let compared = topics.iter().map(|spec| {
            let state = found
                .get(&spec.name)
                .map_or(TopicState::Missing, |topic| topic.compare(spec));
            TopicOutcome {
                name: spec.name.clone(),
                state,
            }
        });
        Ok(compared.collect())
    }

    /// For how long a topic keeps records, by its settings or those of its brokers.
    pub async fn retention(&self, topic: &str) -> Result<TopicRetention, AdminError> {
        let described = self.settings(&[topic]).await?;
        let settings = described.into_iter().next().map(|(_, settings)| settings);
        let settings = settings.unwrap_or_default();
        // Unlimited is -1.
        let limit = |name| settings.get(name)?.parse::<u64>().ok();
        Ok(TopicRetention {
            time: limit("retention.ms").map(Duration::from_millis),
            bytes: limit("retention.bytes"),
        })
    }

    /// Deletes topics and all their records. Topics that do not exist are passed over.
    pub async fn delete_topics(&self, topics: &[&str]) -> Result<(), AdminError> {
        let operation = "delete";
        let results = self.client.delete_topics(topics, &options()).await;
        let results = results.map_err(|source| AdminError::Unavailable { operation, source })?;
        for result in results {
            match result {
                Ok(_) | Err((_, Code::UnknownTopicOrPartition)) => {}
                Err((topic, code)) => return Err(refused(operation, topic, code)),
            }
        }
        Ok(())
    }

    /// Deletes the records of a partition below an offset, for good.
    pub async fn delete_records(&self, at: &TopicPartition, below: i64) -> Result<(), AdminError> {
        let operation = "delete records of";
        let refused = |source| AdminError::Refused {
            operation,
            topic: at.topic.to_string(),
            source,
        };
        let mut offsets = TopicPartitionList::new();
        let added = offsets.add_partition_offset(&at.topic, at.partition, Offset::Offset(below));
        added.map_err(refused)?;
        let deleted = self.client.delete_records(&offsets, &options()).await;
        let deleted = deleted.map_err(|source| AdminError::Unavailable { operation, source })?;
        for element in deleted.elements() {
            element.error().map_err(refused)?;
        }
        Ok(())
    }

    async fn create(&self, spec: &TopicSpec) -> Result<TopicState, AdminError> {
        let operation = "create";
        let settings = compare::settings(spec);
        let replication = TopicReplication::Fixed(spec.replication_factor.unwrap_or(-1));
        let mut topic = NewTopic::new(&spec.name, spec.partitions, replication);
        for (name, value) in &settings {
            topic = topic.set(name, value);
        }
        let results = self.client.create_topics([&topic], &options()).await;
        let results = results.map_err(|source| AdminError::Unavailable { operation, source })?;
        for result in results {
            match result {
                Ok(_) => {}
                // Somebody else was quicker.
                Err((_, Code::TopicAlreadyExists)) => return Ok(TopicState::Exists),
                Err((topic, code)) => return Err(refused(operation, topic, code)),
            }
        }
        Ok(TopicState::Created)
    }

    async fn grow(
        &self,
        spec: &TopicSpec,
        differences: Vec<Difference>,
    ) -> Result<TopicState, AdminError> {
        let operation = "add partitions to";
        let Some(from) = compare::growth(spec, &differences) else {
            return Ok(TopicState::Differs(differences));
        };
        let partitions = NewPartitions::new(&spec.name, spec.partitions as usize);
        let results = self
            .client
            .create_partitions([&partitions], &options())
            .await;
        let results = results.map_err(|source| AdminError::Unavailable { operation, source })?;
        for result in results {
            result.map_err(|(topic, code)| refused(operation, topic, code))?;
        }
        Ok(TopicState::Grown {
            from,
            to: spec.partitions,
        })
    }

    /// Waits until the brokers that serve clients know the topics as they are now.
    async fn until_known(&self, topics: &[TopicSpec]) -> Result<(), AdminError> {
        let deadline = Instant::now() + TIMEOUT;
        loop {
            let found = self.metadata().await?;
            let known = |spec: &&TopicSpec| found.get(&spec.name).is_some_and(FoundTopic::is_led);
            match topics.iter().find(|spec| !known(spec)) {
                None => return Ok(()),
                Some(_) if Instant::now() < deadline => {
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
                Some(spec) => {
                    return Err(refused(
                        "find a leader for",
                        spec.name.clone(),
                        Code::LeaderNotAvailable,
                    ));
                }
            }
        }
    }

    async fn metadata(&self) -> Result<HashMap<String, FoundTopic>, AdminError> {
        let client = self.client.clone();
        let fetched = tokio::task::spawn_blocking(move || {
            client
                .inner()
                .fetch_metadata(None, TIMEOUT)
                .map(|metadata| {
                    let topics = metadata
                        .topics()
                        .iter()
                        .filter(|topic| topic.error().is_none());
                    topics
                        .map(|t| (t.name().to_owned(), FoundTopic::of(t)))
                        .collect::<HashMap<_, _>>()
                })
        });
        let fetched = fetched.await.unwrap_or(Err(KafkaError::Canceled));
        fetched.map_err(|source| AdminError::Unavailable {
            operation: "list topics",
            source,
        })
    }

    async fn settings(
        &self,
        topics: &[&str],
    ) -> Result<Vec<(String, HashMap<String, String>)>, AdminError> {
        let operation = "describe";
        if topics.is_empty() {
            return Ok(Vec::new());
        }
        let named: Vec<_> = topics
            .iter()
            .map(|name| ResourceSpecifier::Topic(name))
            .collect();
        let described = self.client.describe_configs(&named, &options()).await;
        let described =
            described.map_err(|source| AdminError::Unavailable { operation, source })?;
        let mut settings = Vec::with_capacity(topics.len());
        for (name, resource) in topics.iter().zip(described) {
            let resource = resource.map_err(|code| refused(operation, (*name).to_owned(), code))?;
            let entries = resource.entries.into_iter();
            let values = entries.filter_map(|entry| Some((entry.name, entry.value?)));
            settings.push(((*name).to_owned(), values.collect()));
        }
        Ok(settings)
    }
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").finish_non_exhaustive()
    }
}

fn options() -> AdminOptions {
    AdminOptions::new()
        .request_timeout(Some(TIMEOUT))
        .operation_timeout(Some(TIMEOUT))
}

fn refused(operation: &'static str, topic: String, code: Code) -> AdminError {
    AdminError::Refused {
        operation,
        topic,
        source: KafkaError::AdminOp(code),
    }
}
