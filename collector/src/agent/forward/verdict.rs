//! What a collector's answer means: for good, or not now; and which spans it left out.

use std::error::Error;
use std::time::Duration;

use model::{RejectReason, Tally};
use prost::Message;
use schemas::otlp_response::{ExportTraceServiceResponse, RetryInfo};
use tonic::{Code, Status};

/// Whether a request that was not taken is worth sending again.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The request is not what it should be.
    Refused,
    /// Somebody or something is not ready; after this long, if that was told.
    Again(Option<Duration>),
}

/// What OTLP says, with one difference: who is not known, or not the right one to ask, is a matter
/// for the operator and no reason to drop spans.
pub(super) fn judge(status: &Status) -> Verdict {
    let asked = hint(status);
    match status.code() {
        Code::InvalidArgument => Verdict::Refused,
        Code::ResourceExhausted if asked.is_none() => Verdict::Refused,
        // Without a source they were answered, and with one they tell of a broken connection.
        Code::Internal | Code::Unknown if status.source().is_none() => Verdict::Refused,
        _ => Verdict::Again(asked),
    }
}

/// Whether a request was refused for its size.
pub(super) fn is_too_large(status: &Status) -> bool {
    status.code() == Code::ResourceExhausted
}

/// When a collector wants to be asked again.
fn hint(status: &Status) -> Option<Duration> {
    let told = schemas::otlp_response::Status::decode(status.details()).ok()?;
    let hint = told
        .details
        .iter()
        .find(|detail| detail.type_url == RetryInfo::TYPE_URL)?;
    let delay = RetryInfo::decode(hint.value.as_slice()).ok()?.retry_delay?;
    let (seconds, nanos) = (delay.seconds.try_into(), delay.nanos.try_into());
    Some(Duration::from_secs(seconds.ok()?) + Duration::from_nanos(nanos.ok()?))
}

/// The spans that were left out of a request that was taken. Spoor's collectors name the reasons in
/// the message, each as `count words (reason)`.
pub(super) fn left_out(answer: &ExportTraceServiceResponse) -> Tally {
    let mut tally = Tally::default();
    let Some(partial) = &answer.partial_success else {
        return tally;
    };
    let total = u64::try_from(partial.rejected_spans).unwrap_or(0);
    let (_, reasons) = partial.error_message.split_once(": ").unwrap_or_default();
    for (reason, count) in reasons.split(", ").filter_map(named) {
        if tally.total().saturating_add(count) <= total {
            tally.add_many(reason, count);
        }
    }
    tally.add_many(RejectReason::LeftOutBeyond, total - tally.total());
    tally
}

fn named(words: &str) -> Option<(RejectReason, u64)> {
    let (count, _) = words.split_once(' ')?;
    let (_, label) = words.strip_suffix(')')?.rsplit_once('(')?;
    Some((RejectReason::from_label(label)?, count.parse().ok()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use schemas::otlp_response::ExportTracePartialSuccess;

    use super::*;

    fn partial(rejected_spans: i64, error_message: &str) -> Vec<(RejectReason, u64)> {
        let answer = ExportTraceServiceResponse {
            partial_success: Some(ExportTracePartialSuccess {
                rejected_spans,
                error_message: error_message.to_owned(),
            }),
        };
        left_out(&answer).iter().collect()
    }

    #[test]
    fn reasons_are_read_from_the_message() {
        let words = "3 spans left out: 2 without a span id of 8 bytes that are not all zero \
                     (invalid_span_id), 1 too large even after long values were cut (span_too_large)";
        let expected = [
            (RejectReason::InvalidSpanId, 2),
            (RejectReason::SpanTooLarge, 1),
        ];
        assert_eq!(partial(3, words), expected);
    }

    #[test]
    fn what_has_no_reason_of_ours_is_counted_all_the_same() {
        let beyond = RejectReason::LeftOutBeyond;
        assert_eq!(partial(4, "quota exceeded"), [(beyond, 4)]);
        let more_than_all = "x: 9 spans (invalid_span_id)";
        assert_eq!(partial(2, more_than_all), [(beyond, 2)]);
        assert_eq!(partial(0, "only a warning"), []);
        assert_eq!(partial(-1, ""), []);
    }

    #[test]
    fn data_is_refused_and_everything_else_tried_again() {
        let of = |code| judge(&Status::new(code, "no"));
        for code in [
            Code::InvalidArgument,
            Code::ResourceExhausted,
            Code::Unknown,
        ] {
            assert_eq!(of(code), Verdict::Refused, "{code:?}");
        }
        for code in [
            Code::Unavailable,
            Code::DeadlineExceeded,
            Code::Unauthenticated,
            Code::PermissionDenied,
            Code::Unimplemented,
            Code::Cancelled,
        ] {
            assert_eq!(of(code), Verdict::Again(None), "{code:?}");
        }
        let broken = std::io::Error::other("connection reset");
        let broken = Status::from_error(broken.into());
        assert_eq!(judge(&broken), Verdict::Again(None));
    }

    #[test]
    fn a_hint_makes_even_exhaustion_worth_another_try() {
        let told = schemas::otlp_response::Status {
            code: 8,
            ..Default::default()
        };
        let told = told.with_retry_after(Duration::from_millis(1500));
        let details = Bytes::from(told.encode_to_vec());
        let status = Status::with_details(Code::ResourceExhausted, "later", details);
        assert_eq!(
            judge(&status),
            Verdict::Again(Some(Duration::from_millis(1500)))
        );
    }
}
