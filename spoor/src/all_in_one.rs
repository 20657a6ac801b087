//! `spoor all-in-one`: every role in one process, and the servers that no address is given for.
//!
//! Starts from the store outwards, stops from the clients inwards: the collector answers what it
//! has taken, the ingester writes what it holds, the query service answers, the servers stop.

mod greeting;
mod running;

use anyhow::Context;
use bootstrap::{Process, Secret};

use crate::config::{Config, Deployment, StoreKind};
use crate::roles::{AnyStore, direct_collector, ingester, kafka_collector, open_store, query};
use crate::servers::{Addresses, Plan, Servers};
use crate::{migrate, schema_ids};
use running::Running;

/// Says which deployment runs and why, before anything else is said.
pub(crate) fn announce(config: &Config) {
    greeting::deployment(config, plan(config));
}

/// Runs until told to stop, or until a part fails.
pub(crate) async fn run(mut config: Config, process: &Process) -> anyhow::Result<()> {
    let plan = plan(&config);
    let mut servers = match plan.is_empty() {
        true => None,
        false => Some(Servers::open(&config.embedded).await?),
    };
    let outcome = tokio::select! {
        outcome = work(&mut config, plan, &mut servers, process) => outcome,
        () = process.stop.overdue() => Err(anyhow::anyhow!("not everything was finished in time")),
    };
    if let Some(servers) = servers {
        servers.stop().await;
    }
    outcome
}

/// The servers that no address is given for.
fn plan(config: &Config) -> Plan {
    let by_kafka = config.deployment == Deployment::Kafka;
    Plan {
        kafka: by_kafka && config.kafka.brokers.is_empty(),
        registry: by_kafka && !config.registry.url.is_set(),
        postgres: config.storage.kind == StoreKind::Postgres && !config.storage.url.is_set(),
    }
}

async fn work(
    config: &mut Config,
    plan: Plan,
    servers: &mut Option<Servers>,
    process: &Process,
) -> anyhow::Result<()> {
    let start = start(config, plan, servers, process);
    let running = tokio::select! {
        running = start => running?,
        () = process.stop.stopped() => return Ok(()),
    };
    process.started();
    let addresses = running.addresses.clone();
    let data = servers.as_ref().map(Servers::data_dir);
    let greet = async {
        greeting::until_ready(process).await;
        greeting::ready(config, &addresses, process, data);
        std::future::pending().await
    };
    tokio::select! {
        outcome = running.until_stopped(process) => outcome,
        outcome = greet => outcome,
    }
}

async fn start(
    config: &mut Config,
    plan: Plan,
    servers: &mut Option<Servers>,
    process: &Process,
) -> anyhow::Result<Running> {
    if let Some(servers) = servers {
        let brokers = config.kafka.brokers.join(",");
        let addresses = servers
            .start(&config.embedded, plan, &brokers, &process.readiness)
            .await?;
        adopt(config, addresses);
        servers.note(config.deployment)?;
    }
    migrate::store(config)
        .await
        .context("cannot bring the store up to date")?;
    let store = open_store(config, process).await?;
    let running = match config.deployment {
        Deployment::Direct => {
            let AnyStore::Postgres(postgres) = &store else {
                anyhow::bail!("`deployment` is `direct`, which needs Postgres");
            };
            let collector = direct_collector(config, postgres.home().clone(), process).await?;
            let query = query(config, store.clone(), process).await?;
            let query = query.with_span_writer(collector.exports());
            Running::start(collector, None, query, store, config)
        }
        Deployment::Kafka => {
            contract(config, servers).await?;
            let ingester = ingester(config, store.clone(), process).await?;
            let collector = kafka_collector(config, process).await?;
            let query = query(config, store.clone(), process).await?;
            let query = query.with_span_writer(collector.exports());
            Running::start(collector, Some(ingester), query, store, config)
        }
    };
    Ok(running)
}

/// Topics and schemas. The registry is waited for only when it is needed: at the first start.
async fn contract(config: &Config, servers: &mut Option<Servers>) -> anyhow::Result<()> {
    migrate::topics(config).await?;
    let (announced, _) = schema_ids::announced(config).await?;
    if let (None, Some(servers)) = (announced.own(), servers) {
        servers.registry_healthy(&config.embedded).await?;
    }
    migrate::schemas(config).await
}

/// Puts the started servers' addresses where configured ones would stand.
fn adopt(config: &mut Config, addresses: &Addresses) {
    if let Some(broker) = &addresses.kafka {
        config.kafka.brokers = vec![broker.clone()];
        // Nobody else is in the group of a Kafka of our own: after a crash the next run is the
        // same member again, and need not wait until the group has given up on the last one.
        let member = &mut config.ingester.consume.instance_id;
        member.get_or_insert_with(|| "all-in-one".to_owned());
    }
    if let Some(url) = &addresses.registry {
        config.registry.url = Secret::new(url.as_str());
    }
    if let Some(url) = &addresses.postgres {
        // A short COPY over loopback TCP waits 40 ms for an acknowledgement, over a socket it does
        // not.
        config.storage.url = match &addresses.postgres_socket {
            Some(folder) => Secret::new(format!("{}?host={}", url.expose(), folder.display())),
            None => url.clone(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_server_is_started_for_each_address_that_is_missing() {
        let mut config = Config::default();
        let all = Plan {
            kafka: true,
            registry: true,
            postgres: true,
        };
        assert_eq!(plan(&config), all);
        config.kafka.brokers = vec!["kafka:9092".to_owned()];
        config.registry.url = Secret::new("http://registry");
        config.storage.url = Secret::new("postgres://db/spoor");
        assert!(plan(&config).is_empty());
    }

    #[test]
    fn a_storage_plug_in_takes_the_place_of_postgres() {
        let mut config = Config::default();
        config.storage.kind = StoreKind::Remote;
        assert!(!plan(&config).postgres && plan(&config).kafka);
    }

    #[test]
    fn the_direct_deployment_needs_postgres_alone() {
        let config = Config {
            deployment: Deployment::Direct,
            ..Config::default()
        };
        let postgres = Plan {
            kafka: false,
            registry: false,
            postgres: true,
        };
        assert_eq!(plan(&config), postgres);
    }

    #[test]
    fn started_servers_stand_where_configured_ones_would() {
        let mut config = Config::default();
        adopt(
            &mut config,
            &Addresses {
                kafka: Some("127.0.0.1:1".to_owned()),
                registry: Some("http://127.0.0.1:2".to_owned()),
                postgres: Some(Secret::new("postgres://127.0.0.1:3/spoor")),
                postgres_socket: None,
            },
        );
        assert!(plan(&config).is_empty());
        assert_eq!(config.storage.url.expose(), "postgres://127.0.0.1:3/spoor");
    }

    #[test]
    fn the_store_is_reached_over_its_socket_where_there_is_one() {
        let mut config = Config::default();
        adopt(
            &mut config,
            &Addresses {
                postgres: Some(Secret::new("postgres://127.0.0.1:3/spoor")),
                postgres_socket: Some("/data/postgres".into()),
                ..Addresses::default()
            },
        );
        let url = config.storage.url.expose();
        assert_eq!(url, "postgres://127.0.0.1:3/spoor?host=/data/postgres");
    }
}
