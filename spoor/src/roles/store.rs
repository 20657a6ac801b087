//! The store that a role works on.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use bootstrap::{Process, Stop, chain, clock};
use futures_util::future::join_all;
use remote_storage::RemoteStore;
use storage::{PostgresStore, SetupError, StorageConfig, Stores};

use crate::config::{Config, StoreKind};

const PAUSE: Duration = Duration::from_secs(1);

/// The store of either kind; of Postgres there may be several.
#[derive(Clone)]
pub(crate) enum AnyStore {
    Postgres(Stores<PostgresStore>),
    Remote(Arc<RemoteStore>),
}

impl AnyStore {
    /// Closes what is open, once what it does is done.
    pub(crate) async fn close(&self) {
        match self {
            Self::Postgres(store) => store.close().await,
            // Its connections end with it.
            Self::Remote(_) => {}
        }
    }
}

/// The store that the configuration names. A plug-in that is away is told by those who ask it.
pub(crate) async fn open_store(config: &Config, process: &Process) -> anyhow::Result<AnyStore> {
    Ok(match config.storage.kind {
        StoreKind::Postgres => AnyStore::Postgres(open_postgres(config, process).await?),
        StoreKind::Remote => AnyStore::Remote(Arc::new(RemoteStore::new(&config.storage.remote)?)),
    })
}

/// The stores of a command that runs and ends, checked.
pub(crate) async fn connect(config: &Config) -> anyhow::Result<Stores<PostgresStore>> {
    if !config.storage.url.is_set() {
        bail!("storage.url is empty: say where Postgres is");
    }
    let (first, further) = (config.storage.store(), config.storage.further_stores());
    let stores = Stores::connect(&first, &further).await?;
    stores.check_version().await?;
    Ok(stores)
}

/// Stores whose schema this program knows. Waits for servers that are away, until told to stop.
///
/// Errors: the schema is older or newer than this program, a store is not the one that is configured
/// in its place, or the settings are wrong.
pub(crate) async fn open_postgres(
    config: &Config,
    process: &Process,
) -> anyhow::Result<Stores<PostgresStore>> {
    if !config.storage.url.is_set() {
        bail!("storage.url is empty: say where Postgres is");
    }
    let settings = StorageConfig {
        count_roots: config.ingester.sampling.enabled,
        ..config.storage.store()
    };
    let stores = Stores::connect(&settings, &config.storage.further_stores()).await?;
    let ready = process.readiness.register("store");
    while let Err(error) = stores.check_version().await {
        if !matches!(error, SetupError::Unreachable { .. }) {
            return Err(error.into());
        }
        let reason = chain(&error).to_string();
        tracing::warn!(error = reason, "The store is not there yet; trying again");
        ready.not_ready(reason);
        tokio::select! {
            () = process.stop.stopped() => bail!("stopped before the store was there"),
            () = tokio::time::sleep(PAUSE) => {}
        }
    }
    ready.ready();
    Ok(stores)
}

/// Keeps the store in order, unless another process does, until told to stop. A plug-in does so
/// itself.
pub(crate) async fn maintain(store: AnyStore, stop: Stop) {
    let AnyStore::Postgres(stores) = store else {
        return stop.stopped().await;
    };
    let all = stores.all().iter().map(|store| store.maintain(clock::now));
    tokio::select! {
        _ = join_all(all) => {}
        () = stop.stopped() => {}
    }
}
