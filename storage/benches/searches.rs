//! How long searches take in the store alone, without rendering, and what they cost.
//!
//! `SPOOR_BENCH_POSTGRES_URL=postgres://… cargo bench -p storage --bench searches`, on a store that
//! `spoor load` has filled; `SPOOR_BENCH_REQUESTS` searches of each kind, 40 if not told, of those
//! kinds whose names begin like one of the arguments.

#![expect(clippy::print_stdout, reason = "its output is a table")]

use std::time::{Duration, Instant};

use model::{SpanPredicate, Tenant, TraceQuery};
use storage::{DatabaseUrl, PostgresStore, StorageConfig, TraceReader};

/// Traces that a search asks for.
const LIMIT: usize = 20;

type Error = Box<dyn std::error::Error>;

#[tokio::main]
async fn main() -> Result<(), Error> {
    let Ok(url) = std::env::var("SPOOR_BENCH_POSTGRES_URL") else {
        println!("SPOOR_BENCH_POSTGRES_URL names no store: nothing to measure");
        return Ok(());
    };
    let requests = match std::env::var("SPOOR_BENCH_REQUESTS") {
        Ok(number) => number.parse()?,
        Err(_) => 40,
    };
    let config = StorageConfig {
        url: DatabaseUrl(url),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config).await?;
    let services = store.services(&Tenant::default()).await?;
    println!(
        "{:<28}{:>10}{:>10}{:>10}{:>10}{:>10}",
        "search", "p50 ms", "p95 ms", "most ms", "CPU ms", "spans"
    );
    let asked: Vec<String> = std::env::args()
        .skip(1)
        .filter(|of| !of.starts_with("--"))
        .collect();
    for (kind, query) in kinds() {
        if !asked.is_empty() && !asked.iter().any(|of| kind.starts_with(of.as_str())) {
            continue;
        }
        let measured = measure(&store, &services, requests, &query).await?;
        let of_all = requests as f64;
        let quantile = |part: f64| measured.took[((requests - 1) as f64 * part) as usize];
        println!(
            "{kind:<28}{:>10.1}{:>10.1}{:>10.1}{:>10.2}{:>10.0}",
            millis(quantile(0.5)),
            millis(quantile(0.95)),
            millis(quantile(1.0)),
            millis(measured.on_processor) / of_all,
            measured.spans as f64 / of_all,
        );
    }
    Ok(())
}

fn kinds() -> Vec<(&'static str, TraceQuery)> {
    let tags = |tags: &[(&str, &str)]| TraceQuery {
        predicates: tags
            .iter()
            .map(|(key, value)| SpanPredicate::from_tag(key, value))
            .collect(),
        ..TraceQuery::any(LIMIT)
    };
    let get = ("http.request.method", "GET");
    let millis = |millis: u64| Some(millis * 1_000_000);
    vec![
        ("service", tags(&[])),
        ("common value", tags(&[get])),
        ("errors", tags(&[("error", "true")])),
        (
            "two predicates on one span",
            tags(&[get, ("http.response.status_code", "500")]),
        ),
        (
            "duration",
            TraceQuery {
                duration_min: millis(200),
                duration_max: millis(400),
                ..tags(&[])
            },
        ),
        ("nothing", tags(&[get, ("db.system.name", "postgresql")])),
    ]
}

struct Measured {
    took: Vec<Duration>,
    on_processor: Duration,
    spans: usize,
}

/// Asks for each service in turns.
async fn measure(
    store: &PostgresStore,
    services: &[String],
    requests: usize,
    query: &TraceQuery,
) -> Result<Measured, Error> {
    let tenant = Tenant::default();
    let mut measured = Measured {
        took: Vec::with_capacity(requests),
        on_processor: Duration::ZERO,
        spans: 0,
    };
    let before = on_processor()?;
    for service in services.iter().cycle().take(requests) {
        let mut query = query.clone();
        let service = SpanPredicate::Service(service.clone());
        query.predicates.push(service);
        let began = Instant::now();
        let found = store.search(&tenant, &query).await?;
        measured.took.push(began.elapsed());
        let spans = found.traces.iter().map(|of| of.trace.span_count());
        measured.spans += spans.sum::<usize>();
    }
    measured.on_processor = on_processor()? - before;
    measured.took.sort_unstable();
    Ok(measured)
}

/// How long this process has been on a processor: Linux counts it in hundredths of a second.
fn on_processor() -> Result<Duration, Error> {
    let statistics = std::fs::read_to_string("/proc/self/stat")?;
    let fields = statistics.rsplit(')').next().unwrap_or_default();
    let ticks = fields.split_whitespace().skip(11).take(2);
    let ticks: u64 = ticks.map(|ticks| ticks.parse::<u64>().unwrap_or(0)).sum();
    Ok(Duration::from_millis(10 * ticks))
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}
