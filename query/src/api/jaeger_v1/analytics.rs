//! What Jaeger's UI asks of analytics that run elsewhere: the shapes of Jaeger's answers, without
//! data.

use super::shared;
use crate::config::QueryLimits;
use crate::parse::{ApiRequest, Malformed};
use crate::pipeline::Endpoint;
use crate::read::Nothing;
use crate::render::{Gone, Output};

/// An endpoint that answers the same to everything.
macro_rules! constant {
    ($(#[$doc:meta])* $name:ident, $route:literal, $body:expr) => {
        $(#[$doc])*
        pub struct $name;

        impl Endpoint for $name {
            const ROUTE: &'static str = $route;
            type Question = Nothing;

            fn parse(_: &ApiRequest, _: &QueryLimits) -> Result<(Self, Nothing), Malformed> {
                Ok((Self, Nothing))
            }

            fn render(&self, (): &(), out: &mut Output) -> Result<(), Gone> {
                out.buffer().extend_from_slice($body);
                out.pass_on()
            }

            shared!();
        }
    };
}

const NO_PATHS: &[u8] = br#"{"dependencies":[]}"#;

constant! {
    /// Paths of calls through a service.
    GetDeepDependencies, "/api/deep-dependencies", NO_PATHS
}

constant! {
    /// The same, under the name that the UI calls.
    GetAnalyticsDependencies, "/analytics/v1/dependencies", NO_PATHS
}

constant! {
    /// How well a service is instrumented.
    GetQualityMetrics,
    "/api/quality-metrics",
    br#"{"traceQualityDocumentationLink":"","scores":[],"metrics":[],"clients":[]}"#
}
