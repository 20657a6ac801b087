//! `jaeger.storage.v2`: what a stock Jaeger reads its remote storage with.
//!
//! Traces are OTLP's, as they are stored: Jaeger mends and cuts them itself. They flow in messages
//! of bounded size, none of which is empty or holds spans of two traces; those of one trace follow
//! one another. Ids without a trace are passed over. Beyond Jaeger's own store: a service is never
//! needed, and a search finds the newest traces, by structured filters as well.

mod value;
mod search;
pub mod trace_reader;
pub mod dependency_reader;
pub mod capabilities;
