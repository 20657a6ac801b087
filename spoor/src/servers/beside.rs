//! Where the servers are that a `spoor all-in-one` on this machine runs: for commands beside it.

use anyhow::Context;
use bootstrap::Secret;

use super::{data_dir, postgres, registry};
use crate::config::{Config, Deployment};

/// The configuration with the addresses of servers that `spoor all-in-one` would have started with
/// it. One that has addresses stays as it is.
pub(crate) fn beside_all_in_one(config: &Config) -> anyhow::Result<Config> {
    let mut config = config.clone();
    let embedded = &config.embedded;
    if !config.storage.url.is_set() {
        let path = match &embedded.data_dir {
            Some(path) => path.clone(),
            None => data_dir::default_path()?,
        };
        let url = postgres::url_of(&path, embedded.postgres.port);
        let url = url.with_context(|| {
            format!(
                "storage.url is empty, and {} is no folder of a spoor all-in-one",
                path.display()
            )
        })?;
        config.storage.url = url;
    }
    if config.deployment == Deployment::Direct {
        return Ok(config);
    }
    if config.kafka.brokers.is_empty() {
        let port = embedded.kafka.port;
        config.kafka.brokers = vec![format!("127.0.0.1:{port}")];
    }
    if !config.registry.url.is_set() {
        let port = embedded.registry.port;
        config.registry.url = Secret::new(registry::url(port));
    }
    Ok(config)
}
