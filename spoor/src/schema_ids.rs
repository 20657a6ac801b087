//! Which schemas have which id: from the control topic, or failing that from the registry.

use std::time::Duration;

use anyhow::{Context, bail};
use bootstrap::chain;
use ingester::KnownSchemas;
use kafka::{CompactedChanges, CompactedEntry, follow_compacted};
use schemas::{
    RegistryClient, SchemaAnnouncement, SchemaId, TRACE_CHUNK_SCHEMA, TRACE_CHUNK_SUBJECT,
};

use crate::config::Config;

/// The compacted topic that schemas are announced on.
pub(crate) const CONTROL_TOPIC: &str = "spoor.control";
/// The id of the only schema where there is no registry: the direct deployment.
pub(crate) const DIRECT_ID: SchemaId = SchemaId(1);

/// How long the control topic may take to be read.
const PATIENCE: Duration = Duration::from_secs(15);
const PAUSE: Duration = Duration::from_secs(1);

/// The schemas that have been announced.
#[derive(Debug, Clone, Default)]
pub(crate) struct Announced(Vec<SchemaAnnouncement>);

impl Announced {
    /// The id of the schema that this program writes.
    pub(crate) fn own(&self) -> Option<SchemaId> {
        let fingerprint = schemas::fingerprint();
        let own = |one: &&SchemaAnnouncement| {
            one.subject == TRACE_CHUNK_SUBJECT && one.fingerprint == fingerprint
        };
        self.0.iter().find(own).map(|one| one.id)
    }
}

/// Reads the control topic; what is announced later is had from the second value.
pub(crate) async fn announced(config: &Config) -> anyhow::Result<(Announced, CompactedChanges)> {
    let client = config.kafka.client();
    let reading = follow_compacted(&client, CONTROL_TOPIC);
    let read = tokio::time::timeout(PATIENCE, reading).await;
    let (entries, changes) = read
        .context("Kafka does not answer")?
        .with_context(|| format!("cannot read the topic {CONTROL_TOPIC}"))?;
    Ok((
        Announced(entries.iter().filter_map(announcement).collect()),
        changes,
    ))
}

/// The id to write under. Waits while neither Kafka nor the registry answers.
pub(crate) async fn own_id(config: &Config) -> SchemaId {
    loop {
        match try_own_id(config).await {
            Ok(id) => return id,
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "The id of the span schema is not known yet; trying again"
            ),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn try_own_id(config: &Config) -> anyhow::Result<SchemaId> {
    let from_topic = announced(config)
        .await
        .map(|(announced, _)| announced.own());
    match from_topic {
        Ok(Some(id)) => return Ok(id),
        Ok(None) if !config.registry.url.is_set() => {
            bail!("the schema is not announced on {CONTROL_TOPIC}: run `spoor migrate`")
        }
        Err(error) if !config.registry.url.is_set() => return Err(error),
        Ok(None) | Err(_) => {}
    }
    let registry = registry(config)?.context("no registry is configured")?;
    let id = registry
        .register(TRACE_CHUNK_SUBJECT, TRACE_CHUNK_SCHEMA)
        .await;
    id.context("the registry does not say the id of the span schema")
}

/// A client of the configured registry; `None` when none is configured.
pub(crate) fn registry(config: &Config) -> anyhow::Result<Option<RegistryClient>> {
    if !config.registry.url.is_set() {
        return Ok(None);
    }
    let client = RegistryClient::new(config.registry.url.expose(), config.registry.timeouts());
    Ok(Some(client.context("registry.url cannot be used")?))
}

fn learn(known: &KnownSchemas, one: &SchemaAnnouncement) {
    if let Err(error) = known.announce(one.id, &one.schema) {
        tracing::warn!(schema.id = one.id.0, error = %chain(&error), "An announced schema cannot be used");
    }
}

fn announcement((key, value): &CompactedEntry) -> Option<SchemaAnnouncement> {
    match SchemaAnnouncement::from_record(key, value.as_deref()?) {
        Ok(announcement) => announcement,
        Err(error) => {
            tracing::warn!(error = %chain(&error), "An announcement of a schema cannot be read");
            None
        }
    }
}

/// Makes every schema known that is announced now.
pub(crate) async fn learn_now(config: &Config, known: &KnownSchemas) -> anyhow::Result<()> {
    let (announced, _) = announced(config).await?;
    announced.0.iter().for_each(|one| learn(known, one));
    Ok(())
}

/// Makes every schema known that is or will be announced, for ever, through any outage.
pub(crate) async fn learn_for_ever(config: Config, known: KnownSchemas) -> ! {
    let (announced, mut changes) = loop {
        match announced(&config).await {
            Ok(read) => break read,
            Err(error) => tracing::warn!(
                error = format!("{error:#}"),
                "The announced schemas cannot be read yet; trying again"
            ),
        }
        tokio::time::sleep(PAUSE).await;
    };
    announced.0.iter().for_each(|one| learn(&known, one));
    loop {
        if let Some(one) = announcement(&changes.next().await) {
            learn(&known, &one);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record(schema: &str, id: u32) -> CompactedEntry {
        let one = SchemaAnnouncement::new(TRACE_CHUNK_SUBJECT, SchemaId(id), schema).unwrap();
        let (key, value) = one.to_record();
        (key, Some(value))
    }

    fn announced(entries: &[CompactedEntry]) -> Announced {
        Announced(entries.iter().filter_map(announcement).collect())
    }

    #[test]
    fn the_own_schema_is_found_by_its_fingerprint() {
        let entries = [record("\"string\"", 4), record(TRACE_CHUNK_SCHEMA, 7)];
        assert_eq!(announced(&entries).own(), Some(SchemaId(7)));
    }

    #[test]
    fn a_schema_that_was_never_announced_has_no_id() {
        assert_eq!(announced(&[record("\"string\"", 4)]).own(), None);
    }

    #[test]
    fn other_records_of_the_control_topic_are_passed_over() {
        let broken = (b"schema/x/1".to_vec(), Some(b"{".to_vec()));
        let foreign = (b"sampling/shop".to_vec(), Some(b"{}".to_vec()));
        let deleted = (b"schema/x/2".to_vec(), None);
        assert!(announced(&[broken, foreign, deleted]).0.is_empty());
    }
}
