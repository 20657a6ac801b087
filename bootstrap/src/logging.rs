//! Logs: JSON for machines, text for people.

use serde::{Deserialize, Serialize};
use tracing::Subscriber;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How log lines look.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// One line of text per event.
    Human,
    /// One JSON object per event.
    Json,
}

crate::config! {
    /// What is logged, and how. Logs go to standard error.
    pub struct LoggingConfig {
        /// `human` for reading in a terminal, `json` for log collectors.
        pub format: LogFormat = LogFormat::Human,
        /// Which events are logged: a level, or `target=level` pairs separated by commas, as
        /// in `info,ingester=debug`. `debug` costs throughput on busy collectors.
        pub filter: String = "info".to_owned(),
    }
}

/// Why logging cannot begin.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    /// The filter is not one.
    #[error("`logging.filter` is not a list of levels and targets")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// Logging began before.
    #[error("logging has begun already")]
    Twice(#[source] TryInitError),
}

/// Begins logging for the whole process, for those that do not need a whole
/// [`start_process`](crate::start_process).
pub fn install(config: &LoggingConfig) -> Result<(), LoggingError> {
    install_with(config, None::<tracing_subscriber::layer::Identity>)
}

/// Begins logging for the whole process, together with one more layer.
pub(crate) fn install_with<L>(config: &LoggingConfig, spans: Option<L>) -> Result<(), LoggingError>
where
    L: Layer<tracing_subscriber::Registry> + Send + Sync + 'static,
{
    let filter = EnvFilter::try_new(&config.filter).map_err(LoggingError::Filter)?;
    tracing_subscriber::registry()
        .with(spans)
        .with(lines(config.format).with_filter(filter))
        .try_init()
        .map_err(LoggingError::Twice)
}

fn lines<S>(format: LogFormat) -> Box<dyn Layer<S> + Send + Sync>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Human => layer
            .with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr()))
            .boxed(),
        LogFormat::Json => layer.json().flatten_event(true).boxed(),
    }
}
