//! `/api/traces` and `/api/traces/{id}`.

use model::{NANOS_PER_DAY, SpanPredicate, TimeRange, TraceId, TraceOrder, TraceQuery};

use super::params::{
    NANOS_PER_MICRO, flag, go_duration, lookback, time, time_of_any_unit, unparsable,
};
use super::shared;
use crate::config::QueryLimits;
use crate::go::number;
use crate::parse::params::decode_segment;
use crate::parse::tags::Tags;
use crate::parse::{ApiRequest, Malformed, Params, filter, order_of, parse_trace_id};
use crate::pipeline::{Endpoint, Failure};
use crate::read::{FoundTraces, Search, ShownTraces, Traces, TracesById};
use crate::render::{self, Gone, Output};

/// How far a search looks back that names no start.
const DEFAULT_LOOKBACK: u64 = 2 * NANOS_PER_DAY;

/// Search, or several traces by `traceID`.
pub struct FindTraces;

impl Endpoint for FindTraces {
    const ROUTE: &'static str = "/api/traces";
    type Question = Traces;

    fn parse(request: &ApiRequest, limits: &QueryLimits) -> Result<(Self, Traces), Malformed> {
        let params = &request.params;
        let start = range(request)?;
        let predicates = predicates(params, limits)?;
        let limit = limit(params, limits)?;
        let duration_min = go_duration(params, "minDuration")?;
        let duration_max = go_duration(params, "maxDuration")?;
        let ids = ids(params, limits)?;
        let raw = flag(params, "raw")?;
        if !ids.is_empty() {
            let hint = hint(params)?;
            return Ok((Self, Traces::ById(TracesById { ids, hint, raw })));
        }
        let query = TraceQuery {
            predicates,
            start,
            duration_min,
            duration_max,
            trace_duration_min: go_duration(params, "minTraceDuration")?,
            trace_duration_max: go_duration(params, "maxTraceDuration")?,
            order: order(params)?,
            ..TraceQuery::any(limit.min(limits.max_traces))
        };
        validate(params, &query)?;
        Ok((Self, Traces::Search(Search { query, raw })))
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        render::traces(out, &shown.traces, &shown.missing)
    }

    shared!();
}

/// When the searched spans start.
fn range(request: &ApiRequest) -> Result<TimeRange, Malformed> {
    let params = &request.params;
    let start = time(params, "start", NANOS_PER_MICRO)?;
    let end = time(params, "end", NANOS_PER_MICRO)?;
    let start = start.unwrap_or_else(|| match lookback(params.first("lookback")) {
        Some(lookback) => end.unwrap_or(request.now).saturating_sub(lookback),
        None => request.now.saturating_sub(DEFAULT_LOOKBACK),
    });
    Ok(TimeRange {
        start,
        end: end.unwrap_or(request.now),
    })
}

fn predicates(params: &Params, limits: &QueryLimits) -> Result<Vec<SpanPredicate>, Malformed> {
    let mut tags = Tags::default();
    params.all("tag").try_for_each(|tag| tags.add_simple(tag))?;
    for text in params.all("tags").filter(|text| !text.is_empty()) {
        tags.add_json_or_logfmt(text).map_err(|error| {
            Malformed(format!(
                "malformed 'tags' parameter, cannot unmarshal JSON: {error}"
            ))
        })?;
    }
    let mut predicates = tags.predicates(limits.max_tags)?;
    let operation = params.first("operation");
    if !operation.is_empty() {
        predicates.insert(0, SpanPredicate::Operation(operation.to_owned()));
    }
    let service = params.first("service");
    if !service.is_empty() {
        predicates.insert(0, SpanPredicate::Service(service.to_owned()));
    }
    let filter = params.first("filter");
    if !filter.is_empty() {
        let filter = filter::parse(filter).map_err(|error| unparsable("filter", error))?;
        predicates.push(SpanPredicate::Filter(filter));
    }
    Ok(predicates)
}

fn order(params: &Params) -> Result<TraceOrder, Malformed> {
    match params.first("order") {
        "" => Ok(TraceOrder::Newest),
        name => order_of(name).map_err(|error| unparsable("order", error)),
    }
}

/// Most traces to return, as it was asked for.
fn limit(params: &Params, limits: &QueryLimits) -> Result<usize, Malformed> {
    match params.first("limit") {
        "" => Ok(limits.default_traces),
        text => {
            let limit = number::parse_int(text, 32).map_err(Malformed::new)?;
            // Not positive: told as zero, and refused once the service is known to be there.
            Ok(usize::try_from(limit).unwrap_or_default())
        }
    }
}

fn ids(params: &Params, limits: &QueryLimits) -> Result<Vec<TraceId>, Malformed> {
    let mut ids = Vec::new();
    for text in params.all("traceID") {
        let id = parse_trace_id(text)
            .map_err(|error| Malformed(format!("cannot parse traceID param: {error}")))?;
        if !ids.contains(&id) {
            ids.push(id);
        }
        if ids.len() > limits.max_traces {
            let most = limits.max_traces;
            return Err(Malformed(format!("too many trace ids, at most {most}")));
        }
    }
    Ok(ids)
}

fn validate(params: &Params, query: &TraceQuery) -> Result<(), Malformed> {
    if params.first("service").is_empty() && params.first("filter").is_empty() {
        return Err(Malformed::new("parameter 'service' is required"));
    }
    if query.limit == 0 {
        return Err(Malformed::new(
            "invalid parameter: limit must be greater than 0",
        ));
    }
    if query.start.start > query.start.end {
        return Err(Malformed::new(
            "invalid parameter: start time must be before end time",
        ));
    }
    if let (Some(min), Some(max)) = (query.duration_min, query.duration_max)
        && max < min
    {
        return Err(Malformed::new(
            "'maxDuration' should be greater than 'minDuration'",
        ));
    }
    Ok(())
}

/// One trace.
pub struct GetTrace;

impl Endpoint for GetTrace {
    const ROUTE: &'static str = "/api/traces/{trace_id}";
    type Question = TracesById;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, TracesById), Malformed> {
        let id = trace_id_of(request)?;
        let question = TracesById {
            ids: vec![id],
            hint: hint(&request.params)?,
            raw: flag(&request.params, "raw")?,
        };
        Ok((Self, question))
    }

    fn check(&self, found: &FoundTraces) -> Result<(), Failure> {
        match found.traces.as_slice() {
            [] => Err(Failure::NotFound("trace not found")),
            _ => Ok(()),
        }
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        render::traces(out, &shown.traces, &[])
    }

    shared!();
}

/// The trace id in the path.
pub(super) fn trace_id_of(request: &ApiRequest) -> Result<TraceId, Malformed> {
    let text = decode_segment(&request.segment)
        .ok_or_else(|| Malformed::new("the trace id is not valid text"))?;
    parse_trace_id(&text).map_err(Malformed::new)
}

/// When the traces were, if the client says so.
fn hint(params: &Params) -> Result<Option<TimeRange>, Malformed> {
    let start = time_of_any_unit(params, "start")?;
    let end = time_of_any_unit(params, "end")?;
    if start.is_none() && end.is_none() {
        return Ok(None);
    }
    Ok(Some(TimeRange {
        start: start.unwrap_or(TimeRange::ALL.start),
        end: end.unwrap_or(TimeRange::ALL.end),
    }))
}
