//! Jaeger's JSON in a form that can be compared.

use serde_json::Value;

use crate::jaeger::{self, JaegerSpan, in_order, list, string};

/// The spans of an answer with one trace.
pub fn spans(answer: &Value) -> Vec<JaegerSpan> {
    let trace = &answer["data"][0];
    let processes = &trace["processes"];
    let spans = list(&trace["spans"]).iter();
    jaeger::sorted(spans.map(|one| span(one, processes)).collect())
}

fn span(span: &Value, processes: &Value) -> JaegerSpan {
    let process = &processes[span["processID"].as_str().unwrap_or_default()];
    JaegerSpan {
        trace_id: string(&span["traceID"]),
        span_id: string(&span["spanID"]),
        operation: string(&span["operationName"]),
        start_nanos: nanos(&span["startTime"]),
        duration_nanos: nanos(&span["duration"]),
        references: list(&span["references"]).iter().map(reference).collect(),
        tags: tags(&span["tags"]),
        logs: list(&span["logs"])
            .iter()
            .map(|log| (nanos(&log["timestamp"]), tags(&log["fields"])))
            .collect(),
        service: string(&process["serviceName"]),
        process_tags: tags(&process["tags"]),
        warnings: list(&span["warnings"]).iter().map(string).collect(),
    }
}

fn nanos(micros: &Value) -> u64 {
    1_000 * micros.as_u64().unwrap_or_default()
}

fn tags(tags: &Value) -> Vec<String> {
    let tag = |of: &Value| jaeger::tag(&string(&of["key"]), &string(&of["type"]), &of["value"]);
    in_order(list(tags).iter().map(tag))
}

fn reference(reference: &Value) -> String {
    let part = |name: &str| string(&reference[name]);
    format!("{}/{}/{}", part("refType"), part("traceID"), part("spanID"))
}
