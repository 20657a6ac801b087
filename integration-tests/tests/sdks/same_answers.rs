//! The same traces through each receiver give the same answers through each API, apart from what a protocol
//! cannot carry: `spoor load --within` sends over OTLP what is left then, as `spoor/src/load/carry.rs` and, for
//! people, `docs/protocols.md` have it.

use std::time::Duration;

use integration_tests::otlp_http::now_nanos;
use integration_tests::{Stack, jaeger_json, load, otlp_json};
use prost::Message;
use serde_json::Value;
use tonic::Request;
use tonic::transport::{Channel, Endpoint};
use tonic_prost::ProstCodec;

use super::stack;

/// Each protocol, with one that carries the same and stands for it over OTLP.
const PROTOCOLS: [(&str, &str); 6] = [
    ("http", "grpc"),
    ("http-json", "grpc"),
    ("jaeger-grpc", "jaeger-grpc"),
    ("jaeger-thrift", "jaeger-thrift"),
    ("zipkin-json", "zipkin-json"),
    ("zipkin-protobuf", "zipkin-json"),
];
const SEED: &str = "40";
/// Of the traces that are sent, those that are read through each API.
const READ: usize = 10;

/// Traces that were sent, by their ids.
struct Sent(Vec<String>);

fn endpoint(stack: &Stack, protocol: &str) -> String {
    match protocol {
        "grpc" => stack.otlp_grpc(),
        "http" | "http-json" => stack.otlp_http(),
        "jaeger-grpc" => stack.told_address("Jaeger over gRPC"),
        "jaeger-thrift" => stack.told_address("Jaeger Thrift"),
        _ => stack.told_address("Zipkin"),
    }
}

/// Sends the traces under ids of their own, and waits until they are stored as the protocol carries them.
fn send(protocol: &str, within: &str, ids: usize, base: u64) -> Sent {
    let stack = stack();
    let ledger = stack.file(&format!("{protocol}-within-{within}"));
    let (ids, base) = (ids.to_string(), base.to_string());
    let how = ["--protocol", protocol, "--within", within, "--seed", SEED];
    let what = ["--ids", &ids, "--base", &base, "--spans", "1"];
    let sending = load::start_at(
        &endpoint(stack, protocol),
        &ledger,
        &[how.as_slice(), &what].concat(),
    );
    let summary = load::finish(sending);
    let findings = load::verify(stack, &ledger, &[]);
    findings.assert_clean();
    assert_eq!(findings.acked, summary.spans, "{protocol}");
    Sent(summary.trace_ids)
}

/// What all APIs say of a trace, in forms that can be compared.
#[derive(Debug, PartialEq)]
struct Answers {
    jaeger_v1: Vec<jaeger_json::JaegerSpan>,
    jaeger_v3: Vec<Value>,
    zipkin: Vec<Value>,
    jaeger_grpc: Vec<Vec<u8>>,
}

impl Sent {
    /// An answer over HTTP with the places of traces for their ids.
    fn get(&self, path: &str) -> Value {
        let answer = stack().get(path).expect("the trace is there");
        let text = self
            .0
            .iter()
            .zip(0..)
            .fold(answer.to_string(), |text, (id, place): (_, usize)| {
                text.replace(id.as_str(), &format!("trace {place}"))
            });
        serde_json::from_str(&text).expect("still JSON")
    }

    fn answers(&self, place: usize, grpc: &mut JaegerGrpc) -> Answers {
        let id = &self.0[place];
        let zipkin = self.get(&format!("/api/v2/trace/{id}"));
        let mut zipkin = zipkin.as_array().expect("a list").clone();
        zipkin.sort_by_key(|span| span["id"].to_string());
        Answers {
            jaeger_v1: jaeger_json::spans(&self.get(&format!("/api/traces/{id}"))),
            jaeger_v3: otlp_json::spans(&self.get(&format!("/api/v3/traces/{id}"))),
            zipkin,
            jaeger_grpc: grpc.spans(self, place),
        }
    }

