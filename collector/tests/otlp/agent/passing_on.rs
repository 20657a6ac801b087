//! OTLP through an agent: the answer is the collector's, or says when to come back.

use collector::{AgentConfig, PublishError};
use model::{KeyValue, Span};
use prost::Message;
use schemas::otlp_response::ExportTraceServiceResponse;

use super::beside::{beside, config, nobody, start};
use crate::running;
use crate::traces::{of_cart, span};
use crate::wire::{self, FieldOrder, Writer};

fn good() -> Vec<u8> {
    wire::request(&of_cart([span(1, 1), span(1, 2)]))
}

#[tokio::test]
async fn what_is_sent_is_stored_as_it_is() {
    let collector = running::start().await;
    let agent = beside(&collector).await;
    let sent = of_cart([span(1, 1), span(1, 2)]);
    let answer = agent.send(wire::request(&sent)).await;
    assert_eq!(answer.status(), 200);
    assert_eq!(collector.published.resources(), sent);
    agent.end().await;
}

#[tokio::test]
async fn resources_are_given_what_the_machine_and_the_operator_say() {
    let collector = running::start().await;
    let mut config = config(&[collector.grpc]);
    config.enrich.host = true;
    let zone = ("zone".to_owned(), "a".to_owned());
    config.enrich.resource_attributes = [zone].into();
    let agent = start(config).await;
    agent.send(good()).await;
    let attributes = &collector.published.resources()[0].resource.attributes;
    assert_eq!(attributes[0], KeyValue::new("service.name", "cart"));
    let keys: Vec<&str> = attributes.iter().map(|of| of.key.as_str()).collect();
    assert_eq!(
        keys,
        ["service.name", "host.arch", "host.name", "os.type", "zone"]
    );
}

#[tokio::test]
async fn while_no_collector_is_there_clients_are_told_to_come_back() {
    let agent = start(config(&[nobody().await])).await;
    let answer = agent.send(good()).await;
    assert_eq!(answer.status(), 503);
    assert!(answer.headers().contains_key("retry-after"));
}

#[tokio::test]
async fn a_collector_that_fails_once_is_asked_again() {
    let collector = running::start().await;
    let agent = beside(&collector).await;
    collector
        .published
        .fail_next(PublishError::Overloaded { retry_after: None });
    assert_eq!(agent.send(good()).await.status(), 200);
    assert_eq!(collector.published.spans().len(), 2);
}

#[tokio::test]
async fn a_collector_that_is_gone_is_left_out() {
    let collector = running::start().await;
    let agent = start(config(&[nobody().await, collector.grpc, nobody().await])).await;
    for _ in 0..10 {
        assert_eq!(agent.send(good()).await.status(), 200);
    }
    assert_eq!(collector.published.spans().len(), 20);
}

#[tokio::test]
async fn a_host_that_has_no_address_takes_no_other_with_it() {
    let collector = running::start().await;
    let mut config = config(&[collector.grpc]);
    let unknown = "collectors.invalid:4317".to_owned();
    config.publish.collectors.insert(0, unknown);
    let agent = start(config).await;
    assert_eq!(agent.send(good()).await.status(), 200);
}

#[tokio::test]
async fn collectors_take_turns() {
    let (one, other) = (running::start().await, running::start().await);
    let agent = start(config(&[one.grpc, other.grpc])).await;
    for _ in 0..10 {
        assert_eq!(agent.send(good()).await.status(), 200);
    }
    let stored = [one, other].map(|collector| collector.published.spans().len());
    assert_eq!(stored, [10, 10]);
}

#[tokio::test]
async fn what_is_left_out_is_told_with_its_reason() {
    let collector = running::start().await;
    let agent = beside(&collector).await;
    let writer = Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    };
    let bad = writer.span_with_ids(&span(1, 1), &[0; 16], &[1; 8]);
    let body = wire::request_of_raw_spans(&[bad, writer.span(&span(1, 2))]);
    let answer = agent.send(body).await;
    assert_eq!(answer.status(), 200);
    let answer = ExportTraceServiceResponse::decode(answer.bytes().await.expect("a body"));
    let partial = answer
        .expect("OTLP")
        .partial_success
        .expect("one is left out");
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("(invalid_trace_id)"));
    assert_eq!(collector.published.spans().len(), 1);
}

#[tokio::test]
async fn what_the_collector_leaves_out_is_told_as_well() {
    let mut small = running::config();
    small.limits.record_bytes = bootstrap::ByteSize(600);
    small.limits.resource_bytes = bootstrap::ByteSize(100);
    let collector = running::start_with(small).await;
    let agent = beside(&collector).await;
    let mut large: Span = span(1, 1);
    large.attributes = (0..100u8)
        .map(|n| KeyValue::new(format!("key-{n}"), i64::from(n)))
        .collect();
    let body = wire::request(&of_cart([large, span(1, 2)]));
    let answer = agent.send(body).await.bytes().await.expect("a body");
    let answer = ExportTraceServiceResponse::decode(answer).expect("OTLP");
    let partial = answer.partial_success.expect("one is left out");
    assert_eq!(partial.rejected_spans, 1);
    assert!(partial.error_message.contains("(span_too_large)"));
    let series = "spoor_agent_spans_rejected_total{reason=\"span_too_large\"}";
    assert_eq!(collector.metric(series), 1.0);
}

#[tokio::test]
async fn what_a_collector_never_takes_is_refused_for_good() {
    let mut small = running::config();
    small.limits.spans = 1;
    let collector = running::start_with(small).await;
    let agent = beside(&collector).await;
    assert_eq!(agent.send(good()).await.status(), 413);
}

#[tokio::test]
async fn an_agent_that_knows_no_collector_does_not_start() {
    let (_handle, stop) = bootstrap::Stop::new();
    let error = collector::Agent::build(AgentConfig::default(), stop).await;
    let error = error.err().expect("it says so").to_string();
    assert!(error.contains("`publish.collectors`"), "{error}");
}
