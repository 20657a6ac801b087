//! Jaeger's gRPC APIs, called by a client.

pub mod client;
mod catalogues;
mod traces;
mod refusals;
mod serving;
mod same_as_json;
