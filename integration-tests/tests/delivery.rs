//! Every acknowledged span is there once, as it was sent, whatever was killed or away. The long
//! forms of these checks take the same functions with larger numbers.

use std::time::Duration;

use integration_tests::{Deployment, Server, Stack, load, longer};
use rustix::process::Signal;

#[path = "delivery/two_stores.rs"]
mod two_stores;

/// Everything of the ledger is there once, and what follows from the spans equals the ledger.
fn assert_all_there(stack: &Stack, ledger: &std::path::Path) {
    load::verify(stack, ledger, &["--exclusive", "--settle", "60s"]).assert_clean();
    let audit = stack.beside(&["audit", "--deep"]);
    let found = String::from_utf8_lossy(&audit.stdout);
    assert!(
        audit.status.success() && found.contains("residue: 0."),
        "{found}{}",
        String::from_utf8_lossy(&audit.stderr)
    );
}

#[test]
fn full_speed_through_kafka() {
    let stack = Stack::start("delivery-kafka", Deployment::Kafka);
    let ledger = stack.file("ledger");
    load::run(&stack, &ledger, &["--spans", longer("150000", "1000000")]);
    assert_all_there(&stack, &ledger);
}

#[test]
fn full_speed_through_the_direct_deployment() {
    let stack = Stack::start("delivery-direct", Deployment::Direct);
    let ledger = stack.file("ledger");
    load::run(&stack, &ledger, &["--spans", longer("150000", "1000000")]);
    assert_all_there(&stack, &ledger);
}

fn survives_being_killed(name: &str, deployment: Deployment) {
    let mut stack = Stack::start(name, deployment);
    let ledger = stack.file("ledger");
    let arguments = ["--spans", longer("100000", "1000000"), "--rate", "10000"];
    let load = load::start(&stack, &ledger, &arguments);
    stack.until("spans are coming in", Duration::from_secs(30), |stack| {
        stack.metric("spoor_collector_spans_accepted_total", "") > 30_000.0
    });
    stack.kill_everything();
    stack.restart();
    assert!(
        load::finish(load).retries > 0,
        "nothing was under way when everything was killed"
    );
    assert_all_there(&stack, &ledger);
}

#[test]
fn everything_killed_in_mid_load() {
    survives_being_killed("delivery-kill", Deployment::Kafka);
}

#[test]
fn everything_killed_in_mid_load_without_kafka() {
    survives_being_killed("delivery-kill-direct", Deployment::Direct);
}

fn survives_without(name: &str, server: Server, quick: &'static str, long: &'static str) {
    let seconds = longer(quick, long).parse().expect("a number");
    let stack = Stack::start(name, Deployment::Kafka);
    let ledger = stack.file("ledger");
    let arguments = ["--spans", longer("80000", "400000"), "--rate", "4000"];
    let load = load::start(&stack, &ledger, &arguments);
    stack.until("spans are coming in", Duration::from_secs(30), |stack| {
        stack.metric("spoor_collector_spans_accepted_total", "") > 10_000.0
    });
    stack.hold_down(server, Duration::from_secs(seconds));
    load::finish(load);
    assert_all_there(&stack, &ledger);
}

#[test]
fn postgres_away_for_a_while() {
    survives_without("delivery-postgres", Server::Postgres, "10", "60");
}

#[test]
fn kafka_away_for_a_while() {
    survives_without("delivery-broker", Server::Kafka, "5", "30");
}

#[test]
fn registry_away_throughout() {
    survives_without("delivery-registry", Server::Registry, "10", "60");
}

#[test]
fn postgres_frozen_for_a_while() {
    let stack = Stack::start("delivery-frozen", Deployment::Kafka);
    let ledger = stack.file("ledger");
    let load = load::start(&stack, &ledger, &["--spans", "60000", "--rate", "6000"]);
    stack.until("spans are coming in", Duration::from_secs(30), |stack| {
        stack.metric("spoor_collector_spans_accepted_total", "") > 10_000.0
    });
    stack.signal(Server::Postgres, Signal::STOP);
    stack.until("the collector goes on", Duration::from_secs(30), |stack| {
        stack.metric("spoor_collector_spans_accepted_total", "") > 40_000.0
    });
    stack.signal(Server::Postgres, Signal::CONT);
    load::finish(load);
    assert_all_there(&stack, &ledger);
}
