//! Every bad input that concerns Zipkin and Jaeger's Thrift: the answer, the counter, the neighbours.
//!
//! The rows are those of the table of bad inputs in the documentation. Each case meets a collector
//! of its own; a good request follows, which must be answered and stored as if nothing had been.

use model::{Repair, Span};
use serde_json::{Value as Json, json};

use super::goldens::SEEDS;
use super::thrift_wire::{self, LIST, STRING, STRUCT, Struct};
use crate::compressed;
use crate::running::{Running, start};

const JSON: &str = "application/json";
const PROTOBUF: &str = "application/x-protobuf";
const THRIFT: &str = "application/x-thrift";

/// What must come of a case.
enum Outcome {
    /// This HTTP status, and this reason in the metric.
    Refused(u16, &'static str),
    /// 202, and this many spans stored.
    Stored(usize),
}

use Outcome::{Refused, Stored};

struct Case {
    what: &'static str,
    path: &'static str,
    content_type: &'static str,
    encoding: &'static str,
    body: Vec<u8>,
    outcome: Outcome,
}

fn zipkin(what: &'static str, spans: &Json, outcome: Outcome) -> Case {
    Case {
        what,
        path: "/api/v2/spans",
        content_type: JSON,
        encoding: "identity",
        body: spans.to_string().into_bytes(),
        outcome,
    }
}

fn batch(what: &'static str, body: Vec<u8>) -> Case {
    Case {
        what,
        path: "/api/traces",
        content_type: THRIFT,
        encoding: "identity",
        body,
        outcome: Refused(400, "malformed"),
    }
}

async fn check(case: Case) -> Vec<Span> {
    let (what, running) = (case.what, start().await);
    let status = post(&running, &case).await;
    let spans = running.published.spans();
    match case.outcome {
        Refused(expected, reason) => {
            assert_eq!((status, spans.len()), (expected, 0), "{what}");
            let protocol = protocol(&case);
            let series = format!(
                "spoor_collector_requests_total{{protocol=\"{protocol}\",outcome=\"{reason}\"}}"
            );
            assert_eq!(running.metric(&series), 1.0, "{what}");
        }
        Stored(count) => assert_eq!((status, spans.len()), (202, count), "{what}"),
    }
    let index = usize::from(protocol(&case) == "zipkin") + 1;
    let good = Case {
        encoding: "identity",
        body: SEEDS[index].1.to_vec(),
        path: ["", "/api/traces", "/api/v2/spans"][index],
        content_type: ["", THRIFT, JSON][index],
        ..case
    };
    assert_eq!(post(&running, &good).await, 202, "after {what}");
    assert_eq!(
        running.published.spans().len(),
        spans.len() + 1,
        "after {what}"
    );
    spans
}

fn protocol(case: &Case) -> &'static str {
    match case.path {
        "/api/traces" => "jaeger_thrift",
        _ => "zipkin",
    }
}

async fn post(running: &Running, case: &Case) -> u16 {
    let address = match protocol(case) {
        "zipkin" => running.zipkin,
        _ => running.jaeger_thrift,
    };
    let request = running.post_to(address, case.path, case.body.clone());
    let request = request.header("content-type", case.content_type);
    let sent = request
        .header("content-encoding", case.encoding)
        .send()
        .await;
    sent.expect("an answer").status().as_u16()
}

/// A span of now, in microseconds, with these fields in place of its own.
fn span(fields: Json) -> Json {
    let now = bootstrap::clock::now() / 1_000;
    let mut span =
        json!({"traceId": "1", "id": "2", "name": "get", "timestamp": now, "duration": 5});
    for (key, value) in fields.as_object().expect("an object") {
        span[key] = value.clone();
    }
    json!([span])
}

#[tokio::test]
async fn row_31_zipkin_ids() {
    for digits in [
        "a",
        "abc",
        "0123456789abcdef",
        "0123456789abcdef0123456789abcde",
    ] {
        let sent =
            span(json!({"traceId": digits, "id": "7", "parentId": "00000000000000008"[1..]}));
        let stored = check(zipkin("31 short ids", &sent, Stored(1))).await;
        assert_eq!(stored[0].trace_id.to_string(), format!("{digits:0>32}"));
        assert_eq!(stored[0].span_id.to_string(), "0000000000000007");
    }
    for ids in [
        json!({"traceId": "0123456789abcdef0123456789abcdef0"}),
        json!({"traceId": "xyz"}),
        json!({"traceId": ""}),
        json!({"traceId": "0"}),
        json!({"id": "0123456789abcdef0"}),
        json!({"id": null}),
        json!({"parentId": "no id"}),
        json!({"traceId": 7}),
    ] {
        check(zipkin("31 no ids", &span(ids), Refused(400, "malformed"))).await;
    }
}

#[tokio::test]
async fn row_31_zipkin_times_and_kinds() {
    let stored = check(zipkin(
        "31 negative duration",
        &span(json!({"duration": -5})),
        Stored(1),
    ))
    .await;
    assert_eq!(stored[0].duration(), 0);
    assert!(stored[0].repairs.contains(Repair::EndBeforeStart));
    let millis = bootstrap::clock::now() / 1_000_000;
    let stored = check(zipkin(
        "31 ms",
        &span(json!({"timestamp": millis})),
        Stored(1),
    ))
    .await;
    assert!(stored[0].repairs.contains(Repair::TimeSkewed));
    let kept = stored[0]
        .attributes
        .iter()
        .find(|of| of.key.starts_with("spoor.original"));
    let sent = model::Value::Int(millis as i64 * 1_000);
    assert_eq!(kept.map(|of| &of.value), Some(&sent));
    let stored = check(zipkin(
        "31 kind",
        &span(json!({"kind": "ROBOT"})),
        Stored(1),
    ))
    .await;
    assert_eq!(stored[0].kind, model::SpanKind::Unspecified);
    assert!(stored[0].repairs.contains(Repair::UnknownEnum));
}

