//! The ingester: consume → decode → assemble → summarise → write → commit.

use std::sync::Arc;

use anyhow::Context;
use bootstrap::{Process, Stop};
use ingester::{Ingester, KnownSchemas, SchemaSource};
use remote_storage::RemoteWriter;
use schemas::SchemaSet;
use storage::{PostgresStore, Stores, TraceWriter};

use super::partitions;
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
        AnyStore::Postgres(stores) => {
            partitions::spread(config, &stores, process).await?;
            let ingester = build(config, &stores, process)?;
            AnyIngester::Postgres(ingester.with_replays(stores, &process.liveness))
        }
        AnyStore::Remote(store) => {
            let writer = RemoteWriter::new(store, GroupOffsets::new(config)?);
            let writers = Stores::one(Arc::new(writer));
            AnyIngester::Remote(build(config, &writers, process)?)
        }
    })
}

/// Knows every announced schema, and learns those announced later.
fn build<W: TraceWriter>(
    config: &Config,
    writers: &Stores<W>,
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
        writers,
        &process.readiness,
        &process.liveness,
    );
    built.context("cannot build the ingester")
}
