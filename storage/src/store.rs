//! The store: its connections and what a process does with it at its start.

use std::sync::Arc;

use sqlx::PgPool;

use crate::follow::follow;
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
    /// A store at the configured server, which may still be away. Where there are several, a task
    /// follows the primary until the store is closed.
    pub async fn connect(config: &StorageConfig) -> Result<Self, SetupError> {
        let servers = Arc::new(Servers::new(config)?);
        let write_pool = servers.pool(Purpose::Write);
        let read_pool = servers.pool(Purpose::Read);
        if servers.has_others() {
            let pools = (write_pool.clone(), read_pool.clone());
            tokio::spawn(follow(servers.clone(), pools.0, pools.1));
        }
        Ok(Self {
            config: config.clone(),
            write_pool,
            read_pool,
            servers,
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

    /// Closes all connections, once what they do is done.
    pub async fn close(&self) {
        self.write_pool.close().await;
        self.read_pool.close().await;
    }
}
