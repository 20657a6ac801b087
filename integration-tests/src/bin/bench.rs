//! `make bench`: the whole path, measured on real servers; against another binary if one is named.

use std::path::PathBuf;

use anyhow::Context;
use clap::Parser;
use integration_tests::bench::{Amounts, Cluster, Report, Settings, measure, ratios};
use integration_tests::root;

/// Measures spoor on this machine.
#[derive(Debug, Parser)]
struct Arguments {
    /// The binary to measure.
    #[arg(long, default_value = "target/dist/spoor")]
    binary: PathBuf,
    /// Another one to measure it against, in turns.
    #[arg(long)]
    against: Option<PathBuf>,
    /// How often each is measured.
    #[arg(long, default_value_t = 1)]
    rounds: usize,
    /// Spans at full speed.
    #[arg(long, default_value_t = 1_000_000)]
    spans: u64,
    /// How often as many, one after the other, with a table of what they cost and what reading takes.
    #[arg(long, default_value_t = 1)]
    steps: usize,
    /// Over how many days as many more spans are spread that are stored first.
    #[arg(long, default_value_t = 1)]
    days: u32,
    /// Seconds at a steady rate.
    #[arg(long, default_value_t = 20)]
    steady: u64,
    /// Spans at full speed through each receiver; 0 leaves that out.
    #[arg(long, default_value_t = 0)]
    receivers: u64,
    /// Requests of each kind of read.
    #[arg(long, default_value_t = 200)]
    reads: usize,
    /// Partitions of the topic; the default of the configuration if left out.
    #[arg(long)]
    partitions: Option<u32>,
    /// How many processes ingest.
    #[arg(long, default_value_t = 1)]
    ingesters: usize,
    /// Further arguments of `spoor load`, between blanks, which say what the traffic is like.
    #[arg(long, default_value = "", allow_hyphen_values = true)]
    traffic: String,
    /// Where to write everything as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn main() -> anyhow::Result<()> {
    let arguments = Arguments::parse();
    let (mut these, mut others) = (Vec::new(), Vec::new());
    for round in 1..=arguments.rounds {
        if let Some(against) = &arguments.against {
            println!("\n## Round {round}, {}", against.display());
            others.push(once(against.clone(), &arguments)?);
        }
        println!("\n## Round {round}, {}", arguments.binary.display());
        these.push(once(arguments.binary.clone(), &arguments)?);
    }
    if !others.is_empty() {
        println!("{}", ratios(&these, &others));
    }
    if let Some(path) = &arguments.json {
        let all = serde_json::json!({ "this": these, "other": others });
        std::fs::write(path, serde_json::to_vec_pretty(&all)?)
            .with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the table is what the command is for")]
fn once(binary: PathBuf, arguments: &Arguments) -> anyhow::Result<Report> {
    let binary = std::path::absolute(&binary)?;
    anyhow::ensure!(binary.is_file(), "{} is not built", binary.display());
    let settings = Settings {
        binary,
        runtime: root().join("target/runtime"),
        folder: root().join("target/bench/run"),
        partitions: arguments.partitions,
        ingesters: arguments.ingesters,
        traffic: arguments
            .traffic
            .split_whitespace()
            .map(str::to_owned)
            .collect(),
    };
    let amounts = Amounts {
        spans: arguments.spans,
        steps: arguments.steps,
        days: arguments.days,
        receivers: arguments.receivers,
        steady: arguments.steady,
        reads: arguments.reads,
    };
    let mut cluster = Cluster::start(settings)?;
    let report = measure(&mut cluster, amounts, |phase| println!("{phase}"))?;
    println!("{report}");
    Ok(report)
}
