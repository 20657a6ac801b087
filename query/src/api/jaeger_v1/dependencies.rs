//! `/api/dependencies`.

use model::{NANOS_PER_DAY, TimeRange};
use storage::Dependency;

use super::params::{NANOS_PER_MILLI, millis, time};
use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::DependenciesIn;
use crate::render::{self, Gone, Output};

/// Calls between services.
pub struct GetDependencies;

impl Endpoint for GetDependencies {
    const ROUTE: &'static str = "/api/dependencies";
    type Question = DependenciesIn;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, DependenciesIn), Malformed> {
        let params = &request.params;
        let end = time(params, "endTs", NANOS_PER_MILLI)?.unwrap_or(request.now);
        let lookback = millis(params, "lookback", NANOS_PER_DAY)?;
        let service = Some(params.first("service")).filter(|service| !service.is_empty());
        let question = DependenciesIn {
            range: TimeRange {
                start: end.saturating_sub(lookback),
                end,
            },
            service: service.map(str::to_owned),
        };
        Ok((Self, question))
    }

    fn render(&self, edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        render::dependencies(out, edges)
    }

    shared!();
}
