//! Tenants, limits, clients that go away, compression, health, reflection.

use std::time::Duration;

use model::Tenant;
use query::{MemoryReader, QueryConfig, QueryLimits, TenancyConfig};
use schemas::jaeger_query::api_v2::{FindTracesRequest, SpansResponseChunk};
use tonic::{Code, Request, Status};
use tonic_health::pb::health_client::HealthClient;
use tonic_health::pb::{HealthCheckRequest, health_check_response::ServingStatus};
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
use tonic_reflection::pb::v1::{ServerReflectionRequest, ServerReflectionResponse};

use super::client::{Client, channel, search_v2, v2};
use crate::serving::Held;
use crate::support::{Server, checkout, ping};

fn search() -> Request<FindTracesRequest> {
    let query = Some(search_v2());
    Request::new(FindTracesRequest { query })
}

async fn find(
    client: &mut Client,
    request: Request<FindTracesRequest>,
) -> Result<Vec<SpansResponseChunk>, Status> {
    client.all(&v2("FindTraces"), request).await
}

#[tokio::test]
async fn tenants_see_their_own_traces_alone() {
    let [a, b] = ["a", "b"].map(|name| Tenant::parse(name).expect("a name"));
    let reader = MemoryReader::new().with(&a, checkout()).with(&b, ping());
    let tenancy = TenancyConfig {
        required: true,
        tenants: vec!["a".into(), "b".into()],
        ..TenancyConfig::default()
    };
    let config = QueryConfig {
        tenancy,
        ..QueryConfig::default()
    };
    let server = Server::start(config, reader).await;
    let mut client = Client::connect(server.grpc).await;
    for (tenants, code, words) in [
        (&[][..], Code::Unauthenticated, "missing tenant header"),
        (&["c"], Code::PermissionDenied, "unknown tenant"),
        (&["a", "b"], Code::PermissionDenied, "extra tenant header"),
    ] {
        let mut request = search();
        for tenant in tenants {
            let tenant = tenant.parse().expect("a value");
            request.metadata_mut().append("x-tenant", tenant);
        }
        let status = find(&mut client, request).await.expect_err("refused");
        assert_eq!((status.code(), status.message()), (code, words));
    }
    let mut request = search();
    let tenant = "b".parse().expect("a value");
    request.metadata_mut().append("x-tenant", tenant);
    let found = find(&mut client, request).await.expect("traces");
    assert_eq!((found.len(), found[0].spans.len()), (1, 1));
}

fn limited(limits: QueryLimits) -> QueryConfig {
    QueryConfig {
        limits,
        ..QueryConfig::default()
    }
}

#[tokio::test]
async fn a_call_that_takes_too_long_exceeds_its_deadline() {
    let (reader, _, _) = Held::new();
    let limits = QueryLimits {
        request_timeout: Duration::from_millis(50),
        ..QueryLimits::default()
    };
    let server = Server::start(limited(limits), reader).await;
    let mut client = Client::connect(server.grpc).await;
    let status = find(&mut client, search()).await.expect_err("too long");
    assert_eq!(status.code(), Code::DeadlineExceeded);
    assert_eq!(status.message(), "the query took longer than 50ms");
}

#[tokio::test]
async fn a_client_that_goes_away_frees_its_place_and_beyond_the_queue_is_no_room() {
    let (reader, entered, released) = Held::new();
    let limits = QueryLimits {
        max_running: 1,
        max_waiting: 0,
        ..QueryLimits::default()
    };
    let server = Server::start(limited(limits), reader).await;
    let mut client = Client::connect(server.grpc).await;
    let mut other = Client::connect(server.address).await;
    {
        let running = find(&mut client, search());
        tokio::pin!(running);
        tokio::select! {
            _ = &mut running => panic!("it is held"),
            permit = entered.acquire() => permit.expect("open").forget(),
        }
        let status = find(&mut other, search()).await.expect_err("no room");
        assert_eq!(status.code(), Code::ResourceExhausted);
    }
    // The call is dropped. Its place is free as soon as the server hears of it.
    released.add_permits(1_000);
    let answered = async {
        while find(&mut other, search()).await.is_err() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(10), answered)
        .await
        .expect("the place is free");
}

#[tokio::test]
async fn requests_may_be_compressed() {
    let server = Server::with(vec![ping()]).await;
    let mut client = Client::connect(server.grpc).await.compressing();
    let found = find(&mut client, search()).await.expect("traces");
    assert_eq!(found.len(), 1);
}

#[tokio::test]
async fn health_is_that_of_the_store() {
    let server = Server::with(vec![]).await;
    let mut health = HealthClient::new(channel(server.grpc).await);
    for service in [
        "",
        "jaeger.api_v2.QueryService",
        "jaeger.api_v3.QueryService",
    ] {
        let request = HealthCheckRequest {
            service: service.to_owned(),
        };
        let mut told = health.watch(request).await.expect("known").into_inner();
        let serving = async {
            while let Ok(Some(status)) = told.message().await {
                if status.status == ServingStatus::Serving as i32 {
                    return;
                }
            }
            panic!("{service} never serves");
        };
        tokio::time::timeout(Duration::from_secs(10), serving)
            .await
            .expect("the store answers");
    }
}

#[tokio::test]
async fn reflection_knows_both_services_and_their_messages() {
    let server = Server::with(vec![]).await;
    let mut reflection = ServerReflectionClient::new(channel(server.address).await);
    let asked = [
        MessageRequest::ListServices(String::new()),
        MessageRequest::FileContainingSymbol("jaeger.api_v3.QueryService".to_owned()),
        MessageRequest::FileContainingSymbol("jaeger.api_v2.Span".to_owned()),
    ];
    let asked = asked.map(|request| ServerReflectionRequest {
        host: String::new(),
        message_request: Some(request),
    });
    let requests = futures_util::stream::iter(asked);
    let mut answers = reflection
        .server_reflection_info(requests)
        .await
        .expect("answers")
        .into_inner();
    let mut next = async || -> ServerReflectionResponse {
        let answer = answers.message().await.expect("an answer");
        answer.expect("one per request")
    };
    let Some(MessageResponse::ListServicesResponse(list)) = next().await.message_response else {
        panic!("no list");
    };
    let names: Vec<&str> = list.service.iter().map(|of| of.name.as_str()).collect();
    for service in ["jaeger.api_v2.QueryService", "jaeger.api_v3.QueryService"] {
        assert!(names.contains(&service), "{names:?}");
    }
    for _ in 0..2 {
        let found = next().await.message_response;
        assert!(
            matches!(&found, Some(MessageResponse::FileDescriptorResponse(files)) if !files.file_descriptor_proto.is_empty()),
            "{found:?}"
        );
    }
}
