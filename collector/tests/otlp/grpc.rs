//! OTLP over gRPC, by tonic's client and by hand where no client would do it.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, BufMut, Bytes};
use collector::PublishError;
use http::uri::PathAndQuery;
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use prost::Message;
use schemas::otlp_response::{ExportTraceServiceResponse, RetryInfo, Status as RpcStatus};
use tonic::codec::{Codec, CompressionEncoding, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::Channel;
use tonic::{Code, Request, Status};

use crate::compressed;
use crate::running::{Running, config, start, start_with};
use crate::traces::{of_cart, span};
use crate::wire;

const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";

/// Sends and receives messages as bytes.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        Self
    }

    fn decoder(&mut self) -> Self {
        Self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, out: &mut EncodeBuf<'_>) -> Result<(), Status> {
        out.put(item);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, from: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(from.copy_to_bytes(from.remaining())))
    }
}

async fn client(running: &Running) -> tonic::client::Grpc<Channel> {
    client_of(running.grpc).await
}

pub async fn client_of(address: SocketAddr) -> tonic::client::Grpc<Channel> {
    let endpoint = Channel::from_shared(format!("http://{address}")).expect("a URI");
    tonic::client::Grpc::new(endpoint.connect().await.expect("a connection"))
}

pub async fn call(
    client: &mut tonic::client::Grpc<Channel>,
    path: &'static str,
    body: Vec<u8>,
    tenants: &[&'static str],
) -> Result<Bytes, Status> {
    client.ready().await.expect("ready");
    let mut request = Request::new(Bytes::from(body));
    for tenant in tenants {
        request
            .metadata_mut()
            .append("x-tenant", tenant.parse().expect("a value"));
    }
    let path = PathAndQuery::from_static(path);
    client
        .unary(request, path, Raw)
        .await
        .map(tonic::Response::into_inner)
}

async fn export(running: &Running, body: Vec<u8>) -> Result<Bytes, Status> {
    call(&mut client(running).await, EXPORT, body, &[]).await
}

fn good() -> Vec<u8> {
    wire::request(&of_cart([span(1, 1)]))
}

#[tokio::test]
async fn a_request_is_stored_as_it_was_sent() {
    let (running, resources) = (start().await, of_cart([span(1, 1), span(2, 2)]));
    let answer = export(&running, wire::request(&resources))
        .await
        .expect("success");
    assert!(answer.is_empty(), "nothing to tell");
    let stored = running.published.resources();
    assert_eq!(
        stored.iter().map(|of| &of.resource).collect::<Vec<_>>(),
        [&resources[0].resource; 2]
    );
    assert_eq!(running.published.spans(), resources[0].scopes[0].spans);
}

#[tokio::test]
async fn an_empty_request_succeeds() {
    let running = start().await;
    assert!(
        export(&running, Vec::new())
            .await
            .expect("success")
            .is_empty()
    );
}

#[tokio::test]
async fn every_coding_is_understood() {
    let running = start().await;
    let codings = [
        CompressionEncoding::Gzip,
        CompressionEncoding::Zstd,
        CompressionEncoding::Deflate,
    ];
    for coding in codings {
        let mut client = client(&running).await.send_compressed(coding);
        call(&mut client, EXPORT, good(), &[])
            .await
            .expect("success");
    }
    assert_eq!(running.published.spans().len(), 3);
}

#[tokio::test]
async fn spans_left_out_are_told() {
    let running = start().await;
    let without_ids = wire::request_of_raw_spans(&[Vec::new()]);
    let answer = export(&running, without_ids).await.expect("success");
    let response = ExportTraceServiceResponse::decode(answer).expect("a response");
    assert_eq!(
        response
            .partial_success
            .expect("one was left out")
            .rejected_spans,
        1
    );
}

#[tokio::test]
async fn what_is_not_otlp_is_an_invalid_argument() {
    let running = start().await;
    let status = export(&running, vec![0xff; 1024])
        .await
        .expect_err("refused");
    assert_eq!(
        (status.code(), status.details()),
        (Code::InvalidArgument, &[][..])
    );
}

#[tokio::test]
async fn row_11_a_message_one_byte_too_large_is_not_to_be_sent_again() {
    let running = start().await;
    let padding = |len| {
        wire::Message::new(wire::FieldOrder::Ascending)
            .bytes(999, &vec![0; len])
            .finish()
    };
    // A tag of two bytes and a length of three.
    export(&running, padding((1 << 20) - 5))
        .await
        .expect("as large as allowed");
    let status = export(&running, padding((1 << 20) - 4))
        .await
        .expect_err("one more");
    assert_eq!(
        (status.code(), status.details()),
        (Code::ResourceExhausted, &[][..])
    );
}

#[tokio::test]
async fn row_12_a_bomb_is_not_to_be_sent_again() {
    let running = start().await;
    let (code, message) = by_hand(&running, 1, compressed::bomb(), Some("gzip")).await;
    assert_eq!(code, Code::ResourceExhausted as i32, "{message}");
}

#[tokio::test]
async fn row_13_a_wrong_compression_flag_is_an_error_of_one_call_alone() {
    let running = start().await;
    for (flag, coding) in [(7, None), (1, None)] {
        let (code, _) = by_hand(&running, flag, good(), coding).await;
        assert_eq!(code, Code::InvalidArgument as i32);
    }
    let (code, _) = by_hand(&running, 0, good(), Some("br")).await;
    assert_eq!(code, Code::Unimplemented as i32);
    export(&running, good())
        .await
        .expect("the next one is fine");
}

#[tokio::test]
async fn row_14_a_length_of_four_gigabytes_is_refused_at_once() {
    let running = start().await;
    let frame = vec![0, 0xff, 0xff, 0xff, 0xff, 1, 2, 3, 4, 5];
    let (code, _) = send_frame(&running, frame, None).await;
    assert_eq!(code, Code::ResourceExhausted as i32);
}

#[tokio::test]
async fn a_message_without_an_end_is_given_up() {
    let mut config = config();
    config.otlp_grpc.connections.body_timeout = Duration::from_millis(50);
    let running = start_with(config).await;
    let never =
        futures_util::stream::pending::<Result<hyper::body::Frame<Bytes>, std::io::Error>>();
    let body = http_body_util::StreamBody::new(never);
    let (code, _) = send(&running, body, None).await;
    assert_eq!(code, Code::DeadlineExceeded as i32);
}

/// Sends one framed message over HTTP/2; returns gRPC's status and message.
async fn by_hand(
    running: &Running,
    flag: u8,
    message: Vec<u8>,
    coding: Option<&str>,
) -> (i32, String) {
    let mut frame = vec![flag];
    frame.put_u32(message.len() as u32);
    frame.extend(message);
    send_frame(running, frame, coding).await
}

async fn send_frame(running: &Running, frame: Vec<u8>, coding: Option<&str>) -> (i32, String) {
    send(running, Full::new(Bytes::from(frame)), coding).await
}

async fn send<B>(running: &Running, body: B, coding: Option<&str>) -> (i32, String)
where
    B: hyper::body::Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    let client = Client::builder(TokioExecutor::new())
        .http2_only(true)
        .build_http();
    let request = http::Request::post(format!("http://{}{EXPORT}", running.grpc))
        .header("content-type", "application/grpc")
        .header("te", "trailers");
    let request = match coding {
        Some(coding) => request.header("grpc-encoding", coding),
        None => request,
    };
    let response = client
        .request(request.body(body).expect("a request"))
        .await
        .expect("an answer");
    let (head, body) = response.into_parts();
    let trailers = body
        .collect()
        .await
        .expect("a body")
        .trailers()
        .cloned()
        .unwrap_or_default();
    let header = |name: &str| {
        let value = head.headers.get(name).or_else(|| trailers.get(name));
        value
            .map(|value| value.to_str().expect("text").to_owned())
            .unwrap_or_default()
    };
    (
        header("grpc-status").parse().expect("a code"),
        header("grpc-message"),
    )
}

