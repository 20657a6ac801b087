//! Configuration of the Kafka receiver: which topics, in which cluster, by which group.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bootstrap::ByteSize;
use kafka::{
    ConfigError, ConsumerConfig, GroupProtocol, KafkaConfig, SaslMechanism, SecurityConfig,
    SecurityProtocol,
};
use model::{Tenant, TenantError};
use serde::{Deserialize, Serialize};

use crate::receive::Encoding;

/// How the records of a topic are encoded: the names of Jaeger and of OpenTelemetry's Kafka
/// exporter, with `-` or `_`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum TopicEncoding {
    /// `ExportTraceServiceRequest`, which is `TracesData` on the wire.
    #[serde(alias = "otlp_proto")]
    OtlpProto,
    /// The same in OTLP's JSON.
    #[serde(alias = "otlp_json")]
    OtlpJson,
    /// One `jaeger.api_v2.Span`.
    #[serde(alias = "jaeger_proto")]
    JaegerProto,
    /// The same in protobuf's JSON.
    #[serde(alias = "jaeger_json")]
    JaegerJson,
    /// `ListOfSpans` of Zipkin's protobuf.
    #[serde(alias = "zipkin_proto")]
    ZipkinProto,
    /// A list of Zipkin's spans, version 2, in JSON.
    #[serde(alias = "zipkin_json")]
    ZipkinJson,
    /// A list of the spans of `zipkincore.thrift` in Thrift's binary protocol.
    #[serde(alias = "zipkin_thrift")]
    ZipkinThrift,
}

impl TopicEncoding {
    /// Every encoding, in order of declaration.
    pub const ALL: [Self; 7] = [
        Self::OtlpProto,
        Self::OtlpJson,
        Self::JaegerProto,
        Self::JaegerJson,
        Self::ZipkinProto,
        Self::ZipkinJson,
        Self::ZipkinThrift,
    ];

    /// Its name in the configuration and in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::OtlpProto => "otlp-proto",
            Self::OtlpJson => "otlp-json",
            Self::JaegerProto => "jaeger-proto",
            Self::JaegerJson => "jaeger-json",
            Self::ZipkinProto => "zipkin-proto",
            Self::ZipkinJson => "zipkin-json",
            Self::ZipkinThrift => "zipkin-thrift",
        }
    }

    /// How one record of such a topic is decoded.
    pub const fn of_record(self) -> Encoding {
        match self {
            Self::OtlpProto => Encoding::Protobuf,
            Self::OtlpJson => Encoding::Json,
            Self::JaegerProto => Encoding::JaegerSpanProtobuf,
            Self::JaegerJson => Encoding::JaegerSpanJson,
            Self::ZipkinProto => Encoding::ZipkinProtobuf,
            Self::ZipkinJson => Encoding::ZipkinJson,
            Self::ZipkinThrift => Encoding::ZipkinV1Thrift,
        }
    }
}

/// Where a group begins to read that has not committed anything yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StartAt {
    /// With the first record there is.
    #[default]
    Earliest,
    /// With the next record that comes.
    Latest,
}

/// A topic that another collector writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TopicConfig {
    /// Name of the topic.
    pub topic: String,
    /// How its records are encoded.
    pub encoding: TopicEncoding,
    /// Whose spans they are. Without it: whose the record's header says, as for requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant: Option<String>,
    /// Name of the consumer group. Without it: `group` of the receiver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

