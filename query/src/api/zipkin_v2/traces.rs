//! `/api/v2/traces`, `/api/v2/trace/{id}` and `/api/v2/traceMany`.

use model::{AttributeLevel, AttributePredicate, SpanPredicate, TraceQuery};

use super::params::{NANOS_PER_MICRO, positive, range, required, trace_id};
use super::{annotations, shared};
use crate::config::QueryLimits;
use crate::parse::params::decode_segment;
use crate::parse::{ApiRequest, Malformed, Params};
use crate::pipeline::{Endpoint, Failure};
use crate::read::{FoundTraces, Search, ShownTraces, TracesById};
use crate::render::{Gone, Output, zipkin_v2};

/// Traces that a search returns when it does not say.
const DEFAULT_LIMIT: u64 = 10;
/// The attribute that names the other side of a call.
const PEER_SERVICE: &str = "peer.service";

/// Search.
pub struct FindTraces;

impl Endpoint for FindTraces {
    const ROUTE: &'static str = "/api/v2/traces";
    type Question = Search;

    fn parse(request: &ApiRequest, limits: &QueryLimits) -> Result<(Self, Search), Malformed> {
        let params = &request.params;
        let micros = |name| {
            let micros = positive(params, name)?;
            Ok::<_, Malformed>(micros.map(|of| of.saturating_mul(NANOS_PER_MICRO)))
        };
        let (duration_min, duration_max) = (micros("minDuration")?, micros("maxDuration")?);
        match (duration_min, duration_max) {
            (None, Some(_)) => {
                return Err(Malformed::new("maxDuration is only valid with minDuration"));
            }
            (Some(min), Some(max)) if max < min => {
                return Err(Malformed::new("maxDuration < minDuration"));
            }
            _ => {}
        }
        let limit = positive(params, "limit")?.unwrap_or(DEFAULT_LIMIT);
        let query = TraceQuery {
            predicates: predicates(params, limits)?,
            start: range(request)?,
            duration_min,
            // A microsecond that has begun counts whole.
            duration_max: duration_max.map(|of| of.saturating_add(NANOS_PER_MICRO - 1)),
            ..TraceQuery::any(
                usize::try_from(limit)
                    .unwrap_or(usize::MAX)
                    .min(limits.max_traces),
            )
        };
        Ok((Self, Search { query, raw: true }))
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        zipkin_v2::traces(out, &shown.traces)
    }

    shared!();
}

fn predicates(params: &Params, limits: &QueryLimits) -> Result<Vec<SpanPredicate>, Malformed> {
    let peer = |value| {
        SpanPredicate::Attribute(AttributePredicate {
            key: PEER_SERVICE.to_owned(),
            value,
            level: AttributeLevel::Any,
        })
    };
    let told = |name| {
        let value = Some(params.first(name)).filter(|of| !of.is_empty());
        value.map(str::to_owned)
    };
    // Zipkin's UI says `all` where it means any span.
    let span = told("spanName").filter(|name| name != "all");
    let named = [
        told("serviceName").map(SpanPredicate::Service),
        span.map(SpanPredicate::Operation),
        told("remoteServiceName").map(peer),
    ];
    let mut predicates: Vec<SpanPredicate> = named.into_iter().flatten().collect();
    let query = params.first("annotationQuery");
    predicates.extend(annotations::predicates(query, limits.max_tags)?);
    Ok(predicates)
}

/// One trace.
pub struct GetTrace;

impl Endpoint for GetTrace {
    const ROUTE: &'static str = "/api/v2/trace/{trace_id}";
    type Question = TracesById;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, TracesById), Malformed> {
        let text = decode_segment(&request.segment)
            .ok_or_else(|| Malformed::new("traceId is not valid text"))?;
        let ids = vec![trace_id(&text)?];
        Ok((Self, as_stored(ids)))
    }

    fn check(&self, found: &FoundTraces) -> Result<(), Failure> {
        match found.traces.as_slice() {
            [] => Err(Failure::NotFound("trace not found")),
            _ => Ok(()),
        }
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        let traces = shown.traces.iter();
        traces
            .take(1)
            .try_for_each(|trace| zipkin_v2::trace(out, trace))
    }

    shared!();
}

fn as_stored(ids: Vec<model::TraceId>) -> TracesById {
    TracesById {
        ids,
        hint: None,
        raw: true,
    }
}

/// Several traces.
pub struct GetTraces;

impl Endpoint for GetTraces {
    const ROUTE: &'static str = "/api/v2/traceMany";
    type Question = TracesById;

    fn parse(request: &ApiRequest, limits: &QueryLimits) -> Result<(Self, TracesById), Malformed> {
        let text = required(&request.params, "traceIds")
            .map_err(|_| Malformed::new("traceIds parameter is empty"))?;
        let mut ids = Vec::new();
        for text in text.split(',') {
            let id = trace_id(text)?;
            if ids.contains(&id) {
                return Err(Malformed(format!("redundant traceId: {text}")));
            }
            ids.push(id);
            if ids.len() > limits.max_traces {
                let most = limits.max_traces;
                return Err(Malformed(format!("too many trace ids, at most {most}")));
            }
        }
        if ids.len() == 1 {
            let words = "Use /api/v2/trace/{traceId} endpoint to retrieve a single trace";
            return Err(Malformed::new(words));
        }
        Ok((Self, as_stored(ids)))
    }

    fn render(&self, shown: &ShownTraces, out: &mut Output) -> Result<(), Gone> {
        zipkin_v2::traces(out, &shown.traces)
    }

    shared!();
}
