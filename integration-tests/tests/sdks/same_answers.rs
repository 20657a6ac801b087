//! The same traces through each receiver give the same answers through each API, apart from what a protocol
//! cannot carry: `spoor load --within` sends over OTLP what is left then, as `spoor/src/load/carry.rs` and, for
//! people, `docs/protocols.md` have it.

use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use integration_tests::otlp_http::now_nanos;
use integration_tests::{JaegerSpan, Stack, jaeger_json, load, otlp_json};
use serde_json::Value;

use super::{grpc, stack};

/// Each protocol, with one that carries the same and stands for it over OTLP.
const PROTOCOLS: [(&str, &str); 8] = [
    ("http", "grpc"),
    ("http-json", "grpc"),
    ("jaeger-grpc", "jaeger-grpc"),
    ("jaeger-thrift", "jaeger-thrift"),
    ("zipkin-json", "zipkin-json"),
    ("zipkin-protobuf", "zipkin-json"),
    ("zipkin-v1-json", "zipkin-v1-json"),
    ("zipkin-v1-thrift", "zipkin-v1-json"),
];
const SEED: &str = "40";
/// Of the traces that are sent, those that are read through each API.
const READ: usize = 10;

/// Traces under way: the process that sends them, and what it is to send.
struct Sending {
    protocol: &'static str,
    within: &'static str,
    process: Child,
}

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

impl Sending {
    /// Begins to send the traces under ids of their own.
    fn start(protocol: &'static str, within: &'static str, ids: usize, base: u64) -> Self {
        let stack = stack();
        let (ids, base) = (ids.to_string(), base.to_string());
        let how = ["--protocol", protocol, "--within", within, "--seed", SEED];
        let what = ["--ids", &ids, "--base", &base, "--spans", "1"];
        let process = load::start_at(
            &endpoint(stack, protocol),
            &Self::ledger(protocol, within),
            &[how.as_slice(), &what].concat(),
        );
        Self {
            protocol,
            within,
            process,
        }
    }

    fn ledger(protocol: &str, within: &str) -> std::path::PathBuf {
        stack().file(&format!("{protocol}-within-{within}"))
    }

    /// Waits until they are acknowledged.
    fn acknowledged(self) -> Sent {
        Sent(load::finish(self.process).trace_ids)
    }

    /// Waits until they are stored as the protocol carries them.
    fn stored(self) -> Sent {
        let ledger = Self::ledger(self.protocol, self.within);
        let summary = load::finish(self.process);
        let findings = load::verify(stack(), &ledger, &[]);
        findings.assert_clean();
        assert_eq!(findings.acked, summary.spans, "within {}", self.within);
        Sent(summary.trace_ids)
    }
}

/// What all APIs say of a trace, in forms that can be compared.
#[derive(Debug, PartialEq)]
struct Answers {
    jaeger_v1: Vec<JaegerSpan>,
    jaeger_v3: Vec<Value>,
    zipkin: Vec<Value>,
    grpc_v2: Vec<Vec<u8>>,
    grpc_v3: Vec<Value>,
}

impl Sent {
    /// An answer with the places of traces for their ids.
    fn with_places(&self, answer: &Value) -> Value {
        let ids = self.0.iter().zip(0..);
        let text = ids.fold(answer.to_string(), |text, (id, place): (_, usize)| {
            text.replace(id.as_str(), &format!("trace {place}"))
        });
        serde_json::from_str(&text).expect("still JSON")
    }

    fn get(&self, path: &str) -> Value {
        self.with_places(&stack().get(path).expect("the trace is there"))
    }

    fn answers(&self, place: usize) -> Answers {
        let id = &self.0[place];
        let zipkin = self.get(&format!("/api/v2/trace/{id}"));
        let mut zipkin = zipkin.as_array().expect("a list").clone();
        zipkin.sort_by_key(|span| span["id"].to_string());
        let over_grpc = grpc().trace_of_v3(id, false);
        Answers {
            jaeger_v1: jaeger_json::spans(&self.get(&format!("/api/traces/{id}"))),
            jaeger_v3: otlp_json::spans(&self.get(&format!("/api/v3/traces/{id}"))),
            zipkin,
            grpc_v2: self.spans_of_v2(id),
            grpc_v3: otlp_json::spans(&self.with_places(&over_grpc)),
        }
    }

    /// The spans as bytes, in some order, with places of traces for their ids.
    fn spans_of_v2(&self, id: &str) -> Vec<Vec<u8>> {
        let ids: Vec<[u8; 16]> = self.0.iter().map(|id| bytes(id)).collect();
        let encoded = grpc().spans_of_v2(id, false);
        let mut spans: Vec<Vec<u8>> = encoded
            .iter()
            .map(|span| bytes_with_places(span, &ids))
            .collect();
        spans.sort();
        spans
    }

    /// Waits until a trace is there with as many spans.
    fn wait_for(&self, place: usize, spans: usize) {
        let path = format!("/api/v3/traces/{}", self.0[place]);
        let within = Duration::from_secs(30);
        stack().until("the trace is there, whole", within, |stack| {
            let found = stack.get(&path);
            found.is_some_and(|answer| otlp_json::spans(&answer).len() == spans)
        });
    }
}

fn bytes(id: &str) -> [u8; 16] {
    u128::from_str_radix(id, 16).expect("an id").to_be_bytes()
}

/// Bytes with the places of ids written over them.
fn bytes_with_places(span: &[u8], ids: &[[u8; 16]]) -> Vec<u8> {
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

/// What is read when the traces are sent over OTLP, no more of them than each protocol carries.
fn expected(stand_ins: BTreeMap<&'static str, Sending>) -> BTreeMap<&'static str, Vec<Answers>> {
    let of = |(within, sending): (&'static str, Sending)| {
        let sent = sending.stored();
        let answers = (0..READ).map(|place| sent.answers(place));
        (within, answers.collect())
    };
    stand_ins.into_iter().map(of).collect()
}

#[test]
fn the_same_traces_through_each_receiver_give_the_same_answers() {
    let base = now_nanos() - Duration::from_secs(5).as_nanos() as u64;
    // All are sent at a time, and each stand-in once: what takes long is to wait.
    let mut stand_ins = BTreeMap::new();
    let mut sending = Vec::new();
    for (number, (protocol, within)) in PROTOCOLS.into_iter().enumerate() {
        let over_otlp = || Sending::start("grpc", within, 200 + number, base);
        stand_ins.entry(within).or_insert_with(over_otlp);
        sending.push(Sending::start(protocol, within, 100 + number, base));
    }
    let expected = expected(stand_ins);
    for of_protocol in sending {
        let (protocol, over_otlp) = (of_protocol.protocol, &expected[of_protocol.within]);
        let sent = of_protocol.acknowledged();
        for (place, expected) in over_otlp.iter().enumerate() {
            assert!(!expected.zipkin.is_empty() && !expected.grpc_v2.is_empty());
            sent.wait_for(place, expected.jaeger_v3.len());
            assert_eq!(&sent.answers(place), expected, "{protocol}, trace {place}");
        }
    }
}
