//! The roles, each in a process of its own: built from the document, run until told to stop.

mod agent;
mod collector;
mod direct;
mod ingester;
mod partitions;
mod positions;
mod query;
mod store;

pub(crate) use self::collector::{AnyCollector, direct_collector, kafka_collector};
pub(crate) use self::ingester::{AnyIngester, ingester};
pub(crate) use self::query::{AnyQuery, query};
pub(crate) use self::store::{AnyStore, connect, maintain, open_postgres, open_store};

use std::future::Future;
use std::process::ExitCode;

use anyhow::{Context, bail};
use bootstrap::metrics::Describe;
use bootstrap::{Process, ProcessSettings, start_process};

use crate::all_in_one;
use crate::config::{Config, Deployment};
use crate::metrics_page::{buckets, describe_all};
use crate::sampling;

/// Exit code of a process that was forced to end: that of one killed by SIGINT.
const FORCED: u8 = 130;

/// What a process is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Role {
    Agent,
    Collector,
    Ingester,
    Query,
    AllInOne,
}

impl Role {
    fn name(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Collector => "collector",
            Self::Ingester => "ingester",
            Self::Query => "query",
            Self::AllInOne => "all-in-one",
        }
    }
}

/// Runs a role until a signal, or until it fails.
pub(crate) async fn run(
    role: Role,
    config: Config,
    warnings: &[String],
) -> anyhow::Result<ExitCode> {
    if role == Role::AllInOne {
        all_in_one::announce(&config);
    }
    let process = begin(role, &config, warnings).await?;
    let work = async {
        match role {
            Role::Agent => agent::run(&config, &process).await,
            Role::Collector => collector_alone(&config, &process).await,
            Role::Ingester => ingester_alone(&config, &process).await,
            Role::Query => query_alone(&config, &process).await,
            Role::AllInOne => all_in_one::run(config, &process).await,
        }
    };
    let outcome = unless_forced(&process, work).await;
    process.finish().await;
    outcome
}

/// Begins logs, metrics, signals and the admin port.
async fn begin(role: Role, config: &Config, warnings: &[String]) -> anyhow::Result<Process> {
    let describe = match role {
        // It is small, and shows nothing of what it does not do.
        Role::Agent => vec![::collector::metrics::describe as Describe],
        Role::Collector | Role::Ingester | Role::Query | Role::AllInOne => describe_all(),
    };
    let buckets = buckets();
    let settings = ProcessSettings {
        role: role.name(),
        version: env!("CARGO_PKG_VERSION"),
        logging: &config.logging,
        tracing: &config.tracing,
        admin: match role {
            Role::Agent => config.admin.agent,
            Role::Collector | Role::AllInOne => config.admin.collector,
            Role::Ingester => config.admin.ingester,
            Role::Query => config.admin.query,
        },
        describe: &describe,
        buckets: &buckets,
        warnings,
        grace: config.shutdown_timeout,
    };
    let process = start_process(settings).await?;
    tracing::info!(admin.address = %process.admin, "Started spoor {}", role.name());
    Ok(process)
}

async fn unless_forced(
    process: &Process,
    work: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<ExitCode> {
    tokio::select! {
        biased;
        outcome = work => outcome.map(|()| ExitCode::SUCCESS),
        () = process.handle.forced() => Ok(ExitCode::from(FORCED)),
    }
}

async fn collector_alone(config: &Config, process: &Process) -> anyhow::Result<()> {
    if config.deployment == Deployment::Kafka {
        let collector = kafka_collector(config, process).await?;
        process.started();
        return collector
            .run(process.stop.clone())
            .await
            .context("the collector failed");
    }
    let stores = open_postgres(config, process).await?;
    let collector = direct_collector(config, stores.home().clone(), process).await?;
    process.started();
    let any = AnyStore::Postgres(stores.clone());
    let maintenance = tokio::spawn(maintain(any.clone(), process.stop.clone()));
    let calculation = sampling::calculate(config, any, process.stop.clone());
    let (run, calculated) = tokio::join!(collector.run(process.stop.clone()), calculation);
    run.context("the collector failed")?;
    calculated?;
    maintenance.await?;
    stores.close().await;
    Ok(())
}

async fn ingester_alone(config: &Config, process: &Process) -> anyhow::Result<()> {
    if config.deployment == Deployment::Direct {
        bail!(
            "where `deployment` is `direct` there are no ingesters: the collector writes to the store"
        );
    }
    let store = open_store(config, process).await?;
    let ingester = ingester(config, store.clone(), process).await?;
    process.started();
    let maintenance = tokio::spawn(maintain(store.clone(), process.stop.clone()));
    let calculation = sampling::calculate(config, store.clone(), process.stop.clone());
    let (run, calculated) = tokio::join!(ingester.run(process.stop.clone()), calculation);
    run.context("the ingester failed")?;
    calculated?;
    maintenance.await?;
    store.close().await;
    Ok(())
}

async fn query_alone(config: &Config, process: &Process) -> anyhow::Result<()> {
    let store = open_store(config, process).await?;
    let query = query(config, store.clone(), process).await?;
    process.started();
    query.run(process.stop.clone()).await;
    store.close().await;
    Ok(())
}
