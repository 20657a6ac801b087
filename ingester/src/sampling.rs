//! Adaptive sampling: what clients are told to sample, so that of each operation about as many
//! traces per second are stored as the configuration asks for.
//!
//! The writer counts root spans, one elected process [`calculate`]s from the counts what each operation
//! should be sampled with, stores it and publishes it on the control topic, where collectors read it.
//! [`calculate`] is pure: counts and moments go in, probabilities come out.

pub(crate) mod metrics;
mod calculate;
mod estimate;
mod worker;
mod publish;

#[cfg(test)]
mod simulation;

pub use calculate::calculate;
pub use publish::announcements;
pub use worker::adaptive_sampling;
