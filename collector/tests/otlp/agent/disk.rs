//! An agent with a folder: what it has answered outlives it.

use bootstrap::ByteSize;
use collector::AgentConfig;
use model::SpanId;
use tempfile::TempDir;

use super::beside::{Beside, config, nobody, start};
use crate::running;
use crate::traces::{of_cart, span, span_id};
use crate::wire;

async fn with_folder() -> (TempDir, AgentConfig) {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = config(&[nobody().await]);
    config.queue.directory = folder.path().display().to_string();
    (folder, config)
}

async fn send(agent: &Beside, id: u8) -> u16 {
    let body = wire::request(&of_cart([span(1, id)]));
    agent.send(body).await.status().as_u16()
}

fn ids(collector: &running::Running) -> Vec<SpanId> {
    let spans = collector.published.spans();
    let mut ids: Vec<_> = spans.iter().map(|span| span.span_id).collect();
    ids.sort();
    ids
}

#[tokio::test]
async fn what_is_durable_is_answered_without_a_collector_and_delivered_after_a_restart() {
    let (_folder, mut config) = with_folder().await;
    let agent = start(config.clone()).await;
    for id in 1..=10 {
        assert_eq!(send(&agent, id).await, 200);
    }
    agent.end().await;
    let collector = running::start().await;
    config.publish.collectors = vec![collector.grpc.to_string()];
    let agent = start(config).await;
    assert_eq!(send(&agent, 11).await, 200);
    let expected: Vec<_> = (1..=11).map(span_id).collect();
    collector
        .until("all of it is stored once", |collector| {
            ids(collector) == expected
        })
        .await;
    agent.end().await;
    assert_eq!(ids(&collector), expected);
}

#[tokio::test]
async fn what_is_delivered_is_not_sent_again() {
    let (_folder, mut config) = with_folder().await;
    let collector = running::start().await;
    config.publish.collectors = vec![collector.grpc.to_string()];
    for id in 1..=5 {
        let agent = start(config.clone()).await;
        assert_eq!(send(&agent, id).await, 200);
        agent.end().await;
    }
    assert_eq!(ids(&collector), (1..=5).map(span_id).collect::<Vec<_>>());
}

#[tokio::test]
async fn beyond_the_most_bytes_clients_are_told_to_come_back() {
    let (_folder, mut config) = with_folder().await;
    config.queue.max_bytes = ByteSize(2000);
    config.queue.segment_bytes = ByteSize(500);
    let agent = start(config).await;
    let mut answers = Vec::new();
    for id in 1..=20 {
        answers.push(send(&agent, id).await);
    }
    let taken = answers.iter().take_while(|status| **status == 200).count();
    assert!(taken > 3, "{answers:?}");
    assert!(
        answers[taken..].iter().all(|status| *status == 503),
        "{answers:?}"
    );
}
