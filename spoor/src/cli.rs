//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use bootstrap::config::Sources;
use clap::{Args, Parser, Subcommand};

use crate::audit::AuditArgs;
use crate::backfill::BackfillArgs;
use crate::canary::CanaryArgs;
use crate::config::Deployment;
use crate::dead_letters::DeadLettersCommand;
use crate::load::LoadArgs;
use crate::purge::PurgeArgs;
use crate::rebuild::RebuildArgs;
use crate::replay::ReplayCommand;
use crate::sizes::SizesArgs;

/// Stores distributed traces in Kafka and Postgres, and shows them.
#[derive(Debug, Parser)]
#[command(name = "spoor", version, propagate_version = true)]
pub(crate) struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
    /// Where the configuration comes from.
    #[command(flatten)]
    pub(crate) sources: SourceArgs,
}

/// Flags of every subcommand.
#[derive(Debug, Args)]
pub(crate) struct SourceArgs {
    /// Configuration file, TOML or YAML.
    #[arg(long, short, global = true, value_name = "FILE", env = "SPOOR_CONFIG")]
    config: Option<PathBuf>,
    /// Sets a key of the configuration; may be repeated.
    #[arg(long = "set", global = true, value_name = "SECTION.KEY=VALUE")]
    set: Vec<String>,
    /// Folder with all data of the servers that all-in-one starts. Commands beside it find them by it.
    #[arg(long, global = true, value_name = "FOLDER")]
    data_dir: Option<PathBuf>,
}

/// What spoor can do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Receives spans beside an application and passes them on to collectors.
    Agent,
    /// Receives spans and publishes them to Kafka.
    Collector,
    /// Consumes spans from Kafka and writes traces to Postgres.
    Ingester,
    /// Answers queries from Postgres.
    Query(UiArgs),
    /// Runs everything on this machine, Kafka, schema registry and Postgres included.
    AllInOne(AllInOneArgs),
    /// Makes topics, registers schemas and brings the store up to date.
    Migrate,
    /// Looks at dead letters, drives them again, deletes them.
    #[command(subcommand)]
    Dlq(DeadLettersCommand),
    /// Checks, prints and explains the configuration.
    #[command(subcommand)]
    Config(ConfigCommand),
    /// Explains the metrics.
    #[command(subcommand)]
    Metrics(MetricsCommand),
    /// Starts Kafka, schema registry and Postgres alone, runs a command beside them, stops them.
    Servers(ServersArgs),
    /// Makes realistic traffic, and verifies that all of it is there once.
    Load(LoadArgs),
    /// Reads once more what Kafka still has, and stores what is missing.
    #[command(subcommand)]
    Replay(ReplayCommand),
    /// Empties the store: every trace, catalogue, series and edge, and what is on its way.
    Purge(PurgeArgs),
    /// Brings in files of spans, whatever their age.
    Backfill(BackfillArgs),
    /// Says whether all that was ever accepted adds up. Exits with 1 if it does not, and says where.
    Audit(AuditArgs),
    /// Writes traces and reads them back through every API, for ever or for a while. Exits with 1 if
    /// one is not found as it was sent.
    Canary(CanaryArgs),
    /// Writes the payloads of whole days afresh, with the newest dictionary, and swaps them in one step.
    Rebuild(RebuildArgs),
    /// Says what the store takes on disk, by part. Reads the summaries of all segments.
    Sizes(SizesArgs),
    /// Says which version this is.
    Version,
    /// Becomes a child process that dies with its parent.
    #[command(hide = true)]
    Child(ChildArgs),
}

/// `spoor config …`
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum ConfigCommand {
    /// Says whether the configuration is valid; exit code 2 if it is not.
    Check,
    /// Prints the configuration that results from all layers, without secrets.
    Print,
    /// Prints the reference page of all keys.
    Docs,
}

/// `spoor metrics …`
#[derive(Debug, Clone, Copy, Subcommand)]
pub(crate) enum MetricsCommand {
    /// Prints the reference page of all metrics.
    Docs,
}

/// Flags of the subcommands that answer queries.
#[derive(Debug, Args)]
pub(crate) struct UiArgs {
    /// Folder of a built Jaeger UI to serve.
    #[arg(long, value_name = "FOLDER")]
    ui_dir: Option<PathBuf>,
    /// Configuration of that UI: JSON, or a script that defines UIConfig().
    #[arg(long, value_name = "FILE")]
    ui_config: Option<PathBuf>,
}

impl UiArgs {
    fn flags(&self) -> Vec<String> {
        flags([
            ("query.ui_dir", path(&self.ui_dir)),
            ("query.ui_config", path(&self.ui_config)),
        ])
    }
}

/// Flags of `spoor all-in-one`.
#[derive(Debug, Args)]
pub(crate) struct AllInOneArgs {
    #[command(flatten)]
    embedded: EmbeddedArgs,
    #[command(flatten)]
    ui: UiArgs,
}

/// Flags of the subcommands that start servers.
#[derive(Debug, Args)]
pub(crate) struct EmbeddedArgs {
    /// Folder with the programs of the servers.
    #[arg(long, value_name = "FOLDER")]
    runtime_dir: Option<PathBuf>,
    /// What lies between the collector and the store.
    #[arg(long, value_enum)]
    deployment: Option<Deployment>,
}

