//! Spoor's own API, `/api/spoor/v1/*`: searches with filters, orders and pages, and the attributes
//! that they may ask for.
//!
//! Times are RFC 3339, durations Go's. Errors are `{"error":{"httpCode":…,"message":…}}`, as those of
//! Jaeger's third API.

mod params;
mod traces;
mod attributes;

pub use attributes::{ListKeys, ListValues};
pub use traces::FindTraces;

/// Implements the part of [`Endpoint`](crate::pipeline::Endpoint) that all of this API share.
macro_rules! shared {
    () => {
        fn render_failure(status: http::StatusCode, message: String) -> Vec<u8> {
            crate::render::failure_v3(status.as_u16(), &message)
        }
    };
}
use shared;
