//! Another implementation of the storage contract: a storage plug-in written for Jaeger, read by
//! `jaeger.storage.v2` and written to by OTLP.
//!
//! - [`RemoteStore`]: the plug-in; a [`storage::TraceReader`].
//! - [`RemoteWriter`]: the same with the consumed positions, which a plug-in does not keep
//!   ([`Positions`]); a [`storage::TraceWriter`] that delivers at least once.
//!
//! What the protocol has no question for is refused with [`storage::ReadError::Unsupported`].
//!
//! Absent on purpose: Kafka. Where positions lie is told by whoever builds the writer.

pub mod config;
pub mod metrics;
mod client;
mod failure;
mod gather;
mod otlp;
mod reader;
mod search;
mod store;
mod writer;

pub use config::RemoteConfig;
pub use failure::{CallError, EndpointError};
pub use store::RemoteStore;
pub use writer::{Positions, RemoteWriter};

#[cfg(test)]
#[path = "../../storage/tests/support/arbitrary.rs"]
mod arbitrary;
