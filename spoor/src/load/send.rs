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
use super::protocol::Target;

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

/// What a successful answer over HTTP says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// What was rejected, in OTLP's protobuf.
    Protobuf,
    /// The same in its JSON.
    Json,
    /// Nothing.
    Nothing,
}

/// One connection to the collector.
#[derive(Clone)]
pub enum Exporter {
    /// A gRPC method.
    Grpc(Channel, &'static str),
    /// HTTP: client, address, content type, and how answers are read.
    Http(reqwest::Client, String, &'static str, Answer),
}

impl Exporter {
    /// An exporter that connects at its first request.
    pub fn new(protocol: Protocol, endpoint: &str) -> anyhow::Result<Self> {
        match protocol.target() {
            Target::Method(method) => {
                let endpoint = Endpoint::from_shared(endpoint.to_owned())
                    .with_context(|| format!("{endpoint} is no address"))?
                    .timeout(Duration::from_secs(30));
                Ok(Self::Grpc(endpoint.connect_lazy(), method))
            }
            Target::Post(path, content_type) => {
                let client = reqwest::Client::builder()
                    .timeout(Duration::from_secs(30))
                    .build()?;
                let url = format!("{}{path}", endpoint.trim_end_matches('/'));
                let answer = match protocol {
                    Protocol::HttpJson => Answer::Json,
                    _ if protocol.is_otlp() => Answer::Protobuf,
                    _ => Answer::Nothing,
                };
                Ok(Self::Http(client, url, content_type, answer))
            }
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
            Self::Grpc(channel, method) => attempt_grpc(channel.clone(), method, body).await,
            Self::Http(client, url, content_type, answer) => {
                let request = client.post(url).header("content-type", *content_type);
                attempt_http(request.body(body), *answer).await
            }
        }
    }
}

async fn attempt_grpc(channel: Channel, method: &'static str, body: Bytes) -> Result<u64, Failure> {
    let mut grpc = Grpc::new(channel);
    let unreachable = |error: tonic::transport::Error| Failure::Retryable(None, error.into());
    grpc.ready().await.map_err(unreachable)?;
    let path = http::uri::PathAndQuery::from_static(method);
    match grpc.unary(Request::new(body), path, EncodedCodec).await {
        // Jaeger's answer is an empty message, which says of OTLP's that nothing was rejected.
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

async fn attempt_http(request: reqwest::RequestBuilder, answer: Answer) -> Result<u64, Failure> {
    let unreachable = |error: reqwest::Error| Failure::Retryable(None, error.into());
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
        200 | 202 => match answer {
            Answer::Nothing => Ok(0),
            Answer::Protobuf => Ok(rejected(body)),
            Answer::Json => match serde_json::from_slice(&body) {
                Ok(response) => Ok(rejected_of(response)),
                Err(error) => Err(Failure::Permanent(error.into())),
            },
        },
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
