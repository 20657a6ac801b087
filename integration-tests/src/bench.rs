//! The whole path, measured: what each process spends on a span, how soon it is found, how long
//! reading takes, and what is left on disk.
//!
//! Processor time is what the operating system counts for each process, so that a busy machine
//! changes it little; wall-clock times are told beside it.

mod cluster;
mod cpu;
mod growth;
mod reads;
mod receivers;
mod report;
mod sizes;

use std::time::Duration;

use anyhow::Context;

pub use cluster::{Cluster, Settings};
pub use cpu::{Usage, Watched};
pub use growth::Step;
pub use reads::{Latency, Reads};
pub use receivers::Receiver;
pub use report::{Phase, Report, ratios};

use self::reads::Questions;
use self::sizes::Sizes;
use crate::load::Summary;

/// Spans that bring the servers' JITs and caches to their usual pace.
const WARM_UP: u64 = 2_000_000;
/// Rate of the steady phase, spans per second.
const STEADY_RATE: u64 = 20_000;
/// Rate of what is written while reads are timed.
const RATE_WHILE_READING: u64 = 10_000;
/// Requests of each kind to a store that has nothing in memory: the first ones warm it.
const COLD_READS: usize = 5;

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Amounts {
    /// Spans at full speed.
    pub spans: u64,
    /// How often so many, one after the other: what a span costs by how many are there.
    pub steps: usize,
    /// Over how many days what is stored first is spread, today included.
    pub days: u32,
    /// Spans at full speed through each receiver; none to leave that out.
    pub receivers: u64,
    /// Seconds at a steady rate.
    pub steady: u64,
    /// Requests of each kind of read.
    pub reads: usize,
}

/// Measures a cluster that was started for it. `tell` is told of each phase once it is over.
pub fn measure(
    cluster: &mut Cluster,
    amounts: Amounts,
    tell: impl Fn(&Phase),
) -> anyhow::Result<Report> {
    let mut sent = Sent::default();
    let warm_up = WARM_UP.min(2 * amounts.spans);
    phase(cluster, "warm-up", &mut sent, Pace::full_speed(warm_up))?;
    send_earlier_days(cluster, amounts, &mut sent)?;
    // What was written before a dictionary was learnt is no matter of how spans are stored.
    let (before, sizes_before) = (sent, Sizes::of(cluster)?);
    let mut growth = Vec::new();
    for _ in 0..amounts.steps.max(1) {
        let full = phase(
            cluster,
            "full speed",
            &mut sent,
            Pace::full_speed(amounts.spans),
        )?;
        tell(&full);
        let reads = read(cluster, &sent, "warm", amounts.reads)?;
        let bytes = Sizes::of(cluster)?.per_span(&sizes_before, &sent.since(&before));
        growth.push(Step {
            spans_stored: sent.spans,
            phase: full,
            reads,
            bytes,
        });
    }
    let steady = Pace {
        freshness: true,
        ..Pace::steady(STEADY_RATE, amounts.steady)
    };
    let steady = phase(cluster, "20,000 spans/s", &mut sent, steady)?;
    tell(&steady);
    let bytes = Sizes::of(cluster)?.per_span(&sizes_before, &sent.since(&before));
    let reads = read_in_every_state(cluster, &mut sent, amounts)?;
    let mut receivers = Vec::new();
    for receiver in Receiver::ALL {
        if amounts.receivers > 0 {
            let pace = Pace::full_speed(amounts.receivers).through(receiver);
            receivers.push(phase(cluster, receiver.protocol, &mut sent, pace)?);
        }
    }
    Ok(Report {
        phases: growth
            .iter()
            .map(|step| step.phase.clone())
            .chain([steady])
            .collect(),
        growth: if growth.len() > 1 { growth } else { Vec::new() },
        receivers,
        reads,
        bytes,
    })
}

/// Spreads as many spans as are measured over the days before today.
fn send_earlier_days(cluster: &Cluster, amounts: Amounts, sent: &mut Sent) -> anyhow::Result<()> {
    for day in 1..amounts.days {
        let pace = Pace::full_speed(amounts.spans / u64::from(amounts.days)).ago(day);
        let load = cluster.load(1 + sent.spans, pace)?;
        sent.add(&load.wait(|| ())?);
    }
    settled(cluster, sent, "earlier days")
}

