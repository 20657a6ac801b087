//! What clients of OTLP over HTTP are answered, and what was stored then.

use std::time::Duration;

use collector::PublishError;
use model::{KeyValue, Refusal};
use prost::Message;
use reqwest::{Method, Response};
use schemas::otlp_response::{ExportTraceServiceResponse, Status};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::compressed::{gzip, zlib, zstd};
use crate::running::{JSON, PROTOBUF, Running, config, start, start_with};
use crate::traces::{of_cart, span, trace_id};
use crate::{json, wire};

async fn status_of(response: Response) -> Status {
    let body = response.bytes().await.expect("a body");
    Status::decode(body).expect("a google.rpc.Status")
}

#[tokio::test]
async fn a_request_is_stored_as_it_was_sent_in_either_encoding() {
    let resources = of_cart([span(1, 1), span(1, 2)]);
    let json_body = json::request(&resources).to_string();
    for (content_type, body) in [
        (PROTOBUF, wire::request(&resources)),
        ("application/json; charset=utf-8", json_body.into_bytes()),
    ] {
        let running = start().await;
        assert_eq!(running.send(content_type, body).await.status(), 200);
        assert_eq!(running.published.resources(), resources);
    }
}

#[tokio::test]
async fn every_coding_is_understood() {
    let (running, resources) = (start().await, of_cart([span(1, 1)]));
    let body = wire::request(&resources);
    let codings = [
        ("gzip", gzip(&body)),
        ("zstd", zstd(&body)),
        ("deflate", zlib(&body)),
    ];
    for (coding, body) in codings {
        let sent = running
            .post(PROTOBUF, body)
            .header("content-encoding", coding)
            .send()
            .await;
        assert_eq!(sent.expect("an answer").status(), 200, "{coding}");
    }
    assert_eq!(running.published.spans().len(), 3);
}

#[tokio::test]
async fn each_trace_of_a_request_is_a_record_of_its_own() {
    let running = start().await;
    let spans = [span(1, 1), span(2, 2), span(1, 3)];
    running.send(PROTOBUF, wire::request(&of_cart(spans))).await;
    let records = running.published.records();
    let traces: Vec<_> = records
        .iter()
        .map(|record| (record.trace_id, record.spans))
        .collect();
    assert_eq!(traces, [(trace_id(1), 2), (trace_id(2), 1)]);
}

#[tokio::test]
async fn a_trace_larger_than_a_record_is_split() {
    let running = start().await;
    let mut spans: Vec<_> = (1..=200).map(|id| span(1, id)).collect();
    for span in &mut spans {
        span.attributes
            .push(KeyValue::new("blob", "x".repeat(5_000)));
    }
    running
        .send(PROTOBUF, wire::request(&of_cart(spans.clone())))
        .await;
    let records = running.published.records();
    assert!(records.len() >= 2);
    assert!(
        records
            .iter()
            .all(|record| record.payload.len() <= 900 << 10)
    );
    assert_eq!(running.published.spans(), spans);
}

#[tokio::test]
async fn a_span_larger_than_a_record_loses_the_tails_of_its_longest_values() {
    let running = start().await;
    let mut large = span(1, 1);
    let values = (0..16).map(|n| KeyValue::new(format!("k{n}"), "x".repeat(60 << 10)));
    large.attributes.extend(values);
    running
        .send(PROTOBUF, wire::request(&of_cart([large])))
        .await;
    let stored = &running.published.spans()[0];
    assert_eq!(stored.attributes.len(), 18);
    assert_eq!(
        stored.attributes[17].value.as_str().map(str::len),
        Some(16 << 10)
    );
    assert_eq!(
        running.metric("spoor_collector_spans_repaired_total{repair=\"value_truncated\"}"),
        1.0
    );
}

