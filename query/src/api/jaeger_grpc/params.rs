//! What both APIs read from their messages, and how they complain.

use std::collections::BTreeMap;

use model::{SpanKind, SpanPredicate, TimeRange, TraceQuery, UnixNanos};
use prost_types::{Duration, Timestamp};
use schemas::jaeger_query::expression::Call;

use crate::config::QueryLimits;
use crate::parse::Malformed;
use crate::parse::filter;
use crate::parse::tags::Tags;
use crate::pipeline::Failure;
use crate::read::{FoundTraces, OperationsOf};

const NANOS_PER_SECOND: u64 = 1_000_000_000;

/// Seconds of the year 1, which is what a client in Go sends for a time that it was not given.
const GO_ZERO_SECONDS: i64 = -62_135_596_800;

/// A time; what lies before 1970 or after 2262 is moved to that edge.
pub(in crate::api) fn time(
    name: &str,
    at: Option<Timestamp>,
) -> Result<Option<UnixNanos>, Malformed> {
    let Some(Timestamp { seconds, nanos }) = at else {
        return Ok(None);
    };
    let nanos = fraction(name, nanos)?;
    if seconds == GO_ZERO_SECONDS {
        return Ok(None);
    }
    let seconds = u64::try_from(seconds).unwrap_or_default();
    let at = seconds.saturating_mul(NANOS_PER_SECOND);
    Ok(Some(at.saturating_add(nanos).min(TimeRange::ALL.end)))
}

fn fraction(name: &str, nanos: i32) -> Result<u64, Malformed> {
    let nanos = u64::try_from(nanos)
        .ok()
        .filter(|of| *of < NANOS_PER_SECOND);
    nanos.ok_or_else(|| Malformed(format!("malformed {name}: nanos out of range")))
}

/// A duration in nanoseconds; absent and zero mean unset.
fn duration(name: &str, long: Option<Duration>) -> Result<Option<u64>, Malformed> {
    let Some(Duration { seconds, nanos }) = long else {
        return Ok(None);
    };
    if seconds < 0 || nanos < 0 {
        return Err(Malformed(format!("malformed {name}: negative duration")));
    }
    let whole = seconds.unsigned_abs().saturating_mul(NANOS_PER_SECOND);
    let nanos = whole.saturating_add(fraction(name, nanos)?);
    Ok(Some(nanos.min(i64::MAX as u64)).filter(|nanos| *nanos > 0))
}

/// Roughly when a trace was, if the client says so.
pub(in crate::api) fn hint(
    start: Option<Timestamp>,
    end: Option<Timestamp>,
) -> Result<Option<TimeRange>, Malformed> {
    let (start, end) = (time("start_time", start)?, time("end_time", end)?);
    Ok((start.is_some() || end.is_some()).then(|| TimeRange {
        start: start.unwrap_or(TimeRange::ALL.start),
        end: end.unwrap_or(TimeRange::ALL.end),
    }))
}

/// A search as both APIs ask for it.
pub(in crate::api) struct Asked {
    pub(in crate::api) service: String,
    pub(in crate::api) operation: String,
    pub(in crate::api) tags: BTreeMap<String, String>,
    pub(in crate::api) start: TimeRange,
    pub(in crate::api) duration_min: Option<Duration>,
    pub(in crate::api) duration_max: Option<Duration>,
    pub(in crate::api) depth: i32,
    /// In place of everything but the times and the depth.
    pub(in crate::api) filter: Option<Call>,
}

/// Jaeger's rule: a request is of the one kind or of the other.
pub(in crate::api) const NO_FILTER_BESIDE: &str =
    "a filter stands alone: no service, operation, attributes or durations beside it";

impl Asked {
    fn has_conditions(&self) -> bool {
        !self.service.is_empty()
            || !self.operation.is_empty()
            || !self.tags.is_empty()
            || self.duration_min.is_some()
            || self.duration_max.is_some()
    }

    pub(in crate::api) fn query(self, limits: &QueryLimits) -> Result<TraceQuery, Malformed> {
        let legacy = self.has_conditions();
        let mut tags = Tags::default();
        for (key, value) in self.tags {
            tags.add(text("tags", key)?, text("tags", value)?);
        }
        let mut predicates = Vec::new();
        if !self.service.is_empty() {
            let service = text("service_name", self.service)?;
            predicates.push(SpanPredicate::Service(service));
        }
        if !self.operation.is_empty() {
            let operation = text("operation_name", self.operation)?;
            predicates.push(SpanPredicate::Operation(operation));
        }
        predicates.extend(tags.predicates(limits.max_tags)?);
        if let Some(call) = &self.filter {
            if legacy {
                return Err(Malformed::new(NO_FILTER_BESIDE));
            }
            predicates.push(SpanPredicate::Filter(filter::from_call(call)?));
        }
        let duration_min = duration("duration_min", self.duration_min)?;
        let duration_max = duration("duration_max", self.duration_max)?;
        if let (Some(min), Some(max)) = (duration_min, duration_max)
            && max < min
        {
            return Err(Malformed::new(
                "duration_max must not be less than duration_min",
            ));
        }
        if self.start.start > self.start.end {
            return Err(Malformed::new(
                "start_time_min must be before start_time_max",
            ));
        }
        Ok(TraceQuery {
            predicates,
            start: self.start,
            duration_min,
            duration_max,
            ..TraceQuery::any(limit(self.depth, limits))
        })
    }
}

/// Most traces to return; nothing positive means the default.
fn limit(depth: i32, limits: &QueryLimits) -> usize {
    match usize::try_from(depth) {
        Ok(depth) if depth > 0 => depth.min(limits.max_traces),
        _ => limits.default_traces,
    }
}

/// The text, unless it holds U+0000, which no stored text does.
pub(in crate::api) fn text(name: &str, text: String) -> Result<String, Malformed> {
    if text.contains('\0') {
        return Err(Malformed(format!("malformed {name}: not valid text")));
    }
    Ok(text)
}

pub(in crate::api) fn operations(service: String, kind: &str) -> Result<OperationsOf, Malformed> {
    let kind = match kind {
        "" => None,
        name => {
            let unknown = || Malformed(format!("unsupported span kind: '{name}'"));
            Some(SpanKind::parse(name).ok_or_else(unknown)?)
        }
    };
    let service = text("service", service)?;
    Ok(OperationsOf { service, kind })
}

/// An error unless there is a trace.
pub(in crate::api) fn some_trace(found: &FoundTraces) -> Result<(), Failure> {
    match found.traces.as_slice() {
        [] => Err(Failure::NotFound("trace not found")),
        _ => Ok(()),
    }
}
