//! search/read → adjust → render.

pub mod config;
pub mod server;
pub mod pipeline;
pub mod api;
pub mod parse;
pub mod read;
pub mod adjust;
pub mod summarise;
pub mod red;
pub mod render;
pub mod go;
pub mod metrics;

pub use config::{AdjustConfig, QueryConfig, QueryLimits, TenancyConfig};
pub use server::{BuildError, Query};