bootstrap::config! {
    /// Topics of Kafka that other collectors write: Jaeger's, or OpenTelemetry's Kafka exporter. Read
    /// by collectors and by `spoor all-in-one`, published like what clients send, and committed only
    /// when that is acknowledged. Needs `deployment = "kafka"`.
    pub struct KafkaReceiverConfig {
        /// The topics, each a table with `topic`, `encoding` (`jaeger-proto`, `jaeger-json`,
        /// `otlp-proto`, `otlp-json`, `zipkin-proto`, `zipkin-json` or `zipkin-thrift`), and perhaps
        /// `tenant` and `group`. Empty: nothing is read.
        pub topics: Vec<TopicConfig> = Vec::new(),
        /// Addresses of some brokers of the cluster that has the topics. Empty: the cluster of
        /// `kafka`, by its settings; those below are not used then.
        pub brokers: Vec<String> = Vec::new(),
        /// Name of the clients in those brokers' logs, metrics and quotas.
        pub client_id: String = "spoor".to_owned(),
        /// Encryption and authentication of the connections to those brokers.
        pub security: SecuritySection,
        /// Further properties of librdkafka for those connections, as in `kafka.properties`.
        pub properties: BTreeMap<String, String> = BTreeMap::new(),
        /// Name of the consumer group. Collectors of one group share the partitions.
        pub group: String = "spoor-collector".to_owned(),
        /// Where to begin while the group has committed nothing: `earliest` or `latest`.
        pub start: StartAt = StartAt::Earliest,
        /// `classic` (cooperative-sticky) or `consumer` (Kafka 4.0 and later).
        pub protocol: GroupProtocol = GroupProtocol::Classic,
        /// A name for this member that survives restarts, unique in the group. With one, a restart
        /// moves no partition, but a member that leaves for good keeps its partitions idle for
        /// `session_timeout`.
        pub instance_id: Option<String> = None,
        /// How long the group waits for a silent member before its partitions move.
        pub session_timeout: Duration = Duration::from_secs(45),
        /// How long a partition that moves away may take to finish what is under way.
        /// Shorter than `session_timeout`.
        pub drain_timeout: Duration = Duration::from_secs(15),
        /// Records that librdkafka reads ahead, for each partition.
        pub prefetch: ByteSize = ByteSize::mib(1),
        /// Bytes of records that all partitions together may have under way: the receiver's share of
        /// `admission.max_bytes`. When it is used up, partitions wait.
        pub max_bytes: ByteSize = ByteSize::mib(32),
        /// Longest wait between tries while spans cannot be published. They go on for ever.
        pub retry_longest: Duration = Duration::from_secs(5),
        /// Topic for records that can never be stored, in the cluster of `kafka`.
        pub dead_letter_topic: String = "spoor.spans.dlq".to_owned(),
    }

    /// Encryption and authentication of the connections to the brokers.
    pub struct SecuritySection {
        /// How connections are protected.
        pub protocol: SecurityProtocol = SecurityProtocol::Plaintext,
        /// PEM file with the certificate authorities to trust. Without it: the system's.
        pub ca_file: Option<PathBuf> = None,
        /// PEM file with the client's certificate, for mutual TLS.
        pub certificate_file: Option<PathBuf> = None,
        /// PEM file with the client's private key.
        pub key_file: Option<PathBuf> = None,
        /// File with the password of the private key.
        pub key_password_file: Option<PathBuf> = None,
        /// SASL mechanism.
        pub mechanism: SaslMechanism = SaslMechanism::ScramSha512,
        /// SASL user name.
        pub username: Option<String> = None,
        /// File with the SASL password; trailing line ends are cut off.
        pub password_file: Option<PathBuf> = None,
    }
}

impl SecuritySection {
    /// What the clients take.
    pub fn client(&self) -> SecurityConfig {
        let section = self.clone();
        SecurityConfig {
            protocol: section.protocol,
            ca_file: section.ca_file,
            certificate_file: section.certificate_file,
            key_file: section.key_file,
            key_password_file: section.key_password_file,
            mechanism: section.mechanism,
            username: section.username,
            password_file: section.password_file,
        }
    }
}

/// Why the receiver's settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KafkaReceiverError {
    /// The clients refuse them.
    #[error("the clients' settings are wrong")]
    Client(#[from] ConfigError),
    /// A topic's tenant is none.
    #[error("`topics`: {topic} has a tenant that can be none")]
    Tenant {
        /// The topic.
        topic: String,
        /// The cause.
        source: TenantError,
    },
    /// A topic has no name.
    #[error("`topics`: a topic has no name")]
    Nameless,
    /// A group would read a topic twice, each time in part.
    #[error("`topics`: {topic} is there twice for the group {group}")]
    Twice {
        /// The topic.
        topic: String,
        /// The group.
        group: String,
    },
}

impl KafkaReceiverConfig {
    /// How the cluster with the topics is reached; `own` is where spans are published.
    pub fn cluster(&self, own: &KafkaConfig) -> KafkaConfig {
        if self.brokers.is_empty() {
            return own.clone();
        }
        KafkaConfig {
            brokers: self.brokers.join(","),
            client_id: self.client_id.clone(),
            security: self.security.client(),
            properties: self.properties.clone(),
        }
    }

