//! A file of strategies that changes while the collector runs.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use schemas::ChunkEncoder;

use super::{StrategiesFile, told};
use crate::memory::{Memory, SCHEMA};
use crate::running::{Running, config, start_with};

const FAILED: &str = r#"spoor_collector_sampling_reloads_total{outcome="failed"}"#;

fn probability(of: f64) -> String {
    format!(r#"{{"default_strategy": {{"type": "probabilistic", "param": {of}}}}}"#)
}

/// Waits until clients are told this probability.
async fn until_told(running: &Running, probability: f64) {
    let json = format!(
        r#"{{"strategyType":"PROBABILISTIC","probabilisticSampling":{{"samplingRate":{probability}}}}}"#
    );
    let waiting = async {
        while told(running, "/sampling?service=shop").await.1 != json {
            tokio::task::yield_now().await;
        }
    };
    let waited = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    waited.unwrap_or_else(|_| panic!("{probability} is never told"));
}

#[tokio::test]
async fn a_file_that_is_garbage_changes_nothing_and_is_counted() {
    let file = StrategiesFile::new(&probability(0.25));
    let mut config = file.config();
    config.sampling.reload_interval = Duration::from_millis(5);
    let running = start_with(config).await;
    until_told(&running, 0.25).await;
    for garbage in ["{\"default_strategy\": {\"type\"", "[]", ""] {
        file.write(garbage);
        let before = running.metric(FAILED);
        let counted = |running: &Running| running.metric(FAILED) > before + 1.0;
        running.until("the failure is counted", counted).await;
        until_told(&running, 0.25).await;
    }
    std::fs::remove_file(&file.path).expect("removes");
    let before = running.metric(FAILED);
    let counted = |running: &Running| running.metric(FAILED) > before + 1.0;
    running.until("the failure is counted", counted).await;
    until_told(&running, 0.25).await;
    file.write(&probability(0.75));
    until_told(&running, 0.75).await;
    file.write("null");
    until_told(&running, 0.001).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_keeps_the_collector_from_starting() {
    let file = StrategiesFile::new("garbage");
    let build =
        |config| collector::Collector::build(config, ChunkEncoder::new(SCHEMA), Memory::default());
    let Err(error) = build(file.config()).await else {
        panic!("it starts");
    };
    assert_eq!(error.to_string(), "`sampling.strategies` cannot be used");
    let mut config = config();
    config.sampling.strategies = "/no/such/file".to_owned();
    assert!(build(config).await.is_err());
}

#[tokio::test]
async fn a_server_that_has_no_file_for_the_moment_is_asked_again() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counted = asked.clone();
    let answer = move || async move {
        match counted.fetch_add(1, Ordering::Relaxed) {
            0 => (StatusCode::SERVICE_UNAVAILABLE, String::new()),
            1 => (StatusCode::OK, probability(0.25)),
            2..5 => (StatusCode::NOT_FOUND, probability(0.5)),
            _ => (StatusCode::OK, probability(0.75)),
        }
    };
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = listener.local_addr().expect("an address");
    let router = Router::new().route("/strategies", get(answer));
    tokio::spawn(async move { axum::serve(listener, router).await });
    let mut config = config();
    config.sampling.strategies = format!("http://{address}/strategies");
    config.sampling.reload_interval = Duration::from_millis(1);
    let running = start_with(config).await;
    until_told(&running, 0.75).await;
    assert_eq!(running.metric(FAILED), 4.0);
}
