//! parse: query strings and paths to typed requests, before anything else sees them.

pub mod params;
pub mod trace_id;
pub mod tags;
pub mod logfmt;
pub mod otlp_json;
pub mod filter;
pub mod page;

pub use params::{NotText, Params};
pub use trace_id::{TraceIdError, parse_trace_id};

use bytes::Bytes;
use model::{Tenant, TraceOrder, UnixNanos};

/// What of an HTTP request matters to an endpoint.
#[derive(Debug, Clone)]
pub struct ApiRequest {
    /// Whose traces it may see.
    pub tenant: Tenant,
    /// Its query string.
    pub params: Params,
    /// The variable segment of its path, still percent-encoded; empty without one.
    pub segment: String,
    /// Its body; empty where the endpoint takes none.
    pub body: Bytes,
    /// When it came.
    pub now: UnixNanos,
}

/// A request that cannot be answered as it stands. The text is what the client reads.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Malformed(pub String);

/// The order of traces with this name.
pub fn order_of(name: &str) -> Result<TraceOrder, Malformed> {
    let names = TraceOrder::ALL.map(TraceOrder::as_str).join(", ");
    let unknown = || Malformed(format!("unknown order {name:?}, there are {names}"));
    TraceOrder::parse(name).ok_or_else(unknown)
}

impl Malformed {
    /// A complaint in these words.
    pub fn new(words: impl std::fmt::Display) -> Self {
        Self(words.to_string())
    }
}
