//! Random traces, random requests, two stores.

use std::cell::RefCell;

use proptest::prelude::*;
use serde_json::Value;

use super::arbitrary::{escaped, searches, traces};
use super::stores::{Both, TestStore};
use crate::support::T0;

/// Each span of each trace as text, sorted within the trace: what does not depend on the order
/// within a trace.
fn comparable(body: &Value) -> Vec<Vec<String>> {
    let traces = body["data"].as_array().unwrap_or_else(|| panic!("{body}"));
    let of_trace = |trace: &Value| {
        let spans = trace["spans"].as_array().expect("spans").iter();
        let mut texts: Vec<String> = spans.map(|span| of_span(span, trace)).collect();
        texts.sort();
        texts
    };
    traces.iter().map(of_trace).collect()
}

/// A span with its process in place of the process's number.
fn of_span(span: &Value, trace: &Value) -> String {
    let mut span = span.clone();
    let process = span["processID"].take();
    let process = &trace["processes"][process.as_str().expect("a key")];
    format!("{span}{process}")
}

/// Compares the answers to requests whose bytes do not depend on any order within a trace.
async fn same_bytes(both: &Both, targets: &[String]) -> Result<(), TestCaseError> {
    for target in targets {
        let (postgres, memory) = both.get(target).await;
        prop_assert_eq!(postgres.status, memory.status, "{}", target);
        prop_assert_eq!(postgres.body, memory.body, "{}", target);
    }
    Ok(())
}

async fn same_traces(both: &Both, targets: &[String]) -> Result<(), TestCaseError> {
    for target in targets {
        let (postgres, memory) = both.get(target).await;
        prop_assert_eq!(postgres.status, 200, "{}", target);
        prop_assert_eq!(
            comparable(&postgres.json()),
            comparable(&memory.json()),
            "{}",
            target
        );
    }
    Ok(())
}

/// Runs a property over random traces on one store, inside one runtime.
pub fn check<I: std::fmt::Debug>(
    input: impl Strategy<Value = I>,
    mut property: impl AsyncFnMut(&TestStore, I) -> Result<(), TestCaseError>,
) {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let store = runtime.block_on(TestStore::connect());
    let config = ProptestConfig {
        cases: 24,
        failure_persistence: None,
        ..ProptestConfig::default()
    };
    let property = RefCell::new(&mut property);
    proptest!(config, |(input in input)| {
        runtime.block_on((property.borrow_mut())(&store, input))?;
    });
}

#[test]
fn searches_find_the_same_traces_in_the_same_order() {
    check((traces(), searches()), async |store, (traces, searches)| {
        let both = store.both(&traces).await;
        let targets: Vec<String> = searches
            .iter()
            .map(|query| format!("/api/traces?raw=true&{query}"))
            .collect();
        same_traces(&both, &targets).await
    });
}

#[test]
fn traces_by_id_are_equal_in_every_field() {
    check(traces(), async |store, traces| {
        let both = store.both(&traces).await;
        let targets: Vec<String> = (1..=traces.len())
            .map(|number| format!("/api/traces/{number:x}?raw=true"))
            .collect();
        same_traces(&both, &targets).await?;
        same_bytes(
            &both,
            &[
                "/api/traces/fff".to_owned(),
                "/api/v3/traces/fff".to_owned(),
            ],
        )
        .await
    });
}

#[test]
fn catalogues_dependencies_summaries_and_rates_are_equal() {
    let minute = T0 / 60_000_000_000 * 60_000;
    let end = minute + 120_000;
    let at = format!("endTs={end}&lookback=300000");
    let kinds = "spanKind=unspecified&spanKind=internal&spanKind=server&spanKind=client&spanKind=producer&spanKind=consumer";
    let services = format!("service=web&service=cart&service={}", escaped("a/b"));
    let range = "query.startTimeMin=2026-09-21T13:00:00Z&query.startTimeMax=2026-09-21T15:00:00Z";
    let targets = [
        "/api/services".to_owned(),
        "/api/v3/services".to_owned(),
        "/api/services/a%2Fb/operations".to_owned(),
        "/api/operations?service=web".to_owned(),
        "/api/operations?service=cart&spanKind=client".to_owned(),
        format!("/api/dependencies?{at}"),
        format!("/api/dependencies?{at}&service=cart"),
        format!("/api/v3/trace-summaries?{range}"),
        "/api/v2/services".to_owned(),
        "/api/v2/spans?serviceName=web".to_owned(),
        format!("/api/v2/dependencies?{at}"),
        format!("/api/metrics/calls?{services}&{kinds}&{at}&step=60000"),
        format!("/api/metrics/errors?{services}&{kinds}&{at}&step=60000&groupByOperation=true"),
        format!("/api/metrics/latencies?{services}&quantile=0.9&{at}&step=60000"),
    ];
    check(traces(), async |store, traces| {
        same_bytes(&store.both(&traces).await, &targets).await
    });
}
