//! Jaeger's JSON against the request that it amounts to.

use super::*;

const TRACE: &str = r#"{"data": [{"traceID": "abc", "spans": [
    {"traceID": "abc", "spanID": "1", "operationName": "root", "references": [],
     "startTime": 1000, "duration": 5, "logs": [], "processID": "p1", "warnings": null,
     "tags": [{"key": "span.kind", "type": "string", "value": "server"},
              {"key": "error", "type": "bool", "value": true},
              {"key": "otel.status_description", "type": "string", "value": "boom"},
              {"key": "http.status", "type": "int64", "value": 500},
              {"key": "otel.scope.name", "type": "string", "value": "lib"}]},
    {"traceID": "abc", "spanID": "2", "operationName": "child", "startTime": 1001, "duration": 1,
     "references": [{"refType": "CHILD_OF", "traceID": "abc", "spanID": "1"},
                    {"refType": "FOLLOWS_FROM", "traceID": "def", "spanID": "9"}],
     "tags": [], "processID": "p1",
     "logs": [{"timestamp": 1002, "fields": [
        {"key": "event", "type": "string", "value": "retry"},
        {"key": "n", "type": "float64", "value": 0.5}]}]}],
  "processes": {"p1": {"serviceName": "shop", "tags": []}}}]}"#;

fn spans(text: &str) -> Vec<Span> {
    let request = request(text.as_bytes()).unwrap();
    let scopes = request
        .resource_spans
        .into_iter()
        .flat_map(|one| one.scope_spans);
    scopes.flat_map(|scope| scope.spans).collect()
}

#[test]
fn tags_that_were_fields_are_fields_again() {
    let root = &spans(TRACE)[0];
    assert_eq!(root.kind, SpanKind::Server as i32);
    let status = root.status.as_ref().unwrap();
    assert_eq!((status.code, status.message.as_str()), (2, "boom"));
    let keys: Vec<&str> = root.attributes.iter().map(|one| one.key.as_str()).collect();
    assert_eq!(keys, ["http.status"]);
    assert_eq!(
        (root.start_time_unix_nano, root.end_time_unix_nano),
        (1_000_000, 1_005_000)
    );
}

#[test]
fn the_first_reference_within_the_trace_is_the_parent_and_others_are_links() {
    let child = &spans(TRACE)[1];
    assert_eq!(child.parent_span_id, [0, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(child.links.len(), 1);
    assert_eq!(child.events[0].name, "retry");
    assert_eq!(child.events[0].attributes.len(), 1);
}

#[test]
fn the_process_is_the_resource() {
    let request = request(TRACE.as_bytes()).unwrap();
    let resource = request.resource_spans[0].resource.as_ref().unwrap();
    assert_eq!(
        resource.attributes[0],
        text_attribute("service.name", "shop".to_owned())
    );
}

#[test]
fn what_is_no_trace_of_jaegers_is_refused() {
    for text in [
        "",
        "{}",
        "[1]",
        r#"{"data": [{"spans": [{"traceID": "xyz"}]}]}"#,
    ] {
        assert!(request(text.as_bytes()).is_err(), "{text}");
    }
    let long = TRACE.replace(r#""spanID": "1""#, r#""spanID": "12345678901234567""#);
    assert!(request(long.as_bytes()).is_err());
}
