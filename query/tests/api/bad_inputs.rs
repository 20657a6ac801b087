//! Bad inputs to queries, and the answer that each must get.

use query::{QueryConfig, QueryLimits};

use crate::support::{Server, checkout, of_service, span, trace};

const RANGE: &str = "start=1789999000000000&end=1790001000000000";

#[tokio::test]
async fn what_is_no_trace_id_never_reaches_the_store() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    for id in [
        "%2e%2e%2f%2e%2e%2fadmin",
        "..%2f..%2fadmin",
        "%00",
        "a%00b",
        "1'--",
        "%D9%A3%D9%A3",
        "%ff",
        "111111111111111111111111111111111",
        "0",
    ] {
        for api in ["/api/traces", "/api/v3/traces"] {
            let response = server.get(&format!("{api}/{id}")).await;
            assert_eq!(response.status, 400, "{api}/{id}: {response:?}");
        }
    }
    assert_eq!(server.get("/api/traces/../../admin").await.status, 404);
}

#[tokio::test]
async fn tags_are_compared_literally() {
    let mut percent = span("abc", 3, "op", 0);
    percent.attributes = vec![model::KeyValue::new("a\"", "100%_")];
    let odd = trace("abc", vec![of_service("web", vec![percent])]);
    let server = Server::with(vec![checkout(), odd]).await;
    for (tags, found) in [
        (r#"{"k":"' OR 1=1--"}"#, 0),
        (r#"{"cart":"42' OR 1=1--"}"#, 1),
        (r#"{"a\"":"100%_"}"#, 1),
        (r#"{"a\"":"%"}"#, 0),
        (r#"{"a\"":"100_%"}"#, 0),
    ] {
        let escaped: String = tags.bytes().map(|byte| format!("%{byte:02x}")).collect();
        let body = server
            .get(&format!("/api/traces?service=web&{RANGE}&tags={escaped}"))
            .await
            .json();
        assert_eq!(body["data"].as_array().map(Vec::len), Some(found), "{tags}");
    }
}

#[tokio::test]
async fn too_many_tags_and_tags_of_no_known_form_are_refused() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let many: String = (0..2_000).map(|n| format!("&tag=k{n}:v")).collect();
    for query in [many.as_str(), "&tags=not-json", "&tags=%7B", "&tags=%5B%5D"] {
        let response = server.get(&format!("/api/traces?service=web{query}")).await;
        assert_eq!(response.status, 400, "{query}");
    }
    let endless: String = (0..10_000).map(|n| format!("&tag=k{n}:v")).collect();
    let status = server
        .get(&format!("/api/traces?service=web{endless}"))
        .await
        .status;
    assert!(matches!(status, 400 | 414 | 431), "{status}");
}

#[tokio::test]
async fn numbers_beyond_their_bounds_are_refused_or_bounded() {
    let server = Server::with(vec![checkout()]).await;
    for (query, status) in [
        ("limit=9223372036854775808", 400),
        ("limit=-1", 400),
        ("limit=1000000000", 200),
        ("lookback=100y", 200),
        ("start=20&end=10", 400),
        ("start=-9223372036854775808&end=9223372036854775807", 200),
        ("minDuration=-1s", 400),
        ("minDuration=1fortnight", 400),
        ("maxDuration=9999999999h", 400),
    ] {
        let response = server
            .get(&format!("/api/traces?service=web&{query}"))
            .await;
        assert_eq!(response.status, status, "{query}: {response:?}");
    }
}

#[tokio::test]
async fn headers_of_strangers_change_nothing() {
    let server = Server::with(vec![checkout()]).await;
    let plain = server.get("/api/services").await;
    let evil = "Host: evil\r\nOrigin: http://evil\r\nX-Forwarded-Host: evil\r\nX-Forwarded-For: 1.2.3.4\r\n";
    let response = server
        .send(&format!("GET /api/services HTTP/1.0\r\n{evil}\r\n"))
        .await;
    assert_eq!((response.status, &response.body), (200, &plain.body));
    assert_eq!(response.header("access-control-allow-origin"), None);
    let preflight = format!(
        "OPTIONS /api/services HTTP/1.0\r\n{evil}Access-Control-Request-Method: GET\r\n\r\n"
    );
    let response = server.send(&preflight).await;
    assert_eq!(response.header("access-control-allow-origin"), None);
}

#[tokio::test]
async fn configured_origins_may_read_answers() {
    let config = QueryConfig {
        cors_origins: vec!["http://ui".to_owned()],
        ..QueryConfig::default()
    };
    let server = Server::start(config, query::MemoryReader::new()).await;
    for (origin, allowed) in [("http://ui", Some("http://ui")), ("http://evil", None)] {
        let request = format!("GET /api/services HTTP/1.0\r\nOrigin: {origin}\r\n\r\n");
        let response = server.send(&request).await;
        assert_eq!(
            response.header("access-control-allow-origin"),
            allowed,
            "{origin}"
        );
    }
}

#[tokio::test]
async fn a_limit_above_the_most_allowed_is_taken_as_that() {
    let traces = (1..=9).map(|n| {
        let id = format!("{n}");
        trace(&id, vec![of_service("web", vec![span(&id, n, "op", n)])])
    });
    let reader = traces.fold(query::MemoryReader::new(), |reader, trace| {
        reader.with(&model::Tenant::default(), trace)
    });
    let limits = QueryLimits {
        max_traces: 4,
        ..QueryLimits::default()
    };
    let server = Server::start(
        QueryConfig {
            limits,
            ..QueryConfig::default()
        },
        reader,
    )
    .await;
    let body = server
        .get(&format!("/api/traces?service=web&{RANGE}&limit=9"))
        .await
        .json();
    assert_eq!(body["data"].as_array().map(Vec::len), Some(4));
}

/// A store that only the probe of readiness may ask.
pub struct Untouchable;

crate::serving::reader! { Untouchable, _self => panic!("a bad request reached the store") }
