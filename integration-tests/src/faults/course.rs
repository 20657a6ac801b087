//! The course that every fault takes: start, load, inject, heal, wait for lag zero, verify.

use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::program::until;
use super::site::{Plan, Site};
use super::topic::SPANS;
use crate::load::{Findings, Load, Summary};

/// How long the load goes on after the fault is healed.
const AFTERWARDS: Duration = Duration::from_secs(4);

/// A fault: what it is, how it is made, and what must come of it.
pub struct Fault {
    /// A word for the command line.
    pub name: &'static str,
    /// What is done, for the table.
    pub what: &'static str,
    /// The installation that it needs.
    pub plan: Plan,
    /// Spans per second meanwhile.
    pub rate: u32,
    /// From the heal until everything that was acknowledged before it is stored.
    pub within: Duration,
    /// Injects it, waits, heals it.
    pub play: fn(&mut Site, &mut Notes) -> anyhow::Result<()>,
    /// What must hold in the end, beside the ledger.
    pub after: fn(&mut Site, &mut Notes) -> anyhow::Result<()>,
    /// Whether the store holds nothing but the load.
    pub exclusive: bool,
    /// Whether the log stays the same one throughout.
    pub one_log: bool,
}

/// Three thousand spans a second on one of everything, with nothing done to it.
pub const USUAL: Fault = Fault {
    name: "",
    what: "",
    plan: super::site::SINGLE,
    rate: 3_000,
    within: Duration::from_secs(60),
    play: nothing_more,
    after: nothing_more,
    exclusive: true,
    one_log: true,
};

/// What is told about a run.
#[derive(Debug, Default, Clone)]
pub struct Notes {
    /// Who was ready while it lasted: collectors / ingesters / query.
    pub ready: String,
    /// Further figures.
    pub figures: Vec<String>,
    /// Spans sent again by clients.
    pub retries: u64,
    /// Spans acknowledged.
    pub spans: u64,
    /// From the heal until everything acknowledged before it was stored.
    pub recovery: Option<Duration>,
    /// From the last ack of a trace until it was found whole, for 99 of 100 traces.
    pub freshness_p99_ms: Option<f64>,
    /// What the ledger says.
    pub findings: Option<Findings>,
}

/// A run and how it ended.
pub struct Outcome {
    /// Name of the fault.
    pub name: &'static str,
    /// What was done.
    pub what: &'static str,
    /// Limit of the recovery.
    pub within: Duration,
    /// What is told about it.
    pub notes: Notes,
    /// Why it failed, if it did.
    pub failure: Option<String>,
}

/// Nothing more to look at in the end.
pub fn nothing_more(_: &mut Site, _: &mut Notes) -> anyhow::Result<()> {
    Ok(())
}

impl Notes {
    /// Adds a figure.
    pub fn add(&mut self, figure: impl Into<String>) {
        self.figures.push(figure.into());
    }
}

impl Fault {
    /// Takes the course.
    pub fn run(&self) -> Outcome {
        let mut notes = Notes::default();
        let failure = self.course(&mut notes).err();
        Outcome {
            name: self.name,
            what: self.what,
            within: self.within,
            notes,
            failure: failure.map(|error| format!("{error:#}")),
        }
    }

    fn course(&self, notes: &mut Notes) -> anyhow::Result<()> {
        let mut site = Site::start(self.name, self.plan).context("the site does not start")?;
        let load = self.load(&site);
        let enough = f64::from(self.rate);
        until("spans are coming in", Duration::from_secs(180), || {
            site.accepted() > enough
        })?;
        (self.play)(&mut site, notes)?;
        notes.recovery = Some(recovered(&site, self.within)?);
        std::thread::park_timeout(AFTERWARDS);
        let summary = load.stop()?;
        self.settle(&site, &summary, notes)?;
        (self.after)(&mut site, notes)?;
        site.nobody_died()
    }

    pub(super) fn load(&self, site: &Site) -> Load {
        let rate = self.rate.to_string();
        let query = site.query_address();
        let words = ["--rate", &rate, "--duration", "1h", "--freshness", &query];
        Load::start(&site.otlp_grpc(), &site.file("ledger"), &words)
    }

    /// Waits until every record is done, and verifies.
    pub(super) fn settle(
        &self,
        site: &Site,
        summary: &Summary,
        notes: &mut Notes,
    ) -> anyhow::Result<()> {
        (notes.spans, notes.retries) = (summary.spans, summary.retries);
        notes.freshness_p99_ms = summary.freshness_p99_ms;
        let ends = site.topics.ends(SPANS)?;
        until("the lag is zero", self.within, || site.has_done(&ends))?;
        let mut words = vec!["--settle", "30s"];
        words.extend(self.exclusive.then_some("--exclusive"));
        let findings = crate::load::verify_at(&site.query_address(), &site.file("ledger"), &words);
        let verdict = findings.verdict();
        notes.findings = Some(findings);
        verdict?;
        match self.one_log {
            true => records_count_once(site),
            false => Ok(()),
        }
    }
}

/// Every offset of the log is counted by exactly one commit.
fn records_count_once(site: &Site) -> anyhow::Result<()> {
    let counted = site.number(&format!(
        "SELECT coalesce(sum(records), 0)::bigint FROM spoor.progress
         WHERE consumer = 'live' AND topic = '{SPANS}'"
    ))?;
    let there: i64 = site.topics.ends(SPANS)?.values().sum();
    ensure!(
        counted == there,
        "{there} records in the log, {counted} counted as done"
    );
    Ok(())
}

/// From now until everything that is in the log now is done.
pub(super) fn recovered(site: &Site, within: Duration) -> anyhow::Result<Duration> {
    let began = Instant::now();
    let mut ends = Err(anyhow::anyhow!("the brokers were not asked"));
    until("the brokers tell the ends of the log", within, || {
        ends = site.topics.ends(SPANS);
        ends.is_ok()
    })?;
    let ends = ends?;
    let left = within.saturating_sub(began.elapsed());
    until(
        "what was acknowledged before the heal is stored",
        left,
        || site.has_done(&ends),
    )?;
    Ok(began.elapsed())
}
