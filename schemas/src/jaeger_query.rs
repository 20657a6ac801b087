//! What Jaeger's gRPC query services are asked and what they answer, from `proto/jaeger/`.
//!
//! The messages have the names and fields of the protobuf files; a test compares the numbers.

pub mod model;
pub mod expression;
pub mod api_v2;
pub mod api_v3;

#[cfg(test)]
mod tests;
