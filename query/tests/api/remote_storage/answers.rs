//! What each method answers, to the field.

use model::{KeyValue, Value};
use schemas::jaeger_query::api_v2;
use schemas::jaeger_storage as wire;
use tonic::Code;
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

use super::client::{CHECKOUT, UNSET, ids, over, search, shop};
use crate::grpc::client::{Client, at, channel, v2};
use crate::large_traces::chain;
use crate::support::{Server, checkout};

#[tokio::test]
async fn a_trace_is_otlp_as_it_was_stored() {
    let (server, mut jaeger) = shop().await;
    let mut client = Client::connect(server.grpc).await;
    let raw = client.trace_v3(CHECKOUT, true).await;
    assert_eq!(jaeger.get(&[CHECKOUT]).await, raw);
}

#[tokio::test]
async fn several_traces_come_in_the_order_asked_for_and_unknown_ids_are_passed_over() {
    let (_server, mut jaeger) = shop().await;
    let found = jaeger.get(&["abc", "def", CHECKOUT]).await;
    let ping = "00000000000000000000000000000abc";
    assert_eq!(ids(&found), [ping, CHECKOUT]);
    assert!(jaeger.get(&["def"]).await.is_empty());
    assert!(jaeger.get(&[]).await.is_empty());
    let zeros = wire::GetTraceParams {
        trace_id: vec![0; 16],
        ..Default::default()
    };
    let query = vec![zeros];
    let none: Vec<wire::FindTraceIdsResponse> = jaeger
        .all("GetTraces", wire::GetTracesRequest { query })
        .await
        .expect("no trace has this id");
    assert!(none.is_empty());
}

#[tokio::test]
async fn a_large_trace_comes_whole_in_messages_that_follow_one_another() {
    let (_server, mut jaeger) = over(vec![chain(4_000), checkout()]).await;
    let found = jaeger.get(&["abc", CHECKOUT]).await;
    let ids = ids(&found);
    let (last, long) = ids.split_last().expect("messages");
    assert!(long.len() > 2, "one message is too large for a client");
    assert!(long.iter().all(|id| id.ends_with("abc")));
    assert_eq!(last, CHECKOUT);
    let spans = found.iter().flat_map(|of| &of.resource_spans);
    let spans = spans
        .flat_map(|of| &of.scope_spans)
        .map(|of| of.spans.len());
    assert_eq!(spans.sum::<usize>(), 4_002);
}

#[tokio::test]
async fn nothing_is_mended_and_nothing_cut() {
    let mut trace = checkout();
    let span = &mut trace.resources[0].scopes[0].spans[0];
    span.attributes.push(KeyValue::new(
        "@jaeger@warnings",
        Value::Array(vec!["w".into()]),
    ));
    span.attributes.push(KeyValue::new("ip", 16_909_060i64));
    let (_server, mut jaeger) = over(vec![trace]).await;
    let found = jaeger.get(&[CHECKOUT]).await;
    let keys: Vec<&str> = found[0].resource_spans[0].scope_spans[0].spans[0]
        .attributes
        .iter()
        .map(|attribute| attribute.key.as_str())
        .collect();
    assert_eq!(keys, ["http.status_code", "cart", "@jaeger@warnings", "ip"]);
}

#[tokio::test]
async fn catalogues_are_listed() {
    let (_server, mut jaeger) = shop().await;
    let services: wire::GetServicesResponse =
        jaeger.one("GetServices", wire::GetServicesRequest {}).await;
    let asked = |service: &str, span_kind: &str| wire::GetOperationsRequest {
        service: service.to_owned(),
        span_kind: span_kind.to_owned(),
    };
    let all: wire::GetOperationsResponse = jaeger.one("GetOperations", asked("web", "")).await;
    let servers: wire::GetOperationsResponse =
        jaeger.one("GetOperations", asked("web", "server")).await;
    let none: wire::GetOperationsResponse = jaeger.one("GetOperations", asked("nobody", "")).await;
    assert_eq!(services.services, ["payment", "web"]);
    let counts = [all, servers, none].map(|of| of.operations.len());
    assert_eq!(counts, [2, 1, 0]);
}

