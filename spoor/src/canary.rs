//! `spoor canary`: writes traces that follow from a seed, and reads them back through every API,
//! at once, a little later, and long after. How an operator knows that the promise holds tonight.

mod seeded;
mod apis;
mod verdict;
mod schedule;
mod round;
mod metrics;

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context;
use bootstrap::{ProcessSettings, clock, start_process};
use clap::Args;
use tokio::time::Instant;

use self::round::{Canary, Tally};
use crate::config::Config;
use crate::console::say;
use crate::load::Protocol;

pub(crate) use self::metrics::{buckets, describe};

/// `spoor canary`
#[derive(Debug, Clone, Args)]
pub(crate) struct CanaryArgs {
    /// Where to send spans: `http://host:port`. Defaults to port 4317 or 4318 of this machine.
    #[arg(long)]
    otlp: Option<String>,
    /// How to send them.
    #[arg(long, value_enum, default_value = "grpc")]
    protocol: Protocol,
    /// Query service to read from.
    #[arg(long, default_value = "http://127.0.0.1:16686")]
    query: String,
    /// Time between two traces.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "5s")]
    interval: Duration,
    /// Ages at which each trace is looked for, beside at once.
    #[arg(long, value_parser = humantime::parse_duration, value_delimiter = ',', default_value = "5s,30s")]
    ages: Vec<Duration>,
    /// How far back traces are looked for at random; not beyond the retention.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "24h")]
    oldest: Duration,
    /// How long a trace may take to be found whole by its id.
    #[arg(long, value_parser = humantime::parse_duration, default_value = "10s")]
    visible_within: Duration,
    /// Traces are a function of this number and of their time.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Writes and checks a single trace, then ends.
    #[arg(long, conflicts_with = "run_for")]
    once: bool,
    /// Goes on for so long and checks what is left, then ends.
    #[arg(long = "for", id = "run_for", value_parser = humantime::parse_duration, value_name = "DURATION")]
    run_for: Option<Duration>,
    /// Where to answer /live, /ready and /metrics. With --once or --for, nowhere unless told.
    #[arg(long, value_name = "ADDRESS")]
    admin: Option<SocketAddr>,
    /// Prints the sums as JSON in the end.
    #[arg(long)]
    json: bool,
}

/// Runs until told to stop, or until it is done. `Ok(false)`: something was not as it should be.
pub(crate) async fn run(config: &Config, args: CanaryArgs) -> anyhow::Result<bool> {
    let ends = args.once || args.run_for.is_some();
    let json = args.json;
    let admin = match args.admin {
        None if ends => None,
        address => Some(address.unwrap_or(config.admin.canary)),
    };
    let tally = match admin {
        Some(admin) => beside_admin_port(config, args, admin).await?,
        None => {
            bootstrap::logging::install(&config.logging)?;
            work(&args).await?
        }
    };
    say(match json {
        true => serde_json::to_string(&tally)?,
        false => tally.to_string(),
    });
    Ok(tally.is_clean())
}

async fn beside_admin_port(
    config: &Config,
    args: CanaryArgs,
    admin: SocketAddr,
) -> anyhow::Result<Tally> {
    let process = start_process(ProcessSettings {
        role: "canary",
        version: env!("CARGO_PKG_VERSION"),
        logging: &config.logging,
        tracing: &config.tracing,
        admin,
        describe: &[describe],
        buckets: &buckets(),
        warnings: &[],
        grace: config.shutdown_timeout,
    })
    .await?;
    process.started();
    let mut canary = Canary::new(&args)?;
    tokio::select! {
        worked = go_on(&mut canary, &args) => worked?,
        () = process.stop.stopped() => {}
    }
    process.finish().await;
    Ok(canary.tally())
}

async fn work(args: &CanaryArgs) -> anyhow::Result<Tally> {
    let mut canary = Canary::new(args)?;
    go_on(&mut canary, args).await?;
    Ok(canary.tally())
}

/// Writes a trace each interval and checks what is due in between.
async fn go_on(canary: &mut Canary, args: &CanaryArgs) -> anyhow::Result<()> {
    let began = Instant::now();
    let mut next_write = began;
    let is_over = |now: Instant, written: u64| match args.run_for {
        _ if args.once => written >= 1,
        Some(length) => now >= began + length,
        None => false,
    };
    while !is_over(Instant::now(), canary.written()) {
        canary.write(clock::now()).await;
        canary.check_old(clock::now()).await;
        next_write += args.interval;
        while Instant::now() < next_write && !is_over(Instant::now(), canary.written()) {
            canary.check_due(clock::now()).await;
            let due = canary.next_due(clock::now()).unwrap_or(args.interval);
            let wake = next_write.min(Instant::now() + due);
            tokio::time::sleep_until(wake).await;
        }
    }
    while let Some(due) = canary.next_due(clock::now()) {
        tokio::time::sleep(due).await;
        canary.check_due(clock::now()).await;
    }
    anyhow::ensure!(canary.written() > 0, "no trace was accepted");
    Ok(())
}

impl CanaryArgs {
    fn client(&self) -> anyhow::Result<reqwest::Client> {
        let client = reqwest::Client::builder().timeout(Duration::from_secs(20));
        client.build().context("no client for HTTP")
    }
}
