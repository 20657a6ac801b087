//! `spoor migrate`: topics, schemas, their announcement, and the store. Changes only what is
//! missing, so it may run at each deploy.

use std::time::Duration;

use anyhow::{Context, bail};
use bootstrap::chain;
use kafka::{Admin, OutboundRecord, Producer, TopicOutcome, TopicState};
use schemas::{
    RegistryClient, RegistryError, SchemaAnnouncement, TRACE_CHUNK_SCHEMA, TRACE_CHUNK_SUBJECT,
};
use storage::Stores;
use tokio::time::Instant;

use crate::config::{Config, Deployment, StoreKind};
use crate::schema_ids::{self, Announced, CONTROL_TOPIC};

/// How long the news of a topic may take to reach every broker.
const SPREADING: Duration = Duration::from_secs(10);
/// How long the registry may be away or slow: one that has just started answers its first requests
/// late.
const REGISTRY: Duration = Duration::from_secs(60);
const PAUSE: Duration = Duration::from_millis(500);

/// Does all of it.
pub(crate) async fn run(config: &Config) -> anyhow::Result<()> {
    store(config).await?;
    if config.deployment == Deployment::Kafka {
        topics(config).await?;
        schemas(config).await?;
    }
    Ok(())
}

/// Brings the schema of the store, or of all of them, up to date. A storage plug-in's is its own affair.
pub(crate) async fn store(config: &Config) -> anyhow::Result<()> {
    if config.storage.kind == StoreKind::Remote {
        return Ok(());
    }
    let (first, further) = (config.storage.store(), config.storage.further_stores());
    let stores = Stores::connect(&first, &further).await?;
    stores.migrate().await?;
    stores.close().await;
    tracing::info!("The store is up to date");
    Ok(())
}

/// Makes the topics that are missing; says how the others differ from what was asked for.
pub(crate) async fn topics(config: &Config) -> anyhow::Result<()> {
    let admin = Admin::new(&config.kafka.client())?;
    let outcomes = admin.ensure_topics(&config.topics.specs()).await;
    for outcome in outcomes.context("cannot make the topics")? {
        report(&outcome);
    }
    Ok(())
}

fn report(outcome: &TopicOutcome) {
    let topic = &outcome.name;
    match &outcome.state {
        TopicState::Exists | TopicState::Missing => {}
        TopicState::Created => tracing::info!(kafka.topic = topic, "Made the topic {topic}"),
        TopicState::Grown { from, to } => {
            tracing::info!(
                kafka.topic = topic,
                "The topic {topic} has {to} partitions now, not {from}"
            );
        }
        TopicState::Differs(differences) => {
            for one in differences {
                tracing::warn!(
                    kafka.topic = topic,
                    "{} of the topic {topic} is {}, not {} as configured",
                    one.what,
                    one.found,
                    one.expected
                );
            }
        }
    }
}

/// Registers the span schema, if it is not announced already, and announces it.
pub(crate) async fn schemas(config: &Config) -> anyhow::Result<()> {
    let announced = announced(config).await?;
    if let Some(id) = announced.own() {
        tracing::info!(schema.id = id.0, "The span schema is announced already");
        return Ok(());
    }
    let Some(registry) = schema_ids::registry(config)? else {
        bail!("registry.url is empty, and the span schema must be registered once");
    };
    let announcement = register(&registry).await?;
    announce(config, &announcement).await?;
    tracing::info!(
        schema.id = announcement.id.0,
        "The span schema is registered and announced"
    );
    Ok(())
}

/// What is announced. The topic may have been made just now, and the brokers of a cluster hear of
/// that one after the other.
async fn announced(config: &Config) -> anyhow::Result<Announced> {
    let deadline = Instant::now() + SPREADING;
    loop {
        match schema_ids::announced(config).await {
            Ok((announced, _)) => return Ok(announced),
            Err(error) if Instant::now() >= deadline => return Err(error),
            Err(_) => tokio::time::sleep(PAUSE).await,
        }
    }
}

async fn register(registry: &RegistryClient) -> anyhow::Result<SchemaAnnouncement> {
    let deadline = Instant::now() + REGISTRY;
    let compatible = patiently(deadline, async || {
        registry
            .is_compatible(TRACE_CHUNK_SUBJECT, TRACE_CHUNK_SCHEMA)
            .await
    });
    let compatible = compatible
        .await
        .context("the registry does not say whether the span schema is compatible")?;
    if !compatible {
        bail!(
            "the registry holds a newer or foreign schema under {TRACE_CHUNK_SUBJECT}: the one of this program is not compatible with it"
        );
    }
    let id = patiently(deadline, async || {
        registry
            .register(TRACE_CHUNK_SUBJECT, TRACE_CHUNK_SCHEMA)
            .await
    });
    let id = id.await.context("cannot register the span schema")?;
    patiently(deadline, async || {
        registry.require_compatibility(TRACE_CHUNK_SUBJECT).await
    })
    .await
    .context("cannot set the rule of compatibility")?;
    Ok(SchemaAnnouncement::new(
        TRACE_CHUNK_SUBJECT,
        id,
        TRACE_CHUNK_SCHEMA,
    )?)
}

/// Asks again while the registry is away; each of these requests may be made twice.
async fn patiently<T>(
    deadline: Instant,
    request: impl AsyncFn() -> Result<T, RegistryError>,
) -> Result<T, RegistryError> {
    loop {
        match request().await {
            Err(error) if error.is_transient() && Instant::now() < deadline => {
                tracing::warn!(error = %chain(&error), "The registry gives no answer yet; asking again");
            }
            outcome => return outcome,
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn announce(config: &Config, announcement: &SchemaAnnouncement) -> anyhow::Result<()> {
    let producer = Producer::new(&config.kafka.client(), &config.kafka.producer())?;
    let (key, payload) = announcement.to_record();
    let record = OutboundRecord {
        topic: CONTROL_TOPIC,
        key: &key,
        payload: &payload,
        headers: &[],
    };
    let sent = producer.send_all(&[record]).await;
    sent.with_context(|| format!("cannot announce the span schema on {CONTROL_TOPIC}"))
}
