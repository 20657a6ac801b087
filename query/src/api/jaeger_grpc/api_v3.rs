//! `jaeger.api_v3.QueryService`: traces as OTLP.

use model::{Page, TimeRange, TraceQuery, UnixNanos};
use schemas::jaeger_query::api_v3 as wire;
use storage::{Dependency, Operation};

use super::params::{self, Asked, hint, some_trace, time};
use crate::config::QueryLimits;
use crate::parse::{Malformed, page, parse_trace_id};
use crate::pipeline::{Failure, Method};
use crate::read::{
    DependenciesIn, FoundTraces, OperationsOf, Search, Services, ShownTraces, Summaries,
    SummaryPage, TracesById,
};
use crate::render::{Gone, Output, jaeger_protobuf, otlp_protobuf};

/// One trace.
pub struct GetTrace;

impl Method for GetTrace {
    const PATH: &'static str = "/jaeger.api_v3.QueryService/GetTrace";
    type Request = wire::GetTraceRequest;
    type Question = TracesById;

    fn parse(
        request: wire::GetTraceRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<TracesById, Malformed> {
        let id = parse_trace_id(&request.trace_id)
            .map_err(|error| Malformed(format!("malformed trace ID: {error}")))?;
        Ok(TracesById {
            ids: vec![id],
            hint: hint(request.start_time, request.end_time)?,
            raw: request.raw_traces,
        })
    }

    fn check(found: &FoundTraces) -> Result<(), Failure> {
        some_trace(found)
    }

    fn render(shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::traces(out, &shown.traces)
    }
}

/// Search for whole traces.
pub struct FindTraces;

impl Method for FindTraces {
    const PATH: &'static str = "/jaeger.api_v3.QueryService/FindTraces";
    type Request = wire::FindTracesRequest;
    type Question = Search;

    fn parse(
        request: wire::FindTracesRequest,
        _: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<Search, Malformed> {
        let (query, raw) = query(request, limits)?;
        if query.page != Page::Only {
            return Err(Malformed::new(
                "traces come in no pages, their summaries do",
            ));
        }
        Ok(Search { query, raw })
    }

    fn render(shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::traces(out, &shown.traces)
    }
}

/// Search for traces in short.
pub struct FindSummaries;

impl Method for FindSummaries {
    const PATH: &'static str = "/jaeger.api_v3.QueryService/FindTraceSummaries";
    type Request = wire::FindTracesRequest;
    type Question = Summaries;

    fn parse(
        request: wire::FindTracesRequest,
        _: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<Summaries, Malformed> {
        let (query, _) = query(request, limits)?;
        Ok(Summaries { query })
    }

    fn render(page: &SummaryPage, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::summaries(out, page)
    }
}

/// What is looked for, and whether it is wanted raw.
fn query(
    request: wire::FindTracesRequest,
    limits: &QueryLimits,
) -> Result<(TraceQuery, bool), Malformed> {
    let query = request
        .query
        .ok_or_else(|| Malformed::new("missing query"))?;
    let start = time("start_time_min", query.start_time_min)?;
    let end = time("start_time_max", query.start_time_max)?;
    let (Some(start), Some(end)) = (start, end) else {
        return Err(Malformed::new(
            "start time min and max are required parameters",
        ));
    };
    let asked = Asked {
        service: query.service_name,
        operation: query.operation_name,
        tags: query.attributes,
        start: TimeRange { start, end },
        duration_min: query.duration_min,
        duration_max: query.duration_max,
        depth: query.search_depth,
        filter: query.filter,
    };
    let mut found = asked.query(limits)?;
    if let Some(pagination) = query.pagination {
        if query.search_depth != 0 || pagination.page_size == 0 {
            let words = "a page needs a size, and there is none beside search_depth";
            return Err(Malformed::new(words));
        }
        found.limit = (pagination.page_size as usize).min(limits.max_traces);
        page::ask_for(&mut found, &pagination.page_token)?;
    }
    Ok((found, query.raw_traces))
}

/// The list of services.
pub struct GetServices;

impl Method for GetServices {
    const PATH: &'static str = "/jaeger.api_v3.QueryService/GetServices";
    type Request = wire::GetServicesRequest;
    type Question = Services;

    fn parse(
        _: wire::GetServicesRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<Services, Malformed> {
        Ok(Services)
    }

    fn render(services: &Vec<String>, out: &mut Output) -> Result<(), Gone> {
        jaeger_protobuf::services(out, services)
    }
}

/// The operations of a service.
pub struct GetOperations;

impl Method for GetOperations {
    const PATH: &'static str = "/jaeger.api_v3.QueryService/GetOperations";
    type Request = wire::GetOperationsRequest;
    type Question = OperationsOf;

    fn parse(
        request: wire::GetOperationsRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<OperationsOf, Malformed> {
        params::operations(request.service, &request.span_kind)
    }

    fn render(operations: &Vec<Operation>, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::operations(out, operations)
    }
}

/// Calls between services.
pub struct GetDependencies;

impl Method for GetDependencies {
    const PATH: &'static str = "/jaeger.api_v3.QueryService/GetDependencies";
    type Request = wire::GetDependenciesRequest;
    type Question = DependenciesIn;

    fn parse(
        request: wire::GetDependenciesRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<DependenciesIn, Malformed> {
        let start = time("start_time", request.start_time)?
            .ok_or_else(|| Malformed::new("start_time is required"))?;
        let end = time("end_time", request.end_time)?
            .ok_or_else(|| Malformed::new("end_time is required"))?;
        if end <= start {
            return Err(Malformed::new("end_time must be after start_time"));
        }
        Ok(DependenciesIn {
            range: TimeRange { start, end },
            service: None,
        })
    }

    fn render(edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::dependencies(out, edges)
    }
}
