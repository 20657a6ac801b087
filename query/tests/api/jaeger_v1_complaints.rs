//! What Jaeger's first API says to requests that it cannot answer.

use crate::support::{Server, checkout, ping};

const REFUSED: &[&str] = &[
    "/api/traces/dead",
    "/api/traces/xyz",
    "/api/traces/111111111111111111111111111111111",
    "/api/traces/abc?raw=maybe",
    "/api/traces/abc?start=x",
    "/api/operations",
    "/api/operations?service=web&spanKind=odd",
    "/api/traces",
    "/api/traces?service=",
    "/api/traces?service=web&start=x",
    "/api/traces?service=web&start=20&end=10",
    "/api/traces?service=web&limit=x",
    "/api/traces?service=web&limit=0",
    "/api/traces?service=web&minDuration=5",
    "/api/traces?service=web&minDuration=2s&maxDuration=1s",
    "/api/traces?service=web&tag=novalue",
    "/api/traces?service=web&tags=word",
    "/api/traces?service=web&tags=%7B%22a%22%3A1%7D",
    "/api/traces?traceID=nothex",
    "/api/dependencies?endTs=x",
    "/api/dependencies?lookback=x",
    "/api/nothing",
    "/nothing",
];

#[tokio::test]
async fn every_complaint_is_jaegers_to_the_byte() {
    let server = Server::with(vec![checkout(), ping()]).await;
    let mut all = String::new();
    for target in REFUSED {
        let response = server.get(target).await;
        assert_eq!(
            response.header("content-type"),
            Some("text/plain; charset=utf-8"),
            "{target}"
        );
        assert_eq!(
            response.header("x-content-type-options"),
            Some("nosniff"),
            "{target}"
        );
        all.push_str(&format!("{target}\n{} {}", response.status, response.body));
    }
    insta::assert_snapshot!(all);
}
