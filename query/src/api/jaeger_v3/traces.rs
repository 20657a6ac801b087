//! `/api/v3/traces`, `/api/v3/traces/{id}` and `/api/v3/trace-summaries`.

use model::{SpanPredicate, TimeRange, TraceOrder, TraceQuery};

use super::params::{Names, flag, go_duration, malformed, rfc3339, value};
use super::shared;
use crate::api::jaeger_grpc::params::NO_FILTER_BESIDE;
use crate::config::QueryLimits;
use crate::go::number::{self, NumberError};
use crate::parse::params::decode_segment;
use crate::parse::tags::Tags;
use crate::parse::{ApiRequest, Malformed, Params, filter, order_of, page, parse_trace_id};
use crate::pipeline::{Endpoint, Failure};
use crate::read::{FoundTraces, Search, ShownTraces, Summaries, SummaryPage, TracesById};
use crate::render::{self, Gone, Output};

const NO_TRACES: Failure = Failure::NotFound("No traces found");

/// One trace.
pub struct GetTrace;

impl Endpoint for GetTrace {
    const ROUTE: &'static str = "/api/v3/traces/{trace_id}";
    type Question = TracesById;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, TracesById), Malformed> {
        let text = decode_segment(&request.segment)
            .ok_or_else(|| malformed("trace_id", "not valid text"))?;
        let id = parse_trace_id(&text).map_err(|error| malformed("trace_id", error))?;
        let start = rfc3339(&request.params, ("startTime", "start_time"))?;
        let end = rfc3339(&request.params, ("endTime", "end_time"))?;
        let hint = (start.is_some() || end.is_some()).then(|| TimeRange {
            start: start.unwrap_or(TimeRange::ALL.start),
            end: end.unwrap_or(TimeRange::ALL.end),
        });
        let raw = flag(&request.params, ("rawTraces", "raw_traces"))?;
        let ids = vec![id];
        Ok((Self, TracesById { ids, hint, raw }))
    }

    fn check(&self, found: &FoundTraces) -> Result<(), Failure> {
        some_traces(found)
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        result(shown, out)
    }

    shared!();
}

fn some_traces(found: &FoundTraces) -> Result<(), Failure> {
    if found.traces.is_empty() {
        Err(NO_TRACES)
    } else {
        Ok(())
    }
}

fn result(shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
    out.buffer().extend_from_slice(b"{\"result\":");
    render::resource_spans(out, &shown.traces)?;
    out.buffer().push(b'}');
    out.pass_on()
}

/// Search for whole traces.
pub struct FindTraces;

impl Endpoint for FindTraces {
    const ROUTE: &'static str = "/api/v3/traces";
    type Question = Search;

    fn parse(request: &ApiRequest, limits: &QueryLimits) -> Result<(Self, Search), Malformed> {
        let query = query(&request.params, limits)?;
        let raw = flag(&request.params, ("query.rawTraces", "query.raw_traces"))?;
        Ok((Self, Search { query, raw }))
    }

    fn check(&self, found: &FoundTraces) -> Result<(), Failure> {
        some_traces(found)
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        result(shown, out)
    }

    shared!();
}

/// Search for traces in short.
pub struct FindSummaries;

impl Endpoint for FindSummaries {
    const ROUTE: &'static str = "/api/v3/trace-summaries";
    type Question = Summaries;

    fn parse(request: &ApiRequest, limits: &QueryLimits) -> Result<(Self, Summaries), Malformed> {
        let mut query = query(&request.params, limits)?;
        paged(&request.params, limits, &mut query)?;
        Ok((Self, Summaries { query }))
    }

    fn render(&self, page: &SummaryPage, out: &mut Output) -> Result<(), Gone> {
        render::summaries(out, page)
    }

    shared!();
}

