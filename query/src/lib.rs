//! search/read → adjust → render: answers questions about traces, over HTTP and gRPC.
//!
//! The life of a query, in [`pipeline::answer`]:
//!
//! 1. **parse** — [`api`] reads paths and query strings into questions ([`parse`], [`go`]).
//! 2. **search/read** — [`read`] asks a [`storage::TraceReader`].
//! 3. **adjust** — [`adjust`] mends traces; [`summarise`] and [`red`] compute what lists and
//!    charts show. Pure, in Jaeger's order.
//! 4. **render** — [`render`] writes bytes, which flow to the client while they are made.
//!
//! One core, and every API around it is thin: a [`pipeline::Endpoint`] of HTTP or a
//! [`pipeline::Method`] of gRPC parses and renders. Around them stands [`server`]: tenants,
//! admission, time limits, connections.
//!
//! Beside the queries stands [`admin`]: what may be done about dead letters, for those who have the
//! token.
//!
//! **Absent on purpose.** SQL (it is [`storage`]'s); caches of traces (what is read is what is
//! stored); identity of users (a proxy in front has that).

pub mod config;
pub mod server;
pub mod pipeline;
pub mod api;
pub mod admin;
pub mod parse;
pub mod read;
pub mod adjust;
pub mod summarise;
pub mod red;
pub mod render;
pub mod go;
pub mod memory;
pub mod metrics;

pub use admin::{AdminError, DeadLetterAdmin, StoreAdmin};
pub use config::{
    AdjustConfig, AdminConfig, QueryConfig, QueryLimits, RemoteStorageConfig, TenancyConfig,
};
pub use memory::MemoryReader;
pub use metrics::{buckets, describe};
pub use server::{BuildError, OriginError, Query, TenancyError, UiError};
