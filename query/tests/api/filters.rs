//! Filters, orders, pages and completion, by every API that has them.

use std::path::Path;

use model::{KeyValue, Span, StatusCode, Trace};
use schemas::jaeger_query::api_v3;
use schemas::jaeger_query::expression::{Call, Expression, Scalar, Term};
use serde_json::Value;
use tonic::Request;

use crate::grpc::client::{Client, search_v3, v3};
use crate::support::{MS, Server, checkout, of_service, ping, span, trace};

const RANGE: &str =
    "query.startTimeMin=2026-09-21T13:00:00Z&query.startTimeMax=2026-09-21T15:00:00Z";
const OWN_RANGE: &str = "start=2026-09-21T13:00:00Z&end=2026-09-21T15:00:00Z";

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// A trace of `jobs` without a root, with so many spans, each later than the ping.
fn job(id: &str, spans: u64) -> Trace {
    let one = |n: u64| {
        let mut one = span(id, 10 + n, "step", 2_000 + n);
        one.parent_span_id = Some(crate::support::span_id(99));
        one.attributes = vec![KeyValue::new("queue", if n == 0 { "fast" } else { "slow" })];
        one.end = one.start + (10 - spans) * MS;
        one
    };
    trace(
        id,
        vec![of_service(
            "jobs",
            (0..spans).map(one).collect::<Vec<Span>>(),
        )],
    )
}

async fn shop() -> Server {
    Server::with(vec![
        checkout(),
        ping(),
        job("d1", 2),
        job("d2", 3),
        job("d3", 1),
    ])
    .await
}

/// The last two digits of the ids of the traces of an answer of our own.
fn ids(body: &Value) -> Vec<String> {
    let traces = body["traces"]
        .as_array()
        .unwrap_or_else(|| panic!("{body}"));
    let id = |trace: &Value| trace["traceId"].as_str().expect("an id")[30..].to_owned();
    traces.iter().map(id).collect()
}

async fn found(server: &Server, query: &str) -> Vec<String> {
    let target = format!("/api/spoor/v1/traces?{OWN_RANGE}&{query}");
    ids(&server.get(&target).await.json())
}

