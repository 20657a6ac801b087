//! `spoor backfill`: publishes files of spans, through the collector's own stages, to the topic
//! that ingesters consume beside the live one.

mod file;
mod jaeger_json;

use std::path::PathBuf;

use anyhow::{Context, bail};
use bootstrap::{chain, clock};
use clap::Args;
use collector::{Importer, KafkaPublisher, Origin, Receipt};
use kafka::Producer;
use model::Tenant;
use schemas::ChunkEncoder;

use crate::config::{Config, Deployment};
use crate::console::say;
use crate::schema_ids;

/// `spoor backfill …`
#[derive(Debug, Args)]
pub(crate) struct BackfillArgs {
    /// Files that end in .otlp.pb, .otlp.json (one document, or one on each line) or .jaeger.json,
    /// and in .gz or .zst after that when they are compressed.
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Whose spans they are.
    #[arg(long, default_value = "default")]
    tenant: String,
}

/// Publishes all files. `Ok(false)`: not all of them could be; those before and after were.
pub(crate) async fn run(config: &Config, args: BackfillArgs) -> anyhow::Result<bool> {
    if config.deployment == Deployment::Direct {
        bail!(
            "where `deployment` is `direct` there is no topic to publish to: send the files to the collector"
        );
    }
    let topic = &config.ingester.replay.topic;
    if config.kafka.brokers.is_empty() || topic.is_empty() {
        bail!("kafka.brokers or ingester.replay.topic is empty: say where to publish to");
    }
    let tenant = Tenant::parse(&args.tenant).context("--tenant")?;
    let importer = importer(config).await?;
    let mut all_done = true;
    for path in &args.files {
        match one(&importer, path, &tenant).await {
            Ok(receipt) => say(line(path, &receipt)),
            Err(error) => {
                all_done = false;
                say(format!("{}: {error:#}", path.display()));
            }
        }
    }
    Ok(all_done)
}

async fn importer(config: &Config) -> anyhow::Result<Importer<KafkaPublisher>> {
    let id = schema_ids::own_id(config).await;
    let producer = Producer::new(&config.kafka.client(), &config.kafka.producer())?;
    let mut publish = config.collector.publish.clone();
    publish.topic.clone_from(&config.ingester.replay.topic);
    let publisher = KafkaPublisher::new(producer, &publish);
    Ok(Importer::new(
        &config.collector,
        ChunkEncoder::new(id),
        publisher,
    ))
}

async fn one(
    importer: &Importer<KafkaPublisher>,
    path: &std::path::Path,
    tenant: &Tenant,
) -> anyhow::Result<Receipt> {
    let mut sum = Receipt::default();
    for (number, document) in file::read(path)?.into_iter().enumerate() {
        let origin = Origin {
            tenant: tenant.clone(),
            received_at: clock::now(),
        };
        let imported = importer
            .import(document.encoding, &document.body, &origin)
            .await;
        let receipt = imported.map_err(|error| {
            let before = sum.accepted;
            anyhow::anyhow!(
                "document {}, after {before} spans: {}",
                number + 1,
                chain(&error)
            )
        })?;
        sum.accepted += receipt.accepted;
        for (reason, count) in receipt.rejected.iter() {
            (0..count).for_each(|_| sum.rejected.add(reason));
        }
    }
    Ok(sum)
}

fn line(path: &std::path::Path, receipt: &Receipt) -> String {
    let reasons: Vec<String> = receipt
        .rejected
        .iter()
        .map(|(reason, count)| format!("{count} {reason}"))
        .collect();
    let rejected = match reasons.is_empty() {
        true => "none left out".to_owned(),
        false => format!("left out: {}", reasons.join(", ")),
    };
    format!(
        "{}: {} spans published, {rejected}",
        path.display(),
        receipt.accepted
    )
}