/// Warm, while spans come in, and after Postgres has started with nothing in memory.
fn read_in_every_state(
    cluster: &mut Cluster,
    sent: &mut Sent,
    amounts: Amounts,
) -> anyhow::Result<Vec<Reads>> {
    let warm = read(cluster, sent, "warm", amounts.reads)?;
    let questions = Questions::prepare(&cluster.query_url(), amounts.reads)?;
    let pace = Pace::steady(RATE_WHILE_READING, amounts.steady);
    let mut load = cluster.load(1 + sent.spans, pace)?;
    cluster.until_stored(sent.spans + 1, Duration::from_secs(120))?;
    let when = "while 10,000 spans/s come in";
    let under_load = questions.ask(when, |_| load.is_running())?;
    sent.add(&load.wait(|| ())?);
    settled(cluster, sent, when)?;
    let questions = Questions::prepare(&cluster.query_url(), COLD_READS)?;
    let when = if cluster.restart_postgres_cold()? {
        "first after a restart of Postgres, page cache dropped"
    } else {
        "first after a restart of Postgres"
    };
    let cold = questions.ask(when, |round| round < COLD_READS)?;
    Ok(vec![warm, under_load, cold])
}

fn read(cluster: &Cluster, sent: &Sent, when: &str, rounds: usize) -> anyhow::Result<Reads> {
    let millions = sent.spans as f64 / 1e6;
    let questions = Questions::prepare(&cluster.query_url(), rounds)?;
    questions.ask(format!("{when}, {millions:.1} M spans"), |round| {
        round < rounds
    })
}

/// How spans are sent.
#[derive(Debug, Clone, Copy)]
struct Pace {
    receiver: Receiver,
    spans: u64,
    /// Spans per second; 0 is as fast as they are taken.
    rate: u64,
    /// Whether it is looked how soon they are found.
    freshness: bool,
    /// How many days ago they were.
    days_ago: u32,
}

impl Pace {
    const fn full_speed(spans: u64) -> Self {
        Self {
            receiver: Receiver::OTLP,
            spans,
            rate: 0,
            freshness: false,
            days_ago: 0,
        }
    }

    const fn steady(rate: u64, seconds: u64) -> Self {
        Self {
            rate,
            ..Self::full_speed(rate * seconds)
        }
    }

    const fn ago(self, days_ago: u32) -> Self {
        Self { days_ago, ..self }
    }

    const fn through(self, receiver: Receiver) -> Self {
        Self { receiver, ..self }
    }
}

/// What was sent so far.
#[derive(Debug, Clone, Copy, Default)]
struct Sent {
    spans: u64,
    /// As OTLP.
    bytes: u64,
    /// The same in streams of `zstd -3`.
    compressed: u64,
}

impl Sent {
    fn add(&mut self, summary: &Summary) {
        self.spans += summary.spans;
        self.bytes += summary.otlp_bytes.unwrap_or_default();
        self.compressed += summary.zstd_bytes.unwrap_or_default();
    }

    /// What was sent since an earlier moment.
    fn since(&self, earlier: &Self) -> Self {
        Self {
            spans: self.spans - earlier.spans,
            bytes: self.bytes - earlier.bytes,
            compressed: self.compressed - earlier.compressed,
        }
    }
}

/// Sends spans and waits until all of them are stored and the background work is done.
fn phase(cluster: &Cluster, name: &str, sent: &mut Sent, pace: Pace) -> anyhow::Result<Phase> {
    let before = cluster.usage();
    let load = cluster.load(1 + sent.spans, pace)?;
    let mut peak = cluster.usage();
    let summary = load.wait(|| peak.keep_highest_memory(&cluster.usage()))?;
    sent.add(&summary);
    settled(cluster, sent, name)?;
    Ok(Phase::new(name, &summary, &before, &cluster.usage(), &peak))
}

/// Waits until everything is stored and nothing is left to do.
fn settled(cluster: &Cluster, sent: &Sent, name: &str) -> anyhow::Result<()> {
    cluster
        .until_stored(sent.spans, Duration::from_secs(300))
        .with_context(|| format!("{name}: not everything was stored"))?;
    cluster.until_quiet(Duration::from_secs(60));
    Ok(())
}
