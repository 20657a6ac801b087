//! Traces that are long, deep or both.

use std::time::Instant;

use model::{KeyValue, Trace};
use query::{QueryConfig, QueryLimits};

use crate::support::{Server, of_service, span, span_id, trace};

/// A chain: each span is the parent of the next.
pub fn chain(spans: u64) -> Trace {
    let link = |number: u64| {
        let mut one = span("abc", number, "step", 0);
        one.parent_span_id = (number > 1).then(|| span_id(number - 1));
        let attribute = |at: u64| KeyValue::new(format!("key.{at}"), "a value of common length");
        one.attributes = (0..10).map(attribute).collect();
        one
    };
    trace(
        "abc",
        vec![of_service("deep", (1..=spans).map(link).collect())],
    )
}

#[tokio::test]
async fn a_chain_of_100_000_spans_is_streamed_whole() {
    let server = Server::with(vec![chain(100_000)]).await;
    for (target, end) in [
        ("/api/traces/abc", r#""errors":null}"#),
        ("/api/v3/traces/abc", r#""status":{}}]}]}]}}"#),
    ] {
        let began = Instant::now();
        let body = server.get(target).await.body;
        println!(
            "{target}: {} MiB in {:?}",
            body.len() >> 20,
            began.elapsed()
        );
        assert_eq!(body.matches("\"step\"").count(), 100_000, "{target}");
        assert!(body.ends_with(end), "{target}");
    }
}

#[tokio::test]
async fn a_trace_beyond_the_limit_is_cut_and_says_so() {
    let limits = QueryLimits {
        max_trace_spans: 10,
        ..QueryLimits::default()
    };
    let reader = query::MemoryReader::new().with(&model::Tenant::default(), chain(11));
    let server = Server::start(
        QueryConfig {
            limits,
            ..QueryConfig::default()
        },
        reader,
    )
    .await;
    for raw in ["false", "true"] {
        let body = server
            .get(&format!("/api/traces/abc?raw={raw}"))
            .await
            .json();
        let spans = body["data"][0]["spans"].as_array().expect("a list");
        let warning = "trace has more than 10 spans, showing first 10 spans only";
        assert_eq!(
            (spans.len(), &spans[0]["warnings"][0]),
            (10, &serde_json::json!(warning))
        );
    }
}
