//! The ingester: consume → decode → assemble → summarise → write → commit.

use std::sync::Arc;

use anyhow::Context;
use bootstrap::{Process, Stop};
use ingester::{Ingester, KnownSchemas, SchemaSource};
use remote_storage::RemoteWriter;
use schemas::SchemaSet;
use storage::{PostgresStore, TraceWriter};

use super::positions::GroupOffsets;
use super::store::AnyStore;
use crate::config::Config;
use crate::schema_ids;

/// An ingester before a store of either kind.
pub(crate) enum AnyIngester {
    Postgres(Ingester<PostgresStore>),
    Remote(Ingester<RemoteWriter<GroupOffsets>>),
}

impl AnyIngester {
    /// Works until told to stop.
    pub(crate) async fn run(self, stop: Stop) -> anyhow::Result<()> {
        match self {
            Self::Postgres(ingester) => ingester.run(stop).await?,
            Self::Remote(ingester) => ingester.run(stop).await?,
        }
        Ok(())
    }
}

/// Builds an ingester. Replays and backfills are worked on where Postgres keeps them.
pub(crate) async fn ingester(
    config: &Config,
    store: AnyStore,
    process: &Process,
) -> anyhow::Result<AnyIngester> {
    Ok(match store {
        AnyStore::Postgres(store) => {
            let ingester = build(config, store.clone(), process)?;
            AnyIngester::Postgres(ingester.with_replays(store, &process.liveness))
        }
        AnyStore::Remote(store) => {
            let writer = RemoteWriter::new(store, GroupOffsets::new(config)?);
            AnyIngester::Remote(build(config, Arc::new(writer), process)?)
        }
    })
}

/// Knows every announced schema, and learns those announced later.
fn build<W: TraceWriter>(
    config: &Config,
    writer: Arc<W>,
    process: &Process,
) -> anyhow::Result<Ingester<W>> {
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
    let built = Ingester::build(
        &config.ingester,
        config.kafka.client(),
        known,
        writer,
        &process.readiness,
        &process.liveness,
    );
    built.context("cannot build the ingester")
}
