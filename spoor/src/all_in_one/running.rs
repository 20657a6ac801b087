//! The roles at work, and the order in which they stop.

use std::future::Future;
use std::net::SocketAddr;

use anyhow::{Context, anyhow};
use bootstrap::{Process, Stop, StopHandle};
use futures_util::future::select_all;
use tokio::task::JoinHandle;

use crate::config::Config;
use crate::roles::{AnyCollector, AnyIngester, AnyQuery, AnyStore, maintain};
use crate::sampling;

/// One role at work.
struct Part {
    name: &'static str,
    stop: StopHandle,
    task: JoinHandle<anyhow::Result<()>>,
    ended: bool,
}

/// Every role at work.
pub(crate) struct Running {
    /// In the order in which they stop.
    parts: Vec<Part>,
    store: AnyStore,
    /// Where the collector and the query service listen.
    pub(crate) addresses: Addresses,
}

/// Where clients connect.
#[derive(Debug, Clone)]
pub(crate) struct Addresses {
    pub(crate) collector: collector::Addresses,
    pub(crate) query: SocketAddr,
    pub(crate) query_grpc: SocketAddr,
    pub(crate) remote_storage: Option<SocketAddr>,
}

impl Running {
    /// Sets every role to work.
    pub(crate) fn start(
        collector: AnyCollector,
        ingester: Option<AnyIngester>,
        query: AnyQuery,
        store: AnyStore,
        config: &Config,
    ) -> Self {
        let addresses = Addresses {
            collector: collector.addresses(),
            query: query.address(),
            query_grpc: query.grpc_address(),
            remote_storage: query.remote_storage_address(),
        };
        let mut parts = vec![Part::start("the collector", config, |stop| {
            collector.run(stop)
        })];
        if let Some(ingester) = ingester {
            parts.push(Part::start("the ingester", config, |stop| {
                ingester.run(stop)
            }));
        }
        parts.push(Part::start(
            "the query service",
            config,
            |stop| async move {
                query.run(stop).await;
                Ok(())
            },
        ));
        let maintained = store.clone();
        parts.push(Part::start("maintenance", config, |stop| async move {
            maintain(maintained, stop).await;
            Ok(())
        }));
        let (settings, sampled) = (config.clone(), store.clone());
        parts.push(Part::start(
            "adaptive sampling",
            config,
            |stop| async move { sampling::calculate(&settings, sampled, stop).await },
        ));
        Self {
            parts,
            store,
            addresses,
        }
    }

    /// Returns once everything has stopped: on demand in order, or because a part failed.
    pub(crate) async fn until_stopped(mut self, process: &Process) -> anyhow::Result<()> {
        let mut outcome = tokio::select! {
            () = process.stop.stopped() => Ok(()),
            failed = first_end(&mut self.parts) => Err(failed),
        };
        process.handle.stop();
        for mut part in self.parts {
            part.stop.stop();
            if !part.ended {
                tracing::info!("Stopping {}", part.name);
                outcome = outcome.and(part.end().await);
            }
        }
        self.store.close().await;
        outcome
    }
}

impl Part {
    fn start<F>(name: &'static str, config: &Config, run: impl FnOnce(Stop) -> F) -> Self
    where
        F: Future<Output = anyhow::Result<()>> + Send + 'static,
    {
        let (handle, stop) = Stop::with_grace(config.shutdown_timeout);
        Self {
            name,
            stop: handle,
            task: tokio::spawn(run(stop)),
            ended: false,
        }
    }

    async fn end(&mut self) -> anyhow::Result<()> {
        let ended = (&mut self.task).await;
        self.ended = true;
        ended
            .map_err(anyhow::Error::from)
            .flatten()
            .with_context(|| format!("{} failed", self.name))
    }
}

/// The failure of the first part that ends although nothing told it to.
async fn first_end(parts: &mut [Part]) -> anyhow::Error {
    let ends = parts.iter_mut().map(|part| {
        Box::pin(async {
            let name = part.name;
            part.end()
                .await
                .err()
                .unwrap_or_else(|| anyhow!("{name} ended by itself"))
        })
    });
    select_all(ends).await.0
}