#[tokio::test]
async fn json_is_answered_in_json() {
    let running = start().await;
    let body = json::request(&of_cart([span(1, 1)])).to_string();
    let spoilt = body.replacen(&trace_id(1).to_string(), "12", 1);
    let full = running.send(JSON, body).await.text().await.expect("text");
    assert_eq!(full, "{}");
    let partial = running.send(JSON, spoilt).await.text().await.expect("text");
    assert_eq!(
        partial,
        "{\"partialSuccess\":{\"errorMessage\":\"1 span left out: 1 without a trace id of 16 bytes \
         that are not all zero (invalid_trace_id)\",\"rejectedSpans\":\"1\"}}"
    );
}

#[tokio::test]
async fn a_full_success_in_protobuf_is_empty() {
    let running = start().await;
    let answer = running
        .send(PROTOBUF, wire::request(&of_cart([span(1, 1)])))
        .await;
    let body = answer.bytes().await.expect("a body");
    let response = ExportTraceServiceResponse::decode(body).expect("a response");
    assert_eq!(response, ExportTraceServiceResponse::default());
}

#[tokio::test]
async fn row_5_only_post_is_allowed() {
    let running = start().await;
    let client = reqwest::Client::new();
    let got = client
        .request(Method::GET, running.url("/v1/traces"))
        .send()
        .await
        .expect("an answer");
    assert_eq!(
        (got.status().as_u16(), &got.headers()["allow"]),
        (405, &"POST".parse().expect("ok"))
    );
}

#[tokio::test]
async fn other_signals_are_not_there() {
    let (running, client) = (start().await, reqwest::Client::new());
    for path in ["/v1/logs", "/v1/metrics", "/", "/v1/traces/x"] {
        let answer = client
            .post(running.url(path))
            .body("x")
            .send()
            .await
            .expect("an answer");
        assert_eq!(answer.status(), 404, "{path}");
    }
}

#[tokio::test]
async fn what_cannot_be_made_durable_is_to_be_sent_again() {
    let running = start().await;
    let cause = || std::io::Error::other("secret broker name").into();
    running
        .published
        .fail_next(PublishError::Unavailable { source: cause() });
    running.published.fail_next(PublishError::Overloaded {
        retry_after: Some(Duration::from_secs(7)),
    });
    let body = wire::request(&of_cart([span(1, 1)]));
    for (least, refusal) in [(1, Refusal::Unavailable), (7, Refusal::Overloaded)] {
        let answer = running.send(PROTOBUF, body.clone()).await;
        let retry_after = answer.headers()["retry-after"]
            .to_str()
            .expect("text")
            .parse::<u64>();
        assert!((least..=2 * least).contains(&retry_after.expect("seconds")));
        assert_eq!(answer.status(), 503);
        let status = status_of(answer).await;
        assert_eq!((status.code, status.details.len()), (14, 1));
        assert!(!status.message.contains("secret"), "{}", status.message);
        let refused = format!("spoor_collector_spans_refused_total{{reason=\"{refusal}\"}}");
        assert_eq!(running.metric(&refused), 1.0);
    }
    assert_eq!(running.send(PROTOBUF, body).await.status(), 200);
}

#[tokio::test]
async fn a_record_that_the_log_refuses_for_good_is_not_to_be_sent_again() {
    let running = start().await;
    let source = std::io::Error::other("too large").into();
    running
        .published
        .fail_next(PublishError::TooLarge { source });
    let answer = running
        .send(PROTOBUF, wire::request(&of_cart([span(1, 1)])))
        .await;
    assert_eq!(
        (
            answer.status().as_u16(),
            answer.headers().get("retry-after")
        ),
        (413, None)
    );
}

#[tokio::test]
async fn row_10_a_body_that_announces_too_much_is_refused_at_once() {
    let running = start().await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nContent-Length: 10737418240\r\n\r\n"
    );
    assert!(
        answer_to(&running, head.as_bytes())
            .await
            .starts_with("HTTP/1.1 413 ")
    );
}