#[tokio::test]
async fn what_cannot_be_made_durable_is_to_be_sent_again() {
    let running = start().await;
    let source = std::io::Error::other("no broker").into();
    running
        .published
        .fail_next(PublishError::Unavailable { source });
    let status = export(&running, good()).await.expect_err("refused");
    assert_eq!(status.code(), Code::Unavailable);
    let details = RpcStatus::decode(status.details())
        .expect("a google.rpc.Status")
        .details;
    assert_eq!(details[0].type_url, RetryInfo::TYPE_URL);
    let hint = RetryInfo::decode(details[0].value.as_slice()).expect("a RetryInfo");
    assert!((1..=2).contains(&hint.retry_delay.expect("a delay").seconds));
}

#[tokio::test]
async fn tenants_are_answered_as_jaeger_answers_them() {
    let mut config = config();
    config.tenancy.enabled = true;
    config.tenancy.tenants = vec!["acme".into(), "other".into()];
    let running = start_with(config).await;
    let mut client = client(&running).await;
    for (tenants, code, message) in [
        (&[][..], Code::Unauthenticated, "missing tenant header"),
        (
            &["acme", "other"],
            Code::PermissionDenied,
            "extra tenant header",
        ),
        (&["evil"], Code::PermissionDenied, "unknown tenant"),
    ] {
        let status = call(&mut client, EXPORT, good(), tenants)
            .await
            .expect_err("refused");
        assert_eq!((status.code(), status.message()), (code, message));
    }
    call(&mut client, EXPORT, good(), &["acme"])
        .await
        .expect("success");
    assert_eq!(running.published.records()[0].tenant.as_str(), "acme");
}

