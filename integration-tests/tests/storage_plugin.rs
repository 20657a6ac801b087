//! A Spoor whose store is a storage plug-in, which is another Spoor: collector, Kafka and ingester in
//! front, `jaeger.storage.v2` and OTLP between them.

use std::time::Duration;

use integration_tests::otlp_http::{new_trace_id, post_spans_with, span};
use integration_tests::{Deployment, Stack, fetch, load, longer};

/// Spans that the plug-in has acknowledged, those that were sent again included.
const EXPORTED: &str = "spoor_storage_plugin_spans_exported_total";
const ACCEPTED: &str = "spoor_collector_spans_accepted_total";
const SOON: Duration = Duration::from_secs(60);

/// A plug-in, and a Spoor without a Postgres in front of it.
fn behind_one_another(name: &str) -> (Stack, Stack) {
    let plug_in = Stack::start(&format!("{name}-behind"), Deployment::Direct);
    let address = plug_in.remote_storage();
    let settings = [
        ("SPOOR__STORAGE__KIND", "remote"),
        ("SPOOR__STORAGE__REMOTE__ENDPOINT", address.as_str()),
    ];
    let front = Stack::start_with(name, Deployment::Kafka, &settings);
    (plug_in, front)
}

/// Everything of the ledger is there as it was sent, asked of the one in front and of the plug-in.
fn assert_all_there(front: &Stack, plug_in: &Stack, ledger: &std::path::Path) {
    load::verify(front, ledger, &["--settle", "60s"]).assert_clean();
    // What the plug-in derives from the spans shows that it, too, has each of them once.
    load::verify(plug_in, ledger, &["--exclusive", "--settle", "60s"]).assert_clean();
}

fn status(url: &str) -> String {
    let output = std::process::Command::new("curl")
        .args(["--silent", "--max-time", "10", "--output", "/dev/null"])
        .args(["--write-out", "%{http_code}", url])
        .output()
        .expect("curl is installed");
    String::from_utf8(output.stdout).expect("a number")
}

#[test]
fn what_is_acknowledged_in_front_is_in_the_plug_in_and_a_stop_sends_nothing_twice() {
    let (plug_in, mut front) = behind_one_another("plugin");
    let ledger = front.file("ledger");
    let arguments = ["--spans", longer("40000", "600000"), "--rate", "8000"];
    let sent = load::run(&front, &ledger, &arguments);
    assert_all_there(&front, &plug_in, &ledger);
    assert_eq!(
        front.metric(EXPORTED, ""),
        sent.spans as f64,
        "{}",
        front.log()
    );
    assert_eq!(front.stop().code(), Some(0), "{}", front.log());
    front.restart();
    front.until("the ingester owns its partitions", SOON, |front| {
        front.metric("spoor_ingester_partitions_owned", "") > 0.0
    });
    let more = front.file("more");
    let sent = load::run(&front, &more, &["--spans", "5000", "--seed", "7"]);
    load::verify(&front, &more, &["--settle", "60s"]).assert_clean();
    assert_eq!(front.metric(EXPORTED, ""), sent.spans as f64);
    what_the_plug_in_cannot_do_is_refused(&front);
    what_the_plug_in_would_mix_is_dead_lettered_and_its_neighbours_are_not(&front);
}

/// Tenancy is off before this plug-in.
fn what_the_plug_in_would_mix_is_dead_lettered_and_its_neighbours_are_not(front: &Stack) {
    let ids: Vec<String> = (0..20).map(|_| new_trace_id()).collect();
    for (number, id) in ids.iter().enumerate() {
        let spans = [span(id, "neighbour", Duration::from_millis(1))];
        let header: &[&str] = if number == 7 {
            &["x-tenant: acme"]
        } else {
            &[]
        };
        let answer = post_spans_with(front, header, "mixed", &spans);
        assert_eq!(answer.status, 200, "{}", answer.body);
    }
    front.until("the others are found", SOON, |front| {
        let is_found = |id: &String| front.get(&format!("/api/traces/{id}")).is_some();
        ids.iter().filter(|id| is_found(id)).count() == ids.len() - 1
    });
    front.until("the letter is counted", SOON, |front| {
        let dead = "spoor_ingester_spans_dead_lettered_total";
        front.metric(dead, "refused_by_store") == 1.0
    });
}

fn what_the_plug_in_cannot_do_is_refused(front: &Stack) {
    let query = front.query();
    for path in [
        "/api/metrics/calls?service=frontend",
        "/api/spoor/v1/attributes",
        "/api/v3/traces?query.service_name=a&query.start_time_min=2026-01-01T00:00:00Z\
         &query.start_time_max=2026-01-02T00:00:00Z&query.order=longest",
    ] {
        let status = status(&format!("{query}{path}"));
        assert_eq!(status, "501", "{path}");
    }
    let services = fetch(&format!("{query}/api/services"), 10).expect("an answer");
    assert!(services.contains("\"data\":[\""), "{services}");
    for command in ["audit", "replay", "purge"] {
        let arguments: &[&str] = match command {
            "replay" => &["replay", "ls"],
            "purge" => &["purge", "--yes"],
            _ => &["audit"],
        };
        let output = front.beside(arguments);
        let text = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{text}");
        assert!(text.contains("`storage.kind` is `remote`"), "{text}");
    }
}

#[test]
fn killed_in_mid_load_nothing_is_lost() {
    let (plug_in, mut front) = behind_one_another("plugin-kill");
    let ledger = front.file("ledger");
    let arguments = ["--spans", longer("60000", "800000"), "--rate", "8000"];
    let load = load::start(&front, &ledger, &arguments);
    front.until("spans are coming in", SOON, |front| {
        front.metric(ACCEPTED, "") > 25_000.0
    });
    front.kill_everything();
    front.restart();
    load::finish(load);
    assert_all_there(&front, &plug_in, &ledger);
}

#[test]
fn a_plug_in_that_is_away_for_a_while_is_waited_for() {
    let (mut plug_in, front) = behind_one_another("plugin-away");
    let ledger = front.file("ledger");
    let arguments = ["--spans", longer("40000", "500000"), "--rate", "5000"];
    let load = load::start(&front, &ledger, &arguments);
    front.until("spans are exported", SOON, |front| {
        front.metric(EXPORTED, "") > 10_000.0
    });
    plug_in.kill_everything();
    front.until("the ingester says so", SOON, |front| {
        front.admin("/ready").is_none()
    });
    plug_in.restart();
    load::finish(load);
    assert_all_there(&front, &plug_in, &ledger);
    front.until("it is ready again", SOON, |front| {
        front.admin("/ready").is_some()
    });
}
