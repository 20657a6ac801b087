//! `spoor load`: realistic traffic, a ledger of what was acknowledged, and a check that all of it
//! is there once.

mod protocol;
mod shop;
mod tree;
mod attributes;
mod shape;
mod trace;
mod pack;
mod traffic;
mod carry;
pub(crate) mod encode;
pub(crate) mod send;
mod ledger;
mod console;
mod freshness;
mod summary;
mod run;
mod again;
mod verify;
mod yardstick;
mod totals;

use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Subcommand};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;

pub use protocol::Protocol;
use shape::Shape;

/// Arguments of `spoor load`.
#[derive(Debug, Args)]
pub struct LoadArgs {
    #[command(subcommand)]
    command: Option<LoadCommand>,
    #[command(flatten)]
    run: RunArgs,
}

/// What else `spoor load` can do.
#[derive(Debug, Subcommand)]
enum LoadCommand {
    /// Reads everything of a ledger back through the query API and counts what is lost, doubled
    /// or altered. Exits with 1 if anything is.
    Verify(VerifyArgs),
    /// Sends every acknowledged request of a ledger once more, byte for byte.
    Again(AgainArgs),
}

/// How to make traffic.
#[derive(Debug, Clone, Args)]
pub struct RunArgs {
    /// Where to send: `http://host:port`. Defaults to the protocol's port of this machine.
    #[arg(long)]
    pub endpoint: Option<String>,
    /// How to send.
    #[arg(long, value_enum, default_value = "grpc")]
    pub protocol: Protocol,
    /// Send no more of the spans than this protocol can carry.
    #[arg(long, value_enum, value_name = "PROTOCOL")]
    pub within: Option<Protocol>,
    /// Spans per second; 0 sends as fast as the collector answers.
    #[arg(long, default_value_t = 0)]
    pub rate: u64,
    /// Stop after this many spans, at the end of a window of some dozens of traces.
    #[arg(long)]
    pub spans: Option<u64>,
    /// Stop after this long.
    #[arg(long, value_parser = humantime::parse_duration)]
    pub duration: Option<Duration>,
    /// Requests under way at a time.
    #[arg(long, default_value_t = 8)]
    pub connections: usize,
    /// The same seed makes the same traffic, ids of traces included. Without one, each run draws its
    /// own, tells it, and writes it into the ledger.
    #[arg(long)]
    pub seed: Option<u64>,
    /// Seed of the traces' ids, which the summary lists then: the same traffic under other ids.
    #[arg(long, value_name = "SEED")]
    pub ids: Option<u64>,
    /// What the traffic is like.
    #[command(flatten)]
    pub shape: Shape,
    /// When the traces end, nanoseconds since 1970, instead of now.
    #[arg(long, value_name = "NANOS")]
    pub base: Option<u64>,
    /// How long a request is tried again when the collector asks for it.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "5m")]
    pub retry_for: Duration,
    /// Make all of `--spans` before the first is sent, so that sending costs little.
    #[arg(long, requires = "spans")]
    pub ahead: bool,
    /// Where to write down what was acknowledged.
    #[arg(long)]
    pub ledger: Option<PathBuf>,
    /// Query service to measure by how soon whole traces are found after their last ack.
    #[arg(long)]
    pub freshness: Option<String>,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to send once more, and where to.
#[derive(Debug, Clone, Args)]
pub struct AgainArgs {
    /// The ledger that a run has written.
    pub ledger: PathBuf,
    /// Where to send: `http://host:port`. Defaults to the protocol's port of this machine.
    #[arg(long)]
    pub endpoint: Option<String>,
    /// How to send. Defaults to how it was sent before.
    #[arg(long, value_enum)]
    pub protocol: Option<Protocol>,
    /// Requests under way at a time.
    #[arg(long, default_value_t = 8)]
    pub connections: usize,
    /// How long a request is tried again when the collector asks for it.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "5m")]
    pub retry_for: Duration,
    /// Print the summary as JSON.
    #[arg(long)]
    pub json: bool,
}

/// What to verify, and against what.
#[derive(Debug, Clone, Args)]
pub struct VerifyArgs {
    /// The ledger that a run has written.
    pub ledger: PathBuf,
    /// Query service.
    #[arg(long, default_value = "http://127.0.0.1:16686")]
    pub query: String,
    /// Look at one trace in this many.
    #[arg(long, default_value_t = 1)]
    pub sample: u64,
    /// Nothing else was ever written to the store: services, operations, edges and RED counts
    /// must equal the ledger's too.
    #[arg(long)]
    pub exclusive: bool,
    /// Requests under way at a time.
    #[arg(long, default_value_t = 8)]
    pub connections: usize,
    /// How long to wait for the store to catch up with the last ack before counting.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "30s")]
    pub settle: Duration,
    /// Print the result as JSON.
    #[arg(long)]
    pub json: bool,
}

/// Runs `spoor load`. `Ok(false)` means that a verification found something wrong.
pub async fn load(args: LoadArgs) -> anyhow::Result<bool> {
    match args.command {
        None => run::run(args.run).await.map(|()| true),
        Some(LoadCommand::Verify(args)) => verify::verify(args).await,
        Some(LoadCommand::Again(args)) => again::again(args).await.map(|()| true),
    }
}

/// Spans of a request.
fn span_count(request: &ExportTraceServiceRequest) -> usize {
    let scopes = request
        .resource_spans
        .iter()
        .flat_map(|of_resource| &of_resource.scope_spans);
    scopes.map(|of_scope| of_scope.spans.len()).sum()
}