#[tokio::test]
async fn other_signals_and_methods_are_unimplemented() {
    let running = start().await;
    let mut client = client(&running).await;
    for path in [
        "/opentelemetry.proto.collector.logs.v1.LogsService/Export",
        "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
        "/opentelemetry.proto.collector.trace.v1.TraceService/Import",
        "/no.such.Service/Method",
    ] {
        let status = call(&mut client, path, Vec::new(), &[])
            .await
            .expect_err("not there");
        assert_eq!(status.code(), Code::Unimplemented, "{path}");
    }
}

#[tokio::test]
async fn health_is_serving() {
    let running = start().await;
    let request = b"\x0a\x33opentelemetry.proto.collector.trace.v1.TraceService".to_vec();
    for request in [Vec::new(), request] {
        let path = "/grpc.health.v1.Health/Check";
        let answer = call(&mut client(&running).await, path, request, &[])
            .await
            .expect("an answer");
        assert_eq!(answer[..], [0x08, 1], "status = SERVING");
    }
}

#[tokio::test]
async fn reflection_lists_the_trace_service() {
    let running = start().await;
    let mut client = client(&running).await;
    client.ready().await.expect("ready");
    // list_services is field 7 of ServerReflectionRequest.
    let requests = tokio_stream::once(Bytes::from_static(b"\x3a\x00"));
    let path =
        PathAndQuery::from_static("/grpc.reflection.v1.ServerReflection/ServerReflectionInfo");
    let answers = client
        .streaming(Request::new(requests), path, Raw)
        .await
        .expect("an answer");
    let answer = answers
        .into_inner()
        .message()
        .await
        .expect("no error")
        .expect("a message");
    let text = String::from_utf8_lossy(&answer);
    assert!(
        text.contains("opentelemetry.proto.collector.trace.v1.TraceService"),
        "{text}"
    );
    assert!(text.contains("grpc.health.v1.Health"), "{text}");
}
