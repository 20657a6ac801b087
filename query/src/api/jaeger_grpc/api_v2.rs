//! `jaeger.api_v2.QueryService`: what scripts, Kiali and older tools speak.

use model::{NANOS_PER_DAY, TimeRange, TraceId, UnixNanos};
use schemas::jaeger_query::api_v2 as wire;
use storage::{Archived, Dependency, Operation};

use super::params::{self, Asked, hint, some_trace, time};
use crate::config::QueryLimits;
use crate::parse::Malformed;
use crate::pipeline::{Failure, Method};
use crate::read::{
    ArchiveOf, DependenciesIn, FoundTraces, OperationsOf, Search, Services, ShownTraces, TracesById,
};
use crate::render::{Gone, Output, jaeger_protobuf};

/// How far a search looks back that names no start.
const DEFAULT_LOOKBACK: u64 = 2 * NANOS_PER_DAY;

/// One trace.
pub struct GetTrace;

impl Method for GetTrace {
    const PATH: &'static str = "/jaeger.api_v2.QueryService/GetTrace";
    type Request = wire::GetTraceRequest;
    type Question = TracesById;

    fn parse(
        request: wire::GetTraceRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<TracesById, Malformed> {
        Ok(TracesById {
            ids: vec![trace_id(&request.trace_id)?],
            hint: hint(request.start_time, request.end_time)?,
            raw: request.raw_traces,
        })
    }

    fn check(found: &FoundTraces) -> Result<(), Failure> {
        some_trace(found)
    }

    fn render(shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        jaeger_protobuf::traces(out, &shown.traces)
    }
}

/// 16 bytes, or the lower 8 of them.
fn trace_id(bytes: &[u8]) -> Result<TraceId, Malformed> {
    let mut padded = [0; TraceId::LEN];
    match bytes.len() {
        8 | TraceId::LEN => padded[TraceId::LEN - bytes.len()..].copy_from_slice(bytes),
        length => {
            return Err(Malformed(format!(
                "malformed trace id: {length} bytes, expecting 16"
            )));
        }
    }
    TraceId::new(padded).ok_or_else(|| Malformed::new("malformed trace id: nothing but zeros"))
}

/// Keeps a trace beyond retention.
pub struct ArchiveTrace;

impl Method for ArchiveTrace {
    const PATH: &'static str = "/jaeger.api_v2.QueryService/ArchiveTrace";
    type Request = wire::ArchiveTraceRequest;
    type Question = ArchiveOf;

    fn parse(
        request: wire::ArchiveTraceRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<ArchiveOf, Malformed> {
        let id = trace_id(&request.trace_id)?;
        Ok(ArchiveOf { id })
    }

    fn check(archived: &Archived) -> Result<(), Failure> {
        ArchiveOf::check(*archived)
    }

    fn render((): &(), out: &mut Output) -> Result<(), Gone> {
        jaeger_protobuf::archived(out)
    }
}

/// Search for whole traces.
pub struct FindTraces;

impl Method for FindTraces {
    const PATH: &'static str = "/jaeger.api_v2.QueryService/FindTraces";
    type Request = wire::FindTracesRequest;
    type Question = Search;

    fn parse(
        request: wire::FindTracesRequest,
        now: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<Search, Malformed> {
        let query = request
            .query
            .ok_or_else(|| Malformed::new("missing query"))?;
        let end = time("start_time_max", query.start_time_max)?.unwrap_or(now);
        let start = time("start_time_min", query.start_time_min)?;
        let start = start.unwrap_or_else(|| end.saturating_sub(DEFAULT_LOOKBACK));
        let asked = Asked {
            service: query.service_name,
            operation: query.operation_name,
            tags: query.tags,
            start: TimeRange { start, end },
            duration_min: query.duration_min,
            duration_max: query.duration_max,
            depth: query.search_depth,
            filter: None,
        };
        Ok(Search {
            query: asked.query(limits)?,
            raw: query.raw_traces,
        })
    }

    fn render(shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        jaeger_protobuf::traces(out, &shown.traces)
    }
}

/// The list of services.
pub struct GetServices;

impl Method for GetServices {
    const PATH: &'static str = "/jaeger.api_v2.QueryService/GetServices";
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
    const PATH: &'static str = "/jaeger.api_v2.QueryService/GetOperations";
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
        jaeger_protobuf::operations(out, operations)
    }
}

/// Calls between services.
pub struct GetDependencies;

impl Method for GetDependencies {
    const PATH: &'static str = "/jaeger.api_v2.QueryService/GetDependencies";
    type Request = wire::GetDependenciesRequest;
    type Question = DependenciesIn;

    fn parse(
        request: wire::GetDependenciesRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<DependenciesIn, Malformed> {
        let start = time("start_time", request.start_time)?;
        let end = time("end_time", request.end_time)?;
        let (Some(start), Some(end)) = (start, end) else {
            return Err(Malformed::new("StartTime and EndTime must be initialized."));
        };
        Ok(DependenciesIn {
            range: TimeRange { start, end },
            service: None,
        })
    }

    fn render(edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        jaeger_protobuf::dependencies(out, edges)
    }
}
