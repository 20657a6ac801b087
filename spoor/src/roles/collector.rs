//! The collector: receive → decode → validate → enrich → encode → publish.

use std::sync::Arc;

use anyhow::Context;
use bootstrap::{Process, Stop};
use collector::{
    Addresses, Collector, KafkaPublisher, KafkaReceiver, KnownProbabilities, StrategySource,
};
use ingester::{DirectWriter, KnownSchemas};
use kafka::Producer;
use schemas::{ChunkEncoder, SchemaSet, TRACE_CHUNK_SCHEMA};
use storage::PostgresStore;

use super::direct::DirectPublisher;
use crate::config::Config;
use crate::sampling;
use crate::schema_ids::{self, DIRECT_ID};

/// A collector of either deployment, listening but not yet answering.
pub(crate) enum AnyCollector {
    Kafka(Collector<KafkaPublisher>),
    Direct(Collector<DirectPublisher>),
}

/// Builds a collector that publishes to Kafka. Waits until the id of its schema is known.
pub(crate) async fn kafka_collector(
    config: &Config,
    process: &Process,
) -> anyhow::Result<AnyCollector> {
    anyhow::ensure!(
        !config.kafka.brokers.is_empty(),
        "kafka.brokers is empty: say where Kafka is"
    );
    let ready = process.readiness.register("schema");
    let id = tokio::select! {
        id = schema_ids::own_id(config) => id,
        () = process.stop.stopped() => anyhow::bail!("stopped before the span schema was known"),
    };
    ready.ready();
    let producer = Producer::new(&config.kafka.client(), &config.kafka.producer())?;
    let publisher = KafkaPublisher::new(producer, &config.collector.publish);
    let collector = Collector::build(config.collector.clone(), ChunkEncoder::new(id), publisher);
    let (topics, own) = (&config.collector.kafka, config.kafka.client());
    let receiver = KafkaReceiver::build(topics, &own, &process.readiness)
        .context("cannot read topics of other collectors")?;
    let known = KnownProbabilities::default();
    if config.collector.sampling.source == StrategySource::Adaptive {
        let hearing = sampling::hear(config.clone(), known.clone());
        tokio::spawn(until(process.stop.clone(), hearing));
    }
    Ok(AnyCollector::Kafka(
        collector
            .await
            .context("cannot start the collector")?
            .with_probabilities(known)
            .with_topics(receiver)
            .with_readiness(process.readiness.register("collector")),
    ))
}

/// Builds a collector that writes to the store itself.
pub(crate) async fn direct_collector(
    config: &Config,
    store: Arc<PostgresStore>,
    process: &Process,
) -> anyhow::Result<AnyCollector> {
    let mut schemas = SchemaSet::new();
    schemas.announce(DIRECT_ID, TRACE_CHUNK_SCHEMA)?;
    let known = KnownSchemas::new(schemas, None);
    let probabilities = KnownProbabilities::default();
    if config.collector.sampling.source == StrategySource::Adaptive {
        let looking = sampling::look(config.clone(), store.clone(), probabilities.clone());
        tokio::spawn(until(process.stop.clone(), looking));
    }
    let retry = config.ingester.write.retry();
    let publisher = DirectPublisher::new(DirectWriter::start(
        &config.ingester.direct,
        retry,
        known,
        store,
    ));
    let encoder = ChunkEncoder::new(DIRECT_ID);
    let collector = Collector::build(config.collector.clone(), encoder, publisher);
    Ok(AnyCollector::Direct(
        collector
            .await
            .context("cannot start the collector")?
            .with_probabilities(probabilities)
            .with_readiness(process.readiness.register("collector")),
    ))
}

/// Works until told to stop.
async fn until(stop: Stop, work: impl Future<Output = ()>) {
    tokio::select! {
        () = work => {}
        () = stop.stopped() => {}
    }
}

impl AnyCollector {
    /// Where the receivers listen.
    pub(crate) fn addresses(&self) -> Addresses {
        match self {
            Self::Kafka(collector) => collector.addresses(),
            Self::Direct(collector) => collector.addresses(),
        }
    }

    /// OTLP's `Export`, for a port of another role in this process.
    pub(crate) fn exports(&self) -> axum::Router {
        match self {
            Self::Kafka(collector) => collector.exports(),
            Self::Direct(collector) => collector.exports(),
        }
    }

    /// Receives until told to stop; returns when everything taken is answered.
    pub(crate) async fn run(self, stop: Stop) -> anyhow::Result<()> {
        match self {
            Self::Kafka(collector) => collector.run(stop).await?,
            Self::Direct(collector) => collector.run(stop).await?,
        }
        Ok(())
    }
}
