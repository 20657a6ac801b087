//! Zipkin's second JSON format in a form that can be compared, and what it must be for a span that
//! a client reports in OTLP's terms.

use serde_json::{Map, Value, json};

use crate::jaeger::{list, nanos, plain, string};
use crate::otlp_json::by_key;

/// The spans of an answer with one trace, sorted by id, annotations taken apart.
pub fn spans(answer: &Value) -> Vec<Value> {
    let mut spans = list(answer).to_vec();
    for span in &mut spans {
        if let Some(annotations) = span["annotations"].as_array_mut() {
            annotations.iter_mut().for_each(take_apart);
        }
        if let Some(fields) = span.as_object_mut() {
            // Looking for what is not there has put it there.
            fields.retain(|_, value| !value.is_null());
        }
    }
    sorted(spans)
}

/// What Zipkin's API must answer for the spans of a client's report.
pub fn expected(report: &[Value]) -> Vec<Value> {
    sorted(report.iter().map(expected_span).collect())
}

fn sorted(mut spans: Vec<Value>) -> Vec<Value> {
    spans.sort_by_key(|span| span["id"].to_string());
    spans
}

/// `"name":{attributes}`: the objects of JSON have no order, so that both sides are compared parsed.
fn take_apart(annotation: &mut Value) {
    let value = string(&annotation["value"]);
    let mut parts = serde_json::Deserializer::from_str(&value).into_iter::<String>();
    if let Some(Ok(name)) = parts.next()
        && let Some(attributes) = value[parts.byte_offset()..].strip_prefix(':')
    {
        let attributes: Value = serde_json::from_str(attributes).expect("an object");
        annotation["value"] = json!([name, attributes]);
    }
}

fn expected_span(span: &Value) -> Value {
    let kinds = ["", "", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
    let kind = kinds[span["kind"].as_u64().unwrap_or_default() as usize];
    let start = nanos(&span["startTimeUnixNano"]);
    let lasts = nanos(&span["endTimeUnixNano"]) - start;
    let trace_id = string(&span["traceId"]);
    let short = trace_id.strip_prefix("0000000000000000");
    let own = by_key(&span["attributes"]);
    let resource = by_key(&span["resource"]);
    let fields = [
        ("traceId", json!(short.unwrap_or(&trace_id))),
        ("id", span["spanId"].clone()),
        ("parentId", span["parentSpanId"].clone()),
        ("kind", json!(kind)),
        ("name", span["name"].clone()),
        ("timestamp", json!(start / 1_000)),
        // A microsecond that has begun counts whole: zero would mean that it is not known.
        ("duration", json!(lasts.div_ceil(1_000))),
        (
            "localEndpoint",
            endpoint(&resource, "service.name", "net.host"),
        ),
        ("remoteEndpoint", endpoint(&own, "peer.service", "net.peer")),
        ("annotations", annotations(span)),
        ("tags", tags(span, &resource, &own)),
    ];
    let empty = [json!(""), json!(0), json!([]), json!({})];
    let told = fields
        .into_iter()
        .filter(|(_, value)| !empty.contains(value));
    let told: Map<String, Value> = told.map(|(key, value)| (key.to_owned(), value)).collect();
    told.into()
}

/// An end of the call, of what a client of Zipkin says of it, in OTLP's terms.
fn endpoint(attributes: &Map<String, Value>, service: &str, ends: &str) -> Value {
    let ip = attributes.get(&format!("{ends}.ip"));
    let is_v6 = ip.is_some_and(|of| string(&of["stringValue"]).contains(':'));
    let parts = [
        ("serviceName", attributes.get(service)),
        (if is_v6 { "ipv6" } else { "ipv4" }, ip),
        ("port", attributes.get(&format!("{ends}.port"))),
    ];
    let told = parts.into_iter();
    let told = told.filter_map(|(key, value)| Some((key.to_owned(), plain(value?))));
    Value::Object(told.collect())
}

fn annotations(span: &Value) -> Value {
    let one = |event: &Value| {
        let attributes = by_key(&event["attributes"]);
        let attributes: Map<String, Value> = attributes
            .iter()
            .map(|(key, value)| (key.clone(), plain(value)))
            .collect();
        let value = match attributes.is_empty() {
            true => event["name"].clone(),
            false => json!([event["name"], attributes]),
        };
        json!({ "timestamp": nanos(&event["timeUnixNano"]) / 1_000, "value": value })
    };
    list(&span["events"]).iter().map(one).collect()
}

/// What has no field: scope, status, and attributes but for those of which the endpoints are made.
fn tags(span: &Value, resource: &Map<String, Value>, own: &Map<String, Value>) -> Value {
    let of_endpoints = [
        "service.name",
        "net.host.ip",
        "net.host.port",
        "peer.service",
        "net.peer.ip",
        "net.peer.port",
    ];
    let attributes = resource.iter().chain(own);
    let attributes = attributes.filter(|(key, _)| !of_endpoints.contains(&key.as_str()));
    let mut tags: Map<String, Value> = attributes
        .map(|(key, value)| (key.clone(), json!(text(value))))
        .collect();
    let message = string(&span["status"]["message"]);
    let (code, error) = match span["status"]["code"].as_u64() {
        Some(1) => ("OK", String::new()),
        Some(2) if message.is_empty() => ("ERROR", "true".to_owned()),
        Some(2) => ("ERROR", message),
        _ => ("", String::new()),
    };
    let of_fields = [
        ("otel.scope.name", string(&span["scope"]["name"])),
        ("otel.scope.version", string(&span["scope"]["version"])),
        ("otel.status_code", code.to_owned()),
        ("error", error),
    ];
    for (key, text) in of_fields {
        if !text.is_empty() {
            tags.insert(key.to_owned(), json!(text));
        }
    }
    tags.into()
}

fn text(value: &Value) -> String {
    match plain(value) {
        Value::String(text) => text,
        other => other.to_string(),
    }
}
