//! The same traces through each receiver give the same answers through each API, apart from what a protocol
//! cannot carry: `spoor load --within` sends over OTLP what is left then, as `spoor/src/load/carry.rs` and, for
//! people, `docs/protocols.md` have it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::process::Child;
use std::time::Duration;

use integration_tests::otlp_http::now_nanos;
use integration_tests::{JaegerSpan, Stack, fetch, jaeger_json, load, otlp_json};
use serde_json::{Value, json};

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
const READ: usize = 6;

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
    /// JSON with the places of traces for their ids.
    fn with_places(&self, json: &str) -> Value {
        let ids = self.0.iter().zip(0..);
        let text = ids.fold(json.to_owned(), |text, (id, place): (_, usize)| {
            text.replace(id.as_str(), &format!("trace {place}"))
        });
        serde_json::from_str(&text).expect("still JSON")
    }

    fn get(&self, path: &str) -> Option<Value> {
        let answer = fetch(&format!("{}{path}", stack().query()), 10)?;
        Some(self.with_places(&answer))
    }

    /// What all APIs say, once the trace is there with so many spans.
    fn answers(&self, place: usize, spans: usize) -> Answers {
        let id = &self.0[place];
        let jaeger_v3 = self.whole(id, spans);
        let get = |path: &str| self.get(path).expect("the trace is there");
        let zipkin = get(&format!("/api/v2/trace/{id}"));
        let mut zipkin = zipkin.as_array().expect("a list").clone();
        zipkin.sort_by_key(|span| span["id"].to_string());
        let over_grpc = grpc().trace_of_v3(id, false).to_string();
        Answers {
            jaeger_v1: jaeger_json::spans(&get(&format!("/api/traces/{id}"))),
            jaeger_v3,
            zipkin,
            grpc_v2: self.spans_of_v2(id),
            grpc_v3: otlp_json::spans(&self.with_places(&over_grpc)),
        }
    }

    /// The spans of a trace, waited for.
    fn whole(&self, id: &str, spans: usize) -> Vec<Value> {
        let path = format!("/api/v3/traces/{id}");
        let found = RefCell::default();
        let within = Duration::from_secs(30);
        stack().until("the trace is there, whole", within, |_| {
            let answer = self.get(&path);
            *found.borrow_mut() = answer.map_or_else(Vec::new, |answer| otlp_json::spans(&answer));
            found.borrow().len() >= spans
        });
        found.into_inner()
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
}

fn bytes(id: &str) -> [u8; 16] {
    u128::from_str_radix(id, 16).expect("an id").to_be_bytes()
}

/// Bytes with the places of ids written over them.
fn bytes_with_places(span: &[u8], ids: &[[u8; 16]]) -> Vec<u8> {
    let mut may_begin_one = [false; 256];
    ids.iter()
        .for_each(|id| may_begin_one[usize::from(id[0])] = true);
    let mut span = span.to_vec();
    let mut at = 0;
    while at + 16 <= span.len() {
        if may_begin_one[usize::from(span[at])]
            && let Some(place) = ids.iter().position(|id| span[at..].starts_with(id))
        {
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
        let answers = (0..READ).map(|place| sent.answers(place, 1));
        (within, answers.collect())
    };
    stand_ins.into_iter().map(of).collect()
}

/// Fails unless there is some of all that protocols carry in different ways.
fn assert_telling(of_traces: &[Answers]) {
    let spans: Vec<&Value> = of_traces.iter().flat_map(|of| &of.jaeger_v3).collect();
    let some = |what: &str, is: &dyn Fn(&Value) -> bool| {
        assert!(spans.iter().any(|span| is(span)), "no span with {what}");
    };
    some("events", &|span| span["events"] != json!([]));
    some("links", &|span| span["links"] != json!([]));
    some("an error", &|span| span["status"]["code"] == 2);
    for kind in 1..=5 {
        some("each kind", &|span| span["kind"] == kind);
    }
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
    assert_telling(&expected["grpc"]);
    for of_protocol in sending {
        let (protocol, over_otlp) = (of_protocol.protocol, &expected[of_protocol.within]);
        let sent = of_protocol.acknowledged();
        for (place, expected) in over_otlp.iter().enumerate() {
            let found = sent.answers(place, expected.jaeger_v3.len());
            assert_eq!(&found, expected, "{protocol}, trace {place}");
        }
    }
}
