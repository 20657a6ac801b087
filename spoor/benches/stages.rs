//! Each stage of the path by itself, in one thread: spans per second and bytes per span by criterion,
//! and allocations per span, which must stay below their limits.
//!
//! `cargo bench -p spoor --bench stages`. What needs a store is left out without
//! `SPOOR_TEST_POSTGRES_URL`; `spoor servers -- …` sets it.

#![expect(clippy::print_stdout, reason = "its output is a table")]
#![expect(
    clippy::unwrap_used,
    reason = "a benchmark stops at what it does not expect"
)]

#[path = "../src/load/attributes.rs"]
mod attributes;
#[path = "../src/load/carry.rs"]
mod carry;
#[path = "stages/collect.rs"]
mod collect;
#[path = "stages/ingest.rs"]
mod ingest;
#[expect(dead_code, reason = "the collector's tests need more of it")]
#[path = "../../collector/tests/otlp/doors/jaeger_wire.rs"]
mod jaeger_wire;
#[path = "../src/load/pack.rs"]
mod pack;
#[expect(dead_code, reason = "`spoor load` needs more of it")]
#[path = "../src/load/protocol.rs"]
mod protocol;
#[path = "stages/receivers.rs"]
mod receivers;
#[path = "../src/load/shape.rs"]
mod shape;
#[expect(unused_imports, reason = "those of its tests")]
#[path = "../src/load/shop.rs"]
mod shop;
#[path = "../src/load/trace.rs"]
mod trace;
#[expect(dead_code, reason = "what its tests need")]
#[path = "../src/load/traffic.rs"]
mod traffic;
#[expect(unused_imports, reason = "those of its tests")]
#[path = "../src/load/tree.rs"]
mod tree;
#[expect(dead_code, reason = "the collector's tests need more of it")]
#[path = "../../collector/tests/otlp/wire.rs"]
mod wire;
#[path = "../../collector/tests/otlp/doors/thrift_wire.rs"]
mod thrift_wire;
#[path = "../../collector/tests/otlp/doors/zipkin_wire.rs"]
mod zipkin_wire;

use std::alloc::System;
use std::time::Duration;

use bumpalo::Bump;
use collector::Encoding;
use criterion::{BatchSize, Criterion, Throughput};
use stats_alloc::{INSTRUMENTED_SYSTEM, Region, StatsAlloc};
use storage::{DatabaseUrl, PostgresStore, StorageConfig};
use tokio::runtime::Runtime;

use collect::CollectorStages;
use ingest::IngesterStages;
use protocol::Protocol;

#[global_allocator]
static ALLOCATOR: &StatsAlloc<System> = &INSTRUMENTED_SYSTEM;

/// Allocations that one span may cost, from the request's bytes to records.
const COLLECTOR_ALLOCATIONS: f64 = 0.6;
/// The same from records to committed rows, what the client of Postgres does included.
const INGESTER_ALLOCATIONS: f64 = 2.0;

const OTLP: Encoding = Encoding::Protobuf;

/// Windows of traffic that a stage works on, some 1,200 spans each.
const WINDOWS: u64 = 8;

fn main() {
    let runtime = Runtime::new().expect("a runtime");
    let store = runtime.block_on(store());
    let collector = CollectorStages::new();
    let ingester = IngesterStages::new();
    allocations(&runtime, &collector, &ingester, store.as_ref());
    let mut criterion = Criterion::default()
        .configure_from_args()
        .sample_size(20)
        .measurement_time(Duration::from_secs(4));
    collecting(&mut criterion, &collector);
    receiving(&mut criterion, &collector);
    ingesting(
        &mut criterion,
        &runtime,
        &collector,
        &ingester,
        store.as_ref(),
    );
    criterion.final_summary();
}

async fn store() -> Option<PostgresStore> {
    let Ok(url) = std::env::var("SPOOR_TEST_POSTGRES_URL") else {
        println!("SPOOR_TEST_POSTGRES_URL names no server: writing is left out");
        return None;
    };
    let config = StorageConfig {
        url: DatabaseUrl(url),
        ..StorageConfig::default()
    };
    let store = PostgresStore::connect(&config).await.unwrap();
    store.migrate().await.unwrap();
    Some(store)
}

/// Spans that are stored already are dropped: each round, and each run, writes traffic of its own.
fn new_seed() -> u64 {
    rand::random()
}

