//! Traces by id and by search.

use opentelemetry_proto::tonic::trace::v1::TracesData;
use schemas::jaeger_query::api_v2::SpansResponseChunk;
use schemas::jaeger_query::{api_v2, api_v3};
use tonic::Request;

use super::client::{Client, search_v2, search_v3, v2, v3};
use crate::large_traces::chain;
use crate::support::{Server, checkout, ping, trace_id};

const CHECKOUT: &str = "0af7651916cd43dd8448eb211c80319c";

#[tokio::test]
async fn a_trace_is_told_in_jaegers_model() {
    let server = Server::with(vec![checkout(), ping()]).await;
    let mut client = Client::connect(server.grpc).await;
    let found = client.trace_v2(trace_id(CHECKOUT).as_bytes(), false).await;
    insta::assert_debug_snapshot!(found);
    let short = client.trace_v2(&[0, 0, 0, 0, 0, 0, 0xa, 0xbc], true).await;
    assert_eq!(short[0].spans[0].operation_name, "ping");
}

#[tokio::test]
async fn a_trace_is_told_in_otlp() {
    let server = Server::with(vec![checkout(), ping()]).await;
    let mut client = Client::connect(server.address).await;
    insta::assert_debug_snapshot!(client.trace_v3(CHECKOUT, false).await);
    let base64 = client.trace_v3("CvdlGRbNQ92ESOshHIAxnA", false).await;
    assert_eq!(base64, client.trace_v3(CHECKOUT, false).await);
}

fn names_v2(chunks: &[SpansResponseChunk]) -> Vec<&str> {
    let spans = chunks.iter().flat_map(|chunk| &chunk.spans);
    spans.map(|span| span.operation_name.as_str()).collect()
}

fn names_v3(pieces: &[TracesData]) -> Vec<&str> {
    let resources = pieces.iter().flat_map(|piece| &piece.resource_spans);
    let scopes = resources.flat_map(|of| &of.scope_spans);
    let spans = scopes.flat_map(|of| &of.spans);
    spans.map(|span| span.name.as_str()).collect()
}

/// What a search asks for beside its times, for either API.
#[derive(Default)]
struct Wanted {
    service: &'static str,
    operation: &'static str,
    tag: Option<(&'static str, &'static str)>,
    min_ms: i32,
    depth: i32,
}

impl Wanted {
    fn tags(&self) -> std::collections::BTreeMap<String, String> {
        let tags = self.tag.iter();
        tags.map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn duration_min(&self) -> Option<prost_types::Duration> {
        Some(prost_types::Duration {
            seconds: 0,
            nanos: self.min_ms * 1_000_000,
        })
    }

    fn second(&self) -> api_v2::FindTracesRequest {
        let query = Some(api_v2::TraceQueryParameters {
            service_name: self.service.to_owned(),
            operation_name: self.operation.to_owned(),
            tags: self.tags(),
            duration_min: self.duration_min(),
            search_depth: self.depth,
            ..search_v2()
        });
        api_v2::FindTracesRequest { query }
    }

    fn third(&self) -> api_v3::FindTracesRequest {
        let query = Some(api_v3::TraceQueryParameters {
            service_name: self.service.to_owned(),
            operation_name: self.operation.to_owned(),
            attributes: self.tags(),
            duration_min: self.duration_min(),
            search_depth: self.depth,
            ..search_v3()
        });
        api_v3::FindTracesRequest { query }
    }
}

/// Makes a search of the fields that are named.
macro_rules! wanted {
    ($($field:ident: $value:expr),*) => {
        Wanted { $($field: $value,)* ..Wanted::default() }
    };
}

#[tokio::test]
async fn searches_of_both_apis_find_the_same() {
    let server = Server::with(vec![checkout(), ping()]).await;
    let mut client = Client::connect(server.grpc).await;
    let one = vec!["GET /checkout", "charge"];
    for (wanted, expected) in [
        (wanted!(), vec!["ping", "GET /checkout", "charge"]),
        (wanted!(service: "payment"), one.clone()),
        (wanted!(operation: "ping"), vec!["ping"]),
        (wanted!(tag: Some(("error", "true"))), one.clone()),
        (wanted!(min_ms: 40), one),
        (wanted!(depth: 1), vec!["ping"]),
        (wanted!(service: "nobody"), vec![]),
    ] {
        let found: Vec<SpansResponseChunk> = client
            .all(&v2("FindTraces"), Request::new(wanted.second()))
            .await
            .expect("an answer");
        assert_eq!(names_v2(&found), expected);
        let found: Vec<TracesData> = client
            .all(&v3("FindTraces"), Request::new(wanted.third()))
            .await
            .expect("an answer");
        assert_eq!(names_v3(&found), expected);
    }
}

#[tokio::test]
async fn a_large_trace_comes_in_messages_that_any_client_takes() {
    let server = Server::with(vec![chain(20_000)]).await;
    let mut client = Client::connect(server.grpc).await;
    let chunks = client.trace_v2(trace_id("abc").as_bytes(), true).await;
    assert_eq!(names_v2(&chunks).len(), 20_000);
    assert_eq!(chunks.len(), 2_000);
    let pieces = client.trace_v3("abc", true).await;
    assert_eq!(names_v3(&pieces).len(), 20_000);
    let largest = pieces.iter().map(prost::Message::encoded_len).max();
    assert!(pieces.len() > 5 && largest < Some(1 << 20), "{largest:?}");
    let resources = pieces.iter().map(|piece| piece.resource_spans.len());
    assert!(resources.into_iter().all(|count| count == 1));
}
