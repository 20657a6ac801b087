//! Rows 1 to 19: bodies, encodings, compression, nesting, JSON.

use serde_json::json;

use super::{Case, Refused, Stored, check_all, encoded, json, protobuf};
use crate::compressed::{self, gzip};
use crate::json;
use crate::traces::{of_cart, span};
use crate::wire;

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
