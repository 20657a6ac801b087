//! Jaeger's clients over UDP: what they throw is caught, put together and delivered, or counted.

use std::time::Duration;

use bootstrap::ByteSize;

use super::beside::{Beside, beside, config, nobody, start};
use super::compact::{binary_call, compact_call, emit_batch};
use crate::doors::jaeger_wire;
use crate::doors::thrift_wire::{LIST, Struct};
use crate::doors::zipkin_wire;
use crate::running::{self, Running};
use crate::traces::{of_cart, span};

const DELIVERED: &str = "spoor_agent_spans_delivered_total";

fn batch(trace: u8, id: u8) -> Struct {
    emit_batch(&jaeger_wire::batch(&of_cart([span(trace, id)])[0]))
}

fn compact(trace: u8, id: u8) -> Vec<u8> {
    compact_call("emitBatch", batch(trace, id))
}

async fn stored(collector: &Running, count: usize) {
    collector
        .until("the spans are stored", |collector| {
            collector.published.spans().len() == count
        })
        .await;
}

fn requests(protocol: &str, outcome: &str) -> String {
    format!("spoor_collector_requests_total{{protocol=\"{protocol}\",outcome=\"{outcome}\"}}")
}

#[tokio::test]
async fn every_port_takes_what_its_clients_send() {
    let collector = running::start().await;
    let agent = beside(&collector).await;
    let zipkin = zipkin_wire::v1_thrift(&of_cart([span(1, 3)])[0]);
    let zipkin = Struct::default().field(LIST, 1, &zipkin);
    let Beside { addresses, .. } = &agent;
    agent
        .throw_at(addresses.jaeger_compact, &compact(1, 1))
        .await;
    let binary = binary_call("emitBatch", batch(1, 2));
    agent.throw_at(addresses.jaeger_binary, &binary).await;
    let zipkin = compact_call("emitZipkinBatch", zipkin);
    agent.throw_at(addresses.zipkin_compact, &zipkin).await;
    stored(&collector, 3).await;
    for protocol in ["jaeger_compact", "jaeger_binary", "zipkin_compact"] {
        assert_eq!(
            collector.metric(&requests(protocol, "ok")),
            1.0,
            "{protocol}"
        );
    }
}

#[tokio::test]
async fn many_datagrams_become_few_requests() {
    let collector = running::start().await;
    let agent = beside(&collector).await;
    for id in 1..=100 {
        agent.throw(&compact(1, id)).await;
    }
    stored(&collector, 100).await;
    let requests = collector.metric(&requests("otlp_grpc", "ok"));
    assert!(requests < 50.0, "{requests} requests");
}

#[tokio::test]
async fn bad_datagrams_are_counted_and_take_no_other_with_them() {
    let collector = running::start().await;
    let mut config = config(&[collector.grpc]);
    config.udp.max_packet_bytes = ByteSize(1000);
    let agent = start(config).await;
    agent.throw(b"").await;
    agent.throw(&[0; 1001]).await;
    agent.throw(b"GET / HTTP/1.1").await;
    agent.throw(&compact(1, 1)).await;
    stored(&collector, 1).await;
    let outcome = |outcome| collector.metric(&requests("jaeger_compact", outcome));
    assert_eq!([outcome("malformed"), outcome("too_large")], [2.0, 1.0]);
}

/// A batch without spans, with its number and what its client has dropped.
fn numbered(number: i64, dropped: [i64; 3]) -> Vec<u8> {
    let uuid = Struct::default().text(1, "client-uuid").i32(2, 0);
    let process = Struct::default().text(1, "shop");
    let process = process.list(2, [uuid.text(3, "1f")]);
    let [queue_full, too_large, unsent] = dropped;
    let stats = Struct::default().i64(1, queue_full).i64(2, too_large);
    let batch = Struct::default().nested(1, process).list(2, []);
    let batch = batch.i64(3, number).nested(4, stats.i64(3, unsent));
    compact_call("emitBatch", emit_batch(&batch.finish()))
}

#[tokio::test]
async fn what_clients_count_themselves_shows_what_was_lost_on_the_way() {
    let collector = running::start().await;
    let agent = beside(&collector).await;
    let socket = tokio::net::UdpSocket::bind("127.0.0.1:0").await;
    let (socket, port) = (socket.expect("a socket"), agent.addresses.jaeger_compact);
    for datagram in [numbered(7, [1, 1, 1]), numbered(10, [5, 3, 2])] {
        let sent = socket.send_to(&datagram, port.expect("it listens")).await;
        sent.expect("it is sent");
    }
    collector
        .until("two batches are missing", |collector| {
            collector.metric("spoor_agent_client_batches_lost_total") == 2.0
        })
        .await;
    let dropped = ["queue_full", "too_large", "unsent"].map(|reason| {
        let series = format!("spoor_agent_client_spans_dropped_total{{reason=\"{reason}\"}}");
        collector.metric(&series)
    });
    assert_eq!(dropped, [4.0, 2.0, 1.0]);
}

#[tokio::test]
async fn spans_wait_for_a_collector_within_the_memory_they_may_take() {
    let collector = running::start().await;
    let mut config = config(&[nobody().await]);
    config.queue.memory = ByteSize(1000);
    let agent = start(config).await;
    for id in 1..=20 {
        agent.throw(&compact(1, id)).await;
    }
    let dropped = requests("jaeger_compact", "overloaded");
    let taken = requests("jaeger_compact", "ok");
    collector
        .until("all are counted", |collector| {
            collector.metric(&dropped) + collector.metric(&taken) == 20.0
        })
        .await;
    assert!(collector.metric(&dropped) > 0.0 && collector.metric(&taken) > 0.0);
    let waiting = collector.metric(&taken);
    agent.stop.force();
    // What is cut off at once is told as an error, or not, as it happens.
    drop(agent.task.await.expect("no panic"));
    let lost = "spoor_agent_spans_dropped_total{reason=\"stopped\"}";
    collector
        .until("what waited is lost", |collector| {
            collector.metric(lost) == waiting
        })
        .await;
}

#[tokio::test]
async fn what_was_caught_before_the_stop_is_delivered() {
    let collector = running::start().await;
    let mut config = config(&[collector.grpc]);
    config.batch.delay = Duration::from_secs(3600);
    let agent = start(config).await;
    for id in 1..=10 {
        agent.throw(&compact(1, id)).await;
    }
    agent.end().await;
    assert_eq!(collector.published.spans().len(), 10);
    assert_eq!(collector.metric(DELIVERED), 10.0);
}

#[tokio::test]
async fn one_batch_that_is_refused_takes_no_other_with_it() {
    let mut small = running::config();
    small.limits.spans = 3;
    let collector = running::start_with(small).await;
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&[nobody().await]);
    config.queue.directory = folder.path().display().to_string();
    let agent = start(config.clone()).await;
    let good = |id| crate::wire::request(&of_cart([span(1, id)]));
    let bad = crate::wire::request(&of_cart((10..20).map(|id| span(1, id))));
    for body in [good(1), good(2), bad, good(3)] {
        assert_eq!(agent.send(body).await.status(), 200);
    }
    agent.end().await;
    config.publish.collectors = vec![collector.grpc.to_string()];
    let _agent = start(config).await;
    stored(&collector, 3).await;
    let lost = "spoor_agent_spans_dropped_total{reason=\"refused\"}";
    collector
        .until("it is counted", |collector| collector.metric(lost) == 10.0)
        .await;
}