#[tokio::test]
async fn row_10_a_body_that_does_not_come_is_given_up() {
    let mut config = config();
    config.otlp_http.connections.body_timeout = Duration::from_millis(50);
    let running = start_with(config).await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: {PROTOBUF}\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n\n\r\n"
    );
    assert!(
        answer_to(&running, head.as_bytes())
            .await
            .starts_with("HTTP/1.1 408 ")
    );
    let series = "spoor_collector_requests_total{protocol=\"otlp_http\",outcome=\"timeout\"}";
    assert_eq!(running.metric(series), 1.0);
}

/// Sends these bytes and reads the beginning of the answer.
async fn answer_to(running: &Running, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(running.http)
        .await
        .expect("a connection");
    stream.write_all(request).await.expect("sent");
    let mut answer = vec![0; 1024];
    let read = tokio::time::timeout(Duration::from_secs(5), stream.read(&mut answer)).await;
    answer.truncate(read.expect("in time").expect("an answer"));
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn headers_larger_than_the_limit_are_431() {
    let running = start().await;
    let head = format!(
        "POST /v1/traces HTTP/1.1\r\nHost: x\r\nX-Long: {}",
        "x".repeat(1 << 20)
    );
    let mut stream = TcpStream::connect(running.http)
        .await
        .expect("a connection");
    // The other side may stop reading before all is sent.
    let _ = stream.write_all(head.as_bytes()).await;
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).await.expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 431");
}

#[tokio::test]
async fn pages_of_configured_origins_may_send() {
    let mut config = config();
    config.otlp_http.cors_origins = vec!["https://shop.example".into()];
    let running = start_with(config).await;
    let preflight = |origin: &'static str| {
        let request = reqwest::Client::new().request(Method::OPTIONS, running.url("/v1/traces"));
        request
            .header("origin", origin)
            .header("access-control-request-method", "POST")
            .header("access-control-request-headers", "content-type")
            .send()
    };
    let allowed = preflight("https://shop.example").await.expect("an answer");
    assert_eq!(
        allowed.headers()["access-control-allow-origin"],
        "https://shop.example"
    );
    let other = preflight("https://evil.example").await.expect("an answer");
    assert!(other.headers().get("access-control-allow-origin").is_none());
}

#[tokio::test]
async fn without_configuration_no_page_may_send() {
    let running = start().await;
    let body = wire::request(&of_cart([span(1, 1)]));
    let sent = running
        .post(PROTOBUF, body)
        .header("origin", "https://shop.example")
        .send()
        .await;
    assert!(
        sent.expect("an answer")
            .headers()
            .get("access-control-allow-origin")
            .is_none()
    );
}

#[tokio::test]
async fn the_tenant_of_the_header_owns_the_spans() {
    let running = start().await;
    let body = wire::request(&of_cart([span(1, 1)]));
    let sent = running
        .post(PROTOBUF, body.clone())
        .header("x-tenant", "acme")
        .send()
        .await;
    assert_eq!(sent.expect("an answer").status(), 200);
    assert_eq!(running.published.records()[0].tenant.as_str(), "acme");
    let bad = running
        .post(PROTOBUF, body)
        .header("x-tenant", "../x")
        .send()
        .await;
    assert_eq!(bad.expect("an answer").status(), 400);
}

#[tokio::test]
async fn with_multi_tenancy_a_tenant_must_be_named_and_known() {
    let mut config = config();
    config.tenancy.enabled = true;
    config.tenancy.tenants = vec!["acme".into()];
    let running = start_with(config).await;
    let body = wire::request(&of_cart([span(1, 1)]));
    let missing = running.send(PROTOBUF, body.clone()).await;
    assert_eq!(missing.status(), 401);
    assert_eq!(status_of(missing).await.message, "missing tenant header");
    let unknown = running
        .post(PROTOBUF, body)
        .header("x-tenant", "evil")
        .send()
        .await;
    let unknown = unknown.expect("an answer");
    assert_eq!(unknown.status(), 401);
    assert_eq!(status_of(unknown).await.message, "unknown tenant");
}
