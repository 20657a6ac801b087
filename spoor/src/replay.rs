//! `spoor replay`: reads once more what Kafka still has. The work is done by the ingesters that
//! run; here jobs are made, watched and checked.

mod jobs;
pub(crate) mod moment;
mod table;

use clap::{Args, Subcommand};
use model::{Tenant, TimeRange};
use storage::ReplaySpec;

/// `spoor replay …`
#[derive(Debug, Subcommand)]
pub(crate) enum ReplayCommand {
    /// Makes a job that reads a range of time once more.
    Start(StartArgs),
    /// Lists the jobs.
    Ls,
    /// Shows a job and its partitions.
    Show(JobArgs),
    /// Lets a job wait.
    Pause(JobArgs),
    /// Lets a job go on: after a pause, or after a failure.
    Resume(JobArgs),
    /// Ends a job. What it has stored stays.
    Cancel(JobArgs),
    /// Compares what the log holds of a job's range with what is stored. Exits with 1 if anything
    /// is missing.
    Verify(VerifyArgs),
}

/// `spoor replay start`
#[derive(Debug, Args)]
pub(crate) struct StartArgs {
    /// Records that a collector received from then on: RFC 3339, or -2h.
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    from: String,
    /// And before then.
    #[arg(
        long,
        value_name = "TIME",
        allow_hyphen_values = true,
        default_value = "now"
    )]
    to: String,
    /// Topic to read.
    #[arg(long, default_value = "spoor.spans")]
    topic: String,
    /// Records of this tenant alone.
    #[arg(long, value_parser = tenant)]
    tenant: Option<Tenant>,
    /// Records with spans of this service alone.
    #[arg(long)]
    service: Option<String>,
    /// Most spans per second, over all ingesters.
    #[arg(long, value_name = "SPANS")]
    rate: Option<u64>,
    /// Takes what there is when Kafka no longer has all of the range.
    #[arg(long)]
    partial: bool,
    /// Says what would be stored, and makes no job.
    #[arg(long)]
    dry_run: bool,
    /// How many missing and extra spans a dry run names.
    #[arg(long, default_value_t = 20)]
    limit: usize,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// A job.
#[derive(Debug, Args)]
pub(crate) struct JobArgs {
    /// Number of the job.
    id: i64,
    /// Prints JSON.
    #[arg(long)]
    json: bool,
}

/// `spoor replay verify`
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    #[command(flatten)]
    job: JobArgs,
    /// How many missing and extra spans to name.
    #[arg(long, default_value_t = 20)]
    limit: usize,
}

pub(crate) use jobs::run;

fn tenant(name: &str) -> Result<Tenant, String> {
    Tenant::parse(name).map_err(|error| error.to_string())
}

impl StartArgs {
    fn spec(&self, now: u64) -> anyhow::Result<ReplaySpec> {
        let received = TimeRange {
            start: moment::parse(&self.from, now)?,
            end: moment::parse(&self.to, now)?,
        };
        anyhow::ensure!(
            received.start < received.end,
            "--from must lie before --to: {} to {} is no range",
            moment::show(received.start),
            moment::show(received.end)
        );
        Ok(ReplaySpec {
            topic: self.topic.clone(),
            received,
            tenant: self.tenant.clone(),
            service: self.service.clone(),
            spans_per_second: self.rate,
        })
    }
}
