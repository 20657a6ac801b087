//! Answers over HTTP, to the byte as Jaeger writes them.

use std::collections::BTreeMap;
use std::fmt::Write;

use model::canonical_double;
use schemas::jaeger_sampling::{PerOperationSamplingStrategies, SamplingStrategyResponse};

/// How the type of a strategy is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Enums {
    /// By its name, as everywhere but in the oldest agents.
    Names,
    /// By its number, as clients of Thrift 0.9.2 expect it from the agent's `/`.
    Numbers,
}

/// The JSON of a strategy: numbers are written even where they are zero, what is not there is not.
pub(crate) fn strategy_json(strategy: &SamplingStrategyResponse, enums: Enums) -> String {
    let kind = strategy.strategy_type();
    let mut json = match enums {
        Enums::Names => format!(r#"{{"strategyType":"{}""#, kind.name()),
        Enums::Numbers => format!(r#"{{"strategyType":{}"#, kind as i32),
    };
    if let Some(of) = strategy.probabilistic_sampling {
        let rate = canonical_double(of.sampling_rate);
        push(
            &mut json,
            format_args!(r#","probabilisticSampling":{{"samplingRate":{rate}}}"#),
        );
    }
    if let Some(of) = strategy.rate_limiting_sampling {
        let most = of.max_traces_per_second;
        push(
            &mut json,
            format_args!(r#","rateLimitingSampling":{{"maxTracesPerSecond":{most}}}"#),
        );
    }
    if let Some(operations) = &strategy.operation_sampling {
        push_operations(&mut json, operations);
    }
    json.push('}');
    json
}

fn push_operations(json: &mut String, of: &PerOperationSamplingStrategies) {
    let default = canonical_double(of.default_sampling_probability);
    let lower = canonical_double(of.default_lower_bound_traces_per_second);
    push(
        json,
        format_args!(
            r#","operationSampling":{{"defaultSamplingProbability":{default},"defaultLowerBoundTracesPerSecond":{lower},"perOperationStrategies":["#
        ),
    );
    for (at, one) in of.per_operation_strategies.iter().enumerate() {
        let comma = if at == 0 { "" } else { "," };
        let name = go_string(&one.operation);
        push(json, format_args!(r#"{comma}{{"operation":{name}"#));
        if let Some(of) = one.probabilistic_sampling {
            let rate = canonical_double(of.sampling_rate);
            push(
                json,
                format_args!(r#","probabilisticSampling":{{"samplingRate":{rate}}}"#),
            );
        }
        json.push('}');
    }
    json.push(']');
    let upper = canonical_double(of.default_upper_bound_traces_per_second);
    push(
        json,
        format_args!(r#","defaultUpperBoundTracesPerSecond":{upper}}}"#),
    );
}

/// The JSON of baggage restrictions: which keys may be used, and how long their values may be.
pub(crate) fn baggage_restrictions(restrictions: &BTreeMap<String, u32>) -> String {
    let of_each = restrictions.iter().map(|(key, length)| {
        let key = go_string(key);
        format!(r#"{{"baggageKey":{key},"maxValueLength":{length}}}"#)
    });
    format!("[{}]", of_each.collect::<Vec<_>>().join(","))
}

/// A string as Go writes it: harmless in HTML too.
fn go_string(text: &str) -> String {
    let mut json = String::with_capacity(text.len() + 2);
    json.push('"');
    for c in text.chars() {
        match c {
            '"' => json.push_str("\\\""),
            '\\' => json.push_str("\\\\"),
            '\n' => json.push_str("\\n"),
            '\r' => json.push_str("\\r"),
            '\t' => json.push_str("\\t"),
            '\u{8}' => json.push_str("\\b"),
            '\u{c}' => json.push_str("\\f"),
            '\0'..'\u{20}' | '<' | '>' | '&' | '\u{2028}' | '\u{2029}' => {
                push(&mut json, format_args!("\\u{:04x}", c as u32));
            }
            c => json.push(c),
        }
    }
    json.push('"');
    json
}

fn push(json: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = json.write_fmt(text);
}
