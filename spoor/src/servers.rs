//! The real servers as children: Kafka, the schema registry and Postgres on loopback ports.
//!
//! Started in the order data → ports → Postgres and Kafka → registry, stopped in reverse.

mod beside;
pub(crate) mod child;
pub(crate) mod config;
mod data_dir;
mod health;
mod java;
mod kafka;
mod leftovers;
mod ports;
mod postgres;
mod registry;
mod runtime;
mod supervise;
mod user;

use std::path::{Path, PathBuf};
use std::time::Duration;

use bootstrap::{Readiness, Secret};

pub(crate) use beside::{beside_all_in_one, named_all_in_one};
pub(crate) use config::EmbeddedConfig;
use data_dir::{DataDir, DataDirError};
use ports::Ports;
use supervise::Server;

use anyhow::Context;
use tokio::time::Instant;

/// How long the process that holds the data directory may take to go.
const LOCK_PATIENCE: Duration = Duration::from_secs(5);
const LOCK_POLL: Duration = Duration::from_millis(50);

/// Which servers to start, because no address is configured for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Plan {
    /// Kafka.
    pub(crate) kafka: bool,
    /// The schema registry.
    pub(crate) registry: bool,
    /// Postgres.
    pub(crate) postgres: bool,
}

impl Plan {
    /// Whether nothing is to be started.
    pub(crate) fn is_empty(self) -> bool {
        !self.kafka && !self.registry && !self.postgres
    }

    fn needs_java(self) -> bool {
        self.kafka || self.registry
    }
}

/// Where the started servers listen; `None` for those that were not started.
#[derive(Debug, Clone, Default)]
pub(crate) struct Addresses {
    /// `host:port` of the broker.
    pub(crate) kafka: Option<String>,
    /// Base URL of the registry's Confluent-compatible API.
    pub(crate) registry: Option<String>,
    /// URL of the database, password included.
    pub(crate) postgres: Option<Secret>,
    /// Folder of the database's Unix socket, if there is one.
    pub(crate) postgres_socket: Option<PathBuf>,
}

/// Running children. They die with this process; [`Servers::stop`] ends them in order.
pub(crate) struct Servers {
    addresses: Addresses,
    ports: Ports,
    data: DataDir,
    running: Vec<Server>,
}

/// Locks the data directory. A process that was killed a moment ago may still hold it.
async fn lock(path: &Path) -> Result<DataDir, DataDirError> {
    let deadline = Instant::now() + LOCK_PATIENCE;
    loop {
        match DataDir::open(path) {
            Err(DataDirError::Locked { .. }) if Instant::now() < deadline => {
                tokio::time::sleep(LOCK_POLL).await;
            }
            opened => return opened,
        }
    }
}

impl Servers {
    /// Locks the data directory. Nothing runs yet.
    ///
    /// Errors: the directory cannot be made, or another process uses it and goes on doing so.
    pub(crate) async fn open(config: &EmbeddedConfig) -> anyhow::Result<Self> {
        let path = config
            .data_dir
            .clone()
            .map_or_else(data_dir::default_path, Ok)?;
        Ok(Self {
            addresses: Addresses::default(),
            ports: Ports::default(),
            data: lock(&path).await?,
            running: Vec::new(),
        })
    }

    /// Starts the planned servers and waits until Postgres and Kafka are healthy; the registry
    /// takes longest and is waited for by [`Servers::registry_healthy`]. `brokers` are the ones
    /// that the registry keeps its schemas in when no Kafka is planned.
    ///
    /// Errors: a port is taken, Java or a server is missing, a server does not come up. Call
    /// [`Servers::stop`] in that case too.
    pub(crate) async fn start(
        &mut self,
        config: &EmbeddedConfig,
        plan: Plan,
        brokers: &str,
        readiness: &Readiness,
    ) -> anyhow::Result<&Addresses> {
        let runtime = runtime::find(config, plan)?;
        let java = plan.needs_java().then(java::find).transpose()?;
        leftovers::end(&self.data).await?;
        let ports = ports::claim_in_time(config, plan, ports::PATIENCE).await?;

        if plan.postgres {
            let server = postgres::start(config, &self.data, &runtime, ports.postgres, readiness);
            let started = server.await.context("cannot start Postgres")?;
            self.running.push(started.server);
            self.addresses.postgres = Some(started.url);
            self.addresses.postgres_socket = started.socket;
        }
        if let (true, Some(java)) = (plan.kafka, &java) {
            let server = kafka::start(config, &self.data, &runtime, java, &ports, readiness);
            self.running
                .push(server.await.context("cannot start Kafka")?);
            self.addresses.kafka = Some(format!("127.0.0.1:{}", ports.kafka));
        }
        self.healthy(config, "cannot start Postgres and Kafka")
            .await?;
        if let (true, Some(java)) = (plan.registry, &java) {
            let brokers = self
                .addresses
                .kafka
                .clone()
                .unwrap_or_else(|| brokers.to_owned());
            let server =
                registry::start(config, &self.data, &runtime, java, ports.registry, &brokers)?;
            self.running.push(server);
            self.addresses.registry = Some(registry::url(ports.registry));
        }
        self.ports = ports;
        Ok(&self.addresses)
    }

    /// Waits until the registry, if it is planned, is healthy as well.
    pub(crate) async fn registry_healthy(&mut self, config: &EmbeddedConfig) -> anyhow::Result<()> {
        self.healthy(config, "cannot start the schema registry")
            .await
    }

    async fn healthy(
        &mut self,
        config: &EmbeddedConfig,
        context: &'static str,
    ) -> anyhow::Result<()> {
        for server in &mut self.running {
            server
                .healthy(config.start_timeout)
                .await
                .context(context)?;
        }
        Ok(())
    }

    /// The folder that holds everything.
    pub(crate) fn data_dir(&self) -> &Path {
        self.data.path()
    }

    /// Stops the children in reverse order of their start.
    pub(crate) async fn stop(mut self) {
        while let Some(server) = self.running.pop() {
            server.stop().await;
        }
    }
}
