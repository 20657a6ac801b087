//! What is wrong with a request or a span is answered, counted, and touches no neighbour.

use std::io::Write;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use integration_tests::otlp_http::{Answer, new_trace_id, post, post_spans, span};
use integration_tests::{Deployment, Stack, otlp_json};
use serde_json::{Value, json};

/// One at a time: counters are compared before and after.
fn stack() -> MutexGuard<'static, Stack> {
    static STACK: OnceLock<Mutex<Stack>> = OnceLock::new();
    STACK
        .get_or_init(|| Mutex::new(Stack::start("bad-input", Deployment::Kafka)))
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
}

const PROTOBUF: &str = "content-type: application/x-protobuf";
const REJECTED: &str = "spoor_collector_spans_rejected_total";
const REPAIRED: &str = "spoor_collector_spans_repaired_total";

fn good(trace_id: &str) -> Value {
    span(trace_id, "good", Duration::from_millis(5))
}

/// Waits for a trace with so many spans and gives them.
fn stored(stack: &Stack, trace_id: &str, count: usize) -> Vec<Value> {
    let path = format!("/api/v3/traces/{trace_id}?rawTraces=true");
    let spans = |stack: &Stack| {
        stack
            .get(&path)
            .map_or_else(Vec::new, |answer| otlp_json::spans(&answer))
    };
    stack.until("the spans are there", Duration::from_secs(15), |stack| {
        spans(stack).len() == count
    });
    spans(stack)
}

/// Sends a bad span beside a good one: the good one is stored alone, the bad one is counted.
fn assert_rejected_alone(spoil: impl FnOnce(&mut Value), reason: &str) {
    let stack = stack();
    let before = stack.metric(REJECTED, reason);
    let id = new_trace_id();
    let mut bad = good(&id);
    spoil(&mut bad);
    let answer = post_spans(&stack, "bad-input", &[good(&id), bad]);
    assert_eq!(answer.status, 200, "{answer:?}");
    let answer: Value = serde_json::from_str(&answer.body).expect("JSON");
    assert_eq!(answer["partialSuccess"]["rejectedSpans"], json!("1"));
    assert_eq!(stack.metric(REJECTED, reason) - before, 1.0);
    assert_eq!(stored(&stack, &id, 1)[0]["name"], json!("good"));
}

#[test]
fn a_span_without_a_trace_is_rejected_and_its_sibling_stored() {
    let spoil = |span: &mut Value| span["traceId"] = json!("0".repeat(32));
    assert_rejected_alone(spoil, "invalid_trace_id");
}

#[test]
fn a_span_whose_id_is_too_short_is_rejected_and_its_sibling_stored() {
    assert_rejected_alone(|span| span["spanId"] = json!("abcdef"), "invalid_span_id");
}

/// Sends a span that cannot be stored as it is: it is repaired, counted and stored.
fn repaired(spoil: impl FnOnce(&mut Value), repair: &str) -> Value {
    let stack = stack();
    let before = stack.metric(REPAIRED, repair);
    let id = new_trace_id();
    let mut bad = good(&id);
    spoil(&mut bad);
    assert_eq!(post_spans(&stack, "bad-input", &[bad]).status, 200);
    assert_eq!(stack.metric(REPAIRED, repair) - before, 1.0);
    stored(&stack, &id, 1).remove(0)
}

#[test]
fn a_name_with_nul_is_stored_without_it() {
    let span = repaired(|span| span["name"] = json!("a\0b"), "nul_replaced");
    assert_eq!(span["name"], json!("a\u{fffd}b"));
}

#[test]
fn a_span_that_ends_before_it_starts_is_stored_with_no_duration() {
    let span = repaired(
        |span| span["endTimeUnixNano"] = json!("1"),
        "end_before_start",
    );
    assert_eq!(span["endTimeUnixNano"], span["startTimeUnixNano"]);
}

#[test]
fn a_span_of_1970_is_stored_at_the_time_of_its_receipt() {
    let old = |span: &mut Value| {
        span["startTimeUnixNano"] = json!("1000");
        span["endTimeUnixNano"] = json!("3000");
    };
    let span = repaired(old, "time_skewed");
    let start: u64 = span["startTimeUnixNano"]
        .as_str()
        .and_then(|text| text.parse().ok())
        .expect("a time");
    assert!(start > 1_700_000_000_000_000_000, "{span}");
}

#[test]
fn the_same_span_sent_three_times_is_stored_once_and_other_content_beside_it() {
    let stack = stack();
    let id = new_trace_id();
    let (same, mut other) = (good(&id), good(&id));
    other["name"] = json!("other");
    for spans in [[same.clone()], [same.clone()], [same], [other]] {
        assert_eq!(post_spans(&stack, "bad-input", &spans).status, 200);
    }
    let stored_once =
        |stack: &Stack| stack.metric("spoor_ingester_spans_duplicate_total", "") >= 2.0;
    stack.until(
        "two were told to be duplicates",
        Duration::from_secs(15),
        stored_once,
    );
    assert_eq!(stored(&stack, &id, 2).len(), 2);
}

/// Sends a request that is refused as a whole, which is counted.
fn refused(headers: &[&str], body: &[u8]) -> Answer {
    let stack = stack();
    let requests = |stack: &Stack| {
        let all = stack.metric("spoor_collector_requests_total", "");
        all - stack.metric("spoor_collector_requests_total", "outcome=\"ok\"")
    };
    let before = requests(&stack);
    let answer = post(&stack, headers, body);
    assert_eq!(requests(&stack) - before, 1.0, "{answer:?}");
    answer
}

#[test]
fn a_truncated_protobuf_is_malformed() {
    assert_eq!(refused(&[PROTOBUF], &[0x0a, 0x7f, 0x01]).status, 400);
}

#[test]
fn plain_text_is_no_media_type_of_spans() {
    assert_eq!(refused(&["content-type: text/plain"], b"hello").status, 415);
}

#[test]
fn an_encoding_that_is_not_known_is_refused() {
    let headers = [PROTOBUF, "content-encoding: br"];
    assert_eq!(refused(&headers, b"hello").status, 415);
}

#[test]
fn a_gzip_bomb_is_refused_before_it_is_unpacked() {
    let level = flate2::Compression::best();
    let mut bomb = flate2::write::GzEncoder::new(Vec::new(), level);
    let zeros = vec![0; 1 << 20];
    (0..256).for_each(|_| bomb.write_all(&zeros).expect("memory can be written"));
    let bomb = bomb.finish().expect("memory can be written");
    let before = stack().resident_bytes();
    let answer = refused(&[PROTOBUF, "content-encoding: gzip"], &bomb);
    assert_eq!(answer.status, 413);
    let grown = stack().resident_bytes().saturating_sub(before);
    assert!(grown < 64 << 20, "{} MiB more", grown >> 20);
}
