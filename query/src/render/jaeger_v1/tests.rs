//! The shapes of Jaeger's first API, to the byte.

use model::{
    Event, KeyValue, Link, Repair, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId,
    SpanKind, StatusCode, Trace, Value,
};

use super::*;
use crate::adjust::Warnings;
use crate::adjust::samples::{id, of_resource, span, trace};

fn text(out: Output) -> String {
    String::from_utf8(out.into_bytes()).expect("JSON is text")
}

fn rendered(trace: Trace) -> String {
    let adjusted = Adjusted {
        trace,
        warnings: Warnings::default(),
        raw: true,
        truncated: false,
    };
    let mut out = Output::in_memory();
    traces(&mut out, &[adjusted], &[]).expect("memory takes everything");
    text(out)
}

/// The first span of a rendered trace.
fn rendered_span(span: Span) -> serde_json::Value {
    let body: serde_json::Value =
        serde_json::from_str(&rendered(trace(vec![of_resource(&[], vec![span])]))).expect("JSON");
    body["data"][0]["spans"][0].clone()
}

/// The span of the notes' example.
fn example() -> Trace {
    let start = 1_485_467_191_639_875_000;
    let mut one = Span::new(
        TraceId::parse("1").expect("an id"),
        id(3),
        "op",
        start,
        start + 5_000,
    );
    one.flags = 1;
    one.parent_span_id = Some(id(2));
    one.attributes = vec![
        KeyValue::new("peer.service", "service-y"),
        KeyValue::new("error", true),
        KeyValue::new("peer.ipv4", 23_456i64),
        KeyValue::new("big", 9_223_372_036_854_775_222i64),
        KeyValue::new("temperature", 72.5),
        KeyValue {
            key: "blob".to_owned(),
            value: Value::Bytes(vec![0, 0, 0x30, 0x39]),
        },
    ];
    one.events = vec![Event {
        time: start,
        name: "some-event".to_owned(),
        attributes: Vec::new(),
        dropped_attributes: 0,
    }];
    trace(vec![of_resource(
        &[("service.name", "service-x")],
        vec![one],
    )])
}

#[test]
fn the_example_of_the_reference_is_rendered_to_the_byte() {
    let expected = concat!(
        r#"{"data":[{"traceID":"0000000000000001","spans":["#,
        r#"{"traceID":"0000000000000001","spanID":"0000000000000003","flags":1,"operationName":"op","#,
        r#""references":[{"refType":"CHILD_OF","traceID":"0000000000000001","spanID":"0000000000000002"}],"#,
        r#""startTime":1485467191639875,"duration":5,"#,
        r#""tags":[{"key":"peer.service","type":"string","value":"service-y"},"#,
        r#"{"key":"error","type":"bool","value":true},"#,
        r#"{"key":"peer.ipv4","type":"int64","value":23456},"#,
        r#"{"key":"big","type":"int64","value":"9223372036854775222"},"#,
        r#"{"key":"temperature","type":"float64","value":72.5},"#,
        r#"{"key":"blob","type":"binary","value":"AAAwOQ=="}],"#,
        r#""logs":[{"timestamp":1485467191639875,"fields":[{"key":"event","type":"string","value":"some-event"}]}],"#,
        r#""processID":"p1","warnings":null}],"#,
        r#""processes":{"p1":{"serviceName":"service-x","tags":[]}},"warnings":null}],"#,
        r#""total":0,"limit":0,"offset":0,"errors":null}"#,
    );
    assert_eq!(rendered(example()), expected);
}

