//! Two stores of one installation, each in a database of its own.

use std::sync::Arc;

use model::Trace;
use storage::{DatabaseUrl, FurtherStore, PostgresStore, StorageConfig, Stores};

use crate::database::TestDatabase;
use crate::store::write;

/// Two migrated stores with nothing in them.
pub(crate) struct TwoStores {
    pub(crate) stores: Stores<PostgresStore>,
    pub(crate) databases: [TestDatabase; 2],
}

impl TwoStores {
    pub(crate) async fn with(config: StorageConfig) -> Self {
        let databases = [TestDatabase::create().await, TestDatabase::create().await];
        let stores = connect(config, [&databases[0], &databases[1]]).await;
        stores.migrate().await.expect("migrates");
        stores.check_version().await.expect("is up to date");
        Self { stores, databases }
    }

    /// Writes each trace to its store.
    pub(crate) async fn write(&self, traces: &[Trace]) {
        for store in self.stores.all() {
            let own = |one: &&Trace| Arc::ptr_eq(self.stores.of_trace(one.id), store);
            let own: Vec<Trace> = traces.iter().filter(own).cloned().collect();
            write(store, &own, &[]).await.expect("writes");
        }
    }
}

/// The stores in these databases, whatever is in them.
pub(crate) async fn connect(
    config: StorageConfig,
    [home, further]: [&TestDatabase; 2],
) -> Stores<PostgresStore> {
    let config = StorageConfig {
        url: DatabaseUrl(home.url()),
        ..config
    };
    let further = FurtherStore {
        url: DatabaseUrl(further.url()),
        hosts: Vec::new(),
        password_file: None,
    };
    let stores = Stores::connect(&config, &[further]).await;
    stores.expect("a good configuration")
}
