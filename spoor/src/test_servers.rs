//! `spoor servers`: the child servers alone, for tests and for trying things out.

use std::ffi::OsString;
use std::process::{ExitCode, ExitStatus};

use anyhow::Context;
use bootstrap::{Readiness, Stop, stop_on_signals};

use crate::config::{Config, Deployment};
use crate::console::say;
use crate::servers::{Addresses, Plan, Servers};

/// Starts the servers, runs the command (or waits for Ctrl-C), stops the servers.
pub(crate) async fn run(config: Config, command: Vec<OsString>) -> anyhow::Result<ExitCode> {
    bootstrap::logging::install(&config.logging)?;
    let (handle, stop) = Stop::with_grace(config.shutdown_timeout);
    stop_on_signals(handle)?;
    let mut servers = Servers::open(&config.embedded).await?;
    let java = config.deployment == Deployment::Kafka;
    let plan = Plan {
        kafka: java,
        registry: java,
        postgres: true,
    };
    let started = tokio::select! {
        started = start(&mut servers, &config, plan) => started.map(Some),
        () = stop.stopped() => Ok(None),
    };
    let outcome = match started {
        Ok(Some(addresses)) => beside(&addresses, command, &stop).await,
        Ok(None) => Ok(ExitCode::SUCCESS),
        Err(error) => Err(error),
    };
    servers.stop().await;
    outcome
}

async fn start(servers: &mut Servers, config: &Config, plan: Plan) -> anyhow::Result<Addresses> {
    let readiness = Readiness::new();
    let addresses = servers
        .start(&config.embedded, plan, "", &readiness)
        .await?
        .clone();
    servers.registry_healthy(&config.embedded).await?;
    servers.note(config.deployment)?;
    Ok(addresses)
}

async fn beside(
    addresses: &Addresses,
    command: Vec<OsString>,
    stop: &Stop,
) -> anyhow::Result<ExitCode> {
    let variables = variables(addresses);
    let Some((program, arguments)) = command.split_first() else {
        for (name, value) in variables {
            say(format!("export {name}={value}"));
        }
        stop.stopped().await;
        return Ok(ExitCode::SUCCESS);
    };
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .envs(variables)
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot run {}", program.to_string_lossy()))?;
    tokio::select! {
        status = child.wait() => Ok(code(status?)),
        () = stop.overdue() => anyhow::bail!("{} did not end on the signal", program.to_string_lossy()),
    }
}

fn variables(addresses: &Addresses) -> [(&'static str, String); 3] {
    let text = |address: &Option<String>| address.clone().unwrap_or_default();
    let postgres = addresses
        .postgres
        .as_ref()
        .map(|url| url.expose().to_owned());
    [
        ("SPOOR_TEST_POSTGRES_URL", postgres.unwrap_or_default()),
        ("SPOOR_TEST_KAFKA_BROKERS", text(&addresses.kafka)),
        ("SPOOR_TEST_REGISTRY_URL", text(&addresses.registry)),
    ]
}

fn code(status: ExitStatus) -> ExitCode {
    let code = status.code().and_then(|code| u8::try_from(code).ok());
    code.map_or(ExitCode::FAILURE, ExitCode::from)
}
