//! Connections: where the server is, and what its sessions are set to.

use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPoolOptions};
use sqlx::{ConnectOptions, PgConnection, PgPool};
use tokio::sync::Notify;

use crate::writer::Memory;
use crate::{SetupError, StorageConfig, no_delay};

/// Schema of the tables. The versioned views have schemas of their own.
pub(crate) const SCHEMA: &str = "spoor";

/// How long a session may sit in a transaction without a statement before the server ends it:
/// what frees the locks of a writer that froze between two statements.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(15);

/// What a pool's sessions are for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Batches and claims.
    Write,
    /// Partitions, folding and merging.
    Maintain,
    /// Queries.
    Read,
    /// Migrations, which may take their time.
    Migrate,
}

/// The servers of one store, one of which is the primary.
#[derive(Debug)]
pub(crate) struct Servers {
    config: StorageConfig,
    candidates: Vec<PgConnectOptions>,
    current: AtomicUsize,
    doubt: Notify,
}

impl Servers {
    /// Reads URL, password file and host list.
    pub(crate) fn new(config: &StorageConfig) -> Result<Self, SetupError> {
        let mut first = PgConnectOptions::from_str(&config.url.0)
            .map_err(|source| SetupError::Url { source })?
            .application_name(&config.application_name)
            .disable_statement_logging();
        if let Some(path) = &config.password_file {
            let password =
                std::fs::read_to_string(path).map_err(|source| SetupError::PasswordFile {
                    path: path.clone(),
                    source,
                })?;
            first = first.password(password.trim_end_matches(['\n', '\r']));
        }
        let mut candidates = vec![first.clone()];
        for host in &config.hosts {
            candidates.push(at_host(first.clone(), host)?);
        }
        Ok(Self {
            config: config.clone(),
            candidates,
            current: AtomicUsize::new(0),
            doubt: Notify::new(),
        })
    }

    /// Options of the server that is the primary as far as is known.
    pub(crate) fn options(&self, purpose: Purpose) -> PgConnectOptions {
        self.options_of(self.current(), purpose)
    }

    fn options_of(&self, number: usize, purpose: Purpose) -> PgConnectOptions {
        self.candidates[number]
            .clone()
            .options(settings(&self.config, purpose))
    }

    fn current(&self) -> usize {
        self.current.load(Ordering::Relaxed)
    }

    /// Whether there is a server to go to when this one is gone.
    pub(crate) fn has_others(&self) -> bool {
        self.candidates.len() > 1
    }

    /// The servers that are not thought to be the primary, by number.
    pub(crate) fn others(
        &self,
        purpose: Purpose,
    ) -> impl Iterator<Item = (usize, PgConnectOptions)> {
        let current = self.current();
        let others = (0..self.candidates.len()).filter(move |number| *number != current);
        others.map(move |number| (number, self.options_of(number, purpose)))
    }

    /// From now on this one is the primary.
    pub(crate) fn move_to(&self, number: usize) {
        self.current.store(number, Ordering::Relaxed);
    }

    /// `host:port` of the primary.
    pub(crate) fn address(&self) -> String {
        let options = &self.candidates[self.current()];
        format!("{}:{}", options.get_host(), options.get_port())
    }

    /// Something failed in a way that makes it worth looking for the primary at once.
    pub(crate) fn doubt(&self) {
        self.doubt.notify_one();
    }

    /// Waits for a doubt.
    pub(crate) async fn doubted(&self) {
        self.doubt.notified().await;
    }

    /// A pool that connects when it is first used. Each new connection makes `memory` doubt: a
    /// standby that lagged may have become the server, and nobody says so.
    pub(crate) fn pool(&self, purpose: Purpose, memory: Option<Arc<Memory>>) -> PgPool {
        let connections = match purpose {
            Purpose::Write => self.config.write_connections,
            Purpose::Read => self.config.read_connections,
            Purpose::Maintain | Purpose::Migrate => 1,
        };
        let options = self.options(purpose);
        let port = options.get_port();
        PgPoolOptions::new()
            .max_connections(connections.max(1))
            .acquire_timeout(self.config.acquire_timeout)
            .after_connect(move |conn, _| {
                no_delay::set_for_port(port);
                if let Some(memory) = &memory {
                    memory.doubt();
                }
                Box::pin(refuse_standby(conn))
            })
            .connect_lazy_with(options)
    }

    /// A connection of its own to the primary.
    pub(crate) async fn connect(&self, purpose: Purpose) -> Result<PgConnection, sqlx::Error> {
        let options = self.options(purpose);
        let conn = options.connect().await?;
        no_delay::set_for_port(options.get_port());
        Ok(conn)
    }
}

fn at_host(options: PgConnectOptions, host: &str) -> Result<PgConnectOptions, SetupError> {
    let bad = || SetupError::Host {
        host: host.to_owned(),
    };
    match host.rsplit_once(':') {
        Some((name, port)) if !name.contains(':') => {
            let port = port.parse().map_err(|_| bad())?;
            Ok(options.host(name).port(port))
        }
        _ if host.is_empty() => Err(bad()),
        _ => Ok(options.host(host)),
    }
}

/// A standby answers connections and fails every write: better not to keep one.
async fn refuse_standby(conn: &mut PgConnection) -> Result<(), sqlx::Error> {
    let standby: bool = sqlx::query_scalar("SELECT pg_is_in_recovery()")
        .fetch_one(conn)
        .await?;
    if standby {
        return Err(sqlx::Error::Io(std::io::Error::new(
            std::io::ErrorKind::NotConnected,
            "the server is a standby",
        )));
    }
    Ok(())
}

fn settings(config: &StorageConfig, purpose: Purpose) -> Vec<(&'static str, String)> {
    let millis = |duration: Duration| duration.as_millis().to_string();
    let mut settings = vec![
        ("search_path", SCHEMA.to_owned()),
        ("jit", "off".to_owned()),
        ("client_min_messages", "warning".to_owned()),
        // A client that vanished with its network must not hold locks for two hours.
        ("tcp_keepalives_idle", "10".to_owned()),
        ("tcp_keepalives_interval", "5".to_owned()),
        ("tcp_keepalives_count", "3".to_owned()),
        ("tcp_user_timeout", "30000".to_owned()),
    ];
    match purpose {
        Purpose::Write => settings.extend([
            // The probe's plan is made while the newest partition is small and kept as it grows.
            ("enable_seqscan", "off".to_owned()),
            ("statement_timeout", millis(config.write_timeout)),
            ("lock_timeout", millis(config.lock_timeout)),
            (
                "idle_in_transaction_session_timeout",
                millis(IDLE_IN_TRANSACTION),
            ),
        ]),
        Purpose::Read => settings.extend([
            ("statement_timeout", millis(config.read_timeout)),
            (
                "idle_in_transaction_session_timeout",
                millis(config.read_timeout.max(IDLE_IN_TRANSACTION)),
            ),
        ]),
        Purpose::Maintain => settings.extend([
            ("lock_timeout", "2000".to_owned()),
            ("statement_timeout", "60000".to_owned()),
        ]),
        Purpose::Migrate => {}
    }
    settings
}
