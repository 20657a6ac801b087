//! The query service on a real Postgres gives the answers that it gives on the store that scans.
//!
//! Random traces go into both stores, under a tenant of their own; random requests go to a service
//! on each. Failure is any difference in what is found, in its order, or in what a span says. The
//! order of spans within a trace is not compared: neither store promises one.

pub mod arbitrary;
pub mod stores;
mod same_answers;
mod unavailable;

pub use same_answers::check;
