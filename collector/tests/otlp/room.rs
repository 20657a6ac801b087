//! How much may be under way, who waits, and how a collector stops.

use std::time::Duration;

use bootstrap::{ByteSize, Readiness, Stop};
use collector::{Collector, RunError};
use schemas::ChunkEncoder;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::memory::{Memory, SCHEMA};
use crate::running::{PROTOBUF, Running, config, start, start_with};
use crate::traces::{of_cart, span};
use crate::wire;

const IN_FLIGHT: &str = "spoor_collector_in_flight_bytes";
const REQUESTS: &str = "spoor_collector_in_flight_requests{protocol=\"otlp_http\"}";

fn good() -> Vec<u8> {
    wire::request(&of_cart([span(1, 1)]))
}

/// A valid request of at least `len` bytes.
fn padded(len: usize) -> Vec<u8> {
    let padding = wire::Message::new(wire::FieldOrder::Ascending).bytes(999, &vec![0; len]);
    [good(), padding.finish()].concat()
}

async fn under_way(running: &Running, requests: f64) {
    running
        .until("the requests are under way", |r| {
            r.metric(REQUESTS) == requests
        })
        .await;
}

#[tokio::test]
async fn a_request_is_answered_only_when_its_records_are_durable() {
    let running = start().await;
    running.published.hold();
    let answer = tokio::spawn(running.post(PROTOBUF, good()).send());
    under_way(&running, 1.0).await;
    running
        .until("the records wait", |r| r.metric(IN_FLIGHT) > 0.0)
        .await;
    assert!(!answer.is_finished());
    running.published.acknowledge();
    assert_eq!(
        answer.await.expect("no panic").expect("an answer").status(),
        200
    );
    assert_eq!(running.metric(IN_FLIGHT), 0.0);
}

#[tokio::test]
async fn beyond_the_budget_clients_are_told_to_come_back() {
    let mut config = config();
    config.admission.max_bytes = ByteSize::mib(2);
    let running = start_with(config).await;
    let opening = head(1_000_000);
    // Two clients that send most of their bodies and then nothing hold most of the room.
    let mut slow = Vec::new();
    for _ in 0..2 {
        let mut stream = TcpStream::connect(running.http)
            .await
            .expect("a connection");
        stream.write_all(&opening).await.expect("sent");
        stream.write_all(&vec![0; 999_000]).await.expect("sent");
        slow.push(stream);
    }
    running
        .until("both hold room", |r| r.metric(IN_FLIGHT) >= 1_998_000.0)
        .await;
    let refused = running.send(PROTOBUF, padded(200_000)).await;
    assert_eq!(refused.status(), 503);
    assert!(refused.headers().contains_key("retry-after"));
    drop(slow);
    running
        .until("the room is free", |r| r.metric(IN_FLIGHT) == 0.0)
        .await;
    assert_eq!(running.send(PROTOBUF, padded(200_000)).await.status(), 200);
}

fn head(content_length: usize) -> Vec<u8> {
    let head = "POST /v1/traces HTTP/1.1\r\nHost: x\r\nContent-Type: application/x-protobuf";
    format!("{head}\r\nContent-Length: {content_length}\r\n\r\n").into_bytes()
}

#[tokio::test]
async fn a_client_that_goes_away_leaves_its_spans_counted() {
    let running = start().await;
    running.published.hold();
    let mut stream = TcpStream::connect(running.http)
        .await
        .expect("a connection");
    let body = good();
    stream
        .write_all(&[head(body.len()), body].concat())
        .await
        .expect("sent");
    under_way(&running, 1.0).await;
    drop(stream);
    let refused = "spoor_collector_spans_refused_total{reason=\"unavailable\"}";
    running
        .until("they count as refused", |r| r.metric(refused) == 1.0)
        .await;
    assert_eq!(
        running.metric("spoor_collector_spans_received_total{protocol=\"otlp_http\"}"),
        1.0
    );
}