#[tokio::test]
async fn every_api_finds_the_same_by_the_same_filter() {
    let server = shop().await;
    for (filter, expected) in [
        ("http.status_code >= 500 and duration > 50ms", 1),
        ("service in (web, payment)", 2),
        ("status = error or name like 'pin*'", 2),
        ("not service = jobs", 2),
        ("name =~ 'ch(eck|arge)'", 1),
        (r#"{"op":"exists","args":[{"attr":{"key":"queue"}}]}"#, 3),
        ("queue != fast", 2),
    ] {
        let filter = escaped(filter);
        let own = format!("/api/spoor/v1/traces?{OWN_RANGE}&filter={filter}");
        let own = server.get(&own).await.json();
        assert_eq!(ids(&own).len(), expected, "{filter}");
        let third = format!("/api/v3/trace-summaries?{RANGE}&query.filter={filter}");
        let third = server.get(&third).await.json();
        assert_eq!(third["summaries"].as_array().map(Vec::len), Some(expected));
        let first =
            format!("/api/traces?start=1789990000000000&end=1790009000000000&filter={filter}");
        let first = server.get(&first).await.json();
        assert_eq!(first["data"].as_array().map(Vec::len), Some(expected));
    }
}

#[tokio::test]
async fn a_filter_of_grpc_is_structured_or_holds_a_text() {
    let server = shop().await;
    let mut client = Client::connect(server.grpc).await;
    let scalar = |value: &str| {
        let scalar = Scalar {
            value: value.to_owned(),
            ..Scalar::default()
        };
        Expression {
            term: Some(Term::Scalar(scalar)),
        }
    };
    let field = schemas::jaeger_query::expression::FieldReference {
        name: "status".to_owned(),
        level: "span".to_owned(),
    };
    let field = Expression {
        term: Some(Term::Field(field)),
    };
    let call = |op: &str, args| Call {
        op: op.to_owned(),
        args,
    };
    for filter in [
        call("eq", vec![field, scalar("error")]),
        call("text", vec![scalar("status = error")]),
    ] {
        let query = api_v3::TraceQueryParameters {
            filter: Some(filter),
            ..search_v3()
        };
        let request = api_v3::FindTracesRequest { query: Some(query) };
        let answer: Vec<api_v3::FindTraceSummariesResponse> = client
            .all(&v3("FindTraceSummaries"), Request::new(request))
            .await
            .expect("it answers");
        assert_eq!(answer.len(), 1);
        assert_eq!(answer[0].summaries[0].root_operation_name, "GET /checkout");
    }
}

#[tokio::test]
async fn traces_are_ordered_before_they_are_limited() {
    let server = shop().await;
    for (order, expected) in [
        ("newest", ["d2", "d1"]),
        ("longest", ["9c", "d2"]),
        ("shortest", ["bc", "d2"]),
        ("most-spans", ["d2", "d1"]),
        ("fewest-spans", ["d3", "bc"]),
        ("most-errors", ["9c", "d2"]),
    ] {
        let found = found(&server, &format!("order={order}&limit=2")).await;
        assert_eq!(found, expected, "{order}");
    }
}

#[tokio::test]
async fn traces_are_bounded_by_their_whole_duration() {
    let server = shop().await;
    assert_eq!(found(&server, "minTraceDuration=20ms").await, ["9c"]);
    assert_eq!(found(&server, "maxTraceDuration=1ms").await, ["bc"]);
    let first = format!(
        "/api/v3/trace-summaries?{RANGE}&query.traceDurationMin=20ms&query.traceDurationMax=1s"
    );
    let first = server.get(&first).await.json();
    assert_eq!(first["summaries"].as_array().map(Vec::len), Some(1));
}

#[tokio::test]
async fn pages_follow_one_another_to_the_end() {
    let server = shop().await;
    for order in ["newest", "most-spans"] {
        let whole = found(&server, &format!("order={order}")).await;
        let (mut walked, mut token) = (Vec::new(), String::new());
        loop {
            let target =
                format!("/api/spoor/v1/traces?{OWN_RANGE}&order={order}&limit=2&page={token}");
            let page = server.get(&target).await.json();
            walked.extend(ids(&page));
            match page["nextPage"].as_str() {
                Some(next) => token = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(walked, whole, "{order}");
    }
}

#[tokio::test]
async fn jaegers_summaries_come_in_pages_as_well() {
    let server = shop().await;
    let first = format!("/api/v3/trace-summaries?{RANGE}&query.pagination.pageSize=3");
    let page = server.get(&first).await.json();
    assert_eq!(page["summaries"].as_array().map(Vec::len), Some(3));
    let token = page["nextPageToken"].as_str().expect("there is more");
    let page = server
        .get(&format!("{first}&query.pagination.pageToken={token}"))
        .await
        .json();
    assert_eq!(page["summaries"].as_array().map(Vec::len), Some(2));
    assert_eq!(page["nextPageToken"], Value::Null);

    let mut client = Client::connect(server.grpc).await;
    let mut token = String::new();
    let mut count = 0;
    loop {
        let query = api_v3::TraceQueryParameters {
            pagination: Some(api_v3::Pagination {
                page_size: 2,
                page_token: token,
            }),
            ..search_v3()
        };
        let request = api_v3::FindTracesRequest { query: Some(query) };
        let answer: Vec<api_v3::FindTraceSummariesResponse> = client
            .all(&v3("FindTraceSummaries"), Request::new(request))
            .await
            .expect("it answers");
        count += answer.iter().map(|of| of.summaries.len()).sum::<usize>();
        token = answer
            .last()
            .map(|of| of.next_page_token.clone())
            .unwrap_or_default();
        if token.is_empty() {
            break;
        }
    }
    assert_eq!(count, 5);
}

#[tokio::test]
async fn a_page_tells_whether_its_traces_are_whole_and_how_many_there_are() {
    let server = shop().await;
    let body = server
        .get(&format!(
            "/api/spoor/v1/traces?{OWN_RANGE}&service=jobs&service=payment&order=longest"
        ))
        .await
        .body;
    insta::assert_snapshot!(body);
}

#[tokio::test]
async fn attributes_are_listed_with_counts() {
    let server = shop().await;
    let mut bodies = String::new();
    for target in [
        "attributes?",
        "attributes?prefix=q&",
        "attributes?service=payment&",
        "attribute-values?key=queue&",
        "attribute-values?key=queue&prefix=f&limit=1&",
        "attribute-values?key=service.name&filter=status%3Derror&",
    ] {
        let response = server
            .get(&format!("/api/spoor/v1/{target}{OWN_RANGE}"))
            .await;
        bodies += &format!("{target}\n{}\n", response.body);
    }
    insta::assert_snapshot!(bodies);
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused_in_words() {
    let server = shop().await;
    let mut all = String::new();
    for target in [
        "traces?filter=a%3D",
        "traces?order=best",
        "traces?limit=0",
        "traces?limit=x",
        "traces?start=yesterday",
        "traces?start=2026-09-21T15:00:00Z&end=2026-09-21T13:00:00Z",
        "traces?minTraceDuration=-1s",
        "traces?page=abc",
        "attributes?filter=(",
        "attribute-values?prefix=a",
    ] {
        let response = server.get(&format!("/api/spoor/v1/{target}")).await;
        all += &format!("{target}\n{} {}", response.status, response.body);
    }
    insta::assert_snapshot!(all);
}

/// The filters of the page of documentation: every line of its blocks that begin with `filter`.
#[tokio::test]
async fn every_example_of_the_documentation_is_a_filter() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/query-apis.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let blocks = page.split("```filter\n").skip(1);
    let examples: Vec<&str> = blocks
        .flat_map(|block| block.split("```").next().unwrap_or_default().lines())
        .filter(|line| !line.trim().is_empty())
        .collect();
    assert!(examples.len() > 10, "{examples:?}");
    let server = Server::with(vec![checkout()]).await;
    for example in examples {
        let target = format!(
            "/api/spoor/v1/traces?{OWN_RANGE}&filter={}",
            escaped(example)
        );
        let response = server.get(&target).await;
        assert_eq!(response.status, 200, "{example}: {}", response.body);
    }
}

#[tokio::test]
async fn a_failed_trace_counts_its_errors_whole() {
    let mut failed = job("e1", 2);
    failed
        .spans_mut()
        .for_each(|span| span.status = StatusCode::Error);
    let server = Server::with(vec![checkout(), failed]).await;
    let found = found(&server, "order=most-errors").await;
    assert_eq!(found, ["e1", "9c"]);
}
