//! How this API reads its parameters.

use std::fmt::Display;

use model::{SpanPredicate, TimeRange};

use crate::go::{duration, number, time};
use crate::parse::{ApiRequest, Malformed, Params, filter};

/// How far a request looks back that names no start.
const DEFAULT_LOOKBACK: u64 = 60 * model::NANOS_PER_MINUTE;

pub(super) fn malformed(name: &str, error: impl Display) -> Malformed {
    Malformed(format!("malformed parameter {name}: {error}"))
}

/// From `start`, or `lookback` before the end, to `end`, or now.
pub(super) fn range(request: &ApiRequest) -> Result<TimeRange, Malformed> {
    let params = &request.params;
    let at = |name| match params.first(name) {
        "" => Ok(None),
        text => time::parse_rfc3339(text)
            .map(Some)
            .map_err(|error| malformed(name, error)),
    };
    let end = at("end")?.unwrap_or(request.now);
    let lookback = nanos(params, "lookback")?.unwrap_or(DEFAULT_LOOKBACK);
    let start = at("start")?.unwrap_or_else(|| end.saturating_sub(lookback));
    if start > end {
        return Err(malformed("start", "it lies after the end"));
    }
    Ok(TimeRange { start, end })
}

/// A duration in nanoseconds; `None` when absent.
pub(super) fn nanos(params: &Params, name: &str) -> Result<Option<u64>, Malformed> {
    let text = params.first(name);
    if text.is_empty() {
        return Ok(None);
    }
    let nanos = duration::parse(text).map_err(|error| malformed(name, error))?;
    let negative = |_| malformed(name, format!("negative duration {text}"));
    u64::try_from(nanos).map(Some).map_err(negative)
}

/// A number above zero, at most `most`.
pub(super) fn limit(
    params: &Params,
    name: &str,
    default: usize,
    most: usize,
) -> Result<usize, Malformed> {
    let text = params.first(name);
    if text.is_empty() {
        return Ok(default.min(most));
    }
    let number = number::parse_int(text, 32).map_err(|error| malformed(name, error))?;
    match usize::try_from(number) {
        Ok(number) if number > 0 => Ok(number.min(most)),
        _ => Err(malformed(name, "it must be above zero")),
    }
}

/// The conditions: services (any of them) and a filter.
pub(super) fn predicates(params: &Params) -> Result<Vec<SpanPredicate>, Malformed> {
    let mut predicates = Vec::new();
    let filter = params.first("filter");
    if !filter.is_empty() {
        let filter = filter::parse(filter).map_err(|error| malformed("filter", error))?;
        predicates.push(SpanPredicate::Filter(filter));
    }
    let services: Vec<&str> = params.all("service").filter(|of| !of.is_empty()).collect();
    match services.as_slice() {
        [] => {}
        [one] => predicates.push(SpanPredicate::Service((*one).to_owned())),
        many => predicates.push(SpanPredicate::Filter(filter::any_service(many)?)),
    }
    Ok(predicates)
}
