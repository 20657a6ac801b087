//! What every process needs: configuration, logging, metrics, admin server, signals, shutdown.
//!
//! A process starts in this order: [`config::load`] reads the one configuration document,
//! [`start_process`] begins logging and metrics and opens the admin port, the role runs until its
//! [`Stop`] says so, [`Process::finish`] sends what is left. Nothing here knows what a span is.

extern crate self as bootstrap;

pub mod config;
mod byte_size;
mod secret;
pub mod logging;
mod tracing_export;
pub mod metrics;
mod readiness;
mod liveness;
mod admin;
mod stop;
mod signals;
pub mod clock;
mod chain;
mod process;

pub use admin::{Admin, AdminError};
pub use byte_size::{ByteSize, ByteSizeError};
pub use chain::{Chain, chain};
pub use liveness::{Heartbeat, Liveness};
pub use logging::LoggingConfig;
pub use process::{Process, ProcessSettings, StartError, start_process};
pub use readiness::{Readiness, ReadinessFlag};
pub use secret::Secret;
pub use signals::stop_on_signals;
pub use stop::{Stop, StopHandle};
pub use tracing_export::{TracingConfig, trace_response};

/// Used by [`config!`] in other crates.
#[doc(hidden)]
pub use serde;