/// `spoor servers …`
#[derive(Debug, Args)]
pub(crate) struct ServersArgs {
    #[command(flatten)]
    pub(crate) embedded: EmbeddedArgs,
    /// Port of Kafka; 0 takes a free one.
    #[arg(long)]
    kafka_port: Option<u16>,
    /// Port of Kafka's controller; 0 takes a free one.
    #[arg(long)]
    kafka_controller_port: Option<u16>,
    /// Port of the schema registry; 0 takes a free one.
    #[arg(long)]
    registry_port: Option<u16>,
    /// Port of Postgres; 0 takes a free one.
    #[arg(long)]
    postgres_port: Option<u16>,
    /// Runs with SPOOR_TEST_POSTGRES_URL, SPOOR_TEST_KAFKA_BROKERS and SPOOR_TEST_REGISTRY_URL
    /// set; its exit code becomes ours. Without one, the servers run until Ctrl-C.
    #[arg(last = true, value_name = "COMMAND")]
    pub(crate) command: Vec<OsString>,
}

/// `spoor child …`
#[derive(Debug, Args)]
pub(crate) struct ChildArgs {
    /// The process to die with.
    #[arg(long)]
    pub(crate) parent: u32,
    /// The signal to die of.
    #[arg(long)]
    pub(crate) signal: i32,
    /// What to become.
    #[arg(last = true)]
    pub(crate) program: Vec<OsString>,
}

impl Cli {
    /// Where this command line says that the configuration comes from; its own flags win.
    pub(crate) fn sources(&self) -> Sources {
        let mut flags = match &self.command {
            Command::AllInOne(all) => [all.embedded.flags(), all.ui.flags()].concat(),
            Command::Query(ui) => ui.flags(),
            Command::Servers(servers) => servers.flags(),
            _ => Vec::new(),
        };
        flags.splice(0..0, self.sources.flags());
        Sources::of_process(self.sources.config.clone(), flags)
    }
}

impl SourceArgs {
    fn flags(&self) -> Vec<String> {
        let data = flags([("embedded.data_dir", path(&self.data_dir))]);
        [self.set.clone(), data].concat()
    }
}

impl EmbeddedArgs {
    fn flags(&self) -> Vec<String> {
        flags([
            ("embedded.runtime_dir", path(&self.runtime_dir)),
            (
                "deployment",
                self.deployment
                    .map(|deployment| deployment.name().to_owned()),
            ),
        ])
    }
}

impl ServersArgs {
    fn flags(&self) -> Vec<String> {
        let port = |port: Option<u16>| port.map(|port| port.to_string());
        let mut all = self.embedded.flags();
        all.extend(flags([
            ("embedded.kafka.port", port(self.kafka_port)),
            (
                "embedded.kafka.controller_port",
                port(self.kafka_controller_port),
            ),
            ("embedded.registry.port", port(self.registry_port)),
            ("embedded.postgres.port", port(self.postgres_port)),
        ]));
        all
    }
}

fn path(path: &Option<PathBuf>) -> Option<String> {
    path.as_ref().map(|path| path.display().to_string())
}

fn flags<const N: usize>(values: [(&str, Option<String>); N]) -> Vec<String> {
    let set = values
        .into_iter()
        .filter_map(|(key, value)| Some((key, value?)));
    set.map(|(key, value)| format!("{key}={value}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sources(arguments: &[&str]) -> Sources {
        Cli::parse_from([&["spoor"], arguments].concat()).sources()
    }

    #[test]
    fn a_flag_of_its_own_wins_over_set() {
        let flags = sources(&[
            "servers",
            "--postgres-port",
            "0",
            "--set",
            "embedded.postgres.port=1",
        ])
        .flags;
        let settings = ["embedded.postgres.port=1", "embedded.postgres.port=0"];
        assert_eq!(flags, settings, "later ones win");
    }

    #[test]
    fn the_data_folder_and_the_deployment_are_keys_of_the_document() {
        let flags = sources(&["all-in-one", "--data-dir", "/d", "--deployment", "direct"]).flags;
        assert_eq!(flags, ["embedded.data_dir=/d", "deployment=direct"]);
    }

    #[test]
    fn commands_beside_an_all_in_one_are_told_its_folder() {
        for command in [
            &["sizes"][..],
            &["dlq", "ls"],
            &["replay", "ls"],
            &["audit"],
        ] {
            let flags = sources(&[command, &["--data-dir", "/d"]].concat()).flags;
            assert_eq!(flags, ["embedded.data_dir=/d"]);
        }
    }

    #[test]
    fn a_ui_is_named_by_flags_of_the_roles_that_serve_it() {
        for role in ["query", "all-in-one"] {
            let flags = sources(&[role, "--ui-dir", "/ui", "--ui-config", "/ui.json"]).flags;
            assert_eq!(flags, ["query.ui_dir=/ui", "query.ui_config=/ui.json"]);
        }
    }

    #[test]
    fn what_follows_two_dashes_is_the_command_to_run() {
        let cli = Cli::parse_from(["spoor", "servers", "--", "cargo", "test", "--release"]);
        match cli.command {
            Command::Servers(servers) => {
                assert_eq!(servers.command, ["cargo", "test", "--release"]);
            }
            other => panic!("{other:?}"),
        }
    }
}
