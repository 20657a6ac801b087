//! Jaeger's JSON in a form that can be compared, and what it must be for a span that a client
//! reports in OTLP's terms.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::otlp_json::by_key;

/// What both sides are reduced to: the fields in which nothing may differ.
#[derive(Debug, PartialEq)]
pub struct JaegerSpan {
    span_id: String,
    operation: String,
    start_micros: u64,
    duration_micros: u64,
    /// `refType/traceID/spanID`, in order.
    references: Vec<String>,
    /// `key/type/value`.
    tags: BTreeSet<String>,
    /// Time and fields of each log, in order.
    logs: Vec<(u64, BTreeSet<String>)>,
    service: String,
    process_tags: BTreeSet<String>,
}

/// The spans of a Jaeger answer with one trace.
pub fn spans(answer: &Value) -> Vec<JaegerSpan> {
    let trace = &answer["data"][0];
    let read = |span: &Value| {
        let process = &trace["processes"][span["processID"].as_str().unwrap_or_default()];
        JaegerSpan {
            span_id: string(&span["spanID"]),
            operation: string(&span["operationName"]),
            start_micros: span["startTime"].as_u64().unwrap_or_default(),
            duration_micros: span["duration"].as_u64().unwrap_or_default(),
            references: list(&span["references"]).iter().map(reference).collect(),
            tags: tags(&span["tags"]),
            logs: list(&span["logs"]).iter().map(log).collect(),
            service: string(&process["serviceName"]),
            process_tags: tags(&process["tags"]),
        }
    };
    sorted(list(&trace["spans"]).iter().map(read).collect())
}

/// What Jaeger must answer for the spans of a client's report.
pub fn expected(report: &[Value]) -> Vec<JaegerSpan> {
    sorted(report.iter().map(expected_span).collect())
}

fn sorted(mut spans: Vec<JaegerSpan>) -> Vec<JaegerSpan> {
    spans.sort_by(|a, b| a.span_id.cmp(&b.span_id));
    spans
}

fn expected_span(span: &Value) -> JaegerSpan {
    let (start, end) = (
        nanos(&span["startTimeUnixNano"]),
        nanos(&span["endTimeUnixNano"]),
    );
    let mut resource = by_key(&span["resource"]);
    let service = resource
        .remove("service.name")
        .map(|name| string(&name["stringValue"]));
    JaegerSpan {
        span_id: string(&span["spanId"]),
        operation: string(&span["name"]),
        start_micros: start / 1_000,
        duration_micros: (end - start) / 1_000,
        references: expected_references(span),
        tags: expected_tags(span),
        logs: list(&span["events"]).iter().map(expected_log).collect(),
        service: service.unwrap_or_default(),
        process_tags: resource
            .iter()
            .map(|(key, value)| typed_tag(key, value))
            .collect(),
    }
}

fn expected_references(span: &Value) -> Vec<String> {
    let parent = string(&span["parentSpanId"]);
    let of_parent = (!parent.is_empty())
        .then(|| format!("CHILD_OF/{}/{parent}", short(&string(&span["traceId"]))));
    let of_link = |link: &Value| {
        format!(
            "FOLLOWS_FROM/{}/{}",
            short(&string(&link["traceId"])),
            string(&link["spanId"])
        )
    };
    of_parent
        .into_iter()
        .chain(list(&span["links"]).iter().map(of_link))
        .collect()
}

/// Jaeger prints 16 digits when the high half of a trace id is zero.
fn short(trace_id: &str) -> &str {
    trace_id
        .strip_prefix("0000000000000000")
        .unwrap_or(trace_id)
}

fn expected_tags(span: &Value) -> BTreeSet<String> {
    let kinds = ["", "internal", "server", "client", "producer", "consumer"];
    let mut tags: BTreeSet<String> = by_key(&span["attributes"])
        .iter()
        .map(|(key, value)| typed_tag(key, value))
        .collect();
    let mut add = |key: &str, value: &str| {
        if !value.is_empty() {
            tags.insert(format!("{key}/string/{}", json!(value)));
        }
    };
    add("otel.scope.name", &string(&span["scope"]["name"]));
    add("otel.scope.version", &string(&span["scope"]["version"]));
    add(
        "span.kind",
        kinds[span["kind"].as_u64().unwrap_or_default() as usize],
    );
    add(
        "otel.status_description",
        &string(&span["status"]["message"]),
    );
    match span["status"]["code"].as_u64() {
        Some(1) => add("otel.status_code", "OK"),
        Some(2) => {
            add("otel.status_code", "ERROR");
            tags.insert("error/bool/true".to_owned());
        }
        _ => {}
    }
    tags
}

fn expected_log(event: &Value) -> (u64, BTreeSet<String>) {
    let mut fields: BTreeSet<String> = by_key(&event["attributes"])
        .iter()
        .map(|(key, value)| typed_tag(key, value))
        .collect();
    fields.insert(format!("event/string/{}", event["name"]));
    (nanos(&event["timeUnixNano"]) / 1_000, fields)
}

/// `key/type/value` of an OTLP attribute in Jaeger's types.
fn typed_tag(key: &str, value: &Value) -> String {
    if let Some(text) = value.get("stringValue") {
        format!("{key}/string/{text}")
    } else if let Some(flag) = value.get("boolValue") {
        format!("{key}/bool/{flag}")
    } else if let Some(number) = value.get("intValue") {
        format!("{key}/int64/{}", string(number))
    } else if let Some(number) = value.get("doubleValue") {
        format!("{key}/float64/{number}")
    } else {
        let items = list(&value["arrayValue"]["values"]).iter().map(plain);
        let text = format!("[{}]", items.collect::<Vec<_>>().join(","));
        format!("{key}/string/{}", json!(text))
    }
}

/// An element of a list as JSON prints it.
fn plain(value: &Value) -> String {
    match value.get("intValue") {
        Some(number) => string(number),
        None => value
            .as_object()
            .and_then(|one| one.values().next())
            .unwrap_or(value)
            .to_string(),
    }
}

fn tags(value: &Value) -> BTreeSet<String> {
    let tag = |tag: &Value| {
        format!(
            "{}/{}/{}",
            string(&tag["key"]),
            string(&tag["type"]),
            tag["value"]
        )
    };
    list(value).iter().map(tag).collect()
}

fn log(log: &Value) -> (u64, BTreeSet<String>) {
    (
        log["timestamp"].as_u64().unwrap_or_default(),
        tags(&log["fields"]),
    )
}

fn reference(reference: &Value) -> String {
    let part = |name: &str| string(&reference[name]);
    format!("{}/{}/{}", part("refType"), part("traceID"), part("spanID"))
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

fn nanos(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}
