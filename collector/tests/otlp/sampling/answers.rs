//! The answers from a file of strategies.

use std::fmt::Write;
use std::net::SocketAddr;

use schemas::jaeger_sampling::SamplingStrategyResponse;

use super::{StrategiesFile, ask};
use crate::running::{start, start_with};

const FILE: &str = r#"{
    "default_strategy": {"type": "probabilistic", "param": 0.5, "operation_strategies": [
        {"operation": "/health", "type": "probabilistic", "param": 0.0}]},
    "service_strategies": [
        {"service": "foo", "type": "probabilistic", "param": 0.8, "operation_strategies": [
            {"operation": "op1", "type": "probabilistic", "param": 0.2},
            {"operation": "<b>\"\u2028é\u0001", "type": "probabilistic", "param": 0.0000001}]},
        {"service": "bar", "type": "ratelimiting", "param": 5}]}"#;

/// What a service without operations of its own is told of them.
const OPERATIONS_OF_DEFAULT: &str = r#""operationSampling":{"defaultSamplingProbability":0.5,"defaultLowerBoundTracesPerSecond":0,"perOperationStrategies":[{"operation":"/health","probabilisticSampling":{"samplingRate":0}}],"defaultUpperBoundTracesPerSecond":0}"#;

/// Status line, what is told in headers, and body.
async fn exchange(
    client: &reqwest::Client,
    method: &str,
    address: SocketAddr,
    path: &str,
) -> String {
    let method = method.parse().expect("a method");
    let request = client.request(method, format!("http://{address}{path}"));
    let answer = request.send().await.expect("an answer");
    let mut text = answer.status().to_string();
    for name in ["content-type", "x-content-type-options", "allow"] {
        if let Some(value) = answer.headers().get(name) {
            // Writing to a string cannot fail.
            let _ = write!(text, "\n{name}: {}", value.to_str().expect("text"));
        }
    }
    let body = answer.text().await.expect("text");
    format!("{text}\n\n{body}")
}

#[tokio::test]
async fn the_answers_over_http_are_jaegers() {
    let file = StrategiesFile::new(FILE);
    let running = start_with(file.config()).await;
    let client = reqwest::Client::new();
    let rate = |kind: &str| {
        format!(
            "200 OK\ncontent-type: application/json\n\n\
             {{\"strategyType\":{kind},\"rateLimitingSampling\":{{\"maxTracesPerSecond\":5}},\
             {OPERATIONS_OF_DEFAULT}}}"
        )
    };
    let bad = "400 Bad Request\ncontent-type: text/plain; charset=utf-8\n\
               x-content-type-options: nosniff\n\n'service' parameter must be provided once\n";
    let named = rate("\"RATE_LIMITING\"");
    for (address, path, expected) in [
        (running.sampling, "/sampling?service=bar", named.as_str()),
        (running.sampling, "/any/path?service=bar", &named),
        (running.sampling, "/?service=bar", &rate("1")),
        (running.jaeger_thrift, "/api/sampling?service=bar", &named),
        (running.jaeger_thrift, "/sampling?service=bar", &named),
        (running.sampling, "/sampling", bad),
        (running.sampling, "/?service=bar&service=bar", bad),
        (running.sampling, "/baggageRestrictions", bad),
    ] {
        let answer = exchange(&client, "GET", address, path).await;
        assert_eq!(answer, expected, "{path}");
    }
}

#[tokio::test]
async fn without_a_file_everything_is_told_the_default_probability() {
    let running = start().await;
    let told = super::told(&running, "/sampling?service=foo").await;
    let json = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001}}"#;
    assert_eq!(told, (200, json.to_owned()));
    let told = super::told(&running, "/baggageRestrictions?service=foo").await;
    assert_eq!(told, (200, "[]".to_owned()));
}

#[tokio::test]
async fn the_answer_over_grpc_is_the_same() {
    let file = StrategiesFile::new(FILE);
    let running = start_with(file.config()).await;
    let bar = ask(&running, "bar", None).await.expect("an answer");
    assert_eq!(
        bar.rate_limiting_sampling,
        SamplingStrategyResponse::rate_limiting(5).rate_limiting_sampling
    );
    let foo = ask(&running, "foo", None).await.expect("an answer");
    let operations = foo.operation_sampling.expect("operations");
    let told = operations.per_operation_strategies.iter().map(|one| {
        let rate = one.probabilistic_sampling.expect("a probability");
        (one.operation.as_str(), rate.sampling_rate)
    });
    let expected = [
        ("op1", 0.2),
        ("<b>\"\u{2028}é\u{1}", 1e-7),
        ("/health", 0.0),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(operations.default_sampling_probability, 0.8);
    let counted = running
        .metric(r#"spoor_collector_sampling_requests_total{kind="sampling-grpc",outcome="ok"}"#);
    assert_eq!(counted, 2.0);
}

#[tokio::test]
async fn a_port_that_is_switched_off_does_not_listen() {
    let mut config = crate::running::config();
    config.sampling.listener.enabled = false;
    let encoder = schemas::ChunkEncoder::new(crate::memory::SCHEMA);
    let built = collector::Collector::build(config, encoder, crate::memory::Memory::default());
    let addresses = built.await.expect("it can be built").addresses();
    assert_eq!(addresses.sampling, None);
    assert!(addresses.jaeger_thrift.is_some());
}
