//! A stack ends in order when it is asked to, and two of them never share their data.

use std::time::Duration;

use integration_tests::{Deployment, Stack, load};

fn asked_to_end_under_load(name: &str, deployment: Deployment) {
    let mut stack = Stack::start(name, deployment);
    let ledger = stack.file("ledger");
    let load = load::start(&stack, &ledger, &["--spans", "80000", "--rate", "8000"]);
    stack.until("spans are coming in", Duration::from_secs(30), |stack| {
        stack.metric("spoor_collector_spans_accepted_total", "") > 20_000.0
    });
    let status = stack.stop();
    assert_eq!(status.code(), Some(0), "{}", stack.log());
    assert_eq!(stack.processes(), []);
    stack.restart();
    load::finish(load);
    load::verify(&stack, &ledger, &["--exclusive", "--settle", "60s"]).assert_clean();
}

#[test]
fn ctrl_c_under_load_loses_nothing_and_leaves_no_process() {
    asked_to_end_under_load("restart-kafka", Deployment::Kafka);
}

#[test]
fn ctrl_c_under_load_loses_nothing_and_leaves_no_process_without_kafka() {
    asked_to_end_under_load("restart-direct", Deployment::Direct);
}

#[test]
fn a_second_instance_on_the_same_data_is_refused_with_the_first_one_named() {
    let stack = Stack::start("restart-second", Deployment::Direct);
    let output = stack.second_instance();
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    let first = format!("process {}", stack.pid().as_raw_nonzero());
    assert!(
        text.contains(&first) && text.contains("--data-dir"),
        "{text}"
    );
}
