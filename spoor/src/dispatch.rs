//! From the command line to the role that runs, and from its end to the exit code.

use std::process::ExitCode;

use bootstrap::chain;
use bootstrap::config::{ConfigError, Loaded, Sources, documentation, load, redacted};

use crate::cli::{Cli, Command, ConfigCommand, MetricsCommand};
use crate::config::Config;
use crate::console::say;
use crate::dead_letters::{self, DeadLettersCommand};
use crate::load::LoadArgs;
use crate::purge::PurgeArgs;
use crate::rebuild::RebuildArgs;
use crate::roles::{self, Role};
use crate::sizes::SizesArgs;
use crate::{metrics_page, servers, test_servers};

/// Exit code of a configuration that cannot be used.
const CONFIGURATION: u8 = 2;

/// Why the process ends without having done its work.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The configuration cannot be used.
    #[error("the configuration cannot be used")]
    Config(#[from] ConfigError),
    /// A section contradicts itself or another one.
    #[error("the configuration cannot be used")]
    Contradiction(#[source] anyhow::Error),
    /// Anything else.
    #[error(transparent)]
    Run(#[from] anyhow::Error),
}

impl Failure {
    /// Says why on standard error and returns the exit code.
    pub(crate) fn report(self) -> ExitCode {
        use std::io::Write;
        let text = match &self {
            Self::Run(error) => format!("{error:#}"),
            Self::Contradiction(error) => format!("the configuration cannot be used: {error:#}"),
            Self::Config(_) => chain(&self).to_string(),
        };
        // Nobody reads a closed output.
        let _ = writeln!(std::io::stderr(), "spoor: {text}");
        match self {
            Self::Config(_) | Self::Contradiction(_) => ExitCode::from(CONFIGURATION),
            Self::Run(_) => ExitCode::FAILURE,
        }
    }
}

/// Runs what the command line says.
pub(crate) fn run(cli: Cli) -> Result<ExitCode, Failure> {
    let sources = cli.sources();
    let document = || valid(&sources);
    // Commands that work on what Postgres keeps, also beside the all-in-one that started it.
    let found_by = |find: fn(Config) -> anyhow::Result<Config>, command| {
        let mut loaded = document()?;
        let checked = loaded.config.needs_postgres(command);
        checked.map_err(Failure::Contradiction)?;
        loaded.config = find(loaded.config)?;
        Ok::<_, Failure>(loaded)
    };
    let on_postgres = |command| found_by(servers::beside_all_in_one, command);
    let on_named = |command| found_by(servers::named_all_in_one, command);
    match cli.command {
        Command::Child(child) => {
            let error = servers::child::become_program(child.parent, child.signal, &child.program);
            return Err(anyhow::Error::from(error)
                .context("cannot become the child")
                .into());
        }
        Command::Version => say(version()),
        Command::Config(ConfigCommand::Docs) => say(documentation::<Config>().trim_end()),
        Command::Config(ConfigCommand::Check) => check(document()?),
        Command::Config(ConfigCommand::Print) => print(&document()?.config)?,
        Command::Metrics(MetricsCommand::Docs) => say(metrics_page::page().trim_end()),
        Command::Migrate => migrate(document()?)?,
        Command::Dlq(command) => dead_letters(&on_postgres("spoor dlq")?, command)?,
        Command::Load(arguments) => return traffic(arguments),
        Command::Replay(command) => {
            let loaded = on_postgres("spoor replay")?;
            return judged(crate::replay::run(&loaded.config, command));
        }
        Command::Purge(arguments) => purge(&on_named("spoor purge")?, arguments)?,
        Command::Rebuild(arguments) => rebuild(&on_postgres("spoor rebuild")?, arguments)?,
        Command::Sizes(arguments) => sizes(&on_postgres("spoor sizes")?, arguments)?,
        Command::Backfill(arguments) => {
            let loaded = on_postgres("spoor backfill")?;
            return judged(crate::backfill::run(&loaded.config, arguments));
        }
        Command::Audit(arguments) => {
            let loaded = on_postgres("spoor audit")?;
            return judged(crate::audit::run(&loaded.config, arguments));
        }
        Command::Canary(arguments) => {
            let loaded = document()?;
            return judged(crate::canary::run(&loaded.config, arguments));
        }
        Command::Servers(arguments) => return serve(document()?, arguments.command),
        Command::Agent => return role(Role::Agent, document()?),
        Command::Collector => return role(Role::Collector, document()?),
        Command::Ingester => return role(Role::Ingester, document()?),
        Command::Query(_) => return role(Role::Query, document()?),
        Command::AllInOne(_) => return role(Role::AllInOne, document()?),
    }
    Ok(ExitCode::SUCCESS)
}

fn valid(sources: &Sources) -> Result<Loaded<Config>, Failure> {
    let loaded = load::<Config>(sources)?;
    loaded.config.validate().map_err(Failure::Contradiction)?;
    Ok(loaded)
}

fn version() -> String {
    format!("spoor {}", env!("CARGO_PKG_VERSION"))
}

fn check(loaded: Loaded<Config>) {
    for warning in loaded.warnings {
        say(format!("warning: {warning}"));
    }
    say("the configuration is valid");
}

fn print(config: &Config) -> Result<(), anyhow::Error> {
    say(redacted(config)?.trim_end());
    Ok(())
}

fn migrate(loaded: Loaded<Config>) -> Result<(), anyhow::Error> {
    bootstrap::logging::install(&loaded.config.logging)?;
    runtime()?.block_on(crate::migrate::run(&loaded.config))
}

fn dead_letters(loaded: &Loaded<Config>, command: DeadLettersCommand) -> Result<(), anyhow::Error> {
    bootstrap::logging::install(&loaded.config.logging)?;
    runtime()?.block_on(dead_letters::run(&loaded.config, command))
}

fn purge(loaded: &Loaded<Config>, arguments: PurgeArgs) -> Result<(), anyhow::Error> {
    bootstrap::logging::install(&loaded.config.logging)?;
    runtime()?.block_on(crate::purge::run(&loaded.config, arguments))
}

fn rebuild(loaded: &Loaded<Config>, arguments: RebuildArgs) -> Result<(), anyhow::Error> {
    bootstrap::logging::install(&loaded.config.logging)?;
    runtime()?.block_on(crate::rebuild::run(&loaded.config, arguments))
}

fn sizes(loaded: &Loaded<Config>, arguments: SizesArgs) -> Result<(), anyhow::Error> {
    bootstrap::logging::install(&loaded.config.logging)?;
    runtime()?.block_on(crate::sizes::run(&loaded.config, arguments))
}

fn traffic(arguments: LoadArgs) -> Result<ExitCode, Failure> {
    judged(crate::load::load(arguments))
}

/// Exit code 1 when the work was done and something about it is not as it should be.
fn judged(work: impl Future<Output = anyhow::Result<bool>>) -> Result<ExitCode, Failure> {
    let runtime = runtime().map_err(anyhow::Error::from)?;
    match runtime.block_on(work)? {
        true => Ok(ExitCode::SUCCESS),
        false => Ok(ExitCode::FAILURE),
    }
}

fn role(role: Role, loaded: Loaded<Config>) -> Result<ExitCode, Failure> {
    let runtime = match role {
        // A guest on the application's machine.
        Role::Agent => small_runtime(),
        Role::Collector | Role::Ingester | Role::Query | Role::AllInOne => runtime(),
    };
    let runtime = runtime.map_err(anyhow::Error::from)?;
    let outcome = runtime.block_on(roles::run(role, loaded.config, &loaded.warnings));
    // What is left has been told to stop, or was forced to: nothing waits for it.
    runtime.shutdown_background();
    Ok(outcome?)
}

fn runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
}

fn small_runtime() -> std::io::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
}

fn serve(loaded: Loaded<Config>, command: Vec<std::ffi::OsString>) -> Result<ExitCode, Failure> {
    let runtime = runtime().map_err(anyhow::Error::from)?;
    Ok(runtime.block_on(test_servers::run(loaded.config, command))?)
}
