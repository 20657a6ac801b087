//! What to sample, asked of an agent.

use std::time::Duration;

use super::beside::{config, nobody, start};
use crate::running::{self, Running};

fn asking(collector: &Running) -> collector::AgentConfig {
    let mut config = config(&[collector.grpc]);
    config.sampling.url = format!("http://{}", collector.sampling);
    config
}

#[tokio::test]
async fn an_agent_says_what_the_collector_says_on_every_path() {
    let mut telling = running::config();
    telling.sampling.baggage_restrictions = [("user".to_owned(), 10)].into();
    let collector = running::start_with(telling).await;
    let agent = start(asking(&collector)).await;
    let client = reqwest::Client::new();
    for path in [
        "/sampling?service=shop",
        "/api/sampling?service=shop",
        "/?service=shop",
        "/v1/sampling?service=shop",
        "/baggageRestrictions?service=shop",
        "/sampling",
        "/sampling?service=a&service=b",
    ] {
        let direct = client.get(format!("http://{}{path}", collector.sampling));
        let direct = direct.send().await.expect("an answer");
        let expected = (direct.status().as_u16(), direct.text().await.expect("text"));
        assert_eq!(agent.ask(path).await, expected, "{path}");
    }
}

#[tokio::test]
async fn the_last_answer_outlives_the_collector() {
    let collector = running::start().await;
    let mut config = asking(&collector);
    config.sampling.refresh_interval = Duration::ZERO;
    let agent = start(config).await;
    let before = agent.ask("/sampling?service=shop").await;
    assert_eq!(before.0, 200);
    collector.stop.stop();
    collector.until_refused().await;
    assert_eq!(agent.ask("/sampling?service=shop").await, before);
    let answer = agent.ask("/sampling?service=unknown").await;
    assert_eq!(
        answer,
        (500, "collector error: no collector answers\n".to_owned())
    );
}

#[tokio::test]
async fn while_an_answer_is_fresh_no_collector_is_asked() {
    let collector = running::start().await;
    let agent = start(asking(&collector)).await;
    for _ in 0..5 {
        assert_eq!(agent.ask("/sampling?service=shop").await.0, 200);
    }
    let asked = "spoor_collector_sampling_requests_total{kind=\"sampling\",outcome=\"ok\"}";
    assert_eq!(collector.metric(asked), 1.0);
    let fresh = "spoor_agent_sampling_answers_total{answer=\"fresh\"}";
    assert_eq!(collector.metric(fresh), 4.0);
}

#[tokio::test]
async fn without_any_collector_the_words_are_jaegers() {
    let mut config = config(&[nobody().await]);
    config.sampling.url = format!("http://{}", nobody().await);
    let agent = start(config).await;
    let (status, words) = agent.ask("/sampling?service=shop").await;
    assert_eq!(status, 500);
    assert!(words.starts_with("collector error: "), "{words}");
}
