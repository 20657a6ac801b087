//! `jaeger.storage.v2.TraceReader`.

use model::{TraceId, UnixNanos};
use schemas::jaeger_storage as wire;
use storage::Operation;

use super::search::query;
use crate::adjust::Adjusted;
use crate::api::jaeger_grpc::params::{self, hint};
use crate::config::QueryLimits;
use crate::parse::Malformed;
use crate::pipeline::Method;
use crate::read::{OperationsOf, Services, StoredSearch, StoredTraces, Summaries, SummaryPage};
use crate::render::{Gone, Output, jaeger_protobuf, jaeger_storage, otlp_protobuf};

/// Traces by their ids.
pub struct GetTraces;

impl Method for GetTraces {
    const PATH: &'static str = "/jaeger.storage.v2.TraceReader/GetTraces";
    type Request = wire::GetTracesRequest;
    type Question = StoredTraces;

    fn parse(
        request: wire::GetTracesRequest,
        _: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<StoredTraces, Malformed> {
        let (asked, most) = (request.query.len(), limits.max_traces);
        if asked > most {
            return Err(Malformed(format!(
                "{asked} trace ids are too many, at most {most}"
            )));
        }
        let mut wanted = Vec::with_capacity(asked);
        for params in request.query {
            let hint = hint(params.start_time, params.end_time)?;
            if let Some(id) = trace_id(&params.trace_id)? {
                wanted.push((id, hint));
            }
        }
        Ok(StoredTraces { wanted })
    }

    fn render(traces: &Vec<Adjusted>, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::traces(out, traces)
    }
}

/// 16 bytes; `None` for nothing but zeros, which no trace has.
fn trace_id(bytes: &[u8]) -> Result<Option<TraceId>, Malformed> {
    let length = bytes.len();
    match bytes.try_into() {
        Ok(bytes) => Ok(TraceId::new(bytes)),
        Err(_) => Err(Malformed(format!(
            "malformed trace id: {length} bytes, expecting 16"
        ))),
    }
}

/// The list of services.
pub struct GetServices;

impl Method for GetServices {
    const PATH: &'static str = "/jaeger.storage.v2.TraceReader/GetServices";
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
    const PATH: &'static str = "/jaeger.storage.v2.TraceReader/GetOperations";
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

/// Search for whole traces.
pub struct FindTraces;

impl Method for FindTraces {
    const PATH: &'static str = "/jaeger.storage.v2.TraceReader/FindTraces";
    type Request = wire::FindTracesRequest;
    type Question = StoredSearch;

    fn parse(
        request: wire::FindTracesRequest,
        _: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<StoredSearch, Malformed> {
        let query = query(request, limits)?;
        Ok(StoredSearch { query })
    }

    fn render(traces: &Vec<Adjusted>, out: &mut Output) -> Result<(), Gone> {
        otlp_protobuf::traces(out, traces)
    }
}

/// Search for the ids of traces.
pub struct FindTraceIds;

impl Method for FindTraceIds {
    const PATH: &'static str = "/jaeger.storage.v2.TraceReader/FindTraceIDs";
    type Request = wire::FindTracesRequest;
    type Question = Summaries;

    fn parse(
        request: wire::FindTracesRequest,
        _: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<Summaries, Malformed> {
        let query = query(request, limits)?;
        Ok(Summaries { query })
    }

    fn render(found: &SummaryPage, out: &mut Output) -> Result<(), Gone> {
        jaeger_storage::trace_ids(out, found)
    }
}

/// Search for traces in short.
pub struct FindSummaries;

impl Method for FindSummaries {
    const PATH: &'static str = "/jaeger.storage.v2.TraceReader/FindTraceSummaries";
    type Request = wire::FindTracesRequest;
    type Question = Summaries;

    fn parse(
        request: wire::FindTracesRequest,
        _: UnixNanos,
        limits: &QueryLimits,
    ) -> Result<Summaries, Malformed> {
        let query = query(request, limits)?;
        Ok(Summaries { query })
    }

    fn render(summaries: &SummaryPage, out: &mut Output) -> Result<(), Gone> {
        jaeger_storage::summaries(out, summaries)
    }
}
