//! Zipkin's second API, end to end.

use model::{Event, KeyValue, SpanKind, Trace};
use query::QueryConfig;

use crate::bad_inputs::Untouchable;
use crate::support::{MS, Server, T0, checkout, of_service, ping, span, span_id, trace};

/// Ten seconds after the samples, in milliseconds, looking back a minute.
const RANGE: &str = "endTs=1790000010000&lookback=60000";

/// A call whose two sides share an id, as Zipkin's clients make them.
fn shared() -> Trace {
    let side = |kind, at| {
        let mut side = span("feed", 7, "get /cart", at);
        side.parent_span_id = Some(span_id(6));
        side.kind = kind;
        side
    };
    let mut client = side(SpanKind::Client, 2_000);
    client.attributes = vec![
        KeyValue::new("peer.service", "cart"),
        KeyValue::new("net.peer.ip", "10.0.0.7"),
        KeyValue::new("net.peer.port", 80i64),
        KeyValue::new("http.method", "GET"),
    ];
    client.events = vec![Event {
        time: T0 + 2_000 * MS,
        name: "ws".to_owned(),
        attributes: Vec::new(),
        dropped_attributes: 0,
    }];
    let server = side(SpanKind::Server, 2_001);
    trace(
        "feed",
        vec![
            of_service("shop", vec![client]),
            of_service("cart", vec![server]),
        ],
    )
}

async fn shop() -> Server {
    Server::with(vec![checkout(), ping(), shared()]).await
}

#[tokio::test]
async fn traces_are_lists_of_spans() {
    let server = shop().await;
    let mut bodies = String::new();
    for target in [
        "/api/v2/trace/feed",
        "/zipkin/api/v2/trace/0af7651916cd43dd8448eb211c80319c",
        "/api/v2/traceMany?traceIds=abc,feed,dead",
        "/zipkin/api/v2/traces?endTs=1790000010000&serviceName=web",
    ] {
        let response = server.get(target).await;
        let kind = response.header("content-type");
        assert_eq!((response.status, kind), (200, Some("application/json")));
        bodies += &format!("{target}\n{}\n", response.body);
    }
    insta::assert_snapshot!(bodies);
}

#[tokio::test]
async fn names_and_dependencies_are_listed() {
    let server = shop().await;
    let mut bodies = String::new();
    for target in [
        "/api/v2/services",
        "/api/v2/spans?serviceName=web",
        "/api/v2/spans?serviceName=nobody",
        "/api/v2/remoteServices?serviceName=nobody",
        "/api/v2/dependencies?endTs=1790000060000&lookback=120000",
        "/api/v2/autocompleteKeys",
        "/api/v2/autocompleteValues?key=env",
    ] {
        let plain = server.get(target).await;
        let under = server.get(&format!("/zipkin{target}")).await;
        assert_eq!((plain.status, &plain.body), (200, &under.body), "{target}");
        bodies += &format!("{target}\n{}\n", plain.body);
    }
    insta::assert_snapshot!(bodies);
}

#[tokio::test]
async fn remote_services_are_those_called_of_late() {
    let mut both = checkout();
    let now = jiff::Timestamp::now().as_nanosecond() as u64;
    for one in both.spans_mut() {
        (one.start, one.end) = (now - 60_000 * MS, now - 59_000 * MS);
    }
    let server = Server::with(vec![both]).await;
    let body = server
        .get("/api/v2/remoteServices?serviceName=web")
        .await
        .body;
    assert_eq!(body, r#"["payment"]"#);
    let body = server
        .get("/api/v2/remoteServices?serviceName=payment")
        .await
        .body;
    assert_eq!(body, "[]");
}

#[tokio::test]
async fn searches_know_every_condition() {
    let server = shop().await;
    let (ping, feed) = ("0000000000000abc", "000000000000feed");
    let checkout = "0af7651916cd43dd8448eb211c80319c";
    for (query, expected) in [
        ("", vec![feed, ping, checkout]),
        ("&limit=1", vec![feed]),
        ("&limit=9223372036854775807", vec![feed, ping, checkout]),
        ("&serviceName=web", vec![ping, checkout]),
        ("&serviceName=web&spanName=ping", vec![ping]),
        ("&serviceName=web&spanName=all", vec![ping, checkout]),
        ("&remoteServiceName=cart", vec![feed]),
        ("&annotationQuery=http.method%3DGET", vec![feed]),
        ("&annotationQuery=http.method%3DGET+and+ws", vec![feed]),
        ("&annotationQuery=http.method", vec![feed]),
        ("&annotationQuery=ws+and+nothing", vec![]),
        ("&annotationQuery=error", vec![checkout]),
        ("&minDuration=40000", vec![checkout]),
        ("&minDuration=1&maxDuration=1000", vec![feed, ping]),
        ("&minDuration=9223372036854775807", vec![]),
    ] {
        let response = server.get(&format!("/api/v2/traces?{RANGE}{query}")).await;
        let body = response.json();
        let traces = body.as_array().expect("a list").iter();
        let found: Vec<_> = traces.map(|of| of[0]["traceId"].clone()).collect();
        assert_eq!(found, expected, "{query}");
    }
}

const REFUSED: &[&str] = &[
    "/api/v2/trace/%2e%2e%2f%2e%2e%2fadmin",
    "/api/v2/trace/111111111111111111111111111111111",
    "/api/v2/trace/0",
    "/api/v2/trace/1'--",
    "/api/v2/trace/a%00b",
    "/api/v2/traceMany",
    "/api/v2/traceMany?traceIds=",
    "/api/v2/traceMany?traceIds=abc",
    "/api/v2/traceMany?traceIds=abc,0abc",
    "/api/v2/traceMany?traceIds=abc,",
    "/api/v2/traceMany?traceIds=abc,../x",
    "/api/v2/traces?endTs=now",
    "/api/v2/traces?endTs=0",
    "/api/v2/traces?lookback=-1",
    "/api/v2/traces?limit=9223372036854775808",
    "/api/v2/traces?limit=0",
    "/api/v2/traces?minDuration=-1",
    "/api/v2/traces?minDuration=1s",
    "/api/v2/traces?minDuration=2&maxDuration=1",
    "/api/v2/traces?maxDuration=1",
    "/api/v2/traces?serviceName=%00",
    "/api/v2/spans",
    "/api/v2/remoteServices",
    "/api/v2/dependencies",
    "/api/v2/dependencies?endTs=9223372036854775808",
    "/api/v2/autocompleteValues",
    "/api/v2/nothing",
];

#[tokio::test]
async fn every_bad_request_is_refused_in_plain_text() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut all = String::new();
    for target in REFUSED {
        let response = server.get(target).await;
        let kind = response.header("content-type");
        assert_eq!(kind, Some("text/plain; charset=utf-8"), "{target}");
        all += &format!("{target}\n{} {}", response.status, response.body);
    }
    insta::assert_snapshot!(all);
    let response = shop().await.get("/api/v2/trace/dead").await;
    assert_eq!(
        (response.status, response.body.as_str()),
        (404, "trace not found\n")
    );
}