/// Counts what each side allocates, the second time that it does the same: what is allocated once
/// for a process is no matter of spans.
fn allocations(
    runtime: &Runtime,
    collector: &CollectorStages,
    ingester: &IngesterStages,
    store: Option<&PostgresStore>,
) {
    let mut counts = [0.0; 2];
    for seed in [new_seed(), new_seed()] {
        let bodies = collect::bodies(seed, WINDOWS);
        let region = Region::new(ALLOCATOR);
        let records: Vec<_> = bodies
            .iter()
            .flat_map(|body| collector.whole(OTLP, body))
            .collect();
        let collecting = region.change();
        let spans = collect::spans(&records);
        let records = ingest::consumed(records);
        let region = Region::new(ALLOCATOR);
        let traces = ingester.assemble(ingester.decode(records));
        if let Some(store) = store {
            runtime.block_on(ingester.write(&traces, store));
        }
        let ingesting = region.change();
        let per_span = |stats: stats_alloc::Stats| {
            (stats.allocations + stats.reallocations) as f64 / spans as f64
        };
        counts = [per_span(collecting), per_span(ingesting)];
    }
    for (side, count, limit) in [
        ("collector", counts[0], COLLECTOR_ALLOCATIONS),
        ("ingester", counts[1], INGESTER_ALLOCATIONS),
    ] {
        println!("{side}: {count:.2} allocations per span, at most {limit}");
        assert!(count <= limit, "the {side} allocates more than it may");
    }
}

fn collecting(criterion: &mut Criterion, stages: &CollectorStages) {
    let bodies = collect::bodies(7, WINDOWS);
    let records: Vec<_> = bodies
        .iter()
        .flat_map(|body| stages.whole(OTLP, body))
        .collect();
    let spans = collect::spans(&records);
    let bytes: usize = bodies.iter().map(Vec::len).sum();
    let written: usize = records.iter().map(|record| record.payload.len()).sum();
    println!(
        "{spans} spans: {} B of OTLP and {} B of Avro each",
        bytes / spans,
        written / spans
    );
    let mut group = criterion.benchmark_group("collector");
    group.throughput(Throughput::Elements(spans as u64));
    group.bench_function("decode", |bencher| {
        bencher.iter(|| {
            bodies.iter().for_each(|body| {
                stages.decode(OTLP, body, &Bump::new());
            });
        });
    });
    group.bench_function("decode, validate, enrich", |bencher| {
        bencher.iter(|| {
            bodies.iter().for_each(|body| {
                stages.validated(OTLP, body, &Bump::new());
            });
        });
    });
    group.bench_function("decode, validate, enrich, encode", |bencher| {
        bencher.iter(|| {
            bodies
                .iter()
                .map(|body| stages.whole(OTLP, body).len())
                .sum::<usize>()
        });
    });
    group.finish();
}

/// From a request's body to records, for each protocol.
fn receiving(criterion: &mut Criterion, stages: &CollectorStages) {
    let mut group = criterion.benchmark_group("receivers");
    for door in receivers::doors(stages, 7, WINDOWS) {
        let whole = || {
            door.bodies
                .iter()
                .map(|body| stages.whole(door.encoding, body))
        };
        let spans: usize = whole().map(|records| collect::spans(&records)).sum();
        group.throughput(Throughput::Elements(spans as u64));
        group.bench_function(door.name, |bencher| {
            bencher.iter(|| whole().map(|records| records.len()).sum::<usize>());
        });
    }
    group.finish();
}

fn ingesting(
    criterion: &mut Criterion,
    runtime: &Runtime,
    collector: &CollectorStages,
    stages: &IngesterStages,
    store: Option<&PostgresStore>,
) {
    let consumed = |seed| {
        let bodies = collect::bodies(seed, WINDOWS);
        let records: Vec<_> = bodies
            .iter()
            .flat_map(|body| collector.whole(OTLP, body))
            .collect();
        (collect::spans(&records), ingest::consumed(records))
    };
    let (spans, records) = consumed(7);
    let mut group = criterion.benchmark_group("ingester");
    group.throughput(Throughput::Elements(spans as u64));
    let again = || records.clone();
    group.bench_function("decode", |bencher| {
        bencher.iter_batched(
            again,
            |records| stages.decode(records),
            BatchSize::LargeInput,
        );
    });
    let decoded = || stages.decode(records.clone());
    group.bench_function("assemble", |bencher| {
        bencher.iter_batched(
            decoded,
            |records| stages.assemble(records),
            BatchSize::LargeInput,
        );
    });
    if let Some(store) = store {
        let mut new = || stages.assemble(stages.decode(consumed(new_seed()).1));
        group.bench_function("summarise, write, commit", |bencher| {
            let write = |traces: Vec<ingester::DueTrace>| {
                runtime.block_on(stages.write(&traces, store));
            };
            bencher.iter_batched(&mut new, write, BatchSize::PerIteration);
        });
    }
    group.finish();
}
