//! How to reach Kafka, and how to produce: the document's form of the `kafka` crate's settings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use bootstrap::{ByteSize, config};
use kafka::{
    Compression, KafkaConfig, ProducerConfig, SaslMechanism, SecurityConfig, SecurityProtocol,
};

config! {
    /// How to reach Kafka, and how to produce.
    pub(crate) struct KafkaSection {
        /// Addresses of some brokers, `host:port`; the others are found through them.
        /// Empty: `spoor all-in-one` starts a Kafka of its own.
        pub brokers: Vec<String> = Vec::new(),
        /// Name of the clients in the brokers' logs, metrics and quotas.
        pub client_id: String = "spoor".to_owned(),
        /// Encryption and authentication.
        pub security: SecuritySection,
        /// How records are produced.
        pub producer: ProducerSection,
        /// Further properties of librdkafka, passed on as they are. Those that would break the
        /// delivery promise, hold secrets, or have a field here are refused.
        pub properties: BTreeMap<String, String> = BTreeMap::new(),
    }

    /// Encryption and authentication of the connections to the brokers.
    pub(crate) struct SecuritySection {
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

    /// How records are produced. Acknowledgement by all in-sync replicas and idempotence are not
    /// settings: the delivery promise rests on them.
    pub(crate) struct ProducerSection {
        /// How batches are compressed, on the wire and in the topic.
        pub compression: Compression = ProducerConfig::default().compression,
        /// How long a batch waits for more records. Longer: less work for the brokers. It is paid
        /// in latency of the acknowledgement one to one.
        pub linger: Duration = ProducerConfig::default().linger,
        /// How long a record may take to be acknowledged, retries included. Must be shorter than
        /// the time that clients wait for their answer (10 s for OTLP exporters).
        pub delivery_timeout: Duration = ProducerConfig::default().delivery_timeout,
        /// How long a request that was let in waits for room when the queue fills up midway.
        pub queue_wait: Duration = ProducerConfig::default().queue_wait,
        /// Most bytes of records that may wait for acknowledgement: the memory that a slow or
        /// absent cluster can cost. Beyond it requests are refused before they are decoded.
        pub queue_bytes: ByteSize = ByteSize(ProducerConfig::default().queue_bytes),
        /// Most records that may wait for acknowledgement.
        pub queue_records: u64 = ProducerConfig::default().queue_records,
        /// Most bytes of one record before compression. Must not exceed the topic's
        /// `max.message.bytes`.
        pub max_record_bytes: ByteSize = ByteSize(ProducerConfig::default().max_record_bytes),
    }
}

impl KafkaSection {
    /// What the clients of the cluster take.
    pub(crate) fn client(&self) -> KafkaConfig {
        let security = self.security.clone();
        KafkaConfig {
            brokers: self.brokers.join(","),
            client_id: self.client_id.clone(),
            security: SecurityConfig {
                protocol: security.protocol,
                ca_file: security.ca_file,
                certificate_file: security.certificate_file,
                key_file: security.key_file,
                key_password_file: security.key_password_file,
                mechanism: security.mechanism,
                username: security.username,
                password_file: security.password_file,
            },
            properties: self.properties.clone(),
        }
    }

    /// What the producer takes.
    pub(crate) fn producer(&self) -> ProducerConfig {
        ProducerConfig {
            compression: self.producer.compression,
            linger: self.producer.linger,
            delivery_timeout: self.producer.delivery_timeout,
            queue_wait: self.producer.queue_wait,
            queue_bytes: self.producer.queue_bytes.0,
            queue_records: self.producer.queue_records,
            max_record_bytes: self.producer.max_record_bytes.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_are_those_of_the_clients() {
        let section = KafkaSection::default();
        assert_eq!(section.producer(), ProducerConfig::default());
        let client = KafkaConfig {
            brokers: String::new(),
            ..KafkaConfig::default()
        };
        assert_eq!(section.client(), client);
    }
}
