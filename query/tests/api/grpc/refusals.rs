//! Bad calls, and the status that each must get; none reaches the store.

use prost::Message;
use prost_types::{Duration, Timestamp};
use query::QueryConfig;
use schemas::jaeger_query::{api_v2, api_v3};
use tonic::Request;

use super::client::{Client, at, search_v2, search_v3, v2, v3};
use crate::bad_inputs::Untouchable;
use crate::support::Server;

/// Any message at all: bytes that are decoded by nobody.
#[derive(Clone, PartialEq, Message)]
struct Whatever {}

async fn refusal<Q: Message + 'static>(client: &mut Client, method: &str, request: Q) -> String {
    let answer: Result<Vec<Whatever>, _> = client.all(method, Request::new(request)).await;
    let status = answer.expect_err("it is refused");
    format!("{method} {:?}: {}\n", status.code(), status.message())
}

fn get_v2(trace_id: &[u8]) -> api_v2::GetTraceRequest {
    api_v2::GetTraceRequest {
        trace_id: trace_id.to_vec(),
        ..Default::default()
    }
}

fn get_v3(trace_id: &str) -> api_v3::GetTraceRequest {
    api_v3::GetTraceRequest {
        trace_id: trace_id.to_owned(),
        ..Default::default()
    }
}

fn find_v2(query: api_v2::TraceQueryParameters) -> api_v2::FindTracesRequest {
    api_v2::FindTracesRequest { query: Some(query) }
}

fn find_v3(query: api_v3::TraceQueryParameters) -> api_v3::FindTracesRequest {
    api_v3::FindTracesRequest { query: Some(query) }
}

fn long(seconds: i64) -> Option<Duration> {
    Some(Duration { seconds, nanos: 0 })
}

#[tokio::test]
async fn ids_that_are_none_are_refused() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut client = Client::connect(server.grpc).await;
    let mut all = String::new();
    for id in [&b""[..], &[0; 16], &[0; 8], &[1; 15], &[1; 17], &[1; 4096]] {
        all += &refusal(&mut client, &v2("GetTrace"), get_v2(id)).await;
    }
    let many = "1".repeat(33);
    for id in ["", "0", "xyz", "../../admin", "1'--", "a\0b", &many] {
        all += &refusal(&mut client, &v3("GetTrace"), get_v3(id)).await;
    }
    insta::assert_snapshot!(all);
}

/// A filter of an operator without operands.
fn call(op: &str) -> api_v3::Call {
    api_v3::Call {
        op: op.to_owned(),
        args: Vec::new(),
    }
}

/// More conditions than a search may have.
fn many() -> std::collections::BTreeMap<String, String> {
    (0..51).map(|n| (format!("k{n}"), String::new())).collect()
}

/// The search that makes sense, with other values in the fields that are named.
macro_rules! but {
    ($base:expr; $($field:ident: $value:expr),*) => {{
        let mut query = $base;
        $(query.$field = $value;)*
        query
    }};
}

#[tokio::test]
async fn searches_of_the_second_api_that_make_no_sense_are_refused() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut client = Client::connect(server.grpc).await;
    let nul = || "a\0b".to_owned();
    let odd = Some(Timestamp {
        seconds: 1,
        nanos: -1,
    });
    let mut all = String::new();
    let nothing = api_v2::FindTracesRequest { query: None };
    all += &refusal(&mut client, &v2("FindTraces"), nothing).await;
    for query in [
        but!(search_v2(); service_name: nul()),
        but!(search_v2(); operation_name: nul()),
        but!(search_v2(); tags: [(nul(), nul())].into()),
        but!(search_v2(); tags: many()),
        but!(search_v2(); duration_min: long(-1)),
        but!(search_v2(); duration_min: long(2), duration_max: long(1)),
        but!(search_v2(); start_time_min: at(9_000), start_time_max: at(0)),
        but!(search_v2(); start_time_min: odd),
    ] {
        all += &refusal(&mut client, &v2("FindTraces"), find_v2(query)).await;
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn searches_of_the_third_api_that_make_no_sense_are_refused() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut client = Client::connect(server.grpc).await;
    let op = "and".to_owned();
    let mut all = String::new();
    for method in [v3("FindTraces"), v3("FindTraceSummaries")] {
        let nothing = api_v3::FindTracesRequest { query: None };
        all += &refusal(&mut client, &method, nothing).await;
        for query in [
            but!(search_v3(); start_time_min: None),
            but!(search_v3(); start_time_max: None),
            but!(search_v3(); start_time_min: at(9_001)),
            but!(search_v3(); attributes: many()),
            but!(search_v3(); duration_max: long(i64::MIN)),
            but!(search_v3(); filter: Some(call(&op))),
            but!(search_v3(); filter: Some(call(&op)), service_name: "web".to_owned()),
        ] {
            all += &refusal(&mut client, &method, find_v3(query)).await;
        }
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn numbers_at_their_limits_are_taken_as_the_limits() {
    let server = Server::with(vec![]).await;
    let mut client = Client::connect(server.grpc).await;
    let extreme = |seconds| Some(Timestamp { seconds, nanos: 0 });
    for depth in [i32::MIN, -1, i32::MAX] {
        let query = api_v2::TraceQueryParameters {
            start_time_min: extreme(i64::MIN),
            start_time_max: extreme(i64::MAX),
            duration_max: long(i64::MAX),
            search_depth: depth,
            ..Default::default()
        };
        let found: Vec<api_v2::SpansResponseChunk> = client
            .all(&v2("FindTraces"), Request::new(find_v2(query)))
            .await
            .expect("an answer");
        assert_eq!(found, []);
    }
}

#[tokio::test]
async fn what_is_not_there_and_what_is_incomplete_is_told_in_jaegers_words() {
    let server = Server::with(vec![]).await;
    let mut client = Client::connect(server.grpc).await;
    let mut all = String::new();
    all += &refusal(&mut client, &v2("GetTrace"), get_v2(&[1; 16])).await;
    all += &refusal(&mut client, &v3("GetTrace"), get_v3("abc")).await;
    let half = api_v2::GetDependenciesRequest {
        start_time: at(0),
        end_time: None,
    };
    let other = api_v2::GetDependenciesRequest {
        start_time: None,
        end_time: at(0),
    };
    let empty = api_v2::GetDependenciesRequest {
        start_time: at(0),
        end_time: at(0),
    };
    all += &refusal(&mut client, &v2("GetDependencies"), half.clone()).await;
    for request in [half, other, empty] {
        all += &refusal(&mut client, &v3("GetDependencies"), request).await;
    }
    let odd = api_v2::GetOperationsRequest {
        service: "web".to_owned(),
        span_kind: "odd".to_owned(),
    };
    for method in [v2("GetOperations"), v3("GetOperations"), v3("Nothing")] {
        all += &refusal(&mut client, &method, odd.clone()).await;
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn bytes_that_are_no_request_are_refused() {
    #[derive(Clone, PartialEq, Message)]
    struct Wrong {
        #[prost(uint64, tag = "1")]
        number: u64,
    }
    #[derive(Clone, PartialEq, Message)]
    struct Huge {
        #[prost(bytes = "vec", tag = "1")]
        bytes: Vec<u8>,
    }
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut client = Client::connect(server.grpc).await;
    let wrong = refusal(&mut client, &v2("GetTrace"), Wrong { number: 7 }).await;
    assert!(wrong.contains("InvalidArgument"), "{wrong}");
    let bytes = vec![0; 2 << 20];
    let huge = refusal(&mut client, &v2("GetTrace"), Huge { bytes }).await;
    assert!(huge.contains("ResourceExhausted"), "{huge}");
}