fn query(params: &Params, limits: &QueryLimits) -> Result<TraceQuery, Malformed> {
    let predicates = predicates(params, limits)?;
    let start = range(params)?;
    let limit = limit(params, limits)?;
    let duration_min = go_duration(params, ("query.durationMin", "query.duration_min"))?;
    let duration_max = go_duration(params, ("query.durationMax", "query.duration_max"))?;
    if let (Some(min), Some(max)) = (duration_min, duration_max)
        && max < min
    {
        let words = "query.durationMin must not be greater than query.durationMax";
        return Err(Malformed::new(words));
    }
    let mut query = TraceQuery {
        predicates,
        start,
        duration_min,
        duration_max,
        trace_duration_min: go_duration(params, TRACE_DURATION_MIN)?,
        trace_duration_max: go_duration(params, TRACE_DURATION_MAX)?,
        order: order(params)?,
        ..TraceQuery::any(limit)
    };
    let filter = params.first("query.filter");
    if !filter.is_empty() {
        if !query.predicates.is_empty() || duration_min.is_some() || duration_max.is_some() {
            return Err(malformed("query.filter", NO_FILTER_BESIDE));
        }
        let filter = filter::parse(filter).map_err(|error| malformed("query.filter", error))?;
        query.predicates.push(SpanPredicate::Filter(filter));
    }
    Ok(query)
}

const TRACE_DURATION_MIN: Names = ("query.traceDurationMin", "query.trace_duration_min");
const TRACE_DURATION_MAX: Names = ("query.traceDurationMax", "query.trace_duration_max");

fn order(params: &Params) -> Result<TraceOrder, Malformed> {
    match params.first("query.order") {
        "" => Ok(TraceOrder::Newest),
        name => order_of(name).map_err(|error| malformed("query.order", error)),
    }
}

/// Makes the query one for a page, if a page is asked for.
fn paged(params: &Params, limits: &QueryLimits, query: &mut TraceQuery) -> Result<(), Malformed> {
    let (size, name) = value(params, PAGE_SIZE);
    let (token, _) = value(
        params,
        ("query.pagination.pageToken", "query.pagination.page_token"),
    );
    if size.is_empty() && token.is_empty() {
        return Ok(());
    }
    let (depth, _) = value(params, ("query.searchDepth", "query.search_depth"));
    if !depth.is_empty() {
        return Err(malformed(name, "there is no page beside a search depth"));
    }
    let number = number::parse_int(size, 32).map_err(|error| malformed(name, error))?;
    let number = usize::try_from(number).ok().filter(|size| *size > 0);
    let number = number.ok_or_else(|| malformed(name, "a page has one trace at least"))?;
    query.limit = number.min(limits.max_traces);
    page::ask_for(query, token)
}

const PAGE_SIZE: Names = ("query.pagination.pageSize", "query.pagination.page_size");

fn predicates(params: &Params, limits: &QueryLimits) -> Result<Vec<SpanPredicate>, Malformed> {
    let mut tags = Tags::default();
    let attributes = params.first("query.attributes");
    if !attributes.is_empty() {
        let complain = |error| malformed("query.attributes", error);
        tags.add_json(attributes).map_err(complain)?;
    }
    let mut predicates = tags.predicates(limits.max_tags)?;
    let (operation, _) = value(params, ("query.operationName", "query.operation_name"));
    if !operation.is_empty() {
        predicates.insert(0, SpanPredicate::Operation(operation.to_owned()));
    }
    let (service, _) = value(params, ("query.serviceName", "query.service_name"));
    if !service.is_empty() {
        predicates.insert(0, SpanPredicate::Service(service.to_owned()));
    }
    Ok(predicates)
}

/// When the searched spans start.
fn range(params: &Params) -> Result<TimeRange, Malformed> {
    let start = rfc3339(params, ("query.startTimeMin", "query.start_time_min"))?;
    let end = rfc3339(params, ("query.startTimeMax", "query.start_time_max"))?;
    match (start, end) {
        (Some(start), Some(end)) if start < end => Ok(TimeRange { start, end }),
        (Some(_), Some(_)) => Err(Malformed::new(
            "query.startTimeMin must be before query.startTimeMax",
        )),
        _ => Err(Malformed::new(
            "query.startTimeMin and query.startTimeMax are required",
        )),
    }
}

/// Most traces to return; 0 means the default.
fn limit(params: &Params, limits: &QueryLimits) -> Result<usize, Malformed> {
    let (text, name) = match value(params, ("query.searchDepth", "query.search_depth")) {
        ("", _) => (params.first("query.num_traces"), "query.num_traces"),
        found => found,
    };
    if text.is_empty() {
        return Ok(limits.default_traces);
    }
    let depth = number::parse_int(text, 32).map_err(|error| malformed(name, error))?;
    match usize::try_from(depth) {
        Ok(0) => Ok(limits.default_traces),
        Ok(depth) => Ok(depth.min(limits.max_traces)),
        Err(_) => Err(malformed(name, NumberError::syntax("ParseUint", text))),
    }
}
