//! `/api/spoor/v1/traces`.

use model::{TraceOrder, TraceQuery};

use super::params::{limit, malformed, nanos, predicates, range};
use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed, order_of, page};
use crate::pipeline::Endpoint;
use crate::read::{Summaries, SummaryPage};
use crate::render::{self, Gone, Output};

/// Search for traces in short, a page of them.
pub struct FindTraces;

impl Endpoint for FindTraces {
    const ROUTE: &'static str = "/api/spoor/v1/traces";
    type Question = Summaries;

    fn parse(request: &ApiRequest, limits: &QueryLimits) -> Result<(Self, Summaries), Malformed> {
        let params = &request.params;
        let order = match params.first("order") {
            "" => TraceOrder::Newest,
            name => order_of(name).map_err(|error| malformed("order", error))?,
        };
        let most = limit(params, "limit", limits.default_traces, limits.max_traces)?;
        let mut query = TraceQuery {
            predicates: predicates(params)?,
            start: range(request)?,
            trace_duration_min: nanos(params, "minTraceDuration")?,
            trace_duration_max: nanos(params, "maxTraceDuration")?,
            order,
            ..TraceQuery::any(most)
        };
        page::ask_for(&mut query, params.first("page"))
            .map_err(|error| malformed("page", error))?;
        Ok((Self, Summaries { query }))
    }

    fn render(&self, page: &SummaryPage, out: &mut Output) -> Result<(), Gone> {
        render::trace_page(out, page)
    }

    shared!();
}
