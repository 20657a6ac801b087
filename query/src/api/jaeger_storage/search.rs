//! What is looked for.

use std::collections::BTreeMap;

use model::{TimeRange, TraceQuery};
use schemas::jaeger_storage as wire;

use super::value;
use crate::api::jaeger_grpc::params::{Asked, time};
use crate::config::QueryLimits;
use crate::parse::Malformed;

/// Reads a query. Times that are not given do not bound it.
pub(super) fn query(
    request: wire::FindTracesRequest,
    limits: &QueryLimits,
) -> Result<TraceQuery, Malformed> {
    let query = request
        .query
        .ok_or_else(|| Malformed::new("missing query"))?;
    check_depth(query.search_depth, limits.max_traces)?;
    let start = time("start_time_min", query.start_time_min)?;
    let end = time("start_time_max", query.start_time_max)?;
    let mut tags = BTreeMap::new();
    for attribute in query.attributes {
        if let Some(text) = value::text(attribute.value) {
            tags.insert(attribute.key, text);
        }
    }
    let asked = Asked {
        service: query.service_name,
        operation: query.operation_name,
        tags,
        start: TimeRange {
            start: start.unwrap_or(TimeRange::ALL.start),
            end: end.unwrap_or(TimeRange::ALL.end),
        },
        duration_min: query.duration_min,
        duration_max: query.duration_max,
        depth: query.search_depth,
        filter: query.filter,
    };
    asked.query(limits)
}

/// Jaeger's reference store refuses such a depth, in these words.
fn check_depth(depth: i32, max_traces: usize) -> Result<(), Malformed> {
    match usize::try_from(depth) {
        Ok(depth) if (1..=max_traces).contains(&depth) => Ok(()),
        _ => Err(Malformed::new(
            "search depth must be greater than 0 and less than max traces",
        )),
    }
}
