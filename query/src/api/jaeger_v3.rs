//! Jaeger's third HTTP API, `/api/v3/*`: what its UI speaks since 2.15.
//!
//! Parameters have camelCase names; their snake_case aliases, which Grafana sends, count where
//! the canonical name is absent. Times are RFC 3339, where a space may stand for the offset's
//! plus. Errors are `{"error":{"httpCode":…,"message":…}}`, sent as plain text with a trailing
//! newline. Traces come as `{"result":{"resourceSpans":[…]}}`; none is a 404.
//!
//! Summaries are written as proto3 does (see [`crate::render::summaries`]). Beyond Jaeger's
//! gateway: `/api/v3/dependencies`; a filter may be a text; `query.order`, `query.traceDurationMin` and
//! `query.traceDurationMax`; pages of summaries.

mod params;
mod catalogue;
mod traces;
mod dependencies;

pub use catalogue::{GetOperations, GetServices};
pub use dependencies::GetDependencies;
pub use traces::{FindSummaries, FindTraces, GetTrace};

/// Implements the part of [`Endpoint`](crate::pipeline::Endpoint) that all of this API share.
macro_rules! shared {
    () => {
        fn render_failure(status: http::StatusCode, message: String) -> Vec<u8> {
            crate::render::failure_v3(status.as_u16(), &message)
        }
    };
}
use shared;
