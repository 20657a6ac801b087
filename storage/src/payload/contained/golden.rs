//! Bytes written by version 1 are read for ever.

use bumpalo::Bump;
use model::{
    Event, KeyValue, Link, Repair, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanBatch,
    SpanId, SpanKind, StatusCode, Trace, TraceId, Value,
};

use super::Encoder;
use crate::payload::varint::Cursor;
use crate::payload::{Known, Reader};

const GOLDEN: &[u8] = include_bytes!("golden_v1.bin");

fn id(n: u8) -> SpanId {
    SpanId::new([n; 8]).expect("not zero")
}

/// One of everything.
fn trace_id() -> TraceId {
    TraceId::new(*b"a golden traceid").expect("not zero")
}

/// A span with every type of value, an event and a repair.
fn root() -> Span {
    let mut root = Span::new(
        trace_id(),
        id(1),
        "GET /cart",
        1_764_000_000_000_000_000,
        1_764_000_000_250_000_001,
    );
    root.kind = SpanKind::Server;
    root.flags = 0x101;
    root.attributes = vec![
        KeyValue::new("http.route", "/cart"),
        KeyValue::new("http.response.status_code", 500i64),
        KeyValue::new("ratio", Value::Double(-0.25)),
        KeyValue::new("cached", false),
        KeyValue::new("nothing", Value::Empty),
        KeyValue::new("raw", Value::Bytes(vec![0, 255])),
        KeyValue::new(
            "list",
            Value::Array(vec!["a".into(), 1i64.into(), Value::Array(Vec::new())]),
        ),
        KeyValue::new("map", Value::Map(vec![KeyValue::new("key", "value")])),
    ];
    root.status = StatusCode::Error;
    root.status_message = "out of stock".to_owned();
    root.repairs.insert(Repair::ValueTruncated);
    root.events = vec![Event {
        time: root.start - 5,
        name: "exception".to_owned(),
        attributes: vec![KeyValue::new("exception.type", "Empty")],
        dropped_attributes: 2,
    }];
    root
}

/// A child of the root, with a link and without a name.
fn child(root: &Span) -> Span {
    let mut child = Span::new(trace_id(), id(2), "", root.start + 7, root.start + 9);
    child.parent_span_id = Some(id(1));
    child.kind = SpanKind::Client;
    child.links = vec![Link {
        trace_id: TraceId::new([9; 16]).expect("not zero"),
        span_id: id(9),
        trace_state: "vendor=1".to_owned(),
        attributes: Vec::new(),
        dropped_attributes: 1,
        flags: 1,
    }];
    child
}

/// A span whose parent is not in the segment and that ends before it starts.
fn stray(root: &Span) -> Span {
    let mut stray = Span::new(trace_id(), id(3), "late", root.start - 1, root.start - 2);
    stray.parent_span_id = Some(id(77));
    stray.trace_state = "other=2".to_owned();
    stray.dropped_events = 3;
    stray
}

fn trace() -> Trace {
    let root = root();
    let (child, stray) = (child(&root), stray(&root));
    let scope = Scope {
        name: "tracer".to_owned(),
        version: "1.2".to_owned(),
        attributes: vec![KeyValue::new("scope", true)],
        dropped_attributes: 4,
        schema_url: "https://schemas/1".to_owned(),
    };
    let resource = Resource {
        attributes: vec![KeyValue::new("service.name", "cart")],
        dropped_attributes: 5,
        schema_url: "https://schemas/2".to_owned(),
    };
    let scopes = vec![ScopeSpans {
        scope,
        spans: vec![root, child, stray],
    }];
    Trace {
        id: trace_id(),
        resources: vec![ResourceSpans { resource, scopes }],
    }
}

#[test]
fn version_1_reads_what_it_has_always_read() {
    let arena = Bump::new();
    let known = Known::default();
    let mut reader = Reader::new(&known);
    let decoded = reader.decode(trace_id(), GOLDEN, &arena);
    let batch = decoded.expect("a payload of version 1");
    assert_eq!(
        batch.own_trace(trace().id, 0..batch.spans.len() as u32),
        trace()
    );
}

#[test]
fn version_1_writes_the_same_body_as_ever() {
    let trace = trace();
    let batch = SpanBatch::of_trace(&trace);
    let mut payload = Vec::new();
    let mut encoder = Encoder::new(3).expect("a level");
    encoder
        .encode(trace.id, &batch, &[0, 1, 2], &mut payload)
        .expect("encodes");
    // Another release of zstd may compress otherwise: what is compressed must be the same.
    assert_eq!(body(&payload), body(GOLDEN));
}

fn body(payload: &[u8]) -> (Vec<u8>, Vec<u8>) {
    let mut cursor = Cursor(&payload[1..]);
    let body_len = cursor.number().expect("written") as usize;
    let ids_len = cursor.number().expect("written") as usize;
    let (ids, frame) = cursor.0.split_at(ids_len);
    let body = zstd::bulk::decompress(frame, body_len).expect("written");
    (ids.to_vec(), body)
}
