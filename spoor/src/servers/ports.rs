//! The children's ports, checked before anything starts.

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::time::Duration;

use tokio::time::Instant;

use super::Plan;
use super::config::EmbeddedConfig;

/// A port that cannot be had.
#[derive(Debug, thiserror::Error)]
#[error(
    "port {port} on 127.0.0.1, meant for {server}, cannot be used: set {key} to a free one, or to 0 for any"
)]
pub(crate) struct PortError {
    port: u16,
    server: &'static str,
    key: &'static str,
    source: io::Error,
}

impl PortError {
    fn is_taken(&self) -> bool {
        self.source.kind() == io::ErrorKind::AddrInUse
    }
}

/// The ports to use; 0 for servers that are not planned.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ports {
    pub(crate) kafka: u16,
    pub(crate) kafka_controller: u16,
    pub(crate) registry: u16,
    pub(crate) postgres: u16,
}

/// Where free ports are looked for: below those that the kernel gives to outgoing connections, which
/// could take one before its server does.
const ANY: std::ops::Range<u32> = 10_000..18_000;
/// How far apart processes with neighbouring numbers begin to look: each needs a few ports.
const APART: u32 = 37;

/// A listener on a free port.
fn any_free() -> io::Result<TcpListener> {
    let count = ANY.end - ANY.start;
    let first = std::process::id().wrapping_mul(APART) % count;
    let mut ports = (0..count).filter_map(|n| u16::try_from(ANY.start + (first + n) % count).ok());
    let free = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok();
    match ports.find_map(free) {
        Some(listener) => Ok(listener),
        None => TcpListener::bind((Ipv4Addr::LOCALHOST, 0)),
    }
}

/// How long a port may stay taken at a start: a server of an earlier run that was killed gives it back only
/// once its memory is freed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);
const POLL: Duration = Duration::from_millis(50);

/// The same as [`claim`], with patience for ports that are about to become free.
pub(crate) async fn claim_in_time(
    config: &EmbeddedConfig,
    plan: Plan,
    patience: Duration,
) -> Result<Ports, PortError> {
    let deadline = Instant::now() + patience;
    loop {
        match claim(config, plan) {
            Err(error) if error.is_taken() && Instant::now() < deadline => {
                tokio::time::sleep(POLL).await;
            }
            claimed => return claimed,
        }
    }
}

/// Checks that the planned ports are free and replaces each 0 by a free one.
fn claim(config: &EmbeddedConfig, plan: Plan) -> Result<Ports, PortError> {
    // All listeners are held until every port is known, so that no free one is found twice.
    let mut held = Vec::new();
    let mut one = |planned: bool, port: u16, server: &'static str, key: &'static str| {
        if !planned {
            return Ok(0);
        }
        let listener = match port {
            0 => any_free(),
            port => TcpListener::bind((Ipv4Addr::LOCALHOST, port)),
        };
        let bound = listener.and_then(|listener| {
            let port = listener.local_addr()?.port();
            held.push(listener);
            Ok(port)
        });
        bound.map_err(|source| PortError {
            port,
            server,
            key,
            source,
        })
    };
    let (kafka, registry, postgres) = (&config.kafka, &config.registry, &config.postgres);
    Ok(Ports {
        kafka: one(plan.kafka, kafka.port, "Kafka", "embedded.kafka.port")?,
        kafka_controller: one(
            plan.kafka,
            kafka.controller_port,
            "Kafka's controller",
            "embedded.kafka.controller_port",
        )?,
        registry: one(
            plan.registry,
            registry.port,
            "the schema registry",
            "embedded.registry.port",
        )?,
        postgres: one(
            plan.postgres,
            postgres.port,
            "Postgres",
            "embedded.postgres.port",
        )?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const POSTGRES: Plan = Plan {
        kafka: false,
        registry: false,
        postgres: true,
    };

    #[test]
    fn a_taken_port_is_named_with_the_key_that_changes_it() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut config = EmbeddedConfig::default();
        config.postgres.port = taken.local_addr().unwrap().port();
        let error = claim(&config, POSTGRES).unwrap_err().to_string();
        assert!(error.contains(&config.postgres.port.to_string()), "{error}");
        assert!(error.contains("embedded.postgres.port"), "{error}");
    }

    #[tokio::test]
    async fn a_port_that_becomes_free_is_waited_for() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mut config = EmbeddedConfig::default();
        config.postgres.port = taken.local_addr().unwrap().port();
        let within = Duration::from_millis(100);
        assert!(claim_in_time(&config, POSTGRES, within).await.is_err());
        let freed = async {
            tokio::time::sleep(within).await;
            drop(taken);
        };
        let (claimed, ()) = tokio::join!(claim_in_time(&config, POSTGRES, PATIENCE), freed);
        assert_eq!(claimed.unwrap().postgres, config.postgres.port);
    }

    #[test]
    fn port_0_becomes_a_free_port() {
        let mut config = EmbeddedConfig::default();
        config.postgres.port = 0;
        let ports = claim(&config, POSTGRES).unwrap();
        assert!(ANY.contains(&u32::from(ports.postgres)), "{ports:?}");
        assert_eq!(ports.kafka, 0);
    }
}
