//! Spans as OTLP's messages, both ways.

mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(crate) use decode::pieces;
pub(crate) use encode::{Export, Requests};
