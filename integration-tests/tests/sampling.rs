//! An application that samples by Jaeger's remote sampler is led to the target rate, through every
//! process in between, and goes on when all of them but the collector are gone.

use std::time::Duration;

use integration_tests::clients::sampled::RemotelySampled;
use integration_tests::{Deployment, Server, Stack, fetch};
use rustix::process::Signal;
use serde_json::Value;

/// Traces that the application begins, and those that are wanted, a second.
const TRAFFIC: u32 = 300;
const TARGET: f64 = 30.0;

/// Minutes become seconds.
const SETTINGS: [(&str, &str); 9] = [
    ("SPOOR__COLLECTOR__SAMPLING__SOURCE", "adaptive"),
    ("SPOOR__INGESTER__SAMPLING__ENABLED", "true"),
    ("SPOOR__INGESTER__SAMPLING__TARGET_SAMPLES_PER_SECOND", "30"),
    (
        "SPOOR__INGESTER__SAMPLING__INITIAL_SAMPLING_PROBABILITY",
        "0.5",
    ),
    ("SPOOR__INGESTER__SAMPLING__CALCULATION_INTERVAL", "1s"),
    ("SPOOR__INGESTER__SAMPLING__CALCULATION_DELAY", "2s"),
    ("SPOOR__INGESTER__SAMPLING__CLIENT_REFRESH_INTERVAL", "1s"),
    (
        "SPOOR__INGESTER__SAMPLING__LEADER_LEASE_REFRESH_INTERVAL",
        "200ms",
    ),
    (
        "SPOOR__INGESTER__SAMPLING__FOLLOWER_LEASE_REFRESH_INTERVAL",
        "200ms",
    ),
];

/// The probability that clients are told for the application's operation.
fn told(stack: &Stack) -> Option<f64> {
    let address = stack.told_address("what to sample");
    let answer = fetch(&format!("{address}/sampling?service=java-shop"), 10)?;
    let answer: Value = serde_json::from_str(&answer).expect("JSON");
    let operations = answer["operationSampling"]["perOperationStrategies"].as_array()?;
    let checkout = operations
        .iter()
        .find(|one| one["operation"] == "POST /checkout")?;
    checkout["probabilisticSampling"]["samplingRate"].as_f64()
}

/// Within a fifth.
fn is_near(found: f64, wanted: f64) -> bool {
    (found / wanted - 1.0).abs() <= 0.2
}

#[test]
fn an_application_is_led_to_the_target_rate_and_stays_there_when_the_servers_are_gone() {
    let stack = Stack::start_with("sampling", Deployment::Kafka, &SETTINGS);
    let sampling = stack.told_address("Jaeger over gRPC");
    let application = RemotelySampled::start(&stack.otlp_http(), &sampling, TRAFFIC);
    let patience = Duration::from_secs(60);
    stack.until("the target is told", patience, |stack| {
        told(stack).is_some_and(|told| is_near(told, TARGET / f64::from(TRAFFIC)))
    });
    stack.until("the application samples by it", patience, |_| {
        let sampled = application.sampled();
        let latest = sampled.iter().rev().take(4).map(|count| f64::from(*count));
        sampled.len() >= 4 && is_near(latest.sum::<f64>() / 4.0, TARGET)
    });
    let before = told(&stack).expect("it is told");
    stack.signal(Server::Postgres, Signal::KILL);
    stack.signal(Server::Kafka, Signal::KILL);
    let after = told(&stack).expect("it is told without any server");
    assert!(is_near(after, before), "{before} {after}");
}
