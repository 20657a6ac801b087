//! Makes traffic, sends it and tells how it went.

mod generate;

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use hdrhistogram::Histogram;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::freshness::Freshness;
use super::ledger::Ledger;
use super::send::{self, Exporter};
use super::summary::{Found, Summary};
use super::traffic::Recipe;
use super::yardstick::Yardstick;
use super::{RunArgs, console};
use generate::Outbound;

type TraceId = [u8; 16];

/// The trace of a window by which freshness is measured.
struct Probe {
    id: TraceId,
    spans: usize,
    /// Requests with spans of it that are not acknowledged yet.
    missing: usize,
}

/// What the senders share.
struct Shared {
    recipe: Recipe,
    ledger: Mutex<Ledger>,
    acks: Mutex<Histogram<u64>>,
    /// By window.
    probes: Mutex<HashMap<u64, Probe>>,
    freshness: Option<Freshness>,
    spans: AtomicU64,
    retries: AtomicU64,
    /// Ids of all traces, where they have a seed of their own.
    trace_ids: Mutex<Vec<String>>,
    stop: AtomicBool,
    /// When the first request was about to be sent.
    began: OnceLock<Instant>,
    /// Of traffic that was made ahead.
    yardstick: OnceLock<Yardstick>,
}

/// Sends until the number of spans, the time, or the user's patience is over.
pub async fn run(args: RunArgs) -> anyhow::Result<()> {
    let endpoint = args
        .endpoint
        .as_deref()
        .unwrap_or(args.protocol.default_endpoint());
    let recipe = recipe(&args);
    if !args.json {
        let seed = recipe.seed;
        console::line(&format!(
            "seed {seed}: --seed {seed} makes the same traffic"
        ));
    }
    let shared = Arc::new(Shared {
        recipe,
        ledger: Mutex::new(Ledger::create(args.ledger.as_deref(), &recipe)?),
        acks: Mutex::new(Histogram::new_with_bounds(1, 600_000_000, 3)?),
        probes: Mutex::default(),
        freshness: args.freshness.as_deref().map(Freshness::new).transpose()?,
        spans: AtomicU64::new(0),
        retries: AtomicU64::new(0),
        trace_ids: Mutex::default(),
        stop: AtomicBool::new(false),
        began: OnceLock::new(),
        yardstick: OnceLock::new(),
    });
    let (queue, requests) = mpsc::channel(2 * args.connections.max(1));
    let requests = Arc::new(Mutex::new(requests));
    let mut senders = tokio::task::JoinSet::new();
    for _ in 0..args.connections.max(1) {
        let exporter = Exporter::new(args.protocol, endpoint)?;
        senders.spawn(sender(
            exporter,
            args.retry_for,
            requests.clone(),
            shared.clone(),
        ));
    }
    let generator = {
        let (args, shared) = (args.clone(), shared.clone());
        tokio::task::spawn_blocking(move || generate::generate(&args, &shared, &queue))
    };
    let progress = tokio::spawn(progress(shared.clone(), args.json));
    let interrupted = shared.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            interrupted.stop.store(true, Ordering::Relaxed);
        }
    });
    generator.await.context("the generator panicked")??;
    while let Some(done) = senders.join_next().await {
        done.context("a sender panicked")??;
    }
    progress.abort();
    finish(&shared, args.json).await
}

/// What the traffic is made from, by a seed of its own if none is told.
fn recipe(args: &RunArgs) -> Recipe {
    Recipe {
        // Small enough to be read out and typed.
        seed: args.seed.unwrap_or_else(|| rand::random::<u32>().into()),
        ids: args.ids,
        protocol: args.protocol,
        within: args.within,
        shape: args.shape,
    }
}

