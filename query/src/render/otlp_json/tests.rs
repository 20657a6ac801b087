//! OTLP JSON: what the model holds is what is written.

use model::{KeyValue, Repair, Resource, SpanKind, Trace, TraceId};

use super::*;
use crate::adjust::Warnings;
use crate::adjust::samples::{id, of_resource, span, trace};

fn rendered(trace: Trace, warnings: Warnings, raw: bool) -> String {
    let mut out = Output::in_memory();
    let adjusted = Adjusted {
        trace,
        warnings,
        raw,
        truncated: false,
    };
    resource_spans(&mut out, &[adjusted]).expect("memory takes everything");
    String::from_utf8(out.into_bytes()).expect("JSON is text")
}

fn every_value() -> Vec<KeyValue> {
    vec![
        KeyValue::new("text", "</b>"),
        KeyValue::new("yes", true),
        KeyValue::new("int", i64::MIN),
        KeyValue::new("double", 72.5),
        KeyValue::new("nan", f64::NAN),
        KeyValue::new("far", f64::NEG_INFINITY),
        KeyValue::new("bytes", Value::Bytes(vec![0, 0, 0x30, 0x39])),
        KeyValue::new(
            "list",
            Value::Array(vec![1i64.into(), Value::Empty, Value::Array(vec![])]),
        ),
        KeyValue::new("map", Value::Map(vec![KeyValue::new("k", "v")])),
        KeyValue::new("empty", Value::Empty),
    ]
}

fn full() -> Trace {
    let trace_id = TraceId::parse("0af7651916cd43dd8448eb211c80319c").expect("an id");
    let mut one = Span::new(trace_id, id(3), "op", 1, u64::MAX >> 1);
    one.parent_span_id = Some(id(2));
    one.trace_state = "a=b".to_owned();
    one.flags = 257;
    one.kind = SpanKind::Consumer;
    one.attributes = every_value();
    (
        one.dropped_attributes,
        one.dropped_events,
        one.dropped_links,
    ) = (1, 2, 3);
    let small = || vec![KeyValue::new("k", 1i64)];
    one.events = vec![Event {
        time: 5,
        name: "e".into(),
        attributes: small(),
        dropped_attributes: 4,
    }];
    one.links = vec![Link {
        trace_id,
        span_id: id(9),
        trace_state: "c=d".into(),
        attributes: small(),
        dropped_attributes: 5,
        flags: 1,
    }];
    (one.status, one.status_message) = (StatusCode::Error, "boom".to_owned());
    let scope = Scope {
        name: "lib".into(),
        version: "1".into(),
        attributes: small(),
        dropped_attributes: 6,
        schema_url: "scope-schema".into(),
    };
    let resource = Resource {
        attributes: small(),
        dropped_attributes: 7,
        schema_url: "schema".into(),
    };
    let scopes = vec![ScopeSpans {
        scope,
        spans: vec![one],
    }];
    Trace {
        id: trace_id,
        resources: vec![ResourceSpans { resource, scopes }],
    }
}

#[test]
fn every_field_of_the_model_is_written() {
    let text = rendered(full(), Warnings::default(), true);
    let body: serde_json::Value = serde_json::from_str(&text).expect("valid JSON");
    insta::assert_json_snapshot!(body);
}

#[test]
fn keys_come_in_the_order_of_otlps_fields_and_zeros_are_left_out() {
    let bare = trace(vec![of_resource(&[], vec![span(1)])]);
    insta::assert_snapshot!(rendered(bare, Warnings::default(), true), @r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","parentSpanId":"","name":"op","startTimeUnixNano":"1000000000","endTimeUnixNano":"1001000000","status":{}}]}]}]}"#);
}

#[test]
fn warnings_and_repairs_are_attributes_unless_the_trace_is_raw() {
    let mut repaired = span(1);
    repaired.repairs.insert(Repair::StartMissing);
    let mut warnings = Warnings::default();
    warnings.add(0, "moved");
    let trace = || trace(vec![of_resource(&[], vec![repaired.clone()])]);
    insta::assert_snapshot!(rendered(trace(), warnings.clone(), false), @r#"{"resourceSpans":[{"resource":{},"scopeSpans":[{"scope":{},"spans":[{"traceId":"00000000000000000000000000000001","spanId":"0000000000000001","parentSpanId":"","name":"op","startTimeUnixNano":"1000000000","endTimeUnixNano":"1001000000","attributes":[{"key":"@jaeger@warnings","value":{"arrayValue":{"values":[{"stringValue":"moved"}]}}},{"key":"spoor.repairs","value":{"arrayValue":{"values":[{"stringValue":"start_missing"}]}}}],"status":{}}]}]}]}"#);
    let raw = rendered(trace(), warnings, true);
    assert!(!raw.contains("attributes"), "{raw}");
}

#[test]
fn several_traces_make_one_list_of_resources() {
    let adjusted = |number| Adjusted {
        trace: trace(vec![of_resource(&[], vec![span(number)])]),
        warnings: Warnings::default(),
        raw: true,
        truncated: false,
    };
    let mut out = Output::in_memory();
    resource_spans(&mut out, &[adjusted(1), adjusted(2)]).expect("memory takes everything");
    let body: serde_json::Value = serde_json::from_slice(&out.into_bytes()).expect("JSON");
    assert_eq!(body["resourceSpans"].as_array().map(Vec::len), Some(2));
}