#[tokio::test]
async fn row_31_zipkin_bomb() {
    let bomb = Case {
        encoding: "gzip",
        body: compressed::bomb(),
        ..zipkin("31 bomb", &json!([]), Refused(413, "too_large"))
    };
    check(bomb).await;
}

#[tokio::test]
async fn row_32_zipkin_of_another_version_or_encoding() {
    let v2 = |what, content_type, seed: usize| Case {
        content_type,
        body: SEEDS[seed].1.to_vec(),
        ..zipkin(what, &json!([]), Refused(400, "malformed"))
    };
    let v1 = |what, content_type, seed: usize| Case {
        path: "/api/v1/spans",
        ..v2(what, content_type, seed)
    };
    for case in [
        v2("32 v1 JSON on v2", JSON, 4),
        v2("32 protobuf as JSON", JSON, 3),
        v2("32 JSON as protobuf", PROTOBUF, 2),
        v2("32 Thrift as protobuf", PROTOBUF, 5),
        v1("32 v2 JSON on v1", JSON, 2),
        v1("32 Thrift as JSON", JSON, 5),
        v1("32 JSON as Thrift", THRIFT, 4),
        zipkin("32 empty list", &json!([]), Stored(0)),
        zipkin("32 no list", &json!({}), Refused(400, "malformed")),
        zipkin(
            "32 tags of numbers",
            &span(json!({"tags": {"n": 7}})),
            Refused(400, "malformed"),
        ),
    ] {
        check(case).await;
    }
}

const HUGE: [u8; 4] = [0x7f, 0xff, 0xff, 0xff];

fn process() -> Struct {
    Struct::default().text(1, "cart")
}

/// A list, set or map whose count is the largest there is.
fn huge(kinds: &[u8]) -> Vec<u8> {
    [kinds, &HUGE].concat()
}

#[tokio::test]
async fn row_33_thrift_in_fields_that_nobody_knows() {
    let with = |kind: u8, value: &[u8]| {
        let unknown = Struct::default().field(kind, 1, value);
        let batch = Struct::default().nested(1, process());
        batch.nested(9, unknown).finish()
    };
    let deep = [[STRUCT, 0, 1].repeat(10_000), vec![0; 10_000]].concat();
    for case in [
        batch("33 string of 0x7fffffff", with(STRING, &HUGE)),
        batch("33 negative length", with(STRING, &[0xff; 4])),
        batch("33 2^31 - 1 structs", with(LIST, &huge(&[STRUCT]))),
        batch("33 map bomb", with(13, &huge(&[13, 13]))),
        batch("33 10 000 deep", with(STRUCT, &deep)),
        batch("33 unknown type", with(9, &[])),
    ] {
        check(case).await;
    }
}

#[tokio::test]
async fn row_33_thrift_in_the_batch_itself() {
    let good = SEEDS[1].1;
    let name = thrift_wire::bytes(b"emitBatch");
    let strict = [&[0x80, 1, 0, 4][..], &name, &[0; 4], good].concat();
    let lenient = [&name[..], &[4, 0, 0, 0, 0], good].concat();
    let spans = |list: &[u8]| {
        let batch = Struct::default().nested(1, process());
        batch.field(LIST, 2, list).finish()
    };
    let without_spans = Struct::default().nested(1, process()).finish();
    for case in [
        batch("33 2^31 spans", spans(&[STRUCT, 0x80, 0, 0, 0])),
        batch("33 2^31 - 1 spans", spans(&huge(&[STRUCT]))),
        batch("33 strict header", strict),
        batch("33 non-strict header", lenient),
        batch("33 no process", Struct::default().list(2, []).finish()),
        batch("33 no spans", without_spans),
        batch("33 trailing bytes", [good, b"x"].concat()),
    ] {
        check(case).await;
    }
}

/// The decoder allocates in the arena and in the batch; neither grows for what is only announced.
#[test]
fn row_33_nothing_is_allocated_for_what_is_only_announced() {
    use collector::decode::{self, DecodeLimits};
    let limits = DecodeLimits {
        spans: 100_000,
        items: 1_000_000,
    };
    for announced in [
        [0x7f, 0xff, 0xff, 0xff],
        [0x80, 0, 0, 0],
        [0, 0xff, 0xff, 0xff],
    ] {
        for (kind, head) in [
            (STRING, vec![]),
            (LIST, vec![STRUCT]),
            (LIST, vec![STRING]),
            (13, vec![11, 12]),
        ] {
            let value = [&head[..], &announced].concat();
            for id in [1, 2, 9] {
                let body = Struct::default().field(kind, id, &value).finish();
                let mut arena = bumpalo::Bump::new();
                arena.set_allocation_limit(Some(1 << 16));
                let refused =
                    decode::spans(collector::Encoding::JaegerThrift, &body, &arena, limits);
                assert!(refused.is_err(), "{kind} {id} {announced:?}");
                arena.reset();
            }
        }
    }
}
