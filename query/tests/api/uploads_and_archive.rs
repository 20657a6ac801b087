//! What the client brings along, what it wants to be kept, and pages without data.

use bootstrap::ByteSize;
use query::{QueryConfig, QueryLimits};
use schemas::jaeger_query::api_v2::{ArchiveTraceRequest, ArchiveTraceResponse};
use tonic::{Code, Request, Status};

use crate::bad_inputs::Untouchable;
use crate::grpc::client::{Client, v2};
use crate::support::{Response, Server, checkout, trace_id};

const CHECKOUT: &str = "0af7651916cd43dd8448eb211c80319c";

async fn post(server: &Server, target: &str, body: &str) -> Response {
    let length = body.len();
    let request = format!("POST {target} HTTP/1.0\r\nContent-Length: {length}\r\n\r\n{body}");
    server.send(&request).await
}

#[tokio::test]
async fn a_trace_is_archived_over_http() {
    let server = Server::with(vec![checkout()]).await;
    let mut all = String::new();
    for id in [CHECKOUT, "dead", "xyz", "%2e%2e%2fadmin"] {
        let response = post(&server, &format!("/api/archive/{id}"), "").await;
        all += &format!("{id}\n{} {}\n", response.status, response.body.trim_end());
    }
    let get = server.get(&format!("/api/archive/{CHECKOUT}")).await;
    assert_eq!(get.status, 405);
    insta::assert_snapshot!(all);
}

async fn archive(client: &mut Client, id: &[u8]) -> Result<ArchiveTraceResponse, Status> {
    let request = ArchiveTraceRequest {
        trace_id: id.to_vec(),
        ..Default::default()
    };
    client.one(&v2("ArchiveTrace"), Request::new(request)).await
}

#[tokio::test]
async fn a_trace_is_archived_over_grpc() {
    let server = Server::with(vec![checkout()]).await;
    let mut client = Client::connect(server.grpc).await;
    let kept = archive(&mut client, trace_id(CHECKOUT).as_bytes()).await;
    assert_eq!(kept.expect("it is kept"), ArchiveTraceResponse {});
    let missing = archive(&mut client, &[1; 16]).await.expect_err("not there");
    assert_eq!(
        (missing.code(), missing.message()),
        (Code::NotFound, "trace not found")
    );
    let wrong = archive(&mut client, &[1; 3]).await.expect_err("no id");
    assert_eq!(wrong.code(), Code::InvalidArgument);
}

#[tokio::test]
async fn a_store_without_an_archive_says_so_in_jaegers_words() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let response = post(&server, "/api/archive/abc", "").await;
    let words = "archive span storage was not configured";
    assert_eq!(
        (response.status, response.body.contains(words)),
        (500, true)
    );
    let mut client = Client::connect(server.grpc).await;
    let status = archive(&mut client, &[1; 16])
        .await
        .expect_err("no archive");
    assert_eq!(
        (status.code(), status.message()),
        (Code::Unimplemented, words)
    );
}

#[tokio::test]
async fn uploaded_traces_are_shown_as_stored_ones_are() {
    let server = Server::with(vec![checkout()]).await;
    let stored = server.get(&format!("/api/v3/traces/{CHECKOUT}")).await;
    let document = stored.json()["result"].to_string();
    let shown = post(&server, "/api/transform", &document).await;
    let expected = server.get(&format!("/api/traces/{CHECKOUT}")).await;
    assert_eq!((shown.status, shown.body), (200, expected.body));
    let none = post(&server, "/api/transform", "{}").await;
    assert_eq!(none.json()["data"], serde_json::json!([]));
}

#[tokio::test]
async fn uploads_that_are_no_traces_or_too_large_are_refused() {
    let limits = QueryLimits {
        max_upload: ByteSize(100),
        ..QueryLimits::default()
    };
    let config = QueryConfig {
        limits,
        ..QueryConfig::default()
    };
    let server = Server::start(config, Untouchable).await;
    let mut all = String::new();
    for body in [
        "",
        "[]]",
        r#"{"resourceSpans":7}"#,
        r#"{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"../x"}]}]}]}"#,
        &"[".repeat(100),
        &" ".repeat(101),
    ] {
        let response = post(&server, "/api/transform", body).await;
        let (sent, told) = (body.trim_end(), response.body.trim_end());
        all += &format!("{sent:?}\n{} {told}\n", response.status);
    }
    insta::assert_snapshot!(all);
}

#[tokio::test]
async fn pages_about_analytics_find_shapes_without_data() {
    let server = Server::start(QueryConfig::default(), Untouchable).await;
    let mut all = String::new();
    for target in [
        "/api/deep-dependencies?service=web",
        "/analytics/v1/dependencies?service=web&operation=op&start=1",
        "/api/quality-metrics?hours=1&service=web",
    ] {
        let response = server.get(target).await;
        all += &format!("{target}\n{} {}\n", response.status, response.body);
    }
    insta::assert_snapshot!(all);
}
