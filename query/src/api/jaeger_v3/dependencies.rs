//! `/api/v3/dependencies`.

use model::TimeRange;
use storage::Dependency;

use super::params::rfc3339;
use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::DependenciesIn;
use crate::render::{self, Gone, Output};

/// Calls between services.
pub struct GetDependencies;

impl Endpoint for GetDependencies {
    const ROUTE: &'static str = "/api/v3/dependencies";
    type Question = DependenciesIn;

    fn parse(request: &ApiRequest, _: &QueryLimits) -> Result<(Self, DependenciesIn), Malformed> {
        let params = &request.params;
        let start = rfc3339(params, ("startTime", "start_time"))?
            .ok_or_else(|| Malformed::new("startTime is required"))?;
        let end = rfc3339(params, ("endTime", "end_time"))?
            .ok_or_else(|| Malformed::new("endTime is required"))?;
        if end <= start {
            return Err(Malformed::new("endTime must be after startTime"));
        }
        let question = DependenciesIn {
            range: TimeRange { start, end },
            service: None,
        };
        Ok((Self, question))
    }

    fn render(&self, edges: &Vec<Dependency>, out: &mut Output) -> Result<(), Gone> {
        render::dependencies_v3(out, edges)
    }

    shared!();
}
