//! The store: its connections and what a process does with it at its start.

use std::sync::Arc;

use model::TraceId;
use sqlx::PgPool;

use crate::follow::follow;
use crate::pool::{Purpose, Servers};
use crate::vocabulary::Vocabulary;
use crate::writer::Memory;
use crate::{Placement, ReadError, SetupError, StorageConfig, migrate, stores};

/// A trace store in Postgres. Cheap to share: keep it in an [`Arc`].
#[derive(Debug)]
pub struct PostgresStore {
    pub(crate) config: StorageConfig,
    pub(crate) servers: Arc<Servers>,
    pub(crate) write_pool: PgPool,
    pub(crate) read_pool: PgPool,
    pub(crate) memory: Arc<Memory>,
    pub(crate) vocabulary: Vocabulary,
    placement: Placement,
}

impl PostgresStore {
    /// A store at the configured server, which may still be away. Where there are several, a task
    /// follows the primary until the store is closed.
    pub async fn connect(config: &StorageConfig) -> Result<Self, SetupError> {
        Self::connect_as(config, Placement::ONLY).await
    }

    /// The same of one among several stores.
    pub(crate) async fn connect_as(
        config: &StorageConfig,
        placement: Placement,
    ) -> Result<Self, SetupError> {
        let servers = Arc::new(Servers::new(config)?);
        let memory = Arc::new(Memory::new(config.remembered_spans));
        let write_pool = servers.pool(Purpose::Write, Some(memory.clone()));
        let read_pool = servers.pool(Purpose::Read, None);
        if servers.has_others() {
            let pools = (write_pool.clone(), read_pool.clone());
            tokio::spawn(follow(servers.clone(), pools.0, pools.1));
        }
        Ok(Self {
            config: config.clone(),
            write_pool,
            read_pool,
            servers,
            memory,
            vocabulary: Vocabulary::new(config.compression_level),
            placement,
        })
    }

    /// Brings the schema up to date, and notes the store's place if it has none. Idempotent, and safe
    /// from several processes at once.
    pub async fn migrate(&self) -> Result<(), SetupError> {
        migrate::migrate(&self.servers, self.placement).await
    }

    /// Refuses a schema that is older or newer than this program, and a store that has another place.
    pub async fn check_version(&self) -> Result<(), SetupError> {
        migrate::check_version(&self.read_pool).await?;
        stores::check(&self.read_pool, self.placement, &self.servers.address()).await
    }

    /// Which of how many stores it is.
    pub fn placement(&self) -> Placement {
        self.placement
    }

    /// Whether it is the one that this trace belongs to.
    pub(crate) fn holds(&self, trace: TraceId) -> bool {
        stores::place_of_trace(trace, self.placement.stores) == self.placement.place
    }

    /// Names the store in the error, where there are others, if it is away.
    pub(crate) fn blamed(&self, error: ReadError) -> ReadError {
        match error {
            ReadError::Unavailable(source) if self.placement.has_others() => {
                ReadError::StoreUnavailable {
                    placement: self.placement,
                    address: self.servers.address(),
                    source,
                }
            }
            error => error,
        }
    }

    /// Closes all connections, once what they do is done.
    pub async fn close(&self) {
        self.write_pool.close().await;
        self.read_pool.close().await;
    }
}
