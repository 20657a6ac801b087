//! Zipkin's second HTTP API, `/api/v2/*`, under `/zipkin` as well.
//!
//! Traces are shown as stored, so that client and server spans that share an id still do. Errors
//! are plain text. Of Zipkin's it differs in that names keep their case, that one single span
//! answers all conditions of a search, that the remote services of a service are those it was
//! seen to call, and that completion offers what the newest spans of the last day have.

mod params;
mod annotations;
mod catalogue;
mod traces;

pub use catalogue::{
    GetAutocompleteKeys, GetAutocompleteValues, GetDependencies, GetRemoteServices, GetServices,
    GetSpanNames,
};
pub use traces::{FindTraces, GetTrace, GetTraces};

/// Implements the part of [`Endpoint`](crate::pipeline::Endpoint) that all of this API share.
macro_rules! shared {
    () => {
        fn render_failure(_: http::StatusCode, message: String) -> Vec<u8> {
            message.into_bytes()
        }
    };
}
use shared;
