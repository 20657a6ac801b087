//! The one configuration document. Every role reads the same one and takes its own sections.

mod kafka;
mod ports;
mod storage;
mod topics;
mod validate;

use std::time::Duration;

use bootstrap::{LoggingConfig, TracingConfig, config};
use collector::{AgentConfig, CollectorConfig};
use ingester::IngesterConfig;
use query::QueryConfig;
use serde::{Deserialize, Serialize};

pub(crate) use self::kafka::KafkaSection;
pub(crate) use self::ports::AdminSection;
pub(crate) use self::storage::{StorageSection, StoreKind};
pub(crate) use self::topics::{RegistrySection, TopicsSection};
use crate::servers::EmbeddedConfig;

/// What lies between collectors and the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Deployment {
    /// Kafka: collectors publish, ingesters consume.
    Kafka,
    /// Nothing: the collector writes to the store itself.
    Direct,
}

impl Deployment {
    /// Its name on the command line and in the file.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Kafka => "kafka",
            Self::Direct => "direct",
        }
    }
}

config! {
    /// One document configures every role; each takes the sections that concern it. Values come
    /// from the defaults below, then from the file given by `--config` (TOML or YAML), then from
    /// environment variables (`SPOOR__SECTION__KEY`, so `SPOOR__KAFKA__BROKERS` sets
    /// `kafka.brokers`), then from flags (`--set section.key=value`); later ones win. A key that
    /// is not on this page is refused. Durations are written like `500ms` or `1h 30m`, sizes like
    /// `16 MiB`. Instead of a secret `key`, `key_file` names a file that holds it.
    /// `spoor config check` checks a document, `spoor config print` shows what results.
    pub(crate) struct Config {
        /// `kafka`: collectors publish to Kafka and ingesters consume from it. `direct`: the
        /// collector writes to Postgres itself, for small installations; there are no ingesters.
        pub deployment: Deployment = Deployment::Kafka,
        /// How long a process may take to finish what it has taken, after SIGTERM or Ctrl-C.
        /// Less than what the service manager waits before it kills.
        pub shutdown_timeout: Duration = Duration::from_secs(30),
        /// How to reach Kafka, and how to produce.
        pub kafka: KafkaSection,
        /// What `spoor migrate` makes of the topics.
        pub topics: TopicsSection,
        /// The schema registry.
        pub registry: RegistrySection,
        /// What holds the traces.
        pub storage: StorageSection,
        /// The agent.
        pub agent: AgentConfig,
        /// The collector.
        pub collector: CollectorConfig,
        /// The ingester.
        pub ingester: IngesterConfig,
        /// The query service.
        pub query: QueryConfig,
        /// The servers that `spoor all-in-one` starts for itself.
        pub embedded: EmbeddedConfig,
        /// Ports for probes and metrics.
        pub admin: AdminSection,
        /// Logs.
        pub logging: LoggingConfig,
        /// Spoor's own traces.
        pub tracing: TracingConfig,
    }
}
