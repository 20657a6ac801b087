//! Sends encoded requests, trying again for as long as the collector says that it makes sense.

use std::time::Duration;

use anyhow::{Context, bail};
use bytes::{Buf, BufMut, Bytes};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceResponse;
use prost::Message;
use tokio::time::Instant;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Request, Status};

use super::Protocol;

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Sent {
    /// How often it had to be sent again.
    pub retries: u64,
    /// Spans that the collector said it rejects.
    pub rejected: u64,
}

/// Why one attempt failed.
enum Failure {
    /// Worth trying again, after this long if the collector said so.
    Retryable(Option<Duration>, anyhow::Error),
    /// Not worth it.
    Permanent(anyhow::Error),
}

/// One connection to the collector.
#[derive(Clone)]
pub enum Exporter {
    /// OTLP over gRPC.
    Grpc(Channel),
    /// OTLP over HTTP: client, address, content type.
    Http(reqwest::Client, String, &'static str),
}

impl Exporter {
    /// An exporter that connects at its first request.
    pub fn new(protocol: Protocol, endpoint: &str) -> anyhow::Result<Self> {
        let http = |content_type| {
            let client = reqwest::Client::builder()
                .timeout(Duration::from_secs(30))
                .build()?;
            let url = format!("{}/v1/traces", endpoint.trim_end_matches('/'));
            anyhow::Ok(Self::Http(client, url, content_type))
        };
        match protocol {
            Protocol::Grpc => {
                let endpoint = Endpoint::from_shared(endpoint.to_owned())
                    .with_context(|| format!("{endpoint} is no address"))?
                    .timeout(Duration::from_secs(30));
                Ok(Self::Grpc(endpoint.connect_lazy()))
            }
            Protocol::Http => http("application/x-protobuf"),
            Protocol::HttpJson => http("application/json"),
        }
    }

    /// Sends a body until it is acknowledged, or `retry_for` is over, or it is refused for good.
    pub async fn send(&self, body: Bytes, retry_for: Duration) -> anyhow::Result<Sent> {
        let deadline = Instant::now() + retry_for;
        let mut sent = Sent::default();
        loop {
            match self.attempt(body.clone()).await {
                Ok(rejected) => return Ok(Sent { rejected, ..sent }),
                Err(Failure::Permanent(error)) => return Err(error),
                Err(Failure::Retryable(hint, error)) => {
                    let wait = hint.unwrap_or(Duration::from_millis(100 << sent.retries.min(4)));
                    if Instant::now() + wait > deadline {
                        return Err(error.context("no success within the time for retries"));
                    }
                    sent.retries += 1;
                    tokio::time::sleep(wait).await;
                }
            }
        }
    }

    async fn attempt(&self, body: Bytes) -> Result<u64, Failure> {
        match self {
            Self::Grpc(channel) => attempt_grpc(channel.clone(), body).await,
            Self::Http(client, url, content_type) => {
                attempt_http(client, url, content_type, body).await
            }
        }
    }
}

async fn attempt_grpc(channel: Channel, body: Bytes) -> Result<u64, Failure> {
    const EXPORT: &str = "/opentelemetry.proto.collector.trace.v1.TraceService/Export";
    let mut grpc = Grpc::new(channel);
    let unreachable = |error: tonic::transport::Error| Failure::Retryable(None, error.into());
    grpc.ready().await.map_err(unreachable)?;
    let path = http::uri::PathAndQuery::from_static(EXPORT);
    match grpc.unary(Request::new(body), path, EncodedCodec).await {
        Ok(response) => Ok(rejected(response.get_ref().clone())),
        Err(status) => Err(failure_of_status(status)),
    }
}

fn failure_of_status(status: Status) -> Failure {
    let retryable = match status.code() {
        // No answer of the collector: the connection ended before one came, as when a server that
        // shuts down says GOAWAY while the request is on its way.
        Code::Internal => is_of_transport(&status),
        Code::ResourceExhausted => !status.details().is_empty(),
        code => matches!(
            code,
            Code::Cancelled
                | Code::DeadlineExceeded
                | Code::Aborted
                | Code::OutOfRange
                | Code::Unavailable
                | Code::DataLoss
                | Code::Unknown
        ),
    };
    if retryable {
        Failure::Retryable(None, status.into())
    } else {
        Failure::Permanent(status.into())
    }
}

fn is_of_transport(status: &Status) -> bool {
    std::error::Error::source(status)
        .is_some_and(<dyn std::error::Error>::is::<tonic::transport::Error>)
}

async fn attempt_http(
    client: &reqwest::Client,
    url: &str,
    content_type: &str,
    body: Bytes,
) -> Result<u64, Failure> {
    let unreachable = |error: reqwest::Error| Failure::Retryable(None, error.into());
    let request = client
        .post(url)
        .header("content-type", content_type)
        .body(body);
    let response = request.send().await.map_err(unreachable)?;
    let status = response.status().as_u16();
    let hint = response
        .headers()
        .get("retry-after")
        .and_then(|value| value.to_str().ok());
    let hint = hint
        .and_then(|seconds| seconds.parse().ok())
        .map(Duration::from_secs);
    let body = response.bytes().await.map_err(unreachable)?;
    let error = || anyhow::anyhow!("the collector answered {status}");
    match status {
        200 if content_type.ends_with("json") => match serde_json::from_slice(&body) {
            Ok(response) => Ok(rejected_of(response)),
            Err(error) => Err(Failure::Permanent(error.into())),
        },
        200 => Ok(rejected(body)),
        429 | 502 | 503 | 504 => Err(Failure::Retryable(hint, error())),
        _ => Err(Failure::Permanent(error())),
    }
}

fn rejected(body: Bytes) -> u64 {
    ExportTraceServiceResponse::decode(body)
        .map(rejected_of)
        .unwrap_or_default()
}

fn rejected_of(response: ExportTraceServiceResponse) -> u64 {
    response
        .partial_success
        .map_or(0, |partial| partial.rejected_spans.max(0) as u64)
}

/// Encodes a request for this protocol.
pub fn encode(
    protocol: Protocol,
    request: &opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest,
) -> anyhow::Result<Bytes> {
    match protocol {
        Protocol::Grpc | Protocol::Http => Ok(request.encode_to_vec().into()),
        Protocol::HttpJson => Ok(serde_json::to_vec(request)?.into()),
    }
}

/// The port that belongs to the protocol, on this machine.
pub fn default_endpoint(protocol: Protocol) -> &'static str {
    match protocol {
        Protocol::Grpc => "http://127.0.0.1:4317",
        Protocol::Http | Protocol::HttpJson => "http://127.0.0.1:4318",
    }
}

/// Fails unless the collector took every span.
pub fn all_accepted(sent: Sent) -> anyhow::Result<Sent> {
    if sent.rejected > 0 {
        bail!("the collector rejected {} spans", sent.rejected);
    }
    Ok(sent)
}

/// Passes messages through that are encoded already.
#[derive(Debug, Clone, Copy, Default)]
struct EncodedCodec;

impl Codec for EncodedCodec {
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

impl Encoder for EncodedCodec {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for EncodedCodec {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
