//! The answers from what an ingester has calculated.

use collector::{KnownProbabilities, StrategySource};
use model::Tenant;
use schemas::{SamplingAnnouncement, SamplingDefaults, ServiceProbabilities};

use super::{ask, told};
use crate::running::{Running, config, start_telling};

async fn adaptive(known: &KnownProbabilities, tenancy: bool) -> Running {
    let mut config = config();
    config.sampling.source = StrategySource::Adaptive;
    config.sampling.default_sampling_probability = 0.5;
    config.tenancy.enabled = tenancy;
    start_telling(config, known.clone()).await
}

fn announce(known: &KnownProbabilities, tenant: &str) {
    known.hear(SamplingAnnouncement::Defaults(SamplingDefaults {
        default_probability: 0.001,
        lower_bound: 1.0 / 60.0,
    }));
    known.hear(SamplingAnnouncement::Service(ServiceProbabilities {
        tenant: Tenant::parse(tenant).expect("a name"),
        service: "shop".to_owned(),
        calculated_at: 1,
        operations: [("GET /".to_owned(), 0.25), ("POST /".to_owned(), 1e-5)].into(),
    }));
}

const SHOP: &str = r#"{"strategyType":"PROBABILISTIC","operationSampling":{"defaultSamplingProbability":0.001,"defaultLowerBoundTracesPerSecond":0.016666666666666666,"perOperationStrategies":[{"operation":"GET /","probabilisticSampling":{"samplingRate":0.25}},{"operation":"POST /","probabilisticSampling":{"samplingRate":0.00001}}],"defaultUpperBoundTracesPerSecond":0}}"#;
const UNHEARD_OF: &str = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.001},"operationSampling":{"defaultSamplingProbability":0.001,"defaultLowerBoundTracesPerSecond":0.016666666666666666,"perOperationStrategies":[],"defaultUpperBoundTracesPerSecond":0}}"#;

#[tokio::test]
async fn clients_are_told_what_was_calculated() {
    let known = KnownProbabilities::default();
    let running = adaptive(&known, false).await;
    announce(&known, "default");
    known.complete();
    assert_eq!(
        told(&running, "/sampling?service=shop").await,
        (200, SHOP.to_owned())
    );
    assert_eq!(
        told(&running, "/sampling?service=other").await,
        (200, UNHEARD_OF.to_owned())
    );
    let over_grpc = ask(&running, "shop", None).await.expect("an answer");
    let operations = over_grpc.operation_sampling.expect("operations");
    assert_eq!(operations.per_operation_strategies.len(), 2);
    assert_eq!(over_grpc.probabilistic_sampling, None);
}

#[tokio::test]
async fn clients_keep_what_they_have_until_everything_announced_is_known() {
    let known = KnownProbabilities::default();
    let running = adaptive(&known, false).await;
    announce(&known, "default");
    let words = "collector error: the calculated probabilities are not known yet\n";
    assert_eq!(
        told(&running, "/sampling?service=shop").await,
        (500, words.to_owned())
    );
    let status = ask(&running, "shop", None).await.expect_err("no answer");
    assert_eq!(status.code(), tonic::Code::Unavailable);
    let failed = r#"spoor_collector_sampling_requests_total{kind="sampling",outcome="failed"}"#;
    assert_eq!(running.metric(failed), 1.0);
}

#[tokio::test]
async fn the_file_holds_until_anything_was_calculated() {
    let known = KnownProbabilities::default();
    known.complete();
    let running = adaptive(&known, false).await;
    let json = r#"{"strategyType":"PROBABILISTIC","probabilisticSampling":{"samplingRate":0.5}}"#;
    assert_eq!(
        told(&running, "/sampling?service=shop").await,
        (200, json.to_owned())
    );
}

#[tokio::test]
async fn tenants_are_told_of_their_own_services_alone() {
    let known = KnownProbabilities::default();
    announce(&known, "acme");
    known.complete();
    let running = adaptive(&known, true).await;
    let of = async |tenant: &str| {
        let answer = ask(&running, "shop", Some(tenant))
            .await
            .expect("an answer");
        answer
            .operation_sampling
            .expect("operations")
            .per_operation_strategies
            .len()
    };
    assert_eq!((of("acme").await, of("other").await), (2, 0));
    let status = ask(&running, "shop", None).await.expect_err("no answer");
    assert_eq!(status.code(), tonic::Code::Unauthenticated);
    let without = told(&running, "/sampling?service=shop").await;
    assert_eq!(without, (401, "missing tenant header\n".to_owned()));
}
