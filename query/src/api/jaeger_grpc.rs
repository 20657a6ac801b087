//! Jaeger's gRPC query APIs: `jaeger.api_v2.QueryService` and `jaeger.api_v3.QueryService`.
//!
//! Traces flow in messages of bounded size, none of which holds spans of two traces. A trace that
//! is not there is `NOT_FOUND`; a search without a match is an empty stream. Beyond Jaeger: a
//! trace id may have 8 bytes, searches of the second API need no times, and negative durations
//! and texts that no stored text equals are refused.

pub(super) mod params;
pub mod api_v2;
pub mod api_v3;
