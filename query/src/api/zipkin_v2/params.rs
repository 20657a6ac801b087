//! How this API writes numbers and ids, and how it complains.

use model::{IdError, NANOS_PER_DAY, TimeRange, TraceId};

use crate::parse::{ApiRequest, Malformed, Params};

pub(super) const NANOS_PER_MICRO: u64 = 1_000;
const NANOS_PER_MILLI: u64 = 1_000_000;

/// A whole number above zero; `None` when absent.
pub(super) fn positive(params: &Params, name: &str) -> Result<Option<u64>, Malformed> {
    let text = params.first(name);
    if text.is_empty() {
        return Ok(None);
    }
    let number: i64 = text
        .parse()
        .map_err(|_| Malformed(format!("{name} is no whole number: {text}")))?;
    match u64::try_from(number) {
        Ok(number) if number > 0 => Ok(Some(number)),
        _ => Err(Malformed(format!("{name} <= 0"))),
    }
}

/// A value that must be there.
pub(super) fn required<'p>(params: &'p Params, name: &str) -> Result<&'p str, Malformed> {
    match params.first(name) {
        "" => Err(Malformed(format!("{name} is required"))),
        value => Ok(value),
    }
}

/// From `lookback` (a day) before `endTs` (now) to there.
pub(super) fn range(request: &ApiRequest) -> Result<TimeRange, Malformed> {
    let nanos = |millis: u64| millis.saturating_mul(NANOS_PER_MILLI);
    let end = positive(&request.params, "endTs")?.map_or(request.now, nanos);
    let end = end.min(TimeRange::ALL.end);
    let lookback = positive(&request.params, "lookback")?.map_or(NANOS_PER_DAY, nanos);
    let start = end.saturating_sub(lookback);
    Ok(TimeRange { start, end })
}

/// A trace id: 1 to 32 hex digits.
pub(super) fn trace_id(text: &str) -> Result<TraceId, Malformed> {
    TraceId::parse(text).map_err(|error| match error {
        _ if text.is_empty() => Malformed::new("traceId is empty"),
        IdError::Zero => Malformed::new("traceId is all zeros"),
        _ if text.len() > 2 * TraceId::LEN => Malformed::new("traceId.length > 32"),
        _ => Malformed(format!("{text} should be lower-hex encoded with no prefix")),
    })
}
