//! `/api/metrics/{latencies,calls,errors,minstep}`.

use model::{NANOS_PER_MINUTE, SpanKind, TimeRange};

use super::catalogue::span_kind;
use super::params::{NANOS_PER_MILLI, flag, millis, time, unparsable};
use super::shared;
use crate::config::QueryLimits;
use crate::go::number;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::Nothing;
use crate::red::{Measure, MetricFamily, RedRequest};
use crate::render::{self, Gone, Output};

const DEFAULT_LOOKBACK: u64 = 60 * NANOS_PER_MINUTE;
const DEFAULT_STEP: u64 = 5_000 * NANOS_PER_MILLI;
const DEFAULT_RATE_PER: u64 = 10 * NANOS_PER_MINUTE;
/// Most points of a series, as in Prometheus.
const MAX_POINTS: u64 = 11_000;
/// Most services of one request.
const MAX_SERVICES: usize = 100;

fn request(request: &ApiRequest, measure: Measure) -> Result<RedRequest, Malformed> {
    let params = &request.params;
    let services: Vec<String> = params.all("service").map(str::to_owned).collect();
    if services.is_empty() {
        let words = "please provide at least one service name";
        return Err(unparsable("service", words));
    }
    if services.len() > MAX_SERVICES {
        let words = format!("at most {MAX_SERVICES} services at a time");
        return Err(unparsable("service", words));
    }
    let by_operation = flag(params, "groupByOperation")?;
    let mut kinds: Vec<SpanKind> = params
        .all("spanKind")
        .map(span_kind)
        .collect::<Result<_, _>>()?;
    if kinds.is_empty() {
        kinds.push(SpanKind::Server);
    }
    let end = time(params, "endTs", NANOS_PER_MILLI)?.unwrap_or(request.now);
    let lookback = millis(params, "lookback", DEFAULT_LOOKBACK)?;
    let step = millis(params, "step", DEFAULT_STEP)?;
    if lookback / step > MAX_POINTS {
        let words = format!("more than {MAX_POINTS} points in a series, try a longer step");
        return Err(unparsable("step", words));
    }
    Ok(RedRequest {
        measure,
        services,
        kinds,
        by_operation,
        range: TimeRange {
            start: end.saturating_sub(lookback),
            end,
        },
        step,
        rate_per: millis(params, "ratePer", DEFAULT_RATE_PER)?,
    })
}

fn quantile(request: &ApiRequest) -> Result<f64, Malformed> {
    let text = request.params.first("quantile");
    let quantile = number::parse_float(text).map_err(|error| unparsable("quantile", error))?;
    if (0.0..=1.0).contains(&quantile) {
        Ok(quantile)
    } else {
        Err(unparsable("quantile", "must be between 0 and 1"))
    }
}

macro_rules! family {
    ($(#[$doc:meta])* $name:ident, $route:literal, $measure:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Endpoint for $name {
            const ROUTE: &'static str = $route;
            type Question = RedRequest;

            fn parse(of: &ApiRequest, _: &QueryLimits) -> Result<(Self, RedRequest), Malformed> {
                let measure: fn(&ApiRequest) -> Result<Measure, Malformed> = $measure;
                Ok((Self, request(of, measure(of)?)?))
            }

            fn render(&self, family: &MetricFamily, out: &mut Output) -> Result<(), Gone> {
                render::metric_family(out, family)
            }

            shared!();
        }
    };
}

family! {
    /// A quantile of durations.
    GetLatencies, "/api/metrics/latencies", |of| quantile(of).map(Measure::Latencies)
}
family! {
    /// Calls per second.
    GetCallRates, "/api/metrics/calls", |_| Ok(Measure::Calls)
}
family! {
    /// The share of failed calls.
    GetErrorRates, "/api/metrics/errors", |_| Ok(Measure::Errors)
}

/// The smallest step that may be asked for, in milliseconds.
pub struct GetMinStep;

impl Endpoint for GetMinStep {
    const ROUTE: &'static str = "/api/metrics/minstep";
    type Question = Nothing;

    fn parse(_: &ApiRequest, _: &QueryLimits) -> Result<(Self, Nothing), Malformed> {
        Ok((Self, Nothing))
    }

    fn render(&self, (): &(), out: &mut Output) -> Result<(), Gone> {
        render::number(out, 1)
    }

    shared!();
}
