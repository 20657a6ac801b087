//! Jaeger's third API, end to end.

use crate::support::{Server, checkout, ping};

const RANGE: &str =
    "query.startTimeMin=2026-09-21T13:00:00Z&query.startTimeMax=2026-09-21T15:00:00Z";

async fn shop() -> Server {
    Server::with(vec![checkout(), ping()]).await
}

fn names(body: &serde_json::Value) -> Vec<String> {
    let resources = body["result"]["resourceSpans"].as_array().expect("a list");
    let spans = resources
        .iter()
        .flat_map(|of| of["scopeSpans"][0]["spans"].as_array().expect("a list"));
    spans
        .map(|span| span["name"].as_str().expect("text").to_owned())
        .collect()
}

#[tokio::test]
async fn services_and_operations_are_listed() {
    let server = shop().await;
    let mut bodies = Vec::new();
    for target in [
        "/api/v3/services",
        "/api/v3/operations?service=web",
        "/api/v3/operations?service=payment&spanKind=client",
        "/api/v3/operations?service=payment&span_kind=SERVER",
        "/api/v3/dependencies?startTime=2026-09-21T13:00:00Z&end_time=2026-09-21T15:00:00Z",
    ] {
        let response = server.get(target).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some("application/json"))
        );
        bodies.push(response.body);
    }
    insta::assert_snapshot!(bodies.join("\n"), @r#"
{"services":["payment","web"]}
{"operations":[{"name":"GET /checkout","spanKind":"server"},{"name":"ping","spanKind":"internal"}]}
{"operations":[{"name":"charge","spanKind":"client"}]}
{"operations":[]}
{"dependencies":[{"parent":"web","child":"payment","callCount":"1"}]}
"#);
    let empty = Server::with(vec![]).await.get("/api/v3/services").await;
    assert_eq!(empty.body, r#"{"services":[]}"#);
}

#[tokio::test]
async fn a_trace_is_rendered_as_otlp() {
    let server = shop().await;
    let hinted = "start_time=2026-09-21T16:00:00 02:00&end_time=2026-09-21T18:00:00%2B02:00";
    let hinted = hinted.replace(' ', "+");
    let response = server
        .get(&format!(
            "/api/v3/traces/0af7651916cd43dd8448eb211c80319c?{hinted}"
        ))
        .await;
    insta::assert_snapshot!(response.body, @r#"{"result":{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"web"}}]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000001","parentSpanId":"","name":"GET /checkout","kind":2,"startTimeUnixNano":"1790000000000000000","endTimeUnixNano":"1790000000100000000","attributes":[{"key":"cart","value":{"stringValue":"42' OR 1=1--"}},{"key":"http.status_code","value":{"intValue":"500"}}],"status":{}}]}]},{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"payment"}}]},"scopeSpans":[{"scope":{},"spans":[{"traceId":"0af7651916cd43dd8448eb211c80319c","spanId":"0000000000000002","parentSpanId":"0000000000000001","name":"charge","kind":3,"startTimeUnixNano":"1790000000010000000","endTimeUnixNano":"1790000000060000000","attributes":[{"key":"amount","value":{"doubleValue":72.5}}],"status":{"message":"card declined","code":2}}]}]}]}}"#);
    let base64 = server.get("/api/v3/traces/CvdlGRbNQ92ESOshHIAxnA").await;
    assert_eq!(base64.body, response.body);
}

#[tokio::test]
async fn searches_take_both_spellings_of_their_parameters() {
    let server = shop().await;
    let snake = RANGE
        .replace("startTimeMin", "start_time_min")
        .replace("startTimeMax", "start_time_max");
    for (query, expected) in [
        (RANGE.to_owned(), vec!["ping", "GET /checkout", "charge"]),
        (format!("{snake}&query.num_traces=1"), vec!["ping"]),
        (format!("{RANGE}&query.searchDepth=1"), vec!["ping"]),
        (format!("{RANGE}&query.search_depth=1"), vec!["ping"]),
        (
            format!("{RANGE}&query.serviceName=payment"),
            vec!["GET /checkout", "charge"],
        ),
        (
            format!("{RANGE}&query.service_name=web&query.operation_name=ping"),
            vec!["ping"],
        ),
        (
            format!("{RANGE}&query.durationMin=40ms&query.duration_max=60ms"),
            vec!["GET /checkout", "charge"],
        ),
        (
            format!("{RANGE}&query.attributes=%7B%22error%22%3A%22true%22%7D"),
            vec!["GET /checkout", "charge"],
        ),
    ] {
        let response = server.get(&format!("/api/v3/traces?{query}")).await;
        assert_eq!(names(&response.json()), expected, "{query}");
    }
}

#[tokio::test]
async fn summaries_are_short_and_whole() {
    let server = shop().await;
    let response = server
        .get(&format!("/api/v3/trace-summaries?{RANGE}"))
        .await;
    insta::assert_snapshot!(response.body, @r#"{"summaries":[{"traceId":"00000000000000000000000000000abc","rootServiceName":"web","rootOperationName":"ping","minStartTimeUnixNano":"1790000001000000000","maxEndTimeUnixNano":"1790000001001000000","spanCount":1,"services":[{"name":"web","spanCount":1}]},{"traceId":"0af7651916cd43dd8448eb211c80319c","rootServiceName":"web","rootOperationName":"GET /checkout","minStartTimeUnixNano":"1790000000000000000","maxEndTimeUnixNano":"1790000000100000000","spanCount":2,"errorSpanCount":1,"services":[{"name":"payment","spanCount":1,"errorSpanCount":1},{"name":"web","spanCount":1}]}]}"#);
    let none = server
        .get(&format!(
            "/api/v3/trace-summaries?{RANGE}&query.serviceName=nobody"
        ))
        .await;
    assert_eq!(
        (none.status, none.body.as_str()),
        (200, r#"{"summaries":[]}"#)
    );
}

const REFUSED: &[&str] = &[
    "/api/v3/traces/dead",
    "/api/v3/traces/xyz",
    "/api/v3/traces/abc?startTime=now",
    "/api/v3/traces/abc?raw_traces=maybe",
    "/api/v3/traces",
    "/api/v3/traces?query.startTimeMin=2026-09-21T13:00:00Z",
    "/api/v3/traces?query.startTimeMin=2026-09-21T13:00:00Z&query.startTimeMax=2026-09-21T13:00:00Z",
    "/api/v3/traces?RANGE&query.serviceName=nobody",
    "/api/v3/traces?RANGE&query.durationMin=soon",
    "/api/v3/traces?RANGE&query.duration_max=-1s",
    "/api/v3/traces?RANGE&query.durationMin=2s&query.durationMax=1s",
    "/api/v3/trace-summaries?RANGE&query.searchDepth=-1",
    "/api/v3/trace-summaries?RANGE&query.num_traces=x",
    "/api/v3/trace-summaries?RANGE&query.attributes=a=b",
    "/api/v3/trace-summaries?RANGE&query.filter=%7B%7D",
    "/api/v3/traces?RANGE&query.filter=name&query.serviceName=web",
    "/api/v3/traces?RANGE&query.filter=duration%3E5",
    "/api/v3/traces?RANGE&query.filter=a=1&query.serviceName=web",
    "/api/v3/traces?RANGE&query.order=best",
    "/api/v3/traces?RANGE&query.traceDurationMin=long",
    "/api/v3/trace-summaries?RANGE&query.pagination.pageSize=0",
    "/api/v3/trace-summaries?RANGE&query.pagination.pageToken=abc",
    "/api/v3/trace-summaries?RANGE&query.pagination.pageSize=1&query.pagination.pageToken=abc",
    "/api/v3/trace-summaries?RANGE&query.pagination.pageSize=1&query.searchDepth=5",
    "/api/v3/operations?service=web&spanKind=odd",
    "/api/v3/dependencies",
    "/api/v3/nothing",
];

#[tokio::test]
async fn every_complaint_is_in_the_error_object() {
    let server = shop().await;
    let mut all = String::new();
    for target in REFUSED {
        let target = target.replace("RANGE", RANGE);
        let response = server.get(&target).await;
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{target}"
        );
        all.push_str(&format!("{target}\n{} {}", response.status, response.body));
    }
    insta::assert_snapshot!(all);
}
