//! How each receiver says yes, no and later.

use std::net::SocketAddr;

use collector::PublishError;
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;
use tonic::Code;

use super::goldens::SEEDS;
use crate::grpc::{call, client_of};
use crate::running::{Running, config, start, start_with};

const POST_SPANS: &str = "/jaeger.api_v2.CollectorService/PostSpans";
const THRIFT: &str = "application/x-thrift";

fn seed(index: usize) -> Vec<u8> {
    SEEDS[index].1.to_vec()
}

fn gzip(body: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(body).expect("in memory");
    encoder.finish().expect("in memory")
}

/// Status, content type and text of an answer.
async fn post(
    running: &Running,
    address: SocketAddr,
    path: &str,
    content_type: Option<&str>,
    body: Vec<u8>,
) -> (u16, String, String) {
    let mut request = running.post_to(address, path, body);
    if let Some(content_type) = content_type {
        request = request.header("content-type", content_type);
    }
    let answer = request.send().await.expect("an answer");
    let status = answer.status().as_u16();
    let of_type = answer.headers().get("content-type");
    let of_type = of_type.map(|value| value.to_str().expect("text").to_owned());
    let text = answer.text().await.expect("text");
    (status, of_type.unwrap_or_default(), text)
}

#[tokio::test]
async fn jaeger_grpc_answers_an_empty_message_once_the_spans_are_durable() {
    let running = start().await;
    let mut client = client_of(running.jaeger_grpc).await;
    let answer = call(&mut client, POST_SPANS, seed(0), &[]).await;
    assert!(answer.expect("success").is_empty());
    assert_eq!(running.published.spans().len(), 1);
    let accepted =
        "spoor_collector_spans_accepted_total{protocol=\"jaeger_grpc\",tenant=\"default\"}";
    assert_eq!(running.metric(accepted), 1.0);
}

#[tokio::test]
async fn jaeger_grpc_refuses_with_the_codes_of_every_grpc_receiver() {
    let running = start().await;
    let mut client = client_of(running.jaeger_grpc).await;
    let answer = call(&mut client, POST_SPANS, vec![0x0a, 0x7f], &[]).await;
    assert_eq!(answer.expect_err("cut off").code(), Code::InvalidArgument);
    let absent = "/jaeger.api_v2.CollectorService/Other";
    let answer = call(&mut client, absent, seed(0), &[]).await;
    assert_eq!(answer.expect_err("absent").code(), Code::Unimplemented);
    running
        .published
        .fail_next(PublishError::Overloaded { retry_after: None });
    let answer = call(&mut client, POST_SPANS, seed(0), &[]).await;
    assert_eq!(answer.expect_err("no room").code(), Code::Unavailable);
}

#[tokio::test]
async fn jaeger_grpc_tells_its_health_by_name() {
    let running = start().await;
    let mut client = client_of(running.jaeger_grpc).await;
    let name = b"jaeger.api_v2.CollectorService";
    let request = [&[0x0a, name.len() as u8], &name[..]].concat();
    let answer = call(&mut client, "/grpc.health.v1.Health/Check", request, &[]).await;
    assert_eq!(answer.expect("known")[..], [0x08, 0x01], "serving");
}

#[tokio::test]
async fn jaeger_thrift_answers_202_to_every_content_type_that_clients_send() {
    let running = start().await;
    for content_type in [
        THRIFT,
        "application/vnd.apache.thrift.binary",
        "application/x-thrift; charset=utf-8",
        "Application/X-Thrift;v=1",
    ] {
        for path in ["/api/traces", "/api/traces?format=jaeger.thrift"] {
            let address = running.jaeger_thrift;
            let answer = post(&running, address, path, Some(content_type), seed(1)).await;
            assert_eq!((answer.0, answer.2.as_str()), (202, ""), "{content_type}");
        }
    }
    assert_eq!(running.published.spans().len(), 8);
}

#[tokio::test]
async fn jaeger_thrift_refuses_in_the_words_of_jaeger() {
    let running = start().await;
    let plain = "text/plain; charset=utf-8";
    for (content_type, body, status, words) in [
        (
            None,
            seed(1),
            400,
            "Cannot parse content type: mime: no media type",
        ),
        (
            Some("text/plain"),
            seed(1),
            400,
            "Unsupported content type: text/plain",
        ),
        (
            Some("<b>"),
            seed(1),
            400,
            "Unsupported content type: &lt;b&gt;",
        ),
        (
            Some(THRIFT),
            vec![],
            400,
            "Unable to process request body: ",
        ),
        (
            Some(THRIFT),
            vec![12, 0, 1],
            400,
            "Unable to process request body: ",
        ),
    ] {
        let address = running.jaeger_thrift;
        let answer = post(&running, address, "/api/traces", content_type, body).await;
        assert_eq!(
            (answer.0, answer.1.as_str()),
            (status, plain),
            "{}",
            answer.2
        );
        assert!(answer.2.starts_with(words), "{}", answer.2);
    }
    running
        .published
        .fail_next(PublishError::Overloaded { retry_after: None });
    let address = running.jaeger_thrift;
    let answer = post(&running, address, "/api/traces", Some(THRIFT), seed(1)).await;
    assert_eq!(answer.0, 503);
    assert!(
        answer.2.starts_with("Cannot submit Jaeger batch: "),
        "{}",
        answer.2
    );
}

