//! Adaptive sampling between the roles: who calculates, and how collectors hear of it.

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use bootstrap::{Stop, chain, clock};
use collector::KnownProbabilities;
use ingester::{adaptive_sampling, announcements};
use kafka::{OutboundRecord, ProduceError, Producer, follow_compacted};
use schemas::SamplingAnnouncement;
use storage::{OperationProbabilities, PostgresStore};

use crate::config::{Config, Deployment};
use crate::roles::AnyStore;
use crate::schema_ids::CONTROL_TOPIC;

/// How long to wait before something that failed is tried again.
const PAUSE: Duration = Duration::from_secs(1);
/// How long the control topic may take to be read.
const PATIENCE: Duration = Duration::from_secs(15);
/// How often a collector that has no control topic looks into the store.
const LOOK_EVERY: Duration = Duration::from_secs(20);

/// Calculates while no other process does, until told to stop. Nothing, unless it is switched on.
pub(crate) async fn calculate(config: &Config, store: AnyStore, stop: Stop) -> anyhow::Result<()> {
    let stores = match store {
        AnyStore::Postgres(stores) if config.ingester.sampling.enabled => stores,
        AnyStore::Postgres(_) | AnyStore::Remote(_) => {
            stop.stopped().await;
            return Ok(());
        }
    };
    let producer = match config.deployment {
        Deployment::Kafka => {
            let made = Producer::new(&config.kafka.client(), &config.kafka.producer());
            Some(Arc::new(made.context("cannot publish probabilities")?))
        }
        // The collector is in the same process, and looks into the store.
        Deployment::Direct => None,
    };
    let publish = |records| publish(producer.clone(), records);
    let name = format!("{}/{}", config.storage.application_name, std::process::id());
    let settings = config.ingester.sampling.clone();
    tokio::select! {
        () = adaptive_sampling(stores, settings, name, clock::now, publish) => {}
        () = stop.stopped() => {}
    }
    Ok(())
}

async fn publish(
    producer: Option<Arc<Producer>>,
    announcements: Vec<SamplingAnnouncement>,
) -> Result<(), ProduceError> {
    let Some(producer) = producer else {
        return Ok(());
    };
    let records: Vec<_> = announcements
        .iter()
        .map(SamplingAnnouncement::to_record)
        .collect();
    let outbound: Vec<_> = records
        .iter()
        .map(|(key, payload)| OutboundRecord {
            topic: CONTROL_TOPIC,
            key,
            payload,
            headers: &[],
        })
        .collect();
    producer.send_all(&outbound).await
}

/// Hears what is announced on the control topic, for ever, through any outage.
pub(crate) async fn hear(config: Config, known: KnownProbabilities) {
    let client = config.kafka.client();
    let (entries, mut changes) = loop {
        let reading = follow_compacted(&client, CONTROL_TOPIC);
        match tokio::time::timeout(PATIENCE, reading).await {
            Ok(Ok(read)) => break read,
            Ok(Err(error)) => tracing::warn!(
                error = %chain(&error),
                "The probabilities of adaptive sampling cannot be read yet; trying again"
            ),
            Err(_) => tracing::warn!("Kafka does not answer; trying again"),
        }
        tokio::time::sleep(PAUSE).await;
    };
    for (key, value) in entries {
        hear_one(&known, &key, value.as_deref());
    }
    known.complete();
    loop {
        let (key, value) = changes.next().await;
        hear_one(&known, &key, value.as_deref());
    }
}

fn hear_one(known: &KnownProbabilities, key: &[u8], value: Option<&[u8]>) {
    match SamplingAnnouncement::from_record(key, value) {
        Ok(Some(announcement)) => known.hear(announcement),
        Ok(None) => {}
        Err(error) => tracing::warn!(
            error = %chain(&error),
            "A record with probabilities of adaptive sampling cannot be read"
        ),
    }
}

/// Looks into the store now and then, for ever.
pub(crate) async fn look(config: Config, store: Arc<PostgresStore>, known: KnownProbabilities) {
    let settings = &config.ingester.sampling;
    let none = OperationProbabilities::new();
    loop {
        match store.sampling_probabilities().await {
            Ok(None) => known.complete(),
            Ok(Some((at, all))) => known.replace(announcements(settings, &all, &none, true, at)),
            Err(error) => tracing::warn!(
                error = %chain(&error),
                "The probabilities of adaptive sampling cannot be read; trying again"
            ),
        }
        tokio::time::sleep(LOOK_EVERY.min(settings.calculation_interval)).await;
    }
}
