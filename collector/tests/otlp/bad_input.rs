//! Every bad input that concerns OTLP over HTTP: the answer, the counter, the neighbours.
//!
//! The rows are those of the table of bad inputs in the documentation. Each case meets a collector
//! of its own; a good request follows, which must be answered and stored as if nothing had been.

use model::{KeyValue, Span, Value};
use serde_json::json;

use crate::compressed::{self, gzip};
use crate::json;
use crate::running::{JSON, PROTOBUF, start};
use crate::traces::{of_cart, span};
use crate::wire::{self, FieldOrder, Writer, request_of_raw_spans};

/// What must come of a case.
enum Outcome {
    /// This HTTP status, and this reason in the metric.
    Refused(u16, &'static str),
    /// 200; so many spans stored; so many left out for this reason; this repair counted.
    Stored(usize, Option<(&'static str, i64)>, Option<&'static str>),
}

use Outcome::{Refused, Stored};

struct Case {
    what: &'static str,
    content_type: &'static str,
    encoding: &'static str,
    body: Vec<u8>,
    outcome: Outcome,
}

fn protobuf(what: &'static str, body: impl Into<Vec<u8>>, outcome: Outcome) -> Case {
    Case {
        what,
        content_type: PROTOBUF,
        encoding: "identity",
        body: body.into(),
        outcome,
    }
}

fn json(what: &'static str, body: impl ToString, outcome: Outcome) -> Case {
    let body = body.to_string().into_bytes();
    Case {
        what,
        content_type: JSON,
        encoding: "identity",
        body,
        outcome,
    }
}

fn encoded(what: &'static str, encoding: &'static str, body: Vec<u8>, outcome: Outcome) -> Case {
    Case {
        what,
        content_type: PROTOBUF,
        encoding,
        body,
        outcome,
    }
}

/// A request of one good span and one that `change` has spoilt.
fn beside_a_good_one(change: impl FnOnce(&mut Span)) -> Vec<u8> {
    let mut spoilt = span(1, 2);
    change(&mut spoilt);
    wire::request(&of_cart([span(1, 1), spoilt]))
}

fn with_attributes(attributes: Vec<KeyValue>) -> Vec<u8> {
    beside_a_good_one(|span| span.attributes = attributes)
}

/// A request of one good span and one with these ids.
fn with_ids(trace_id: &[u8], span_id: &[u8]) -> Vec<u8> {
    let writer = Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    };
    let odd = writer.span_with_ids(&span(1, 2), trace_id, span_id);
    request_of_raw_spans(&[writer.span(&span(1, 1)), odd])
}

async fn check(case: Case) {
    let running = start().await;
    let request = running
        .post(case.content_type, case.body)
        .header("content-encoding", case.encoding);
    let response = request
        .send()
        .await
        .unwrap_or_else(|error| panic!("{}: {error}", case.what));
    let status = response.status().as_u16();
    let content_type = response.headers()["content-type"]
        .to_str()
        .expect("text")
        .to_owned();
    let (what, published) = (case.what, &running.published);
    match case.outcome {
        Refused(expected, reason) => {
            assert_eq!(status, expected, "{what}");
            let series = format!(
                "spoor_collector_requests_total{{protocol=\"otlp_http\",outcome=\"{reason}\"}}"
            );
            assert_eq!(
                running.metric(&series),
                1.0,
                "{what}: {}",
                running.metrics()
            );
            assert!(published.records().is_empty(), "{what}");
        }
        Stored(spans, rejected, repair) => {
            let text =
                String::from_utf8_lossy(&response.bytes().await.expect("a body")).into_owned();
            assert_eq!(
                (status, published.spans().len()),
                (200, spans),
                "{what}: {text}"
            );
            if let Some((reason, count)) = rejected {
                assert!(text.contains(reason), "{what}: {text}");
                let series = format!("spoor_collector_spans_rejected_total{{reason=\"{reason}\"}}");
                assert_eq!(running.metric(&series), count as f64, "{what}");
            }
            if let Some(repair) = repair {
                let series = format!("spoor_collector_spans_repaired_total{{repair=\"{repair}\"}}");
                assert_eq!(
                    running.metric(&series),
                    1.0,
                    "{what}: {}",
                    running.metrics()
                );
            }
        }
    }
    let expected_type = if case.content_type == PROTOBUF {
        PROTOBUF
    } else {
        JSON
    };
    assert_eq!(content_type, expected_type, "{what}");
    let before = published.spans().len();
    let good = wire::request(&of_cart([span(9, 9)]));
    assert_eq!(
        running.send(PROTOBUF, good).await.status(),
        200,
        "after {what}"
    );
    assert_eq!(published.spans().len(), before + 1, "after {what}");
}

async fn check_all(cases: Vec<Case>) {
    for case in cases {
        check(case).await;
    }
}

#[tokio::test]
async fn rows_1_to_4_bodies_and_types() {
    let good = wire::request(&of_cart([span(1, 1)]));
    let other_type = |content_type| Case {
        what: "3 content type",
        content_type,
        encoding: "identity",
        body: good.clone(),
        outcome: Refused(415, "unsupported_media_type"),
    };
    check_all(vec![
        protobuf("1 empty body", [], Stored(0, None, None)),
        protobuf(
            "2 truncated",
            &good[..good.len() - 3],
            Refused(400, "malformed"),
        ),
        protobuf("2 noise", [0xff; 1024], Refused(400, "malformed")),
        other_type("text/plain"),
        other_type(""),
        encoded(
            "4 unknown encoding",
            "br",
            good.clone(),
            Refused(415, "unsupported_encoding"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn rows_6_to_9_compression() {
    let good = wire::request(&of_cart([span(1, 1)]));
    let mut bad_checksum = gzip(&good);
    let checksum = bad_checksum.len() - 8;
    bad_checksum[checksum] ^= 1;
    let cut = gzip(&good)[..20].to_vec();
    check_all(vec![
        encoded(
            "6 gzip bomb",
            "gzip",
            compressed::bomb(),
            Refused(413, "too_large"),
        ),
        encoded(
            "6 gzip in gzip",
            "gzip",
            gzip(&gzip(&good)),
            Refused(400, "malformed"),
        ),
        encoded(
            "7 skippable frames",
            "zstd",
            compressed::skippable(2 << 20),
            Refused(413, "too_large"),
        ),
        encoded(
            "7 few skippable frames",
            "zstd",
            compressed::skippable(1 << 10),
            Stored(0, None, None),
        ),
        encoded(
            "8 zstd window",
            "zstd",
            compressed::huge_window(),
            Refused(400, "malformed"),
        ),
        encoded("9 cut gzip", "gzip", cut, Refused(400, "malformed")),
        encoded(
            "9 bad checksum",
            "gzip",
            bad_checksum,
            Refused(400, "malformed"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn row_16_nesting() {
    let nested = |depth| wire::request_nested(span(1, 1), depth);
    check_all(vec![
        protobuf(
            "16 99 deep",
            nested(99),
            Stored(1, None, Some("nesting_flattened")),
        ),
        protobuf("16 101 deep", nested(101), Refused(400, "malformed")),
        protobuf("16 10 000 deep", nested(10_000), Refused(400, "malformed")),
    ])
    .await;
}

#[tokio::test]
async fn rows_17_to_19_json() {
    let good = json::request(&of_cart([span(1, 1)]));
    let text = good.to_string();
    let deep = |depth: usize| format!("{{\"x\":{}{}}}", "[".repeat(depth), "]".repeat(depth));
    let mut snake = json::span(&span(1, 2));
    snake["trace_id"] = snake["traceId"].take();
    let mut named = json::span(&span(1, 2));
    named["kind"] = json!("SPAN_KIND_SERVER");
    let of_spans =
        |spans: serde_json::Value| json!({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]});
    let beside = |odd| of_spans(json!([json::span(&span(1, 1)), odd]));
    let twice = text.replacen(
        "\"name\":\"span-1\"",
        "\"name\":\"first\",\"name\":\"span-1\"",
        1,
    );
    check_all(vec![
        json("17 127 deep", deep(126), Stored(0, None, None)),
        json("17 129 deep", deep(129), Refused(400, "malformed")),
        json("17 100 000 deep", deep(100_000), Refused(400, "malformed")),
        json(
            "18 snake case",
            beside(snake),
            Stored(1, Some(("invalid_trace_id", 1)), None),
        ),
        json(
            "18 unknown keys",
            text.replacen('{', "{\"new\":[{}],", 1),
            Stored(1, None, None),
        ),
        json("18 enum by name", beside(named), Refused(400, "malformed")),
        json("19 duplicate keys", twice, Stored(1, None, None)),
        json(
            "19 trailing garbage",
            format!("{text} x"),
            Refused(400, "malformed"),
        ),
        json(
            "19 BOM",
            format!("\u{feff}{text}"),
            Refused(400, "malformed"),
        ),
        json(
            "19 NaN",
            text.replacen('7', "NaN", 1),
            Refused(400, "malformed"),
        ),
        json(
            "19 Infinity",
            text.replacen('7', "Infinity", 1),
            Refused(400, "malformed"),
        ),
        json("1 empty body, JSON", "", Refused(400, "malformed")),
    ])
    .await;
}

#[tokio::test]
async fn row_20_ids() {
    let stored = |reason| Stored(1, Some((reason, 1)), None);
    check_all(vec![
        protobuf(
            "20 no trace id",
            with_ids(&[], &[1; 8]),
            stored("invalid_trace_id"),
        ),
        protobuf(
            "20 trace id of 15",
            with_ids(&[1; 15], &[1; 8]),
            stored("invalid_trace_id"),
        ),
        protobuf(
            "20 trace id of 17",
            with_ids(&[1; 17], &[1; 8]),
            stored("invalid_trace_id"),
        ),
        protobuf(
            "20 zero trace id",
            with_ids(&[0; 16], &[1; 8]),
            stored("invalid_trace_id"),
        ),
        protobuf(
            "20 span id of 7",
            with_ids(&[1; 16], &[1; 7]),
            stored("invalid_span_id"),
        ),
        protobuf(
            "20 zero span id",
            with_ids(&[1; 16], &[0; 8]),
            stored("invalid_span_id"),
        ),
        protobuf("20 both", with_ids(&[], &[]), stored("invalid_trace_id")),
    ])
    .await;
}

#[tokio::test]
async fn rows_21_and_22_parents_and_times() {
    let own_parent = |span: &mut Span| span.parent_span_id = Some(span.span_id);
    let start = |start| move |span: &mut Span| (span.start, span.end) = (start, start);
    let stored = |repair| Stored(2, None, Some(repair));
    check_all(vec![
        protobuf(
            "21 parent of itself",
            beside_a_good_one(own_parent),
            Stored(2, None, None),
        ),
        protobuf(
            "22 no start",
            beside_a_good_one(start(0)),
            stored("start_missing"),
        ),
        protobuf(
            "22 end first",
            beside_a_good_one(|s| s.end = s.start - 1),
            stored("end_before_start"),
        ),
        protobuf(
            "22 u64::MAX",
            beside_a_good_one(start(u64::MAX)),
            stored("time_out_of_range"),
        ),
        protobuf(
            "22 1970",
            beside_a_good_one(start(1)),
            stored("time_skewed"),
        ),
        protobuf(
            "22 2554",
            beside_a_good_one(start(18_429_465_600_000_000_000)),
            stored("time_out_of_range"),
        ),
        protobuf(
            "22 tomorrow",
            beside_a_good_one(|s| s.start += 90_000_000_000_000),
            stored("time_skewed"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn row_23_text() {
    let writer = Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    };
    let not_utf8 = writer.message().bytes(5, b"\xc3\x28").finish();
    let not_utf8 = [writer.span(&span(1, 2)), not_utf8].concat();
    let not_utf8 = request_of_raw_spans(&[writer.span(&span(1, 1)), not_utf8]);
    let text = json::request(&of_cart([span(1, 1)])).to_string();
    let named = |name: &str| text.replacen("span-1", name, 1);
    check_all(vec![
        protobuf(
            "23 NUL",
            beside_a_good_one(|s| s.name = "a\0b".into()),
            Stored(2, None, Some("nul_replaced")),
        ),
        protobuf(
            "23 no UTF-8",
            not_utf8,
            Stored(2, None, Some("utf8_replaced")),
        ),
        json(
            "23 escaped NUL",
            named("a\\u0000b"),
            Stored(1, None, Some("nul_replaced")),
        ),
        json(
            "23 lone surrogate",
            named("a\\ud800b"),
            Refused(400, "malformed"),
        ),
    ])
    .await;
}

#[tokio::test]
async fn rows_24_to_26_attributes() {
    let one = |key: &str, value: Value| with_attributes(vec![KeyValue::new(key, value)]);
    let literal = ["__proto__", "constructor"]
        .map(|key| KeyValue::new(key, "x"))
        .to_vec();
    let numbers = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e308].map(Value::Double);
    let numbers = numbers.into_iter().chain([Value::Int(i64::MIN)]);
    let numbers = numbers
        .enumerate()
        .map(|(n, value)| KeyValue::new(format!("n{n}"), value));
    let long_list = Value::Array(vec![Value::Int(1); 100_000]);
    let stored = |repair| Stored(2, None, Some(repair));
    check_all(vec![
        protobuf(
            "24 empty key",
            one("", "x".into()),
            stored("empty_key_dropped"),
        ),
        protobuf(
            "24 long key",
            one(&"k".repeat(10 << 10), "x".into()),
            stored("text_truncated"),
        ),
        protobuf(
            "24 names of objects",
            with_attributes(literal),
            Stored(2, None, None),
        ),
        protobuf(
            "25 duplicate keys",
            with_attributes(vec![KeyValue::new("k", 1i64); 3]),
            stored("duplicate_key_dropped"),
        ),
        protobuf(
            "26 numbers",
            with_attributes(numbers.collect()),
            Stored(2, None, None),
        ),
        protobuf(
            "26 bytes",
            one("b", Value::Bytes(vec![7; 900 << 10])),
            stored("value_truncated"),
        ),
        protobuf("26 list", one("l", long_list), stored("value_truncated")),
    ])
    .await;
}

#[tokio::test]
async fn rows_27_to_30_many_and_alike() {
    let nobody = request_of_raw_spans(&vec![Vec::new(); 200_000]);
    let event = model::Event {
        time: 1,
        name: "e".into(),
        attributes: vec![],
        dropped_attributes: 0,
    };
    let many_events = beside_a_good_one(|span| span.events = vec![event; 50_000]);
    let same = wire::request(&of_cart(vec![span(1, 1); 1_000]));
    let mut client = span(1, 1);
    client.kind = model::SpanKind::Client;
    let shared_id = wire::request(&of_cart([span(1, 1), client]));
    check_all(vec![
        protobuf("27 too many spans", nobody, Refused(413, "too_large")),
        protobuf(
            "27 events",
            many_events,
            Stored(2, None, Some("events_dropped")),
        ),
        protobuf("29 the same span", same, Stored(1_000, None, None)),
        protobuf("30 a shared id", shared_id, Stored(2, None, None)),
    ])
    .await;
}

#[tokio::test]
async fn row_28_services_make_no_series() {
    let running = start().await;
    for n in 0..500 {
        let mut resources = of_cart([span(1, 1)]);
        resources[0].resource.attributes = vec![KeyValue::new("service.name", format!("svc-{n}"))];
        running.send(PROTOBUF, wire::request(&resources)).await;
    }
    assert_eq!(running.published.spans().len(), 500);
    assert!(!running.metrics().contains("svc-"));
    assert!(running.metrics().lines().count() < 200);
}
