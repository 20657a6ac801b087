//! Rows 20 to 30: ids, times, texts, attributes, numbers of things.

use model::{KeyValue, Span, Value};

use super::{Refused, Stored, check_all, json, protobuf};
use crate::json;
use crate::running::{PROTOBUF, start};
use crate::traces::{of_cart, span};
use crate::wire::{self, FieldOrder, Writer, request_of_raw_spans};

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
    assert!(
        running
            .metrics()
            .iter()
            .all(|series| !series.contains("svc-"))
    );
    assert!(running.metrics().len() < 20, "{:?}", running.metrics());
}
