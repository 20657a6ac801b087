//! The `spoor` binary: one subcommand per role.

mod all_in_one;
mod audit;
mod backfill;
mod canary;
mod cli;
mod config;
mod console;
mod dead_letters;
mod dispatch;
mod load;
mod metrics_page;
mod migrate;
mod rebuild;
mod replay;
mod purge;
mod roles;
mod sampling;
mod schema_ids;
mod servers;
mod sizes;
mod test_servers;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    match dispatch::run(cli) {
        Ok(code) => code,
        Err(failure) => failure.report(),
    }
}
