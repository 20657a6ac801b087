//! What an OTLP receiver answers with. Requests have no generated types: the collector reads them
//! from the wire into a batch.

use prost::Message;
use prost_types::{Any, Duration};

/// `opentelemetry.proto.collector.trace.v1.ExportTraceServiceResponse`.
#[derive(Clone, PartialEq, Message)]
pub struct ExportTraceServiceResponse {
    /// Set when some spans were not accepted, or there is something to tell; else absent.
    #[prost(message, optional, tag = "1")]
    pub partial_success: Option<ExportTracePartialSuccess>,
}

/// `opentelemetry.proto.collector.trace.v1.ExportTracePartialSuccess`.
#[derive(Clone, PartialEq, Message)]
pub struct ExportTracePartialSuccess {
    /// How many spans were not accepted. The client must not send them again.
    #[prost(int64, tag = "1")]
    pub rejected_spans: i64,
    /// Why, in English.
    #[prost(string, tag = "2")]
    pub error_message: String,
}

/// `google.rpc.Status`: body of an OTLP/HTTP error, and of gRPC's `grpc-status-details-bin`.
#[derive(Clone, PartialEq, Message)]
pub struct Status {
    /// The gRPC status code.
    #[prost(int32, tag = "1")]
    pub code: i32,
    /// What went wrong, in English.
    #[prost(string, tag = "2")]
    pub message: String,
    /// More of it, such as a [`RetryInfo`].
    #[prost(message, repeated, tag = "3")]
    pub details: Vec<Any>,
}

impl Status {
    /// The same status with the hint to try again after `delay`.
    #[must_use]
    pub fn with_retry_after(mut self, delay: std::time::Duration) -> Self {
        let retry = RetryInfo {
            retry_delay: Some(Duration {
                seconds: i64::try_from(delay.as_secs()).unwrap_or(i64::MAX),
                nanos: delay.subsec_nanos() as i32,
            }),
        };
        self.details.push(Any {
            type_url: RetryInfo::TYPE_URL.to_owned(),
            value: retry.encode_to_vec(),
        });
        self
    }
}

/// `google.rpc.RetryInfo`: when a client may try again.
#[derive(Clone, PartialEq, Message)]
pub struct RetryInfo {
    /// How long it should wait at least.
    #[prost(message, optional, tag = "1")]
    pub retry_delay: Option<Duration>,
}

impl RetryInfo {
    /// Names the type in [`Status::details`].
    pub const TYPE_URL: &'static str = "type.googleapis.com/google.rpc.RetryInfo";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_success_is_an_empty_message() {
        assert!(
            ExportTraceServiceResponse::default()
                .encode_to_vec()
                .is_empty()
        );
    }

    #[test]
    fn a_partial_success_has_otlps_field_numbers() {
        let response = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans: 3,
                error_message: "a".into(),
            }),
        };
        assert_eq!(response.encode_to_vec(), [0x0a, 5, 0x08, 3, 0x12, 1, b'a']);
    }

    #[test]
    fn a_retry_hint_can_be_read_from_the_details() {
        let status = Status::default().with_retry_after(std::time::Duration::from_millis(1500));
        let [any] = status.details.as_slice() else {
            panic!("one detail, not {:?}", status.details);
        };
        assert_eq!(any.type_url, RetryInfo::TYPE_URL);
        let hint = RetryInfo::decode(any.value.as_slice()).expect("it is a RetryInfo");
        let delay = hint.retry_delay.expect("it has a delay");
        assert_eq!((delay.seconds, delay.nanos), (1, 500_000_000));
    }
}
