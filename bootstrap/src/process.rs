//! The start and the end of a process.

use std::net::SocketAddr;

use metrics_exporter_prometheus::BuildError;
use opentelemetry_otlp::ExporterBuildError;
use tokio::task::JoinHandle;

use crate::logging::LoggingError;
use crate::metrics::{Buckets, Describe};
use crate::tracing_export::Export;
use crate::{
    Admin, AdminError, Liveness, LoggingConfig, Readiness, ReadinessFlag, Stop, StopHandle,
};
use crate::{TracingConfig, chain, clock, logging, metrics, stop_on_signals};

/// What a process is started with.
pub struct ProcessSettings<'a> {
    /// The subcommand: `collector`, `all-in-one`, …
    pub role: &'static str,
    /// The program's version.
    pub version: &'static str,
    /// Logs.
    pub logging: &'a LoggingConfig,
    /// Own traces.
    pub tracing: &'a TracingConfig,
    /// Where the admin server listens.
    pub admin: SocketAddr,
    /// Each crate's `metrics::describe`.
    pub describe: &'a [Describe],
    /// All crates' `metrics::buckets`.
    pub buckets: &'a [Buckets],
    /// What [`config::load`](crate::config::load) warned about.
    pub warnings: &'a [String],
    /// How long draining may take after a signal.
    pub grace: std::time::Duration,
}

/// Why a process cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Logging.
    #[error("cannot begin logging")]
    Logging(#[from] LoggingError),
    /// The recorder of metrics.
    #[error("cannot begin recording metrics")]
    Metrics(#[from] BuildError),
    /// The export of own traces.
    #[error("cannot begin sending own traces")]
    Tracing(#[from] ExporterBuildError),
    /// The admin server.
    #[error("cannot start the admin server")]
    Admin(#[from] AdminError),
    /// Signals.
    #[error("cannot listen for signals")]
    Signals(#[source] std::io::Error),
}

/// A process that has logs, metrics, signals and an admin port.
pub struct Process {
    /// Parts register here.
    pub readiness: Readiness,
    /// Loops register here.
    pub liveness: Liveness,
    /// Stopped by the first SIGINT or SIGTERM.
    pub stop: Stop,
    /// Stops the process by other means.
    pub handle: StopHandle,
    /// Where the admin server listens.
    pub admin: SocketAddr,
    /// Holds readiness back while there are parts that have not registered yet.
    starting: ReadinessFlag,
    export: Option<Export>,
    tasks: Vec<JoinHandle<()>>,
}

/// Begins logging, metrics and signal handling, and opens the admin port. Once per process, inside
/// a Tokio runtime.
pub async fn start_process(settings: ProcessSettings<'_>) -> Result<Process, StartError> {
    let export = Export::begin(settings.tracing, settings.role)?;
    logging::install_with(settings.logging, export.as_ref().map(Export::layer))?;
    for warning in settings.warnings {
        tracing::warn!("{warning}");
    }
    let recorder = metrics::install(settings.describe, settings.buckets)?;
    metrics::count_panics();
    let (handle, stop) = Stop::with_grace(settings.grace);
    stop_on_signals(handle.clone()).map_err(StartError::Signals)?;

    let (readiness, liveness) = (Readiness::new(), Liveness::new());
    let starting = readiness.register(settings.role);
    let (role, version, started) = (settings.role, settings.version, clock::now());
    let observe = move || metrics::observe_process(role, version, started);
    let server = Admin::bind(
        settings.admin,
        readiness.clone(),
        liveness.clone(),
        recorder.clone(),
        observe,
    )
    .await?;
    let admin = server.address()?;
    let tasks = vec![
        tokio::spawn(metrics::upkeep(recorder)),
        tokio::spawn(serve(server)),
    ];
    Ok(Process {
        readiness,
        liveness,
        stop,
        handle,
        admin,
        starting,
        export,
        tasks,
    })
}

// The admin port answers to the very end: draining is when an operator looks.
async fn serve(server: Admin) {
    if let Err(error) = server.run(std::future::pending()).await {
        tracing::error!(error = %chain(&error), "The admin server failed");
    }
}

impl Process {
    /// Every part has registered: from now on the process is ready when all of them are.
    pub fn started(&self) {
        self.starting.ready();
    }

    /// Sends what is left of own traces and closes the admin port.
    pub async fn finish(self) {
        if let Some(export) = self.export {
            // The exporter blocks until the last batch is sent.
            let _ = tokio::task::spawn_blocking(|| export.finish()).await;
        }
        for task in self.tasks {
            task.abort();
        }
    }
}