    /// Checks everything that can be checked without a broker.
    ///
    /// # Errors
    /// If settings are wrong, or contradict each other.
    pub fn validate(&self) -> Result<(), KafkaReceiverError> {
        if !self.brokers.is_empty() {
            self.cluster(&KafkaConfig::default()).validate()?;
        }
        for (index, topic) in self.topics.iter().enumerate() {
            if topic.topic.is_empty() {
                return Err(KafkaReceiverError::Nameless);
            }
            self.consumer(topic).validate()?;
            topic.tenant()?;
            let same = |other: &TopicConfig| {
                other.topic == topic.topic && self.group_of(other) == self.group_of(topic)
            };
            if self.topics[..index].iter().any(same) {
                return Err(KafkaReceiverError::Twice {
                    topic: topic.topic.clone(),
                    group: self.group_of(topic).to_owned(),
                });
            }
        }
        Ok(())
    }

    /// How the partitions of a topic are consumed.
    pub(crate) fn consumer(&self, topic: &TopicConfig) -> ConsumerConfig {
        ConsumerConfig {
            group: self.group_of(topic).to_owned(),
            topics: vec![topic.topic.clone()],
            protocol: self.protocol,
            instance_id: self.instance_of(topic),
            session_timeout: self.session_timeout,
            drain_timeout: self.drain_timeout,
            prefetch_bytes: self.prefetch.0,
            ..ConsumerConfig::default()
        }
    }

    fn group_of<'a>(&'a self, topic: &'a TopicConfig) -> &'a str {
        topic.group.as_deref().unwrap_or(&self.group)
    }

    /// Each topic has a member of its own, and a name in a group stands for one member.
    fn instance_of(&self, topic: &TopicConfig) -> Option<String> {
        let name = self.instance_id.as_ref()?;
        Some(format!("{name}.{}", topic.topic))
    }
}

impl TopicConfig {
    /// Whose spans they are, if the configuration says so.
    pub(crate) fn tenant(&self) -> Result<Option<Tenant>, KafkaReceiverError> {
        let parsed = self.tenant.as_deref().map(Tenant::parse).transpose();
        parsed.map_err(|source| KafkaReceiverError::Tenant {
            topic: self.topic.clone(),
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topic(name: &str) -> TopicConfig {
        TopicConfig {
            topic: name.to_owned(),
            encoding: TopicEncoding::JaegerProto,
            tenant: None,
            group: None,
        }
    }

    fn of(topics: Vec<TopicConfig>) -> Result<(), String> {
        let config = KafkaReceiverConfig {
            topics,
            ..KafkaReceiverConfig::default()
        };
        config.validate().map_err(|error| error.to_string())
    }

    #[test]
    fn encodings_are_called_as_jaeger_and_opentelemetry_call_them() {
        for encoding in TopicEncoding::ALL {
            let name = encoding.as_str();
            for name in [name.to_owned(), name.replace('-', "_")] {
                let parsed: TopicEncoding =
                    serde_json::from_value(name.into()).expect("a known name");
                assert_eq!(parsed, encoding);
            }
        }
    }

    #[test]
    fn a_group_reads_a_topic_once() {
        assert_eq!(of(vec![topic("a"), topic("b")]), Ok(()));
        let error = of(vec![topic("a"), topic("a")]).expect_err("twice");
        assert!(error.contains("a is there twice"), "{error}");
        let other = TopicConfig {
            group: Some("other".to_owned()),
            ..topic("a")
        };
        assert_eq!(of(vec![topic("a"), other]), Ok(()));
    }

    #[test]
    fn a_tenant_that_can_be_none_is_refused() {
        let nobody = TopicConfig {
            tenant: Some("a b".to_owned()),
            ..topic("a")
        };
        assert!(of(vec![nobody]).is_err());
    }

    #[test]
    fn without_brokers_the_topics_lie_in_the_own_cluster() {
        let own = KafkaConfig {
            brokers: "own:9092".to_owned(),
            ..KafkaConfig::default()
        };
        let mut config = KafkaReceiverConfig::default();
        assert_eq!(config.cluster(&own), own);
        config.brokers = vec!["one:9092".to_owned(), "two:9092".to_owned()];
        assert_eq!(config.cluster(&own).brokers, "one:9092,two:9092");
    }
}
