//! `spoor audit`: does everything that was accepted add up, and if not, where not.

mod counters;
mod report;

use std::sync::Arc;

use anyhow::{Context, ensure};
use bootstrap::clock;
use clap::Args;
use ingester::audit::{AuditOptions, CounterTotals, against_counters, audit};
use ingester::{KnownSchemas, SchemaSource};
use kafka::RangeReader;
use model::UnixNanos;
use schemas::SchemaSet;
use storage::{Day, PostgresStore, Stores};

use crate::config::{Config, Deployment};
use crate::console::say;
use crate::replay::moment;
use crate::roles::connect;
use crate::schema_ids;

/// `spoor audit`
#[derive(Debug, Args)]
pub(crate) struct AuditArgs {
    /// Reads all that Kafka has and looks for each span in the store; counts RED series, edges,
    /// catalogue and doubled spans again from the contents of all segments.
    #[arg(long)]
    deep: bool,
    /// With --deep: count days from then on again, by the start of spans: RFC 3339, or -2h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: Option<String>,
    /// With --deep: count days up to then again.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    to: Option<String>,
    /// Admin port of a running role whose counters are compared, such as
    /// http://collector:14269; may be repeated. Name all collectors or none.
    #[arg(long, value_name = "URL")]
    counters: Vec<String>,
    /// Most records in flight that are read for the spans in them.
    #[arg(long, value_name = "RECORDS", default_value_t = 1_000_000)]
    in_flight: u64,
    /// How many differences of a kind are named.
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// Audits. `Ok(false)`: something does not add up.
pub(crate) async fn run(config: &Config, args: AuditArgs) -> anyhow::Result<bool> {
    ensure!(
        config.storage.url.is_set(),
        "storage.url is empty: say where Postgres is"
    );
    // Counters first: what they have counted is accounted for by the time that the store is read,
    // or in flight by the time that the log is.
    let counters = counters::read(&args.counters).await?;
    let stores = connect(config).await?;
    let outcome = with_stores(config, &stores, &args, &counters).await;
    stores.close().await;
    outcome
}

async fn with_stores(
    config: &Config,
    stores: &Stores<PostgresStore>,
    args: &AuditArgs,
    counters: &CounterTotals,
) -> anyhow::Result<bool> {
    let options = options(config, args, clock::now())?;
    let log = match config.deployment {
        Deployment::Direct => None,
        Deployment::Kafka => Some(log(config).await?),
    };
    let log = log.as_ref().map(|(reader, schemas)| (reader, schemas));
    let mut found = audit(stores, log, &options).await?;
    let by_counters = against_counters(&found, counters);
    found.residues.extend(by_counters);
    say(match args.json {
        true => report::json(&found, counters).to_string(),
        false => report::text(&found, counters),
    });
    Ok(found.residues.is_empty())
}

fn options(config: &Config, args: &AuditArgs, now: UnixNanos) -> anyhow::Result<AuditOptions> {
    let store = config.storage.store();
    let day = |text: &Option<String>| -> anyhow::Result<Option<Day>> {
        let at = text.as_deref().map(|text| moment::parse(text, now));
        Ok(at.transpose()?.map(Day::of))
    };
    let retained = u64::try_from(store.retention.as_nanos()).unwrap_or(u64::MAX);
    let first_kept = Day::of(now.saturating_sub(retained));
    let (from, to) = (day(&args.from)?, day(&args.to)?);
    ensure!(
        args.deep || (from.is_none() && to.is_none()),
        "--from and --to are for --deep"
    );
    let last = Day::of(now).plus(store.days_ahead.into());
    let ingester = &config.ingester;
    Ok(AuditOptions {
        topic: ingester.consume.topic.clone(),
        backfill_topic: ingester.replay.topic.clone(),
        dead_letter_topic: ingester.consume.dead_letter_topic.clone(),
        read_log: args.deep,
        recount: args
            .deep
            .then(|| (from.unwrap_or(first_kept), to.unwrap_or(last))),
        first_kept,
        limit: args.limit,
        most_in_flight: args.in_flight,
    })
}

async fn log(config: &Config) -> anyhow::Result<(RangeReader, KnownSchemas)> {
    ensure!(
        !config.kafka.brokers.is_empty(),
        "kafka.brokers is empty: say where Kafka is"
    );
    let reader = RangeReader::new(&config.kafka.client()).context("cannot read from Kafka")?;
    let registry = schema_ids::registry(config)?;
    let source = registry.map(|registry| Arc::new(registry) as Arc<dyn SchemaSource>);
    let schemas = KnownSchemas::new(SchemaSet::new(), source);
    schema_ids::learn_announced(config, &schemas).await?;
    Ok((reader, schemas))
}