#[tokio::test]
async fn stopping_answers_what_is_under_way_and_takes_nothing_new() {
    let running = start().await;
    running.published.hold();
    let answer = tokio::spawn(running.post(PROTOBUF, good()).send());
    under_way(&running, 1.0).await;
    running.stop.stop();
    running.until_refused().await;
    running.published.acknowledge();
    assert_eq!(
        answer.await.expect("no panic").expect("an answer").status(),
        200
    );
    assert!(running.task.await.expect("no panic").is_ok());
}

#[tokio::test]
async fn when_the_time_to_stop_is_over_clients_are_told_to_go_elsewhere() {
    let running = start().await;
    running.published.hold();
    let answer = tokio::spawn(running.post(PROTOBUF, good()).send());
    under_way(&running, 1.0).await;
    running.stop.force();
    assert_eq!(
        answer.await.expect("no panic").expect("an answer").status(),
        503
    );
    let outcome = running.task.await.expect("no panic");
    assert!(
        matches!(outcome, Err(RunError::Overdue { connections: 1.. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_idle_connection_does_not_hold_up_the_stop() {
    let running = start().await;
    assert_eq!(running.send(PROTOBUF, good()).await.status(), 200);
    let _idle = [
        TcpStream::connect(running.http)
            .await
            .expect("a connection"),
        TcpStream::connect(running.grpc)
            .await
            .expect("a connection"),
    ];
    running.stop.stop();
    let ended = tokio::time::timeout(Duration::from_secs(3), running.task).await;
    assert!(
        ended
            .expect("well before the deadline")
            .expect("no panic")
            .is_ok()
    );
}

#[tokio::test]
async fn readiness_follows_start_and_stop() {
    let readiness = Readiness::new();
    let built = Collector::build(config(), ChunkEncoder::new(SCHEMA), Memory::default()).await;
    let collector = built
        .expect("built")
        .with_readiness(readiness.register("collector"));
    assert!(!readiness.is_ready());
    let (handle, stop) = Stop::new();
    let task = tokio::spawn(collector.run(stop));
    while !readiness.is_ready() {
        tokio::task::yield_now().await;
    }
    handle.stop();
    task.await.expect("no panic").expect("a clean end");
    assert_eq!(readiness.parts()[0].1.as_deref(), Some("draining"));
}

#[tokio::test]
async fn one_address_cannot_take_all_connections() {
    let mut config = config();
    config.otlp_http.connections.max_per_address = 2;
    let running = start_with(config).await;
    let connect = || TcpStream::connect(running.http);
    let _two = [
        connect().await.expect("first"),
        connect().await.expect("second"),
    ];
    let mut third = connect().await.expect("the system accepts it");
    assert_eq!(third.read(&mut [0; 1]).await.expect("closed"), 0);
    let refused = "spoor_collector_connections_refused_total{protocol=\"otlp_http\"}";
    assert_eq!(running.metric(refused), 1.0);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let mut config = config();
    config.otlp_http.connections.max = 1;
    let running = start_with(config).await;
    let first = TcpStream::connect(running.http)
        .await
        .expect("a connection");
    let open = "spoor_collector_connections{protocol=\"otlp_http\"}";
    running
        .until("the first is accepted", |r| r.metric(open) == 1.0)
        .await;
    let waiting = tokio::spawn(running.post(PROTOBUF, good()).send());
    drop(first);
    assert_eq!(
        waiting
            .await
            .expect("no panic")
            .expect("an answer")
            .status(),
        200
    );
}

#[tokio::test]
async fn settings_that_contradict_each_other_are_refused() {
    let mut config = config();
    config.admission.max_bytes = ByteSize::mib(1);
    let built = Collector::build(config, ChunkEncoder::new(SCHEMA), Memory::default()).await;
    let error = built.err().expect("refused").to_string();
    assert!(error.starts_with("`admission.max_bytes`"), "{error}");
}

#[tokio::test]
async fn a_port_that_is_taken_is_named() {
    let running = start().await;
    let mut config = config();
    config.otlp_grpc.address = running.grpc;
    let built = Collector::build(config, ChunkEncoder::new(SCHEMA), Memory::default()).await;
    let error = built.err().expect("refused").to_string();
    assert!(
        error.contains(&running.grpc.to_string()) && error.contains("otlp_grpc"),
        "{error}"
    );
}