    fn bytes(&self, place: usize) -> Vec<u8> {
        let id = u128::from_str_radix(&self.0[place], 16).expect("an id");
        id.to_be_bytes().to_vec()
    }
}

/// `jaeger.api_v2.GetTraceRequest`.
#[derive(Clone, PartialEq, Message)]
struct GetTrace {
    #[prost(bytes = "vec", tag = "1")]
    trace_id: Vec<u8>,
}

/// `jaeger.api_v2.SpansResponseChunk`, its spans as they are encoded.
#[derive(Clone, PartialEq, Message)]
struct Chunk {
    #[prost(bytes = "vec", repeated, tag = "1")]
    spans: Vec<Vec<u8>>,
}

/// A client of `jaeger.api_v2.QueryService`.
struct JaegerGrpc {
    runtime: tokio::runtime::Runtime,
    client: tonic::client::Grpc<Channel>,
}

impl JaegerGrpc {
    fn connect() -> Self {
        let runtime = tokio::runtime::Runtime::new().expect("a runtime");
        let address = stack().told_address("query over gRPC");
        let endpoint = Endpoint::from_shared(address).expect("an address");
        let channel = runtime.block_on(endpoint.connect()).expect("it listens");
        Self {
            runtime,
            client: tonic::client::Grpc::new(channel),
        }
    }

    /// The spans as bytes, in some order, with places of traces for their ids.
    fn spans(&mut self, sent: &Sent, place: usize) -> Vec<Vec<u8>> {
        let request = GetTrace {
            trace_id: sent.bytes(place),
        };
        let client = &mut self.client;
        let chunks = self.runtime.block_on(async {
            client.ready().await.expect("the connection lives");
            let path = "/jaeger.api_v2.QueryService/GetTrace".parse();
            let codec = ProstCodec::<GetTrace, Chunk>::default();
            let request = Request::new(request);
            let answer = client.server_streaming(request, path.expect("a path"), codec);
            let mut answer = answer.await.expect("an answer").into_inner();
            let mut spans = Vec::new();
            while let Some(chunk) = answer.message().await.expect("a whole answer") {
                spans.extend(chunk.spans);
            }
            spans
        });
        let ids: Vec<Vec<u8>> = (0..sent.0.len()).map(|place| sent.bytes(place)).collect();
        let mut spans: Vec<Vec<u8>> = chunks.iter().map(|span| with_places(span, &ids)).collect();
        spans.sort();
        spans
    }
}

/// Bytes with the places of ids written over them.
fn with_places(span: &[u8], ids: &[Vec<u8>]) -> Vec<u8> {
    let mut span = span.to_vec();
    let mut at = 0;
    while at + 16 <= span.len() {
        if let Some(place) = ids.iter().position(|id| span[at..].starts_with(id)) {
            span[at..at + 16].copy_from_slice(&(place as u128).to_be_bytes());
            at += 15;
        }
        at += 1;
    }
    span
}

#[test]
fn the_same_traces_through_each_receiver_give_the_same_answers() {
    let base = now_nanos() - Duration::from_secs(5).as_nanos() as u64;
    let mut grpc = JaegerGrpc::connect();
    for (number, (protocol, within)) in PROTOCOLS.into_iter().enumerate() {
        let through = send(protocol, within, 100 + number, base);
        let over_otlp = send("grpc", within, 200 + number, base);
        assert_eq!(through.0.len(), over_otlp.0.len());
        for place in 0..READ {
            let found = through.answers(place, &mut grpc);
            assert!(!found.jaeger_v3.is_empty() && !found.zipkin.is_empty());
            assert_eq!(found.jaeger_grpc.len(), found.jaeger_v1.len());
            let expected = over_otlp.answers(place, &mut grpc);
            assert_eq!(found, expected, "{protocol}, trace {place}");
        }
    }
}
