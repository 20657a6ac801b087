//! Spans in the terms of Jaeger's model, and what they must be for a client that reports in OTLP's.

use serde_json::{Value, json};

use crate::otlp_json::by_key;

/// What every form of an answer is reduced to: the fields in which nothing may differ.
#[derive(Debug, PartialEq)]
pub struct JaegerSpan {
    pub(crate) trace_id: String,
    pub(crate) span_id: String,
    pub(crate) operation: String,
    pub(crate) start_nanos: u64,
    pub(crate) duration_nanos: u64,
    /// `refType/traceID/spanID`, in order.
    pub(crate) references: Vec<String>,
    /// `key/type/value`, sorted.
    pub(crate) tags: Vec<String>,
    /// Time and fields of each log, in order.
    pub(crate) logs: Vec<(u64, Vec<String>)>,
    pub(crate) service: String,
    pub(crate) process_tags: Vec<String>,
    pub(crate) warnings: Vec<String>,
}

/// The form of an answer, which has a precision of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// `/api/traces`: microseconds, and ids of 16 digits where the high half is zero.
    Json,
    /// `jaeger.api_v2`: nanoseconds, and ids of 16 bytes.
    Protobuf,
}

/// What Jaeger must answer for the spans of a client's report.
pub fn expected(report: &[Value], form: Form) -> Vec<JaegerSpan> {
    sorted(report.iter().map(|span| form.expected(span)).collect())
}

/// Spans in order of their ids.
pub(crate) fn sorted(mut spans: Vec<JaegerSpan>) -> Vec<JaegerSpan> {
    spans.sort_by(|a, b| a.span_id.cmp(&b.span_id));
    spans
}

/// `key/type/value` of a tag; the value as JSON has it.
pub(crate) fn tag(key: &str, kind: &str, value: &Value) -> String {
    format!("{key}/{kind}/{value}")
}

/// Tags in order; one that is there twice stays so.
pub(crate) fn in_order(tags: impl Iterator<Item = String>) -> Vec<String> {
    let mut tags: Vec<String> = tags.collect();
    tags.sort();
    tags
}

impl Form {
    fn expected(self, span: &Value) -> JaegerSpan {
        let start = nanos(&span["startTimeUnixNano"]);
        let end = nanos(&span["endTimeUnixNano"]);
        let mut resource = by_key(&span["resource"]);
        let service = resource.remove("service.name");
        JaegerSpan {
            trace_id: self.trace_id(&span["traceId"]),
            span_id: string(&span["spanId"]),
            operation: string(&span["name"]),
            start_nanos: self.time(start),
            duration_nanos: self.time(end - start),
            references: self.references(span),
            tags: expected_tags(span),
            logs: list(&span["events"])
                .iter()
                .map(|event| (self.time(nanos(&event["timeUnixNano"])), fields(event)))
                .collect(),
            service: service.map_or_else(String::new, |name| string(&name["stringValue"])),
            process_tags: in_order(resource.iter().map(|(key, value)| typed(key, value))),
            warnings: Vec::new(),
        }
    }

    fn time(self, nanos: u64) -> u64 {
        match self {
            Self::Json => nanos / 1_000 * 1_000,
            Self::Protobuf => nanos,
        }
    }

    fn trace_id(self, id: &Value) -> String {
        let id = string(id);
        match (self, id.strip_prefix("0000000000000000")) {
            (Self::Json, Some(low)) => low.to_owned(),
            _ => id,
        }
    }

    /// The parent, then the links.
    fn references(self, span: &Value) -> Vec<String> {
        let reference = |kind: &str, trace: &Value, id: &Value| {
            format!("{kind}/{}/{}", self.trace_id(trace), string(id))
        };
        let parent = &span["parentSpanId"];
        let of_parent = (parent != "").then(|| reference("CHILD_OF", &span["traceId"], parent));
        let links = list(&span["links"]).iter();
        let of_links =
            links.map(|link| reference("FOLLOWS_FROM", &link["traceId"], &link["spanId"]));
        of_parent.into_iter().chain(of_links).collect()
    }
}

fn expected_tags(span: &Value) -> Vec<String> {
    let kinds = ["", "internal", "server", "client", "producer", "consumer"];
    let status = &span["status"];
    let code = match status["code"].as_u64() {
        Some(1) => "OK",
        Some(2) => "ERROR",
        _ => "",
    };
    let of_fields = [
        ("otel.scope.name", string(&span["scope"]["name"])),
        ("otel.scope.version", string(&span["scope"]["version"])),
        (
            "span.kind",
            kinds[span["kind"].as_u64().unwrap_or_default() as usize].to_owned(),
        ),
        ("otel.status_code", code.to_owned()),
        ("otel.status_description", string(&status["message"])),
    ];
    let told = of_fields.into_iter().filter(|(_, text)| !text.is_empty());
    let told = told.map(|(key, text)| tag(key, "string", &json!(text)));
    let error = (code == "ERROR").then(|| tag("error", "bool", &json!(true)));
    let attributes = by_key(&span["attributes"]);
    let own = attributes.iter().map(|(key, value)| typed(key, value));
    in_order(told.chain(error).chain(own))
}

fn fields(event: &Value) -> Vec<String> {
    let attributes = by_key(&event["attributes"]);
    let own = attributes.iter().map(|(key, value)| typed(key, value));
    in_order(own.chain([tag("event", "string", &event["name"])]))
}

/// An OTLP attribute in Jaeger's types.
fn typed(key: &str, value: &Value) -> String {
    let number = |text: &Value| string(text).parse::<i64>().expect("an integer");
    if let Some(flag) = value.get("boolValue") {
        tag(key, "bool", flag)
    } else if let Some(text) = value.get("intValue") {
        tag(key, "int64", &json!(number(text)))
    } else if let Some(number) = value.get("doubleValue") {
        tag(key, "float64", number)
    } else if let Some(text) = value.get("stringValue") {
        tag(key, "string", text)
    } else {
        tag(key, "string", &json!(plain(value).to_string()))
    }
}

/// A value of OTLP as JSON has it, without its type.
pub(crate) fn plain(value: &Value) -> Value {
    if let Some(text) = value.get("intValue") {
        return json!(string(text).parse::<i64>().expect("an integer"));
    }
    if let Some(items) = value.pointer("/arrayValue/values") {
        return list(items).iter().map(plain).collect();
    }
    let one = value.as_object().and_then(|one| one.values().next());
    one.unwrap_or(value).clone()
}

pub(crate) fn list(value: &Value) -> &[Value] {
    value.as_array().map_or(&[], Vec::as_slice)
}

pub(crate) fn string(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// A number that is written as text.
pub(crate) fn nanos(value: &Value) -> u64 {
    value
        .as_str()
        .and_then(|text| text.parse().ok())
        .unwrap_or_default()
}
