//! search/read → adjust → render.

pub mod config;
pub mod server;
pub mod adjust;
pub mod go;
pub mod metrics;

pub use config::{AdjustConfig, QueryConfig, QueryLimits, TenancyConfig};
pub use server::{BuildError, Query};
