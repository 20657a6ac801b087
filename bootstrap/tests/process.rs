//! A started process answers on its admin port.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;

use bootstrap::{LoggingConfig, Process, ProcessSettings, TracingConfig, start_process};
use tokio::runtime::Runtime;

/// One process for all tests: logging and metrics are begun once.
static PROCESS: LazyLock<(Runtime, Process)> = LazyLock::new(|| {
    let runtime = Runtime::new().unwrap();
    let process = runtime.block_on(start_process(ProcessSettings {
        role: "test",
        version: "1.2.3",
        logging: &LoggingConfig::default(),
        tracing: &TracingConfig::default(),
        admin: SocketAddr::from(([127, 0, 0, 1], 0)),
        describe: &[],
        buckets: &[("test_wait_seconds", vec![0.1, 1.0])],
        warnings: &[],
        grace: Duration::from_secs(1),
    }));
    (runtime, process.unwrap())
});

fn get(path: &str) -> (u16, String) {
    let (runtime, process) = &*PROCESS;
    runtime.block_on(async {
        let answer = reqwest::get(format!("http://{}{path}", process.admin))
            .await
            .unwrap();
        (answer.status().as_u16(), answer.text().await.unwrap())
    })
}

#[test]
fn a_process_is_alive_while_its_loops_turn() {
    assert_eq!(get("/live"), (200, "alive\n".to_owned()));
}

#[test]
fn readiness_names_each_part_and_its_reason_and_waits_for_all_to_register() {
    let answer = |code: u16, text: &str| (code, text.to_owned());
    assert_eq!(get("/ready"), answer(503, "test: starting\n"));
    let part = PROCESS.1.readiness.register("kafka");
    part.ready();
    let (registering, all) = (
        "test: starting\nkafka: ready\n",
        "test: ready\nkafka: ready\n",
    );
    assert_eq!(get("/ready"), answer(503, registering));
    PROCESS.1.started();
    assert_eq!(get("/ready"), answer(200, all));
    part.not_ready("away");
    assert_eq!(get("/ready"), answer(503, "test: ready\nkafka: away\n"));
}

#[test]
fn metrics_say_what_runs_and_what_it_uses() {
    let (_, text) = get("/metrics");
    assert!(
        text.contains("spoor_process_build_info{role=\"test\",version=\"1.2.3\"} 1"),
        "{text}"
    );
    assert!(
        text.contains("# TYPE spoor_process_resident_memory_bytes gauge"),
        "{text}"
    );
    assert!(text.contains("spoor_process_panics_total 0"), "{text}");
}

#[test]
fn histograms_have_the_buckets_of_their_crate() {
    LazyLock::force(&PROCESS);
    metrics::histogram!("test_wait_seconds").record(0.5);
    let (_, text) = get("/metrics");
    assert!(
        text.contains("test_wait_seconds_bucket{le=\"1\"} 1"),
        "{text}"
    );
}
