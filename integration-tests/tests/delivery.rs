//! Every acknowledged span is there once, as it was sent, whatever was killed or away. The long
//! forms of these checks take the same functions with larger numbers.

use std::time::Duration;

use integration_tests::{Deployment, Server, Stack, load, longer};
use rustix::process::Signal;

#[path = "delivery/two_stores.rs"]
mod two_stores;

const ACCEPTED: &str = "spoor_collector_spans_accepted_total";

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
        stack.metric(ACCEPTED, "") > 30_000.0
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

#[test]
fn servers_away_one_after_the_other_and_the_registry_throughout() {
    let away = |quick, long| {
        let seconds = longer(quick, long).parse().expect("a number");
        Duration::from_secs(seconds)
    };
    let stack = Stack::start("delivery-away", Deployment::Kafka);
    let ledger = stack.file("ledger");
    let arguments = ["--spans", longer("120000", "600000"), "--rate", "4000"];
    stack.while_down(Server::Registry, |stack| {
        let load = load::start(stack, &ledger, &arguments);
        let are_coming_in = |than: f64| {
            stack.until("spans are coming in", Duration::from_secs(60), |stack| {
                stack.metric(ACCEPTED, "") > than
            });
        };
        are_coming_in(10_000.0);
        stack.hold_down(Server::Postgres, away("10", "60"));
        are_coming_in(stack.metric(ACCEPTED, "") + 4_000.0);
        stack.hold_down(Server::Kafka, away("5", "30"));
        load::finish(load);
    });
    assert_all_there(&stack, &ledger);
}

#[test]
fn postgres_frozen_for_a_while() {
    let stack = Stack::start("delivery-frozen", Deployment::Kafka);
    let ledger = stack.file("ledger");
    let load = load::start(&stack, &ledger, &["--spans", "60000", "--rate", "6000"]);
    stack.until("spans are coming in", Duration::from_secs(30), |stack| {
        stack.metric(ACCEPTED, "") > 10_000.0
    });
    stack.signal(Server::Postgres, Signal::STOP);
    stack.until("the collector goes on", Duration::from_secs(30), |stack| {
        stack.metric(ACCEPTED, "") > 40_000.0
    });
    stack.signal(Server::Postgres, Signal::CONT);
    load::finish(load);
    assert_all_there(&stack, &ledger);
}