#[tokio::test]
async fn ids_and_summaries_of_what_is_found_are_told() {
    let (_server, mut jaeger) = shop().await;
    let found = jaeger.find_ids(search()).await;
    let summaries = &jaeger.find_summaries(search()).await[0].summaries;
    assert_eq!((found.len(), summaries.len()), (2, 2));
    for (id, summary) in found.iter().zip(summaries) {
        assert_eq!(id.trace_id, summary.trace_id);
    }
    assert_eq!(summaries[1].root_operation_name, "GET /checkout");
    assert_eq!(
        (summaries[1].span_count, summaries[1].error_span_count),
        (2, 1)
    );
}

#[tokio::test]
async fn dependencies_are_counted() {
    const METHOD: &str = "/jaeger.storage.v2.DependencyReader/GetDependencies";
    let (_server, mut jaeger) = shop().await;
    let asked = |start_time, end_time| wire::GetDependenciesRequest {
        start_time,
        end_time,
    };
    let within: wire::GetDependenciesResponse = jaeger.one(METHOD, asked(at(-1), at(100))).await;
    let edge = &within.dependencies[0];
    let calls = (edge.parent.as_str(), edge.child.as_str(), edge.call_count);
    assert_eq!(calls, ("web", "payment", 1));
    let ever: wire::GetDependenciesResponse = jaeger.one(METHOD, asked(UNSET, UNSET)).await;
    assert_eq!(ever, within);
    let later: wire::GetDependenciesResponse = jaeger.one(METHOD, asked(at(600_000), UNSET)).await;
    assert!(later.dependencies.is_empty());
}

#[tokio::test]
async fn capabilities_are_declared() {
    let (_server, mut jaeger) = shop().await;
    let answer: wire::GetCapabilitiesResponse = jaeger
        .one(
            "/jaeger.storage.v2.Capabilities/GetCapabilities",
            wire::GetCapabilitiesRequest {},
        )
        .await;
    let search = answer.search.expect("it is declared");
    assert!(search.without_service_name && search.same_span_conjunction);
    let filter = search.filter.expect("filters are known");
    assert_eq!(
        filter.levels,
        ["span", "resource", "scope", "event", "link"]
    );
    assert_eq!(filter.operators.len(), 14);
}

#[tokio::test]
async fn without_a_collector_in_the_process_exports_are_sent_elsewhere() {
    let (_server, mut jaeger) = shop().await;
    let refused: Result<Vec<wire::GetServicesResponse>, _> = jaeger
        .all(
            "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
            wire::GetServicesRequest {},
        )
        .await;
    let status = refused.expect_err("nobody takes spans here");
    assert_eq!(status.code(), Code::Unimplemented);
    assert!(status.message().contains("writer.endpoint"), "{status}");
}

#[tokio::test]
async fn health_says_not_serving_as_soon_as_it_is_told_to_stop() {
    let server = Server::with(vec![]).await;
    let address = server.remote_storage.expect("it is switched on");
    // A call under way keeps the connection open.
    let mut health = HealthClient::new(channel(address).await);
    let request = HealthCheckRequest {
        service: "jaeger.storage.v2.TraceReader".to_owned(),
    };
    let mut told = health.watch(request).await.expect("known").into_inner();
    let mut until = async |wanted: ServingStatus| {
        while let Ok(Some(status)) = told.message().await {
            if status.status == wanted as i32 {
                return;
            }
        }
        panic!("never {wanted:?}");
    };
    let seen = async {
        until(ServingStatus::Serving).await;
        server.stop.stop();
        until(ServingStatus::NotServing).await;
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), seen)
        .await
        .expect("it is told");
}

#[tokio::test]
async fn a_client_without_patience_is_not_kept_waiting() {
    use crate::serving::Held;
    let (reader, _, _) = Held::new();
    let server = Server::start(query::QueryConfig::default(), reader).await;
    let mut client = Client::connect(server.grpc).await;
    let mut request = tonic::Request::new(api_v2::GetTraceRequest {
        trace_id: vec![1; 16],
        ..Default::default()
    });
    request
        .metadata_mut()
        .insert("grpc-timeout", "50m".parse().expect("a value"));
    let answer: Result<api_v2::SpansResponseChunk, _> = client.one(&v2("GetTrace"), request).await;
    let status = answer.expect_err("the store never answers");
    // The client's own library watches the time as well: either may be the first to say so.
    let codes = [Code::DeadlineExceeded, Code::Cancelled];
    assert!(codes.contains(&status.code()), "{status}");
}
