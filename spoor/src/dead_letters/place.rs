//! Where this deployment keeps its dead letters.

use std::sync::Arc;

use anyhow::bail;
use ingester::letters::{TableLetters, TopicLetters, TopicSettings};
use ingester::{KnownSchemas, SchemaSource};
use schemas::{SchemaSet, TRACE_CHUNK_SCHEMA};
use storage::PostgresStore;

use super::origins;
use crate::config::{Config, Deployment};
use crate::schema_ids::{self, DIRECT_ID};

/// In a topic or in a table.
pub(super) enum Place {
    Topic(TopicLetters),
    Table(TableLetters),
}

/// The letters of the deployment, driven again in the name of this part of the program.
pub(super) async fn place(
    config: &Config,
    store: Arc<PostgresStore>,
    part: &str,
) -> anyhow::Result<Place> {
    let by = format!("{}/{part}", config.kafka.client_id);
    if config.deployment == Deployment::Direct {
        let mut set = SchemaSet::new();
        set.announce(DIRECT_ID, TRACE_CHUNK_SCHEMA)?;
        let known = KnownSchemas::new(set, None);
        return Ok(Place::Table(TableLetters::new(store, known, by)));
    }
    if config.kafka.brokers.is_empty() {
        bail!("kafka.brokers is empty: say where Kafka is");
    }
    let settings = TopicSettings {
        kafka: config.kafka.client(),
        producer: config.kafka.producer(),
        topic: config.ingester.consume.dead_letter_topic.clone(),
        origins: origins(config),
        by,
    };
    let known = known_schemas(config).await?;
    Ok(Place::Topic(TopicLetters::new(settings, known, store)))
}

/// The schemas that are announced now; the registry is asked for others. Without either, letters
/// are shown in hex.
async fn known_schemas(config: &Config) -> anyhow::Result<KnownSchemas> {
    let registry = schema_ids::registry(config)?;
    let source = registry.map(|registry| Arc::new(registry) as Arc<dyn SchemaSource>);
    let known = KnownSchemas::new(SchemaSet::new(), source);
    if let Err(error) = schema_ids::learn_announced(config, &known).await {
        tracing::warn!(
            error = format!("{error:#}"),
            "The announced schemas cannot be read"
        );
    }
    Ok(known)
}
