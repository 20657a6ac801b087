//! Answers: one place where what became of a request turns into codes and messages of a protocol.

use std::fmt::Write;
use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

use axum::body::Body;
use http::header::{CONTENT_TYPE, RETRY_AFTER, X_CONTENT_TYPE_OPTIONS};
use http::{HeaderValue, Response, StatusCode};
use model::{Refusal, RejectReason, Tally};
use schemas::otlp_response::{ExportTracePartialSuccess, ExportTraceServiceResponse, Status};
use tonic::Code;

use super::{Receipt, Refused};
use crate::enrich::UnknownTenant;

/// The response to a request that was accepted, in whole or in part.
pub(super) fn response(receipt: &Receipt) -> ExportTraceServiceResponse {
    let partial_success = (!receipt.rejected.is_empty()).then(|| ExportTracePartialSuccess {
        rejected_spans: i64::try_from(receipt.rejected.total()).unwrap_or(i64::MAX),
        error_message: in_words(&receipt.rejected),
    });
    ExportTraceServiceResponse { partial_success }
}

/// The status of a request that was refused, with a hint if it should be sent again.
pub(super) fn status(refused: &Refused, retry_after: Option<Duration>) -> Status {
    let status = Status {
        code: grpc_code(refused) as i32,
        message: refused.message(),
        details: Vec::new(),
    };
    match retry_after {
        Some(delay) => status.with_retry_after(delay),
        None => status,
    }
}

/// The gRPC code of a refusal.
pub(super) fn grpc_code(refused: &Refused) -> Code {
    if let Refused::Tenant(error) = refused {
        return match error {
            UnknownTenant::Missing => Code::Unauthenticated,
            UnknownTenant::Several | UnknownTenant::NotListed => Code::PermissionDenied,
            UnknownTenant::NoName(_) => Code::InvalidArgument,
        };
    }
    match refused.refusal() {
        Refusal::Malformed | Refusal::UnsupportedMediaType | Refusal::InvalidTenant => {
            Code::InvalidArgument
        }
        Refusal::TooLarge => Code::ResourceExhausted,
        Refusal::UnsupportedEncoding | Refusal::MethodNotAllowed => Code::Unimplemented,
        Refusal::Timeout => Code::DeadlineExceeded,
        Refusal::Overloaded | Refusal::Unavailable | Refusal::Draining => Code::Unavailable,
    }
}

/// The HTTP status of a refusal.
pub(super) fn http_status(refused: &Refused) -> StatusCode {
    if let Refused::Tenant(error) = refused {
        return match error {
            UnknownTenant::Missing | UnknownTenant::Several | UnknownTenant::NotListed => {
                StatusCode::UNAUTHORIZED
            }
            UnknownTenant::NoName(_) => StatusCode::BAD_REQUEST,
        };
    }
    match refused.refusal() {
        Refusal::Malformed | Refusal::InvalidTenant => StatusCode::BAD_REQUEST,
        Refusal::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Refusal::UnsupportedMediaType | Refusal::UnsupportedEncoding => {
            StatusCode::UNSUPPORTED_MEDIA_TYPE
        }
        Refusal::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Refusal::Timeout => StatusCode::REQUEST_TIMEOUT,
        Refusal::Overloaded | Refusal::Unavailable | Refusal::Draining => {
            StatusCode::SERVICE_UNAVAILABLE
        }
    }
}

/// Tells an HTTP client when to come back.
pub(super) fn hint<B>(answer: &mut Response<B>, retry_after: Option<Duration>) {
    if let Some(delay) = retry_after {
        // Whole seconds; a fraction would be read as no hint at all.
        let seconds = delay.as_secs_f64().ceil() as u64;
        answer
            .headers_mut()
            .insert(RETRY_AFTER, HeaderValue::from(seconds.max(1)));
    }
}

/// An answer in plain words, which no browser takes for anything else.
pub(crate) fn in_text(status: StatusCode, text: String) -> Response<Body> {
    let mut answer = Response::new(Body::from(text));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    let plain = HeaderValue::from_static("text/plain; charset=utf-8");
    headers.insert(CONTENT_TYPE, plain);
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    answer
}

/// 202 with nothing to say, which is how receivers of Zipkin's and Jaeger's kind say yes.
pub(super) fn taken() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::ACCEPTED;
    answer
}

/// A delay of up to half as much again, so that clients refused together come back apart.
pub(super) fn spread(delay: Duration) -> Duration {
    let random = RandomState::new().hash_one(0u8) % 1024;
    delay + delay.mul_f64(random as f64 / 2048.0)
}

/// Counts and reasons, such as `2 spans left out: 1 with no valid trace id (invalid_trace_id), …`.
fn in_words(rejected: &Tally) -> String {
    let total = rejected.total();
    let mut words = format!(
        "{total} span{} left out: ",
        if total == 1 { "" } else { "s" }
    );
    for (index, (reason, count)) in rejected.iter().enumerate() {
        let comma = if index == 0 { "" } else { ", " };
        // Writing to a string cannot fail.
        let _ = write!(words, "{comma}{count} {} ({reason})", why(reason));
    }
    words
}

fn why(reason: RejectReason) -> &'static str {
    match reason {
        RejectReason::InvalidTraceId => "without a trace id of 16 bytes that are not all zero",
        RejectReason::InvalidSpanId => "without a span id of 8 bytes that are not all zero",
        RejectReason::SpanTooLarge => "too large even after long values were cut",
        RejectReason::Unframed => "in a record without a frame",
        RejectReason::UnknownSchema => "of an unknown schema",
        RejectReason::Undecodable => "that cannot be decoded",
        RejectReason::InvalidTenant => "of no valid tenant",
        RejectReason::RefusedByStore => "refused by the store",
        RejectReason::LeftOutBeyond => "left out by the next receiver",
        RejectReason::RecordTooLarge => "in a record that holds more than a request may",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_success_has_nothing_to_tell() {
        assert_eq!(
            response(&Receipt::default()),
            ExportTraceServiceResponse::default()
        );
    }

    #[test]
    fn a_partial_success_tells_counts_and_reasons() {
        let mut receipt = Receipt {
            accepted: 1,
            ..Receipt::default()
        };
        receipt.rejected.add(RejectReason::InvalidSpanId);
        let partial = response(&receipt)
            .partial_success
            .expect("one was left out");
        assert_eq!(partial.rejected_spans, 1);
        assert_eq!(
            partial.error_message,
            "1 span left out: 1 without a span id of 8 bytes that are not all zero (invalid_span_id)"
        );
    }

    #[test]
    fn what_is_retryable_is_so_in_every_protocol() {
        for refused in [Refused::Overloaded, Refused::Draining] {
            assert!(refused.is_retryable());
            assert_eq!(grpc_code(&refused), Code::Unavailable);
            assert_eq!(http_status(&refused), StatusCode::SERVICE_UNAVAILABLE);
        }
        let too_large = Refused::BodyTooLarge { limit: 1 };
        assert!(!too_large.is_retryable());
        assert_eq!(grpc_code(&too_large), Code::ResourceExhausted);
        assert_eq!(http_status(&too_large), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_delay_is_spread_by_up_to_a_half() {
        for _ in 0..100 {
            let delay = spread(Duration::from_secs(2));
            assert!((2.0..=3.0).contains(&delay.as_secs_f64()), "{delay:?}");
        }
    }
}
