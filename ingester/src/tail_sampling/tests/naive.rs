//! Policies as their documents say, over whole traces, one after the other.

use model::{KeyValue, Span, StatusCode, Trace, Value as Attribute};
use serde_json::Value;

/// Whether a trace is kept. Policies that limit rates are not among these.
pub(super) fn keeps(policies: &[Value], trace: &Trace) -> bool {
    let is_drop = |policy: &&Value| policy["type"] == "drop";
    let dropped = policies
        .iter()
        .filter(is_drop)
        .any(|one| applies(one, trace));
    let mut kept = policies.iter().filter(|one| !is_drop(one));
    kept.any(|one| applies(one, trace)) && !dropped
}

fn applies(policy: &Value, trace: &Trace) -> bool {
    let kind = policy["type"].as_str().expect("a type");
    let of = &policy[kind];
    match kind {
        "always_sample" => true,
        "latency" => latency(of, trace),
        "status_code" => {
            let codes = of["status_codes"].as_array().expect("codes");
            let name = |span: &Span| match span.status {
                StatusCode::Unset => "UNSET",
                StatusCode::Ok => "OK",
                StatusCode::Error => "ERROR",
            };
            trace
                .spans()
                .any(|(_, _, span)| codes.iter().any(|code| code == name(span)))
        }
        "span_count" => {
            let count = trace.span_count() as u64;
            of["min_spans"].as_u64().is_none_or(|min| min <= count)
                && of["max_spans"]
                    .as_u64()
                    .is_none_or(|max| max == 0 || count <= max)
        }
        "trace_state" => trace.spans().any(|(_, _, span)| {
            let values = of["values"].as_array().expect("values");
            let wanted = |value: &Value| {
                let member = format!("{}={}", text(&of["key"]), text(value));
                span.trace_state.split(',').any(|one| one.trim() == member)
            };
            values.iter().any(wanted)
        }),
        "probabilistic" => lot(of, trace),
        "and" => all(&of["and_sub_policy"], trace),
        "drop" => all(&of["drop_sub_policy"], trace),
        "not" => !applies(&of["not_sub_policy"], trace),
        _ => has_attribute(kind, of, trace) != (of["invert_match"] == true),
    }
}

fn has_attribute(kind: &str, of: &Value, trace: &Trace) -> bool {
    match kind {
        "numeric_attribute" => {
            let (min, max) = (of["min_value"].as_f64(), of["max_value"].as_f64());
            any_attribute(trace, &of["key"], |value| {
                let number = match value {
                    Attribute::Int(number) => *number as f64,
                    Attribute::Double(number) => *number,
                    _ => return false,
                };
                min.is_none_or(|min| min <= number) && max.is_none_or(|max| number <= max)
            })
        }
        "string_attribute" => any_attribute(trace, &of["key"], |value| match value {
            Attribute::String(text) if !text.is_empty() => means(of, text),
            _ => false,
        }),
        "service_name" => trace
            .spans()
            .any(|(resource, _, _)| means(of, resource.service_name())),
        "boolean_attribute" => {
            let wanted = of["value"].as_bool().expect("a value");
            any_attribute(trace, &of["key"], |value| *value == Attribute::Bool(wanted))
        }
        other => panic!("a policy of type {other}"),
    }
}

fn all(policies: &Value, trace: &Trace) -> bool {
    let policies = policies.as_array().expect("a list");
    policies.iter().all(|policy| applies(policy, trace))
}

fn latency(of: &Value, trace: &Trace) -> bool {
    let start = trace.spans().map(|(_, _, span)| span.start).min();
    let end = trace.spans().map(|(_, _, span)| span.end).max();
    let lasted = (end.expect("spans") - start.expect("spans")) / 1_000_000;
    let threshold = of["threshold_ms"].as_u64().expect("a threshold");
    match of["upper_threshold_ms"].as_u64() {
        None => lasted >= threshold,
        Some(upper) => lasted > threshold && lasted <= upper,
    }
}

fn lot(of: &Value, trace: &Trace) -> bool {
    let salt = of["hash_salt"].as_str().unwrap_or("default-hash-seed");
    let mut hash = 14_695_981_039_346_656_037u64;
    for byte in salt.as_bytes().iter().chain(trace.id.as_bytes()) {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211);
    }
    let percentage = of["sampling_percentage"].as_f64().expect("a percentage");
    hash as f64 <= percentage / 100.0 * u64::MAX as f64
}

fn means(of: &Value, found: &str) -> bool {
    let values = of["values"].as_array().expect("values");
    // The patterns of these tests are parts of texts.
    let matching = of["enabled_regex_matching"] == true;
    values.iter().map(text).any(|value| match matching {
        true => found.contains(value),
        false => found == value,
    })
}

fn any_attribute(trace: &Trace, key: &Value, is_meant: impl Fn(&Attribute) -> bool) -> bool {
    let of_list = |list: &[KeyValue]| {
        let found = list.iter().rfind(|attribute| attribute.key == text(key));
        found.is_some_and(|found| is_meant(&found.value))
    };
    trace
        .spans()
        .any(|(resource, _, span)| of_list(&span.attributes) || of_list(&resource.attributes))
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}
