//! The store: its connections and what a process does with it at its start.

use std::sync::Arc;

use sqlx::PgPool;

use crate::pool::{Purpose, Servers};
use crate::vocabulary::Vocabulary;
use crate::writer::Memory;
use crate::{SetupError, StorageConfig, migrate};

/// A trace store in Postgres. Cheap to share: keep it in an [`Arc`].
#[derive(Debug)]
pub struct PostgresStore {
    pub(crate) config: StorageConfig,
    pub(crate) servers: Arc<Servers>,
    pub(crate) write_pool: PgPool,
    pub(crate) read_pool: PgPool,
    pub(crate) memory: Memory,
    pub(crate) vocabulary: Vocabulary,
}

impl PostgresStore {
    /// A store at the configured server. Nothing is sent yet: the server may still be away.
    pub async fn connect(config: &StorageConfig) -> Result<Self, SetupError> {
        let servers = Servers::new(config)?;
        Ok(Self {
            config: config.clone(),
            write_pool: servers.pool(Purpose::Write),
            read_pool: servers.pool(Purpose::Read),
            servers: Arc::new(servers),
            memory: Memory::new(config.remembered_spans),
            vocabulary: Vocabulary::new(config.compression_level),
        })
    }

    /// Brings the schema up to date. Idempotent, and safe from several processes at once.
    pub async fn migrate(&self) -> Result<(), SetupError> {
        migrate::migrate(&self.servers).await
    }

    /// Refuses a schema that is older or newer than this program.
    pub async fn check_version(&self) -> Result<(), SetupError> {
        migrate::check_version(&self.read_pool).await
    }

    /// New connections go to the next server of the host list, if there is one.
    pub(crate) fn try_next_server(&self) {
        if self.servers.advance() {
            self.write_pool
                .set_connect_options(self.servers.options(Purpose::Write));
            self.read_pool
                .set_connect_options(self.servers.options(Purpose::Read));
        }
    }

    /// Closes all connections, once what they do is done.
    pub async fn close(&self) {
        self.write_pool.close().await;
        self.read_pool.close().await;
    }
}
