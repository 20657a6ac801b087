//! Complete traces are queryable within two seconds of the ack at 10,000 spans a second, seen from
//! outside; the ingester's own figure for it is on its metrics page.

use integration_tests::{Deployment, Stack, load, longer};

#[test]
fn whole_traces_are_found_within_two_seconds_of_their_last_ack() {
    let stack = Stack::start("freshness", Deployment::Kafka);
    let (ledger, query) = (stack.file("ledger"), stack.query());
    let duration = longer("15s", "120s");
    let arguments = [
        "--rate",
        "10000",
        "--duration",
        duration,
        "--freshness",
        &query,
    ];
    let summary = load::run(&stack, &ledger, &arguments);
    assert!(
        summary.spans > 9_000 * summary.seconds as u64,
        "{summary:?}"
    );
    let p99 = summary.freshness_p99_ms.expect("freshness was measured");
    assert!(p99 < 2_000.0, "{summary:?}");
    let observed = stack.metric("spoor_ingester_freshness_seconds_count", "");
    assert!(observed > 0.0, "the ingester measures freshness too");
}
