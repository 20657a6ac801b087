//! What all Kafka clients share: their log lines in our log.

use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaErrorCode as Code;

/// Passes a line of librdkafka's log on. Its errors are warnings here: whether something has
/// failed is decided, and said, by the stage that used the client.
pub(crate) fn log_line(level: RDKafkaLogLevel, facility: &str, line: &str) {
    use RDKafkaLogLevel as Level;
    match level {
        Level::Emerg | Level::Alert | Level::Critical | Level::Error | Level::Warning => {
            tracing::warn!(kafka.facility = facility, "Kafka client: {line}");
        }
        Level::Notice | Level::Info => {
            tracing::info!(kafka.facility = facility, "Kafka client: {line}");
        }
        Level::Debug => tracing::debug!(kafka.facility = facility, "Kafka client: {line}"),
    }
}

/// Notes an error of the client as a whole. The library goes on trying by itself; stages see the
/// consequence as their own error. That a broker cannot be reached is in the log lines already.
pub(crate) fn client_error(role: &'static str, error: &KafkaError, reason: &str) {
    if error.rdkafka_error_code() == Some(Code::PartitionEOF) {
        // Not a failure: a reader that asked to be told has reached the end of a partition.
        return;
    }
    crate::metrics::client_error(role, error);
    match error.rdkafka_error_code() {
        Some(Code::BrokerTransportFailure | Code::AllBrokersDown | Code::Resolve) => {
            tracing::debug!(kafka.role = role, error = %error, "Kafka client: {reason}");
        }
        _ => tracing::warn!(kafka.role = role, error = %error, "Kafka client: {reason}"),
    }
}