#[test]
fn everything_that_jaegers_model_lacks_becomes_a_tag_in_jaegers_order() {
    let one = Span {
        kind: SpanKind::Server,
        status: StatusCode::Error,
        status_message: "boom".to_owned(),
        trace_state: "a=b".to_owned(),
        attributes: vec![
            KeyValue::new("k", "v"),
            KeyValue::new("none", Value::Empty),
            KeyValue::new("list", Value::Array(vec![1i64.into(), "x".into()])),
            KeyValue::new("map", Value::Map(vec![KeyValue::new("y", 2.5)])),
            KeyValue::new("nan", f64::NAN),
        ],
        ..span(1)
    };
    let scope = Scope {
        name: "lib".to_owned(),
        version: "1".to_owned(),
        ..Scope::default()
    };
    let resource = ResourceSpans {
        resource: Resource::default(),
        scopes: vec![ScopeSpans {
            scope,
            spans: vec![one],
        }],
    };
    insta::assert_snapshot!(rendered(trace(vec![resource])), @r#"{"data":[{"traceID":"0000000000000001","spans":[{"traceID":"0000000000000001","spanID":"0000000000000001","operationName":"op","references":[],"startTime":1000000,"duration":1000,"tags":[{"key":"otel.scope.name","type":"string","value":"lib"},{"key":"otel.scope.version","type":"string","value":"1"},{"key":"k","type":"string","value":"v"},{"key":"none","type":"string","value":""},{"key":"list","type":"string","value":"[1,\"x\"]"},{"key":"map","type":"string","value":"{\"y\":2.5}"},{"key":"nan","type":"float64","value":"NaN"},{"key":"span.kind","type":"string","value":"server"},{"key":"otel.status_code","type":"string","value":"ERROR"},{"key":"error","type":"bool","value":true},{"key":"otel.status_description","type":"string","value":"boom"},{"key":"w3c.tracestate","type":"string","value":"a=b"}],"logs":[],"processID":"p1","warnings":null}],"processes":{"p1":{"serviceName":"missing-service-name","tags":[]}},"warnings":null}],"total":0,"limit":0,"offset":0,"errors":null}"#);
}

#[test]
fn the_parent_comes_first_and_a_link_to_it_only_tells_its_type() {
    let link = |trace: &str, span: u64, kind: Option<&str>| Link {
        trace_id: TraceId::parse(trace).expect("an id"),
        span_id: id(span),
        trace_state: String::new(),
        attributes: kind
            .map(|kind| KeyValue::new("opentracing.ref_type", kind))
            .into_iter()
            .collect(),
        dropped_attributes: 0,
        flags: 0,
    };
    let one = Span {
        parent_span_id: Some(id(9)),
        links: vec![
            link("1", 7, Some("child_of")),
            link("1", 9, Some("follows_from")),
            link("a0000000000000000000000000000001", 8, None),
        ],
        ..span(1)
    };
    insta::assert_snapshot!(rendered_span(one)["references"].to_string(), @r#"[{"refType":"FOLLOWS_FROM","spanID":"0000000000000009","traceID":"0000000000000001"},{"refType":"CHILD_OF","spanID":"0000000000000007","traceID":"0000000000000001"},{"refType":"FOLLOWS_FROM","spanID":"0000000000000008","traceID":"a0000000000000000000000000000001"}]"#);
}

#[test]
fn an_attribute_called_event_replaces_the_events_name() {
    let event = |name: &str, attributes| Event {
        time: 1_999,
        name: name.to_owned(),
        attributes,
        dropped_attributes: 0,
    };
    let one = Span {
        events: vec![
            event("named", vec![KeyValue::new("event", "own")]),
            event("", vec![KeyValue::new("x", 1i64)]),
            event("first", vec![KeyValue::new("x", 1i64)]),
        ],
        ..span(1)
    };
    insta::assert_snapshot!(rendered_span(one)["logs"].to_string(), @r#"[{"fields":[{"key":"event","type":"string","value":"own"}],"timestamp":1},{"fields":[{"key":"x","type":"int64","value":1}],"timestamp":1},{"fields":[{"key":"event","type":"string","value":"first"},{"key":"x","type":"int64","value":1}],"timestamp":1}]"#);
}

#[test]
fn warnings_are_those_stored_then_repairs_then_adjustments() {
    let mut one = Span {
        attributes: vec![KeyValue::new(
            "@jaeger@warnings",
            Value::Array(vec!["stored".into()]),
        )],
        ..span(1)
    };
    one.repairs.insert(Repair::NulReplaced);
    let mut warnings = Warnings::default();
    warnings.add(0, "adjusted");
    let trace = trace(vec![of_resource(&[], vec![one])]);
    let mut out = Output::in_memory();
    traces(
        &mut out,
        &[Adjusted {
            trace,
            warnings,
            raw: false,
            truncated: false,
        }],
        &[],
    )
    .expect("memory");
    let body: serde_json::Value = serde_json::from_str(&text(out)).expect("JSON");
    let span = &body["data"][0]["spans"][0];
    let expected = serde_json::json!(["stored", "repaired on ingest: nul_replaced", "adjusted"]);
    assert_eq!(
        (&span["warnings"], &span["tags"]),
        (&expected, &serde_json::json!([]))
    );
}

#[test]
fn equal_processes_are_one_and_numbered_by_first_appearance() {
    let mut of_schema = of_resource(&[("service.name", "a")], vec![span(3)]);
    of_schema.resource.schema_url = "differs".to_owned();
    let body: serde_json::Value = serde_json::from_str(&rendered(trace(vec![
        of_resource(&[("service.name", "a")], vec![span(1)]),
        of_resource(&[("service.name", "b"), ("host", "h")], vec![span(2)]),
        of_schema,
    ])))
    .expect("JSON");
    let spans = body["data"][0]["spans"].as_array().expect("spans");
    let keys: Vec<_> = spans
        .iter()
        .map(|span| span["processID"].as_str().expect("text"))
        .collect();
    assert_eq!(keys, ["p1", "p2", "p1"]);
    insta::assert_snapshot!(body["data"][0]["processes"].to_string(), @r#"{"p1":{"serviceName":"a","tags":[]},"p2":{"serviceName":"b","tags":[{"key":"host","type":"string","value":"h"}]}}"#);
}

#[test]
fn long_trace_ids_have_32_digits_and_missing_names_their_stand_in() {
    let mut one = Span::new(
        TraceId::parse("a0000000000000000000000000000001").expect("an id"),
        SpanId::parse("ff").expect("an id"),
        "",
        0,
        1_999,
    );
    one.attributes = vec![KeyValue::new("<b>", "</b>")];
    insta::assert_snapshot!(rendered_span(one).to_string(), @r#"{"duration":1,"logs":[],"operationName":"empty-span-name","processID":"p1","references":[],"spanID":"00000000000000ff","startTime":0,"tags":[{"key":"<b>","type":"string","value":"</b>"}],"traceID":"a0000000000000000000000000000001","warnings":null}"#);
}

#[test]
fn misses_are_listed_with_their_ids() {
    let mut out = Output::in_memory();
    let missing = [TraceId::parse("abc").expect("an id")];
    traces(&mut out, &[], &missing).expect("memory takes everything");
    insta::assert_snapshot!(text(out), @r#"{"data":[],"total":0,"limit":0,"offset":0,"errors":[{"msg":"trace not found","traceID":"0000000000000abc"}]}"#);
}

#[test]
fn catalogues_and_failures_have_the_same_envelope() {
    let mut all = String::new();
    let mut add = |render: &dyn Fn(&mut Output) -> Result<(), Gone>| {
        let mut out = Output::in_memory();
        render(&mut out).expect("memory takes everything");
        all.push_str(&text(out));
        all.push('\n');
    };
    let of = |name: &str, kind| Operation {
        name: name.to_owned(),
        kind,
    };
    let known = [
        of("a", SpanKind::Unspecified),
        of("b", SpanKind::Client),
        of("b", SpanKind::Server),
    ];
    let edge = Dependency {
        parent: "p".into(),
        child: "c".into(),
        calls: 7,
        errors: 1,
        duration_sum: 9,
    };
    add(&|out| services(out, &["x".to_owned(), "y".to_owned()]));
    add(&|out| services(out, &[]));
    add(&|out| operation_names(out, &known));
    add(&|out| operations(out, &known));
    add(&|out| dependencies(out, std::slice::from_ref(&edge)));
    all.push_str(
        &String::from_utf8(Envelope::failure(404, "trace not found".to_owned())).expect("text"),
    );
    insta::assert_snapshot!(all, @r#"
{"data":["x","y"],"total":2,"limit":0,"offset":0,"errors":null}
{"data":[],"total":0,"limit":0,"offset":0,"errors":null}
{"data":["a","b"],"total":2,"limit":0,"offset":0,"errors":null}
{"data":[{"name":"a","spanKind":""},{"name":"b","spanKind":"client"},{"name":"b","spanKind":"server"}],"total":3,"limit":0,"offset":0,"errors":null}
{"data":[{"parent":"p","child":"c","callCount":7}],"total":0,"limit":0,"offset":0,"errors":null}
{"data":null,"total":0,"limit":0,"offset":0,"errors":[{"code":404,"msg":"trace not found"}]}
"#);
}
