//! What is at rest in a store, by part, and what each version of the payload costs on its traffic.
//!
//! `SPOOR_BENCH_POSTGRES_URL=postgres://… cargo bench -p storage`, on a store that `spoor load` has
//! filled; `SPOOR_BENCH_LEVEL` is the level of zstd, if not the default one.

#![expect(clippy::print_stdout, reason = "its output is a table")]

use std::time::Duration;

use storage::{DatabaseUrl, PostgresStore, StorageConfig};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Ok(url) = std::env::var("SPOOR_BENCH_POSTGRES_URL") else {
        println!("SPOOR_BENCH_POSTGRES_URL names no store: nothing to measure");
        return Ok(());
    };
    let mut config = StorageConfig {
        url: DatabaseUrl(url),
        ..StorageConfig::default()
    };
    if let Ok(level) = std::env::var("SPOOR_BENCH_LEVEL") {
        config.compression_level = level.parse()?;
    }
    let store = PostgresStore::connect(&config).await?;
    let sizes = store.sizes().await?;
    println!("{} spans in {} segments", sizes.spans, sizes.segments);
    println!("{:<14}{:>14}{:>10}", "part", "bytes", "B/span");
    for (part, bytes) in [
        ("payload", sizes.payload),
        ("rows", sizes.rows),
        ("row indexes", sizes.row_indexes),
        ("token index", sizes.token_index),
        ("derived", sizes.derived),
        ("words", sizes.words),
        ("other", sizes.other),
        ("WAL", sizes.wal),
    ] {
        let per_span = bytes as f64 / sizes.spans.max(1) as f64;
        println!("{part:<14}{bytes:>14}{per_span:>10.2}");
    }
    println!();
    println!(
        "{:<20}{:>8}{:>12}{:>12}",
        "payload version", "B/span", "encode µs", "decode µs"
    );
    for cost in store.payload_costs(at_work).await? {
        let spans = cost.spans.max(1) as f64;
        let micros = |time: Duration| time.as_secs_f64() * 1e6 / spans;
        println!(
            "{:<20}{:>8.2}{:>12.3}{:>12.3}",
            cost.codec,
            cost.bytes as f64 / spans,
            micros(cost.encoding),
            micros(cost.decoding),
        );
    }
    Ok(())
}

/// How long this thread has been on a processor, in Linux's words.
fn at_work() -> Duration {
    let statistics = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanos = statistics
        .split(' ')
        .next()
        .and_then(|nanos| nanos.parse().ok());
    Duration::from_nanos(nanos.unwrap_or_default())
}
