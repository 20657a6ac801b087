//! Every answer of the protocol, whole.

use schemas::jaeger_storage as wire;

use super::client::{CHECKOUT, search, shop};

#[tokio::test]
async fn traces_by_id_and_by_search_are_told_in_otlp() {
    let (_server, mut jaeger) = shop().await;
    insta::assert_debug_snapshot!(jaeger.get(&[CHECKOUT]).await);
    insta::assert_debug_snapshot!(jaeger.find(search()).await);
}

#[tokio::test]
async fn ids_and_summaries_are_told() {
    let (_server, mut jaeger) = shop().await;
    insta::assert_debug_snapshot!(jaeger.find_ids(search()).await);
    insta::assert_debug_snapshot!(jaeger.find_summaries(search()).await);
}

#[tokio::test]
async fn services_and_operations_are_told() {
    let (_server, mut jaeger) = shop().await;
    let services: wire::GetServicesResponse =
        jaeger.one("GetServices", wire::GetServicesRequest {}).await;
    insta::assert_debug_snapshot!(services);
    let asked = wire::GetOperationsRequest {
        service: "web".to_owned(),
        span_kind: String::new(),
    };
    let operations: wire::GetOperationsResponse = jaeger.one("GetOperations", asked).await;
    insta::assert_debug_snapshot!(operations);
}
