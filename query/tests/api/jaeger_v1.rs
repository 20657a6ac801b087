//! Jaeger's first API, end to end.

use query::QueryConfig;

use crate::support::{Server, T0, checkout, ping};

/// `start` and `end` around both sample traces.
const RANGE: &str = "start=1789999000000000&end=1790001000000000";

async fn shop() -> Server {
    Server::with(vec![checkout(), ping()]).await
}

fn ids(body: &serde_json::Value) -> Vec<&str> {
    let traces = body["data"].as_array().expect("a list");
    traces
        .iter()
        .map(|trace| trace["traceID"].as_str().expect("text"))
        .collect()
}

const CHECKOUT: &str = "0af7651916cd43dd8448eb211c80319c";
const PING: &str = "0000000000000abc";

#[tokio::test]
async fn services_and_operations_are_listed() {
    let server = shop().await;
    let mut bodies = Vec::new();
    for target in [
        "/api/services",
        "/api/services/web/operations",
        "/api/services/nobody/operations",
        "/api/operations?service=web",
        "/api/operations?service=payment&spanKind=client",
        "/api/operations?service=payment&spanKind=server",
    ] {
        let response = server.get(target).await;
        assert_eq!(
            (response.status, response.header("content-type")),
            (200, Some("application/json"))
        );
        bodies.push(response.body);
    }
    insta::assert_snapshot!(bodies.join("\n"), @r#"
{"data":["payment","web"],"total":2,"limit":0,"offset":0,"errors":null}
{"data":["GET /checkout","ping"],"total":2,"limit":0,"offset":0,"errors":null}
{"data":[],"total":0,"limit":0,"offset":0,"errors":null}
{"data":[{"name":"GET /checkout","spanKind":"server"},{"name":"ping","spanKind":""}],"total":2,"limit":0,"offset":0,"errors":null}
{"data":[{"name":"charge","spanKind":"client"}],"total":1,"limit":0,"offset":0,"errors":null}
{"data":[],"total":0,"limit":0,"offset":0,"errors":null}
"#);
}

#[tokio::test]
async fn a_trace_is_found_by_its_id_in_every_spelling() {
    let server = shop().await;
    let hinted = format!(
        "/api/traces/{CHECKOUT}?start={}&end={}",
        T0 / 1_000_000,
        T0 / 1_000_000 + 500
    );
    for target in [
        format!("/api/traces/{CHECKOUT}"),
        format!("/api/traces/{}", CHECKOUT.to_uppercase()),
        "/api/traces/CvdlGRbNQ92ESOshHIAxnA==".to_owned(),
        "/api/traces/CvdlGRbNQ92ESOshHIAxnA%3D%3D?raw=true".to_owned(),
        hinted,
    ] {
        let response = server.get(&target).await;
        assert_eq!(response.status, 200, "{target}: {response:?}");
        assert_eq!(ids(&response.json()), [CHECKOUT], "{target}");
    }
    assert_eq!(ids(&server.get("/api/traces/abc").await.json()), [PING]);
}

#[tokio::test]
async fn a_trace_is_rendered_to_the_byte() {
    let response = shop().await.get(&format!("/api/traces/{CHECKOUT}")).await;
    insta::assert_snapshot!(response.body, @r#"{"data":[{"traceID":"0af7651916cd43dd8448eb211c80319c","spans":[{"traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"0000000000000001","operationName":"GET /checkout","references":[],"startTime":1790000000000000,"duration":100000,"tags":[{"key":"cart","type":"string","value":"42' OR 1=1--"},{"key":"http.status_code","type":"int64","value":500},{"key":"span.kind","type":"string","value":"server"}],"logs":[],"processID":"p1","warnings":null},{"traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"0000000000000002","operationName":"charge","references":[{"refType":"CHILD_OF","traceID":"0af7651916cd43dd8448eb211c80319c","spanID":"0000000000000001"}],"startTime":1790000000010000,"duration":50000,"tags":[{"key":"amount","type":"float64","value":72.5},{"key":"span.kind","type":"string","value":"client"},{"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"error","type":"bool","value":true},{"key":"otel.status_description","type":"string","value":"card declined"}],"logs":[],"processID":"p2","warnings":null}],"processes":{"p1":{"serviceName":"web","tags":[]},"p2":{"serviceName":"payment","tags":[]}},"warnings":null}],"total":0,"limit":0,"offset":0,"errors":null}"#);
}

#[tokio::test]
async fn pretty_print_indents_by_four_spaces() {
    let response = shop().await.get("/api/traces/abc?prettyPrint=true").await;
    insta::assert_snapshot!(response.body, @r#"
{
    "data": [
        {
            "traceID": "0000000000000abc",
            "spans": [
                {
                    "traceID": "0000000000000abc",
                    "spanID": "0000000000000003",
                    "operationName": "ping",
                    "references": [],
                    "startTime": 1790000001000000,
                    "duration": 1000,
                    "tags": [],
                    "logs": [],
                    "processID": "p1",
                    "warnings": null
                }
            ],
            "processes": {
                "p1": {
                    "serviceName": "web",
                    "tags": []
                }
            },
            "warnings": null
        }
    ],
    "total": 0,
    "limit": 0,
    "offset": 0,
    "errors": null
}
"#);
}

#[tokio::test]
async fn each_condition_of_a_search_narrows_it() {
    let server = shop().await;
    for (query, expected) in [
        ("", vec![PING, CHECKOUT]),
        ("&limit=1", vec![PING]),
        ("&limit=1000000000", vec![PING, CHECKOUT]),
        ("&operation=ping", vec![PING]),
        ("&minDuration=50ms", vec![CHECKOUT]),
        ("&maxDuration=50ms", vec![PING]),
        ("&tag=http.status_code:500", vec![CHECKOUT]),
        (
            "&tags=%7B%22http.status_code%22%3A%22500%22%7D",
            vec![CHECKOUT],
        ),
        (
            "&tags=http.status_code%3D500%20error%3Dfalse",
            vec![CHECKOUT],
        ),
        ("&tags=http.status_code%3D500%20error%3Dtrue", vec![]),
        ("&tag=amount:72.5", vec![]),
    ] {
        let body = server
            .get(&format!("/api/traces?service=web&{RANGE}{query}"))
            .await
            .json();
        assert_eq!(ids(&body), expected, "{query}");
    }
    let body = server
        .get(&format!(
            "/api/traces?service=payment&{RANGE}&tag=amount:72.5&tag=error:true"
        ))
        .await;
    assert_eq!(ids(&body.json()), [CHECKOUT]);
}

#[tokio::test]
async fn a_lookback_counts_where_there_is_no_start() {
    let server = shop().await;
    let end = T0 / 1_000 + 1_100_000;
    for (lookback, expected) in [
        ("lookback=500ms", vec![PING]),
        ("lookback=1h", vec![PING, CHECKOUT]),
        ("lookback=1h&start=1790000001100000", vec![]),
    ] {
        let body = server
            .get(&format!("/api/traces?service=web&end={end}&{lookback}"))
            .await
            .json();
        assert_eq!(ids(&body), expected, "{lookback}");
    }
}

#[tokio::test]
async fn several_ids_are_answered_with_those_found_and_those_missing() {
    let response = shop()
        .await
        .get("/api/traces?traceID=abc&traceID=dead&traceID=abc")
        .await;
    assert_eq!(response.status, 200);
    let body = response.json();
    assert_eq!(ids(&body), [PING]);
    let missing = serde_json::json!([{"msg": "trace not found", "traceID": "000000000000dead"}]);
    assert_eq!(body["errors"], missing);
}

#[tokio::test]
async fn raw_traces_are_not_adjusted() {
    let server = shop().await;
    let keys = |body: serde_json::Value| {
        let tags = body["data"][0]["spans"][0]["tags"]
            .as_array()
            .expect("tags")
            .clone();
        tags.iter()
            .map(|tag| tag["key"].as_str().expect("text").to_owned())
            .collect::<Vec<_>>()
    };
    let adjusted = keys(server.get(&format!("/api/traces/{CHECKOUT}")).await.json());
    assert_eq!(adjusted, ["cart", "http.status_code", "span.kind"]);
    let raw = keys(
        server
            .get(&format!("/api/traces/{CHECKOUT}?raw=true"))
            .await
            .json(),
    );
    assert_eq!(raw, ["http.status_code", "cart", "span.kind"]);
}

#[tokio::test]
async fn dependencies_are_summed_and_filtered() {
    let server = shop().await;
    let at = format!("endTs={}&lookback=3600000", T0 / 1_000_000 + 60_000);
    let all = server.get(&format!("/api/dependencies?{at}")).await.body;
    insta::assert_snapshot!(all, @r#"{"data":[{"parent":"web","child":"payment","callCount":1}],"total":0,"limit":0,"offset":0,"errors":null}"#);
    for (query, count) in [("&service=web", 1), ("&service=other", 0)] {
        let body = server
            .get(&format!("/api/dependencies?{at}{query}"))
            .await
            .json();
        assert_eq!(
            body["data"].as_array().map(Vec::len),
            Some(count),
            "{query}"
        );
    }
}

#[tokio::test]
async fn everything_is_served_under_the_base_path() {
    let config = QueryConfig {
        base_path: "/traces/".to_owned(),
        ..QueryConfig::default()
    };
    let server = Server::start(config, query::MemoryReader::new()).await;
    assert_eq!(server.get("/traces/api/services").await.status, 200);
    let index = server.get("/traces").await;
    assert!(
        index.status == 200 && index.body.contains("/api/v3/trace-summaries"),
        "{index:?}"
    );
    let missing = server.get("/traces/api/traces/dead").await;
    assert!(missing.body.contains("trace not found"), "{missing:?}");
    assert_eq!(
        server.get("/api/services").await.body,
        "404 page not found\n"
    );
}
