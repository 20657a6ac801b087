//! The collectors that spans go to: found by DNS, asked in turns.

mod members;

use std::collections::BTreeSet;
use std::hash::{BuildHasher, RandomState};
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::future::join_all;
use tokio::time::Instant;
use tonic::transport::{Channel, Endpoint};

use self::members::Members;
pub(super) use self::members::Turn;
use super::config::AgentPublishConfig;
use super::metrics;

/// How soon the hosts are looked up again while no address is known.
const PAUSE: Duration = Duration::from_millis(500);
/// How long DNS may take to answer.
const LOOK_UP: Duration = Duration::from_secs(10);
/// How often a connection that waits for an answer is asked whether it is alive.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The collectors there are.
pub(super) struct Collectors {
    config: AgentPublishConfig,
    members: Mutex<Members<Channel>>,
}

impl Collectors {
    pub(super) fn new(config: AgentPublishConfig) -> Self {
        let members = Members::new(config.backoff, config.max_backoff);
        Self {
            config,
            members: Mutex::new(members),
        }
    }

    /// Whose turn it is.
    pub(super) fn turn(&self) -> Turn<Channel> {
        let now = Instant::now();
        match self.lock().turn(now) {
            Turn::Nobody => Turn::Later(now + PAUSE),
            turn => turn,
        }
    }

    pub(super) fn succeeded(&self, address: SocketAddr) {
        self.lock().succeeded(address);
    }

    /// Leaves a collector out for as long as it asked for, or longer with each failure.
    pub(super) fn failed(&self, address: SocketAddr, asked: Option<Duration>) {
        let spread = RandomState::new().hash_one(0u8) as f64 / u64::MAX as f64;
        self.lock().failed(address, Instant::now(), asked, spread);
    }

    /// Looks up the hosts' addresses again and again, for ever.
    pub(super) async fn follow(&self) {
        let mut was_found = true;
        loop {
            let is_found = self.look_up(was_found).await;
            was_found = is_found;
            let (all, out) = self.lock().count(Instant::now());
            metrics::collectors(all - out, out);
            let pause = match all {
                0 => PAUSE,
                _ => self.config.resolve_interval,
            };
            tokio::time::sleep(pause).await;
        }
    }

    /// Whether every host has an address. While one of them cannot be looked up nobody is forgotten:
    /// that DNS is away says nothing about collectors.
    async fn look_up(&self, was_found: bool) -> bool {
        let hosts = self.config.collectors.iter();
        let each = join_all(hosts.map(|host| self.look_up_host(host, was_found))).await;
        let Some(all) = each.into_iter().collect::<Option<Vec<_>>>() else {
            return false;
        };
        self.lock().keep(&all.into_iter().flatten().collect());
        true
    }

    /// Takes the addresses of a host in as soon as they are known, whatever others take.
    async fn look_up_host(&self, host: &str, was_found: bool) -> Option<BTreeSet<SocketAddr>> {
        let found = tokio::time::timeout(LOOK_UP, tokio::net::lookup_host(host)).await;
        match found.unwrap_or_else(|late| Err(late.into())) {
            Ok(found) => {
                let addresses = found.collect();
                self.lock().add(&addresses, |address| self.connect(address));
                Some(addresses)
            }
            Err(error) => {
                if was_found {
                    tracing::warn!(host, error = %error, "Cannot look up the collectors");
                }
                None
            }
        }
    }

    /// Connects with the first request.
    fn connect(&self, address: SocketAddr) -> Channel {
        let uri = format!("http://{address}");
        tracing::info!(collector.address = %address, "Found a collector");
        Endpoint::from_shared(uri)
            .expect("an address is an authority")
            .connect_timeout(self.config.connect_timeout)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(self.config.timeout)
            .connect_lazy()
    }

    fn lock(&self) -> MutexGuard<'_, Members<Channel>> {
        self.members.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Why a name in `publish.collectors` cannot be one.
pub(super) fn check(host: &str) -> Result<(), &'static str> {
    let (name, port) = host.rsplit_once(':').ok_or("must be `host:port`")?;
    if name.is_empty() || name.contains('/') {
        return Err("must be `host:port`, without a scheme");
    }
    match port.parse() {
        Ok(1u16..) => Ok(()),
        _ => Err("must end with a port"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn collectors_are_named_by_host_and_port() {
        for good in ["collectors:4317", "10.0.0.1:4317", "[::1]:4317"] {
            assert_eq!(check(good), Ok(()), "{good}");
        }
        for bad in [
            "collectors",
            ":4317",
            "http://collectors:4317",
            "a:0",
            "a:x",
        ] {
            assert!(check(bad).is_err(), "{bad}");
        }
    }
}
