//! The whole stack as its users see it: the binary, real servers, real clients.
//!
//! - [`Stack`]: one `spoor all-in-one` with servers of its own, to be killed and started again.
//! - [`Agent`]: one `spoor agent` in front of a stack.
//! - [`clients`]: OpenTelemetry's SDKs in several languages, and what they say they sent.
//! - [`assert_read_back`]: the same compared with what each query API answers, as [`otlp_json`],
//!   [`jaeger_json`], [`jaeger_protobuf`] and [`zipkin_json`] have it; [`QueryGrpc`] asks over gRPC.
//! - [`otlp_http`]: requests and spans made by hand.
//! - [`faults`]: what may happen to installations of separate processes, and the table of it.
//! - [`load`]: the load generator and its verifier, run as commands.
//! - [`bench`]: the whole path, measured, each role in a process of its own.

mod agent;
pub mod bench;
pub mod clients;
pub mod faults;
mod jaeger;
pub mod jaeger_json;
pub mod jaeger_protobuf;
pub mod load;
pub mod otlp_http;
pub mod otlp_json;
mod ports;
mod query_grpc;
mod read_back;
mod stack;
pub mod zipkin_json;

pub use agent::Agent;
pub use jaeger::JaegerSpan;
pub use query_grpc::QueryGrpc;
pub use read_back::assert_read_back;
pub use stack::{Deployment, Server, Stack, fetch};

use std::path::{Path, PathBuf};

/// The root of the workspace.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the package lies in the workspace")
}

/// The binary that `make build` leaves.
pub fn binary() -> PathBuf {
    let path = root().join("target/release/spoor");
    assert!(
        path.is_file(),
        "run through `make test`, which builds {}",
        path.display()
    );
    path
}

/// The quick form of a number, or with `SPOOR_LONG=1` the long one.
pub fn longer(quick: &'static str, long: &'static str) -> &'static str {
    match std::env::var_os("SPOOR_LONG") {
        Some(_) => long,
        None => quick,
    }
}
