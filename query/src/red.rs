//! Rates, errors and durations over sliding windows, computed from the store's minutes.
//!
//! A point at time `t` covers the minutes that start within `rate_per` before it, `t` included:
//! each minute counts whole or not at all, so sums over windows side by side are exact. A window
//! is never narrower than a minute, which is what the store tells apart.

mod window;

use std::collections::BTreeMap;

use model::{NANOS_PER_MINUTE, SpanKind, TimeRange, UnixNanos};
use storage::{RedPoint, RedQuery};

use self::window::Window;

const NANOS_PER_SECOND: f64 = 1e9;
const NANOS_PER_MILLI: f64 = 1e6;

/// Which of the three.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Measure {
    /// This quantile (0 to 1) of the durations, in milliseconds.
    Latencies(f64),
    /// Calls per second.
    Calls,
    /// Failed calls as a share of all.
    Errors,
}

/// A request for series.
#[derive(Debug, Clone, PartialEq)]
pub struct RedRequest {
    /// What to compute.
    pub measure: Measure,
    /// Of which services.
    pub services: Vec<String>,
    /// From spans of which kinds.
    pub kinds: Vec<SpanKind>,
    /// One series per operation, or one per service.
    pub by_operation: bool,
    /// Time of the first and the last point, at the most.
    pub range: TimeRange,
    /// Nanoseconds from point to point.
    pub step: u64,
    /// Nanoseconds that each point looks back.
    pub rate_per: u64,
}

impl RedRequest {
    /// What to ask the store for.
    pub fn query(&self) -> RedQuery {
        RedQuery {
            services: self.services.clone(),
            kinds: self.kinds.clone(),
            by_operation: self.by_operation,
            range: TimeRange {
                start: (self.range.start + 1).saturating_sub(self.width()),
                end: self.range.end,
            },
        }
    }

    /// Nanoseconds that a window really covers.
    fn width(&self) -> u64 {
        self.rate_per.max(NANOS_PER_MINUTE)
    }

    /// The family's name, as Jaeger calls it.
    pub fn name(&self) -> String {
        let group = if self.by_operation {
            "service_operation"
        } else {
            "service"
        };
        let measure = match self.measure {
            Measure::Latencies(_) => "latencies",
            Measure::Calls => "call_rate",
            Measure::Errors => "error_rate",
        };
        format!("{group}_{measure}")
    }

    /// What the family is about, in Jaeger's words.
    pub fn help(&self) -> String {
        let measure = match self.measure {
            Measure::Latencies(quantile) => format!("{quantile:.2}th quantile latency"),
            Measure::Calls => "calls/sec".to_owned(),
            Measure::Errors => {
                "error rate, computed as a fraction of errors/sec over calls/sec".to_owned()
            }
        };
        let and = if self.by_operation {
            " & operation"
        } else {
            ""
        };
        format!("{measure}, grouped by service{and}")
    }
}

/// A family of series; each is computed when it is asked for.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricFamily {
    /// What was asked for.
    pub request: RedRequest,
    by_series: BTreeMap<(String, String), Vec<RedPoint>>,
}

/// One line of a chart.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Its service.
    pub service: String,
    /// Its operation, when grouped by operation.
    pub operation: Option<String>,
    /// Values by time; times without a value are left out.
    pub points: Vec<(UnixNanos, f64)>,
}

impl MetricFamily {
    /// The family of these minutes.
    pub fn new(request: RedRequest, minutes: Vec<RedPoint>) -> Self {
        let mut by_series: BTreeMap<_, Vec<RedPoint>> = BTreeMap::new();
        for minute in minutes {
            let key = (minute.service.clone(), minute.operation.clone());
            by_series.entry(key).or_default().push(minute);
        }
        for minutes in by_series.values_mut() {
            minutes.sort_by_key(|of| of.minute);
        }
        Self { request, by_series }
    }

    /// The series, sorted by service and operation.
    pub fn series(&self) -> impl Iterator<Item = Series> {
        let by_operation = self.request.by_operation;
        self.by_series
            .iter()
            .map(move |((service, operation), minutes)| Series {
                service: service.clone(),
                operation: by_operation.then(|| operation.clone()),
                points: self.points(minutes),
            })
    }

    fn points(&self, minutes: &[RedPoint]) -> Vec<(UnixNanos, f64)> {
        let request = &self.request;
        let mut window = Window::over(minutes, matches!(request.measure, Measure::Latencies(_)));
        let mut points = Vec::new();
        let mut at = request.range.start;
        while at <= request.range.end {
            window.move_to((at + 1).saturating_sub(request.width()), at);
            if let Some(value) = self.value(&mut window) {
                points.push((at, value));
            }
            let Some(next) = at.checked_add(request.step) else {
                break;
            };
            at = next;
        }
        points
    }

    fn value(&self, window: &mut Window<'_>) -> Option<f64> {
        match self.request.measure {
            Measure::Calls => {
                Some(window.calls as f64 * NANOS_PER_SECOND / self.request.width() as f64)
            }
            Measure::Errors if window.calls == 0 => None,
            Measure::Errors => Some(window.errors as f64 / window.calls as f64),
            Measure::Latencies(quantile) => window
                .quantile(quantile)
                .map(|nanos| nanos / NANOS_PER_MILLI),
        }
    }
}

#[cfg(test)]
mod tests;