#[tokio::test]
async fn zipkin_answers_202_on_each_path_in_each_encoding() {
    let running = start().await;
    for (path, content_type, body) in [
        ("/api/v2/spans", Some("application/json"), seed(2)),
        ("/api/v2/spans", None, seed(2)),
        ("/api/v2/spans", Some("application/x-protobuf"), seed(3)),
        (
            "/api/v1/spans",
            Some("application/json; charset=utf-8"),
            seed(4),
        ),
        ("/api/v1/spans", Some("application/x-thrift"), seed(5)),
    ] {
        let answer = post(&running, running.zipkin, path, content_type, body).await;
        assert_eq!(
            (answer.0, answer.2.as_str()),
            (202, ""),
            "{path} {content_type:?}"
        );
    }
    assert_eq!(running.published.spans().len(), 5);
    let zipped = running.post_to(running.zipkin, "/api/v2/spans", gzip(&seed(2)));
    let answer = zipped.header("content-encoding", "gzip").send().await;
    assert_eq!(answer.expect("an answer").status(), 202);
    assert_eq!(running.published.spans().len(), 6);
}

#[tokio::test]
async fn zipkin_refuses_with_a_status_and_plain_words() {
    let running = start().await;
    let answer = post(
        &running,
        running.zipkin,
        "/api/v2/spans",
        None,
        b"{}".to_vec(),
    )
    .await;
    assert_eq!(
        (answer.0, answer.1.as_str()),
        (400, "text/plain; charset=utf-8")
    );
    assert!(!answer.2.is_empty());
    let answer = post(&running, running.zipkin, "/api/v3/spans", None, seed(2)).await;
    assert_eq!(answer.0, 404);
    running
        .published
        .fail_next(PublishError::Overloaded { retry_after: None });
    let again = running
        .post_to(running.zipkin, "/api/v2/spans", seed(2))
        .send()
        .await;
    let again = again.expect("an answer");
    assert_eq!(again.status(), 503);
    assert!(again.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_receiver_that_is_switched_off_does_not_listen() {
    let mut without = config();
    without.jaeger_grpc.enabled = false;
    without.jaeger_thrift.enabled = false;
    without.zipkin.enabled = false;
    let publisher = crate::memory::Memory::default();
    let encoder = schemas::ChunkEncoder::new(crate::memory::SCHEMA);
    let built = collector::Collector::build(without, encoder, publisher).await;
    let addresses = built.expect("it can be built").addresses();
    assert!(addresses.otlp_http.is_some());
    assert_eq!(
        addresses
            .jaeger_grpc
            .or(addresses.jaeger_thrift)
            .or(addresses.zipkin),
        None
    );
}

#[tokio::test]
async fn the_tenant_header_counts_at_each_receiver() {
    let mut config = config();
    config.tenancy.enabled = true;
    let running = start_with(config).await;
    let named = |address, path, body, content_type| {
        let request = running.post_to(address, path, body);
        request.header("content-type", content_type)
    };
    for (address, path, body, content_type) in [
        (running.jaeger_thrift, "/api/traces", seed(1), THRIFT),
        (running.zipkin, "/api/v2/spans", seed(2), "application/json"),
    ] {
        let without = named(address, path, body.clone(), content_type)
            .send()
            .await;
        assert_eq!(without.expect("an answer").status(), 401);
        let with = named(address, path, body, content_type).header("x-tenant", "acme");
        assert_eq!(with.send().await.expect("an answer").status(), 202);
    }
    let mut client = client_of(running.jaeger_grpc).await;
    let without = call(&mut client, POST_SPANS, seed(0), &[]).await;
    assert_eq!(
        without.expect_err("no tenant").code(),
        Code::Unauthenticated
    );
    let with = call(&mut client, POST_SPANS, seed(0), &["acme"]).await;
    assert!(with.expect("a tenant").is_empty());
    let records = running.published.records();
    assert!(
        records
            .iter()
            .all(|record| record.tenant.as_str() == "acme")
    );
}
