//! Where the file of strategies comes from, and how changes of it are noticed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bootstrap::{Stop, chain};
use http_body_util::BodyExt;
use reqwest::StatusCode;

use super::strategies::{Strategies, SyntaxError};
use super::{Sampling, metrics};
use crate::config::SamplingConfig;

/// Largest file.
const MAX_BYTES: usize = 8 << 20;
/// How long a server may take to send it.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why there are no strategies.
#[derive(Debug, thiserror::Error)]
pub enum StrategiesError {
    /// The file cannot be read.
    #[error("the file of sampling strategies {} cannot be read", path.display())]
    File {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// The server does not answer.
    #[error("the sampling strategies cannot be fetched")]
    Fetch(#[source] reqwest::Error),
    /// The server answers something else.
    #[error("the sampling strategies cannot be fetched: status {status}")]
    Status {
        /// The status.
        status: StatusCode,
    },
    /// The file is larger than any that makes sense.
    #[error("the sampling strategies have more than {MAX_BYTES} bytes")]
    TooLarge,
    /// It holds something else.
    #[error("the sampling strategies are not what Jaeger's are")]
    Syntax(#[from] SyntaxError),
}

/// The strategies to begin with.
pub(super) async fn first(config: &SamplingConfig) -> Result<Strategies, StrategiesError> {
    let default = config.default_sampling_probability;
    let Some(location) = location(config) else {
        return Ok(Strategies::of_default(default));
    };
    let loaded = async { Ok(Strategies::parse(&read(&location).await?, default)?) };
    match loaded.await {
        Ok(strategies) => {
            metrics::reloaded("changed");
            Ok(strategies)
        }
        // A server that is away for a moment keeps nobody from starting.
        Err(error) if matches!(location, Location::Url(_)) => {
            report(&error);
            Ok(Strategies::of_default(default))
        }
        Err(error) => Err(error),
    }
}

/// Looks for changes until told to stop. What cannot be read, or is wrong, changes nothing.
pub(crate) async fn follow(sampling: Arc<Sampling>, stop: Stop) {
    let config = sampling.config();
    let Some(location) = location(config).filter(|_| !config.reload_interval.is_zero()) else {
        return;
    };
    let mut last = None;
    loop {
        tokio::select! {
            () = stop.stopped() => return,
            () = tokio::time::sleep(config.reload_interval) => {}
        }
        match reload(&sampling, &location, &mut last).await {
            Ok(outcome) => metrics::reloaded(outcome),
            Err(error) => report(&error),
        }
    }
}

async fn reload(
    sampling: &Sampling,
    location: &Location,
    last: &mut Option<Vec<u8>>,
) -> Result<&'static str, StrategiesError> {
    let text = read(location).await?;
    if last.as_ref() == Some(&text) {
        return Ok("unchanged");
    }
    let default = sampling.config().default_sampling_probability;
    sampling.replace(Strategies::parse(&text, default)?);
    // The first look takes what was there at the start for a change, which does no harm.
    if last.replace(text).is_some() {
        tracing::info!("The sampling strategies have changed");
    }
    Ok("changed")
}

fn report(error: &StrategiesError) {
    metrics::reloaded("failed");
    tracing::warn!(error = %chain(error), "Sampling strategies stay what they were");
}

/// A file or a server.
enum Location {
    File(PathBuf),
    Url(String),
}

fn location(config: &SamplingConfig) -> Option<Location> {
    let text = &config.strategies;
    if text.is_empty() {
        return None;
    }
    let is_url = ["http://", "https://"]
        .iter()
        .any(|scheme| text.starts_with(scheme));
    Some(match is_url {
        true => Location::Url(text.clone()),
        false => Location::File(PathBuf::from(text)),
    })
}

async fn read(location: &Location) -> Result<Vec<u8>, StrategiesError> {
    match location {
        Location::File(path) => read_file(path).await,
        Location::Url(url) => fetch(url).await,
    }
}

async fn read_file(path: &Path) -> Result<Vec<u8>, StrategiesError> {
    let failed = |source| StrategiesError::File {
        path: path.to_owned(),
        source,
    };
    let size = tokio::fs::metadata(path).await.map_err(failed)?.len();
    if size > MAX_BYTES as u64 {
        return Err(StrategiesError::TooLarge);
    }
    tokio::fs::read(path).await.map_err(failed)
}

async fn fetch(url: &str) -> Result<Vec<u8>, StrategiesError> {
    let client = reqwest::Client::builder().timeout(PATIENCE).build();
    let asked = client.map_err(StrategiesError::Fetch)?.get(url).send();
    let answer = asked.await.map_err(StrategiesError::Fetch)?;
    if answer.status() != StatusCode::OK {
        let status = answer.status();
        return Err(StrategiesError::Status { status });
    }
    let body = http_body_util::Limited::new(reqwest::Body::from(answer), MAX_BYTES);
    match body.collect().await {
        Ok(collected) => Ok(collected.to_bytes().into()),
        Err(error) => Err(match error.downcast::<reqwest::Error>() {
            Ok(error) => StrategiesError::Fetch(*error),
            Err(_) => StrategiesError::TooLarge,
        }),
    }
}
