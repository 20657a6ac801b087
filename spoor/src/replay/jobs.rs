//! What each subcommand does.

use std::sync::Arc;

use anyhow::{Context, bail};
use bootstrap::clock;
use ingester::{Comparison, KnownSchemas, PlanError, SchemaSource, inspect, plan};
use kafka::RangeReader;
use schemas::SchemaSet;
use storage::{PostgresStore, ReplayCommand as Change, ReplaySpec, Stores};

use super::{JobArgs, ReplayCommand, StartArgs, VerifyArgs, moment, table};
use crate::config::{Config, Deployment};
use crate::console::say;
use crate::roles::connect;
use crate::schema_ids;

/// Does it. `Ok(false)`: a verification has found something missing.
pub(crate) async fn run(config: &Config, command: ReplayCommand) -> anyhow::Result<bool> {
    if config.deployment == Deployment::Direct {
        bail!("where `deployment` is `direct` there is no log to read once more");
    }
    let stores = connect(config).await?;
    let outcome = with_stores(config, &stores, command).await;
    stores.close().await;
    outcome
}

async fn with_stores(
    config: &Config,
    stores: &Stores<PostgresStore>,
    command: ReplayCommand,
) -> anyhow::Result<bool> {
    match command {
        ReplayCommand::Start(args) => return start(config, stores, &args).await,
        ReplayCommand::Verify(args) => return verify(config, stores, &args).await,
        ReplayCommand::Ls => say(table::jobs(&stores.replays().await?)),
        ReplayCommand::Show(args) => show(stores, &args).await?,
        ReplayCommand::Pause(args) => change(stores, &args, Change::Pause).await?,
        ReplayCommand::Resume(args) => change(stores, &args, Change::Resume).await?,
        ReplayCommand::Cancel(args) => change(stores, &args, Change::Cancel).await?,
    }
    Ok(true)
}

async fn show(stores: &Stores<PostgresStore>, args: &JobArgs) -> anyhow::Result<()> {
    let job = stores.replay(args.id).await?;
    say(match args.json {
        true => table::job_json(&job).to_string(),
        false => table::job(&job),
    });
    Ok(())
}

async fn change(
    stores: &Stores<PostgresStore>,
    args: &JobArgs,
    change: Change,
) -> anyhow::Result<()> {
    stores.home().change_replay(args.id, change).await?;
    show(stores, args).await
}

async fn start(
    config: &Config,
    stores: &Stores<PostgresStore>,
    args: &StartArgs,
) -> anyhow::Result<bool> {
    let spec = args.spec(clock::now())?;
    let reader = reader(config)?;
    let margin = config.ingester.replay.margin;
    let planned = plan(&reader, &spec.topic, spec.received, margin, args.partial).await;
    let planned = planned.map_err(refusal)?;
    if args.dry_run {
        let comparison = compare(config, stores, &reader, &spec, &planned, args.limit).await?;
        say(match args.json {
            true => table::comparison_json(&comparison).to_string(),
            false => table::comparison(&comparison),
        });
        return Ok(true);
    }
    let id = stores.create_replay(&spec, &planned.stretches).await?;
    let args = JobArgs {
        id,
        json: args.json,
    };
    show(stores, &args).await.map(|()| true)
}

/// Says from when on Kafka has everything.
fn refusal(error: PlanError) -> anyhow::Error {
    match &error {
        PlanError::Gone {
            whole_from: Some(from),
            ..
        } => {
            let from = moment::show(*from + 999_999_999);
            anyhow::Error::from(error).context(format!(
                "it has everything from {from} on: say --from {from}, or --partial for what there is"
            ))
        }
        PlanError::Gone { .. } => {
            anyhow::Error::from(error).context("--partial takes what there is")
        }
        PlanError::Unavailable { .. } | PlanError::Silent { .. } => error.into(),
    }
}

/// Compares by a job's own offsets, which are frozen. What the store has more may have come by
/// another topic, or from records that are gone: it is told, and no fault.
async fn verify(
    config: &Config,
    stores: &Stores<PostgresStore>,
    args: &VerifyArgs,
) -> anyhow::Result<bool> {
    let job = stores.replay(args.job.id).await?;
    let reader = reader(config)?;
    let planned = ingester::Plan {
        stretches: job.partitions.iter().map(|one| one.stretch).collect(),
    };
    let comparison = compare(config, stores, &reader, &job.spec, &planned, args.limit).await?;
    say(match args.job.json {
        true => table::comparison_json(&comparison).to_string(),
        false => table::comparison(&comparison),
    });
    Ok(comparison.missing.spans == 0)
}

fn reader(config: &Config) -> anyhow::Result<RangeReader> {
    anyhow::ensure!(
        !config.kafka.brokers.is_empty(),
        "kafka.brokers is empty: say where Kafka is"
    );
    RangeReader::new(&config.kafka.client()).context("cannot read from Kafka")
}

async fn compare(
    config: &Config,
    stores: &Stores<PostgresStore>,
    reader: &RangeReader,
    spec: &ReplaySpec,
    planned: &ingester::Plan,
    limit: usize,
) -> anyhow::Result<Comparison> {
    let registry = schema_ids::registry(config)?;
    let source = registry.map(|registry| Arc::new(registry) as Arc<dyn SchemaSource>);
    let schemas = KnownSchemas::new(SchemaSet::new(), source);
    schema_ids::learn_announced(config, &schemas).await?;
    let compared = inspect(reader, stores, &schemas, spec, planned, limit).await;
    compared.context("cannot compare the log with the store")
}
