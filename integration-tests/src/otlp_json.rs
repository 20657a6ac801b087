//! OTLP JSON in a form that can be compared: a flat list of spans with everything sorted.

use serde_json::{Map, Value, json};

/// The spans of an api_v3 answer, each with its scope and resource, as the clients report them.
pub fn spans(answer: &Value) -> Vec<Value> {
    let mut spans = Vec::new();
    for of_resource in list(&answer["result"]["resourceSpans"]) {
        for of_scope in list(&of_resource["scopeSpans"]) {
            for span in list(&of_scope["spans"]) {
                spans.push(flat(span, &of_scope["scope"], &of_resource["resource"]));
            }
        }
    }
    sorted(spans)
}

/// Spans in order of their ids.
pub fn sorted(mut spans: Vec<Value>) -> Vec<Value> {
    spans.sort_by_key(|span| span["spanId"].to_string());
    spans
}

fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

fn text(value: &Value) -> Value {
    json!(value.as_str().unwrap_or_default())
}

fn flat(span: &Value, scope: &Value, resource: &Value) -> Value {
    let event = |event: &Value| {
        json!({
            "timeUnixNano": event["timeUnixNano"],
            "name": text(&event["name"]),
            "attributes": attributes(&event["attributes"]),
        })
    };
    let link = |link: &Value| {
        json!({
            "traceId": link["traceId"],
            "spanId": link["spanId"],
            "attributes": attributes(&link["attributes"]),
        })
    };
    json!({
        "traceId": span["traceId"],
        "spanId": span["spanId"],
        "parentSpanId": text(&span["parentSpanId"]),
        "name": text(&span["name"]),
        "kind": span["kind"].as_u64().unwrap_or_default(),
        "startTimeUnixNano": span["startTimeUnixNano"],
        "endTimeUnixNano": span["endTimeUnixNano"],
        "attributes": attributes(&span["attributes"]),
        "events": list(&span["events"]).iter().map(event).collect::<Vec<_>>(),
        "links": list(&span["links"]).iter().map(link).collect::<Vec<_>>(),
        "status": {
            "code": span["status"]["code"].as_u64().unwrap_or_default(),
            "message": text(&span["status"]["message"]),
        },
        "scope": { "name": text(&scope["name"]), "version": text(&scope["version"]) },
        "resource": attributes(&resource["attributes"]),
    })
}

fn attributes(value: &Value) -> Value {
    let mut sorted: Vec<Value> = list(value).to_vec();
    sorted.sort_by_key(|attribute| attribute["key"].to_string());
    sorted
        .iter_mut()
        .for_each(|attribute| normalise(&mut attribute["value"]));
    Value::Array(sorted)
}

/// Numbers may come as `1` or `1.0`; both mean the same double.
fn normalise(value: &mut Value) {
    if let Some(number) = value.get("doubleValue").and_then(Value::as_f64) {
        *value = json!({ "doubleValue": number });
    }
    if let Some(items) = value
        .pointer_mut("/arrayValue/values")
        .and_then(Value::as_array_mut)
    {
        items.iter_mut().for_each(normalise);
    }
}

/// An attribute list as an object of key to typed value.
pub fn by_key(attributes: &Value) -> Map<String, Value> {
    let entry = |attribute: &Value| {
        Some((
            attribute["key"].as_str()?.to_owned(),
            attribute["value"].clone(),
        ))
    };
    list(attributes).iter().filter_map(entry).collect()
}
