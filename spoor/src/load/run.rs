//! Makes traffic, sends it and tells how it went.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use bytes::Bytes;
use hdrhistogram::Histogram;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use tokio::sync::{Mutex, mpsc};
use tokio::time::Instant;

use super::encode::encode;
use super::freshness::Freshness;
use super::ledger::{Entry, Ledger};
use super::send::{self, Exporter};
use super::summary::{Found, Summary};
use super::traffic::Recipe;
use super::yardstick::{Measuring, Yardstick};
use super::{RunArgs, console, span_count};

type TraceId = [u8; 16];

/// A request on its way, with its place in the traffic.
struct Outbound {
    entry: Entry,
    body: Bytes,
    /// Whether it carries spans of its window's probe.
    of_probe: bool,
}

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
        tokio::task::spawn_blocking(move || generate(&args, &shared, &queue))
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

/// Makes windows of traffic and queues their requests, at the rate that was asked for.
fn generate(args: &RunArgs, shared: &Shared, queue: &mpsc::Sender<Outbound>) -> anyhow::Result<()> {
    let mut pace = Pace::new(args.rate);
    if args.ahead {
        let windows = make_ahead(args, shared)?;
        pace = Pace::new(args.rate);
        shared.begin();
        windows
            .into_iter()
            .flatten()
            .all(|outbound| !shared.is_stopped() && pace.send(queue, outbound));
        return Ok(());
    }
    shared.begin();
    for number in 0.. {
        let wanted = args.spans.is_none_or(|most| pace.made < most)
            && args.duration.is_none_or(|longest| pace.elapsed() < longest)
            && !shared.is_stopped();
        if !wanted {
            break;
        }
        let mut requests = make_window(args, shared, number)?.into_iter();
        if !requests.all(|outbound| pace.send(queue, outbound)) {
            break;
        }
    }
    Ok(())
}

/// All traffic, before the first request is sent.
fn make_ahead(args: &RunArgs, shared: &Shared) -> anyhow::Result<Vec<Vec<Outbound>>> {
    let (mut windows, mut made, mut measuring) = (Vec::new(), 0, Measuring::new()?);
    for number in 0.. {
        if args.spans.is_none_or(|most| made >= most) || shared.is_stopped() {
            break;
        }
        let requests = make_window(args, shared, number)?;
        for request in &requests {
            made += request.entry.spans as u64;
            measuring.add(&request.body)?;
        }
        windows.push(requests);
    }
    shared.yardstick.get_or_init({
        let measured = measuring.finish()?;
        move || measured
    });
    Ok(windows)
}

/// Requests of one window, encoded.
fn make_window(args: &RunArgs, shared: &Shared, number: u64) -> anyhow::Result<Vec<Outbound>> {
    let base = args.base.unwrap_or_else(bootstrap::clock::now);
    let recipe = &shared.recipe;
    let window = recipe.window(number, base);
    if recipe.ids.is_some() {
        let ids = (0..recipe.traces_per_window()).map(|index| hex(&recipe.trace_id(number, index)));
        shared.trace_ids.blocking_lock().extend(ids);
    }
    let id = recipe.trace_id(number, number % recipe.traces_per_window());
    let counts = window.requests.iter().map(|message| spans_of(message, &id));
    let of_probe: Vec<usize> = counts.collect();
    let probe = Probe {
        id,
        spans: of_probe.iter().sum(),
        missing: of_probe.iter().filter(|spans| **spans > 0).count(),
    };
    shared.probes.blocking_lock().insert(number, probe);
    let requests = window.requests.iter().enumerate();
    requests
        .map(|(request, message)| {
            let entry = Entry {
                window: number,
                base,
                request,
                spans: span_count(message),
            };
            Ok(Outbound {
                entry,
                body: encode(args.protocol, message)?,
                of_probe: of_probe[request] > 0,
            })
        })
        .collect()
}

fn hex(id: &TraceId) -> String {
    id.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Hands requests over at a rate.
struct Pace {
    started: std::time::Instant,
    /// Spans per second; 0 is as fast as they are taken.
    rate: u64,
    made: u64,
}

impl Pace {
    fn new(rate: u64) -> Self {
        Self {
            started: std::time::Instant::now(),
            rate,
            made: 0,
        }
    }

    fn elapsed(&self) -> Duration {
        self.started.elapsed()
    }

    /// Hands a request over and waits until the next one is due. `false` when nobody takes any.
    fn send(&mut self, queue: &mpsc::Sender<Outbound>, outbound: Outbound) -> bool {
        self.made += outbound.entry.spans as u64;
        if queue.blocking_send(outbound).is_err() {
            return false;
        }
        if let Some(due) = (self.made * 1_000_000_000).checked_div(self.rate) {
            std::thread::park_timeout(Duration::from_nanos(due).saturating_sub(self.elapsed()));
        }
        true
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

/// How many spans of a trace a request carries.
fn spans_of(request: &ExportTraceServiceRequest, trace: &TraceId) -> usize {
    let of_resources = request.resource_spans.iter();
    let scopes = of_resources.flat_map(|of_resource| &of_resource.scope_spans);
    let spans = scopes.flat_map(|of_scope| &of_scope.spans);
    spans.filter(|span| span.trace_id == trace).count()
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
