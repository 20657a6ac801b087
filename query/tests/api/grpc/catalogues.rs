//! Services, operations, dependencies and summaries.

use schemas::jaeger_query::{api_v2, api_v3};
use tonic::Request;

use super::client::{Client, at, search_v3, v2, v3};
use crate::support::{Server, checkout, ping};

async fn shop() -> Server {
    Server::with(vec![checkout(), ping()]).await
}

#[tokio::test]
async fn services_are_listed_on_both_ports() {
    let server = shop().await;
    for address in [server.grpc, server.address] {
        let mut client = Client::connect(address).await;
        for method in [v2("GetServices"), v3("GetServices")] {
            let asked = Request::new(api_v2::GetServicesRequest {});
            let answer: api_v2::GetServicesResponse =
                client.one(&method, asked).await.expect("services");
            assert_eq!(answer.services, ["payment", "web"], "{method} at {address}");
        }
    }
}

#[tokio::test]
async fn operations_have_kinds_and_for_old_clients_names_alone() {
    let server = shop().await;
    let mut client = Client::connect(server.grpc).await;
    let asked = |service: &str, span_kind: &str| {
        Request::new(api_v2::GetOperationsRequest {
            service: service.to_owned(),
            span_kind: span_kind.to_owned(),
        })
    };
    let of_web: api_v2::GetOperationsResponse = client
        .one(&v2("GetOperations"), asked("web", ""))
        .await
        .expect("operations");
    insta::assert_debug_snapshot!(of_web);
    let of_web: api_v3::GetOperationsResponse = client
        .one(&v3("GetOperations"), asked("web", "server"))
        .await
        .expect("operations");
    insta::assert_debug_snapshot!(of_web);
}

#[tokio::test]
async fn dependencies_are_counted() {
    let server = shop().await;
    let mut client = Client::connect(server.grpc).await;
    let asked = || {
        Request::new(api_v2::GetDependenciesRequest {
            start_time: at(-60_000),
            end_time: at(60_000),
        })
    };
    let v2: api_v2::GetDependenciesResponse = client
        .one(&v2("GetDependencies"), asked())
        .await
        .expect("dependencies");
    insta::assert_debug_snapshot!(v2);
    let v3: api_v3::DependenciesResponse = client
        .one(&v3("GetDependencies"), asked())
        .await
        .expect("dependencies");
    insta::assert_debug_snapshot!(v3);
}

#[tokio::test]
async fn summaries_are_streamed() {
    let server = shop().await;
    let mut client = Client::connect(server.grpc).await;
    let query = Some(search_v3());
    let found: Vec<api_v3::FindTraceSummariesResponse> = client
        .all(
            &v3("FindTraceSummaries"),
            Request::new(api_v3::FindTracesRequest { query }),
        )
        .await
        .expect("summaries");
    insta::assert_debug_snapshot!(found);
}
