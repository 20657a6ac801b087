//! The APIs through which a trace is read back, each in its own words.

use anyhow::{Context, bail};
use serde::Serialize;
use serde_json::Value;

use super::seeded::{SERVICE, SeededSpan, SeededTrace, TAG};

/// An API of the query service.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Api {
    JaegerV1,
    JaegerV3,
    ZipkinV2,
}

/// How a trace is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Kind {
    Id,
    Search,
}

impl Api {
    pub(crate) const ALL: [Self; 3] = [Self::JaegerV1, Self::JaegerV3, Self::ZipkinV2];

    /// The label in metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::JaegerV1 => "jaeger_v1",
            Self::JaegerV3 => "jaeger_v3",
            Self::ZipkinV2 => "zipkin_v2",
        }
    }
}

impl Kind {
    pub(crate) const ALL: [Self; 2] = [Self::Id, Self::Search];

    /// The label in metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Search => "search",
        }
    }
}

/// Around the trace, in nanoseconds: where a search looks.
const AROUND: u64 = 60_000_000_000;

/// Asks for a trace; its spans as they are found.
pub(crate) async fn read(
    client: &reqwest::Client,
    query: &str,
    api: Api,
    kind: Kind,
    trace: &SeededTrace,
) -> anyhow::Result<Vec<SeededSpan>> {
    let request = client.get(format!("{query}{}", path(api, kind, trace)));
    let request = request.query(&parameters(api, kind, trace));
    let response = request.send().await.context("no answer")?;
    let status = response.status().as_u16();
    let body = response.bytes().await.context("an answer cut short")?;
    match (status, kind) {
        (404, Kind::Id) => return Ok(Vec::new()),
        (200, _) => {}
        _ => bail!("status {status}"),
    }
    let body: Value = serde_json::from_slice(&body).context("an answer that is no JSON")?;
    let spans = match api {
        Api::JaegerV1 => jaeger_v1(&body),
        Api::JaegerV3 => jaeger_v3(&body),
        Api::ZipkinV2 => zipkin_v2(&body, kind),
    };
    spans.context("an answer of another shape")
}

fn path(api: Api, kind: Kind, trace: &SeededTrace) -> String {
    let id = &trace.id;
    match (api, kind) {
        (Api::JaegerV1, Kind::Id) => format!("/api/traces/{id}"),
        (Api::JaegerV1, Kind::Search) => "/api/traces".to_owned(),
        (Api::JaegerV3, Kind::Id) => format!("/api/v3/traces/{id}"),
        (Api::JaegerV3, Kind::Search) => "/api/v3/traces".to_owned(),
        (Api::ZipkinV2, Kind::Id) => format!("/api/v2/trace/{id}"),
        (Api::ZipkinV2, Kind::Search) => "/api/v2/traces".to_owned(),
    }
}

fn parameters(api: Api, kind: Kind, trace: &SeededTrace) -> Vec<(&'static str, String)> {
    if kind == Kind::Id {
        return match api {
            Api::JaegerV3 => vec![("query.rawTraces", "true".to_owned())],
            Api::JaegerV1 => vec![("raw", "true".to_owned())],
            Api::ZipkinV2 => Vec::new(),
        };
    }
    let (from, to) = (trace.at.saturating_sub(AROUND), trace.at + AROUND);
    let tags = serde_json::json!({ TAG: trace.tag }).to_string();
    let service = SERVICE.to_owned();
    let moment = |at: u64| {
        let at = jiff::Timestamp::from_microsecond((at / 1_000) as i64);
        at.map_or_else(|_| String::new(), |at| at.to_string())
    };
    match api {
        Api::JaegerV1 => vec![
            ("service", service),
            ("tags", tags),
            ("start", (from / 1_000).to_string()),
            ("end", (to / 1_000).to_string()),
            ("limit", "2".to_owned()),
            ("raw", "true".to_owned()),
        ],
        Api::JaegerV3 => vec![
            ("query.serviceName", service),
            ("query.attributes", tags),
            ("query.startTimeMin", moment(from)),
            ("query.startTimeMax", moment(to)),
            ("query.searchDepth", "2".to_owned()),
            ("query.rawTraces", "true".to_owned()),
        ],
        Api::ZipkinV2 => vec![
            ("serviceName", service),
            ("annotationQuery", format!("{TAG}={}", trace.tag)),
            ("endTs", (to / 1_000_000).to_string()),
            ("lookback", ((to - from) / 1_000_000).to_string()),
            ("limit", "2".to_owned()),
        ],
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn jaeger_v1(body: &Value) -> Option<Vec<SeededSpan>> {
    let mut spans = Vec::new();
    for trace in body["data"].as_array()? {
        for span in trace["spans"].as_array()? {
            let process = &trace["processes"][text(span, "processID")];
            let references = span["references"].as_array();
            let parent = references.and_then(|all| all.first());
            let mut tags = span["tags"].as_array()?.iter();
            let tag = tags.find(|tag| tag["key"] == TAG);
            spans.push(SeededSpan {
                id: text(span, "spanID"),
                parent: parent.map_or_else(String::new, |one| text(one, "spanID")),
                name: text(span, "operationName"),
                service: text(process, "serviceName"),
                start_us: span["startTime"].as_u64()?,
                duration_us: span["duration"].as_u64()?,
                tag: tag.map_or_else(String::new, |tag| text(tag, "value")),
            });
        }
    }
    Some(spans)
}

fn jaeger_v3(body: &Value) -> Option<Vec<SeededSpan>> {
    let nanos = |span: &Value, name: &str| text(span, name).parse::<u64>().ok();
    let attribute = |of: &Value, key: &str| {
        let found = of["attributes"]
            .as_array()?
            .iter()
            .find(|one| one["key"] == key);
        found.map(|one| text(&one["value"], "stringValue"))
    };
    let mut spans = Vec::new();
    let Some(resources) = body["result"]["resourceSpans"].as_array() else {
        return body["result"].is_object().then_some(spans);
    };
    for of_resource in resources {
        let service = attribute(&of_resource["resource"], "service.name")?;
        for of_scope in of_resource["scopeSpans"].as_array()? {
            for span in of_scope["spans"].as_array()? {
                let start = nanos(span, "startTimeUnixNano")?;
                let end = nanos(span, "endTimeUnixNano")?;
                spans.push(SeededSpan {
                    id: text(span, "spanId"),
                    parent: text(span, "parentSpanId"),
                    name: text(span, "name"),
                    service: service.clone(),
                    start_us: start / 1_000,
                    duration_us: end.saturating_sub(start) / 1_000,
                    tag: attribute(span, TAG).unwrap_or_default(),
                });
            }
        }
    }
    Some(spans)
}

fn zipkin_v2(body: &Value, kind: Kind) -> Option<Vec<SeededSpan>> {
    let traces: Vec<&Value> = match kind {
        Kind::Id => vec![body],
        Kind::Search => body.as_array()?.iter().collect(),
    };
    let mut spans = Vec::new();
    for trace in traces {
        for span in trace.as_array()? {
            spans.push(SeededSpan {
                id: text(span, "id"),
                parent: text(span, "parentId"),
                name: text(span, "name"),
                service: text(&span["localEndpoint"], "serviceName"),
                start_us: span["timestamp"].as_u64()?,
                // The format has no duration of zero.
                duration_us: span["duration"].as_u64().unwrap_or_default(),
                tag: text(&span["tags"], TAG),
            });
        }
    }
    Some(spans)
}
