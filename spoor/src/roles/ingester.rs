//! The ingester: consume → decode → assemble → summarise → write → commit.

use std::sync::Arc;

use anyhow::Context;
use bootstrap::Process;
use ingester::{Ingester, KnownSchemas, SchemaSource};
use schemas::SchemaSet;
use storage::PostgresStore;

use crate::config::Config;
use crate::schema_ids;

/// Builds an ingester that knows every announced schema and learns those announced later.
pub(crate) async fn ingester(
    config: &Config,
    store: Arc<PostgresStore>,
    process: &Process,
) -> anyhow::Result<Ingester<PostgresStore>> {
    let registry = schema_ids::registry(config)?;
    let source = registry.map(|registry| Arc::new(registry) as Arc<dyn SchemaSource>);
    let known = KnownSchemas::new(SchemaSet::new(), source);
    let learning = schema_ids::learn_for_ever(config.clone(), known.clone());
    let stop = process.stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = learning => {}
            () = stop.stopped() => {}
        }
    });
    let (readiness, liveness) = (&process.readiness, &process.liveness);
    let built = Ingester::build(
        &config.ingester,
        config.kafka.client(),
        known,
        store.clone(),
        readiness,
        liveness,
    );
    let ingester = built.context("cannot build the ingester")?;
    Ok(ingester.with_replays(store, liveness))
}
