//! The whole path, measured: what each process spends on a span, how soon it is found, how long
//! reading takes, and what is left on disk.
//!
//! Processor time is what the operating system counts for each process, so that a busy machine
//! changes it little; wall-clock times are told beside it.

mod cluster;
mod cpu;
mod reads;
mod receivers;
mod report;
mod sizes;

use std::time::Duration;

use anyhow::Context;

pub use cluster::{Cluster, Settings};
pub use cpu::{Usage, Watched};
pub use receivers::Receiver;
pub use report::{Phase, Report, ratios};

use self::sizes::Sizes;
use crate::load::Summary;

/// Spans that bring the servers' JITs and caches to their usual pace.
const WARM_UP: u64 = 2_000_000;
/// Rate of the steady phase, spans per second.
const STEADY_RATE: u64 = 20_000;

/// How much to measure.
#[derive(Debug, Clone, Copy)]
pub struct Amounts {
    /// Spans at full speed.
    pub spans: u64,
    /// Spans at full speed through each receiver; none to leave that out.
    pub receivers: u64,
    /// Seconds at a steady rate.
    pub steady: u64,
    /// Requests of each kind of read.
    pub reads: usize,
}

/// Measures a cluster that was started for it. `tell` is told of each phase once it is over.
pub fn measure(
    cluster: &Cluster,
    amounts: Amounts,
    tell: impl Fn(&Phase),
) -> anyhow::Result<Report> {
    let mut sent = Sent::default();
    let warm_up = WARM_UP.min(2 * amounts.spans);
    let full_speed = |spans| Pace {
        receiver: Receiver::OTLP,
        spans,
        rate: 0,
    };
    phase(cluster, "warm-up", &mut sent, full_speed(warm_up))?;
    // What was written before a dictionary was learnt is no matter of how spans are stored.
    let (before, sizes_before) = (sent, Sizes::of(cluster)?);
    let full = phase(cluster, "full speed", &mut sent, full_speed(amounts.spans))?;
    tell(&full);
    let steady = Pace {
        spans: STEADY_RATE * amounts.steady,
        rate: STEADY_RATE,
        ..full_speed(0)
    };
    let steady = phase(cluster, "20,000 spans/s", &mut sent, steady)?;
    tell(&steady);
    let reads = reads::measure(&cluster.query_url(), amounts.reads)?;
    let bytes = Sizes::of(cluster)?.per_span(&sizes_before, &sent.since(&before));
    let through = |receiver: Receiver| {
        let pace = Pace {
            receiver,
            ..full_speed(amounts.receivers)
        };
        phase(cluster, receiver.protocol, &mut sent, pace)
    };
    let receivers: anyhow::Result<Vec<Phase>> = match amounts.receivers {
        0 => Ok(Vec::new()),
        _ => Receiver::ALL.into_iter().map(through).collect(),
    };
    Ok(Report {
        phases: vec![full, steady],
        receivers: receivers?,
        reads,
        bytes,
    })
}

/// How spans are sent.
#[derive(Debug, Clone, Copy)]
struct Pace {
    receiver: Receiver,
    spans: u64,
    /// Spans per second; 0 is as fast as they are taken.
    rate: u64,
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
    let seed = 1 + sent.spans;
    let load = cluster.load(pace.receiver, seed, pace.spans, pace.rate)?;
    let mut peak = cluster.usage();
    let summary: Summary = load.wait(|| peak.keep_highest_memory(&cluster.usage()))?;
    sent.spans += summary.spans;
    sent.bytes += summary.otlp_bytes.unwrap_or_default();
    sent.compressed += summary.zstd_bytes.unwrap_or_default();
    cluster
        .until_stored(sent.spans, Duration::from_secs(300))
        .with_context(|| format!("{name}: not everything was stored"))?;
    cluster.until_quiet(Duration::from_secs(60));
    let after = cluster.usage();
    Ok(Phase::new(name, &summary, &before, &after, &peak))
}
