//! `jaeger.storage.v2.DependencyReader`.

use model::{TimeRange, UnixNanos};
use schemas::jaeger_storage as wire;
use storage::Dependency;

use crate::api::jaeger_grpc::params::hint;
use crate::config::QueryLimits;
use crate::parse::Malformed;
use crate::pipeline::Method;
use crate::read::DependenciesIn;
use crate::render::{Gone, Output, jaeger_storage};

/// Calls between services.
pub struct GetDependencies;

impl Method for GetDependencies {
    const PATH: &'static str = "/jaeger.storage.v2.DependencyReader/GetDependencies";
    type Request = wire::GetDependenciesRequest;
    type Question = DependenciesIn;

    fn parse(
        request: wire::GetDependenciesRequest,
        _: UnixNanos,
        _: &QueryLimits,
    ) -> Result<DependenciesIn, Malformed> {
        let range = hint(request.start_time, request.end_time)?;
        Ok(DependenciesIn {
            range: range.unwrap_or(TimeRange::ALL),
            service: None,
        })
    }

    fn render(edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        jaeger_storage::dependencies(out, edges)
    }
}