/// Takes requests from the queue and sends them, one at a time.
async fn sender(
    exporter: Exporter,
    retry_for: Duration,
    requests: Arc<Mutex<mpsc::Receiver<Outbound>>>,
    shared: Arc<Shared>,
) -> anyhow::Result<()> {
    loop {
        let next = requests.lock().await.recv().await;
        let Some(Outbound {
            entry,
            body,
            of_probe,
        }) = next
        else {
            return Ok(());
        };
        let began = Instant::now();
        let sent = send::all_accepted(exporter.send(body, retry_for).await?)?;
        let micros = began.elapsed().as_micros() as u64;
        shared.acks.lock().await.saturating_record(micros.max(1));
        shared
            .spans
            .fetch_add(entry.spans as u64, Ordering::Relaxed);
        shared.retries.fetch_add(sent.retries, Ordering::Relaxed);
        shared.ledger.lock().await.acknowledged(&entry)?;
        if of_probe
            && let Some(probe) = shared.probe_acknowledged(entry.window).await
            && let Some(freshness) = &shared.freshness
        {
            freshness.look_for(probe.id, probe.spans);
        }
    }
}

impl Shared {
    fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The first request is about to be sent.
    fn begin(&self) {
        self.began.get_or_init(Instant::now);
    }

    /// Since when requests are sent.
    fn began(&self) -> Instant {
        *self.began.get_or_init(Instant::now)
    }

    /// Counts down the requests of a window's probe; the last one gives the probe.
    async fn probe_acknowledged(&self, window: u64) -> Option<Probe> {
        let mut probes = self.probes.lock().await;
        let probe = probes.get_mut(&window)?;
        probe.missing -= 1;
        if probe.missing > 0 {
            return None;
        }
        probes.remove(&window)
    }
}

async fn progress(shared: Arc<Shared>, quiet: bool) {
    let mut ticks = tokio::time::interval(Duration::from_secs(1));
    let mut before = 0;
    if quiet {
        return;
    }
    loop {
        ticks.tick().await;
        let spans = shared.spans.load(Ordering::Relaxed);
        let retries = shared.retries.load(Ordering::Relaxed);
        console::status(&format!(
            "{:>4} s  {spans} spans acked  {} spans/s  {retries} retries",
            shared
                .began
                .get()
                .map_or(0, |began| began.elapsed().as_secs()),
            spans - before
        ));
        before = spans;
    }
}

async fn finish(shared: &Shared, json: bool) -> anyhow::Result<()> {
    let seconds = shared.began().elapsed().as_secs_f64();
    let spans = shared.spans.load(Ordering::Relaxed);
    let acks = shared.acks.lock().await;
    let ms = |micros: u64| micros as f64 / 1_000.0;
    let found = match &shared.freshness {
        Some(freshness) => Some(freshness.finish().await),
        None => None,
    };
    let summary = Summary {
        seed: shared.recipe.seed,
        spans,
        seconds,
        spans_per_second: spans as f64 / seconds,
        requests: acks.len(),
        retries: shared.retries.load(Ordering::Relaxed),
        ack_p50_ms: ms(acks.value_at_quantile(0.5)),
        ack_p99_ms: ms(acks.value_at_quantile(0.99)),
        found: found.map(|found| Found {
            freshness_traces: found.len(),
            freshness_p50_ms: ms(found.value_at_quantile(0.5)),
            freshness_p99_ms: ms(found.value_at_quantile(0.99)),
        }),
        yardstick: shared.yardstick.get().copied(),
        trace_ids: std::mem::take(&mut *shared.trace_ids.lock().await),
    };
    let text = if json {
        serde_json::to_string(&summary)?
    } else {
        summary.text()
    };
    console::line(&text);
    Ok(())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        run: RunArgs,
    }

    fn seed(words: &[&str]) -> u64 {
        recipe(&Line::parse_from([&["load"], words].concat()).run).seed
    }

    #[test]
    fn runs_draw_seeds_of_their_own_unless_one_is_told() {
        assert_ne!(seed(&[]), seed(&[]));
        assert_eq!(seed(&["--seed", "7"]), 7);
    }
}
