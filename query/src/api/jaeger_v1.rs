//! Jaeger's first HTTP API, `/api/*`: what Grafana, Kiali, scripts and older UIs speak.
//!
//! Answers lie in an envelope (`data`, `total`, `limit`, `offset`, `errors`), those of
//! `/api/metrics/*` excepted. Errors have the same envelope, but are sent as plain text with a
//! trailing newline, as Go's error writer does.
//!
//! Beyond Jaeger: `lookback` counts when `start` is absent; `tags` may be logfmt; trace ids may be
//! base64; a trace's `start` and `end` may be in s, ms, µs or ns; more traces than allowed are
//! asked for as if for the most allowed; negative durations are refused.

mod params;
mod catalogue;
mod traces;
mod archive;
mod dependencies;
mod red;
mod transform;
mod analytics;

pub use analytics::{GetAnalyticsDependencies, GetDeepDependencies, GetQualityMetrics};
pub use archive::ArchiveTrace;
pub use catalogue::{GetOperations, GetServiceOperations, GetServices};
pub use dependencies::GetDependencies;
pub use red::{GetCallRates, GetErrorRates, GetLatencies, GetMinStep};
pub use traces::{FindTraces, GetTrace};
pub use transform::Transform;

/// Implements the parts of [`Endpoint`](crate::pipeline::Endpoint) that all of this API share.
macro_rules! shared {
    () => {
        fn indented(request: &crate::parse::ApiRequest) -> bool {
            !matches!(request.params.first("prettyPrint"), "" | "false")
        }

        fn render_failure(status: http::StatusCode, message: String) -> Vec<u8> {
            crate::render::Envelope::failure(status.as_u16(), message)
        }
    };
}
use shared;
