//! Policies as they stand in the configuration: names and shapes of OpenTelemetry's tail sampling
//! processor. What is misspelled is refused, and the nearest known name told.

mod shapes;

use bootstrap::config::nearest_name;
use model::StatusCode;
use regex::RegexSet;
use serde::de::{DeserializeOwned, Error as _};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use self::shapes::{
    Allocation, And, Boolean, CompositeOf, Drop, Latency, Not, Numeric, Probabilistic,
    RateLimiting, SpanCount, StatusCodes, Text, TraceState, Values,
};
use super::chance::{DEFAULT_SALT, Lot};
use super::content::{Content, Texts};
use super::policy::{Composite, CompositePart, Policy, Rule};

/// Types of policies.
const TYPES: [&str; 14] = [
    "always_sample",
    "latency",
    "status_code",
    "numeric_attribute",
    "string_attribute",
    "boolean_attribute",
    "service_name",
    "span_count",
    "trace_state",
    "probabilistic",
    "rate_limiting",
    "and",
    "not",
    "composite",
];
/// The one that stands at the top alone.
const DROP: &str = "drop";

/// A policy of the configuration: `name`, `type`, and a section that is called as the type.
#[derive(Debug, Clone)]
pub struct PolicyConfig {
    document: Value,
    policy: Policy,
}

impl PolicyConfig {
    pub(super) fn policy(&self) -> Policy {
        self.policy.clone()
    }
}

impl<'de> Deserialize<'de> for PolicyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        let policy = policy(&document, true).map_err(D::Error::custom)?;
        Ok(Self { document, policy })
    }
}

impl Serialize for PolicyConfig {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.document.serialize(serializer)
    }
}

/// Reads a policy; one that drops only `at_top`.
fn policy(document: &Value, at_top: bool) -> Result<Policy, String> {
    let Some(keys) = document.as_object() else {
        return Err("a policy has `name`, `type` and a section that is called as the type".into());
    };
    let text = |key: &str| {
        keys.get(key)
            .and_then(Value::as_str)
            .filter(|t| !t.is_empty())
    };
    let name = text("name").ok_or("a policy needs a `name`")?;
    let of = |what: String| format!("policy `{name}`: {what}");
    let kind = text("type").ok_or_else(|| of("it needs a `type`".into()))?;
    let mut types = TYPES.to_vec();
    types.extend(at_top.then_some(DROP));
    if !types.contains(&kind) {
        return Err(of(match kind {
            DROP => "`drop` cannot be a part of another policy".to_owned(),
            _ => unknown("type", kind, &types),
        }));
    }
    let known = ["name", "type", kind];
    if let Some(key) = keys.keys().find(|key| !known.contains(&key.as_str())) {
        return Err(of(unknown("key", key, &known)));
    }
    let nothing = Value::Object(Map::new());
    let section = keys.get(kind).unwrap_or(&nothing);
    let rule = rule(kind, section).map_err(of)?;
    Ok(Policy {
        name: name.to_owned(),
        rule,
    })
}

fn rule(kind: &str, section: &Value) -> Result<Rule, String> {
    match kind {
        "probabilistic" => probabilistic(read(section, &["sampling_percentage", "hash_salt"])?),
        "rate_limiting" => {
            let of: RateLimiting = read(section, &["spans_per_second"])?;
            Ok(Rule::RateLimiting {
                budget: 0,
                per_second: of.spans_per_second,
            })
        }
        "and" => {
            let of: And = read(section, &["and_sub_policy"])?;
            Ok(Rule::And(parts(&of.and_sub_policy)?))
        }
        "not" => {
            let of: Not = read(section, &["not_sub_policy"])?;
            Ok(Rule::Not(Box::new(policy(&of.not_sub_policy, false)?)))
        }
        DROP => {
            let of: Drop = read(section, &["drop_sub_policy"])?;
            Ok(Rule::Drop(parts(&of.drop_sub_policy)?))
        }
        "composite" => composite(section),
        _ => content(kind, section).map(|content| Rule::Content { number: 0, content }),
    }
}

fn content(kind: &str, section: &Value) -> Result<Content, String> {
    match kind {
        "latency" => {
            let of: Latency = read(section, &["threshold_ms", "upper_threshold_ms"])?;
            Ok(Content::Latency {
                threshold_ms: of.threshold_ms,
                // Zero is none, as in OpenTelemetry's processor.
                upper_ms: of.upper_threshold_ms.filter(|upper| *upper > 0),
            })
        }
        "status_code" => {
            let of: StatusCodes = read(section, &["status_codes"])?;
            let codes: Result<Vec<_>, _> = of.status_codes.iter().map(|one| status(one)).collect();
            not_empty(codes?, "status_codes").map(Content::StatusCode)
        }
        "span_count" => {
            let of: SpanCount = read(section, &["min_spans", "max_spans"])?;
            let max = of.max_spans.filter(|max| *max > 0).unwrap_or(u64::MAX);
            let min = of.min_spans.unwrap_or(0);
            match min <= max {
                true => Ok(Content::SpanCount { min, max }),
                false => Err("`min_spans` is above `max_spans`".to_owned()),
            }
        }
        "trace_state" => {
            let of: TraceState = read(section, &["key", "values"])?;
            Ok(Content::TraceState {
                key: of.key,
                values: of.values,
            })
        }
        "always_sample" => read::<Map<String, Value>>(section, &[]).map(|_| Content::Always),
        _ => attribute(kind, section),
    }
}

fn attribute(kind: &str, section: &Value) -> Result<Content, String> {
    match kind {
        "numeric_attribute" => {
            let known = ["key", "min_value", "max_value", "invert_match"];
            numeric(read(section, &known)?)
        }
        "string_attribute" => {
            let known = with_values(&["key"]);
            let of: Text = read(section, &known)?;
            Ok(Content::Text {
                key: of.key,
                inverted: of.values.invert_match,
                texts: texts(of.values)?,
            })
        }
        "service_name" => {
            let of: Values = read(section, &with_values(&[]))?;
            Ok(Content::Service {
                inverted: of.invert_match,
                texts: texts(of)?,
            })
        }
        _ => {
            let of: Boolean = read(section, &["key", "value", "invert_match"])?;
            Ok(Content::Boolean {
                key: of.key,
                value: of.value,
                inverted: of.invert_match,
            })
        }
    }
}

fn probabilistic(of: Probabilistic) -> Result<Rule, String> {
    let percentage = of.sampling_percentage;
    if !(0.0..=100.0).contains(&percentage) {
        return Err("`sampling_percentage` must lie between 0 and 100".to_owned());
    }
    let salt = match of.hash_salt.is_empty() {
        true => DEFAULT_SALT.to_owned(),
        false => of.hash_salt,
    };
    Ok(Rule::Probabilistic(Lot {
        salt,
        ratio: percentage / 100.0,
        axis: 0,
    }))
}

fn numeric(of: Numeric) -> Result<Content, String> {
    if of.min_value.is_none() && of.max_value.is_none() {
        return Err("it needs `min_value` or `max_value`".to_owned());
    }
    let (min, max) = (
        of.min_value.unwrap_or(f64::NEG_INFINITY),
        of.max_value.unwrap_or(f64::INFINITY),
    );
    if min > max {
        return Err("`min_value` is above `max_value`".to_owned());
    }
    Ok(Content::Numeric {
        key: of.key,
        min,
        max,
        inverted: of.invert_match,
    })
}

fn composite(section: &Value) -> Result<Rule, String> {
    let known = [
        "max_total_spans_per_second",
        "policy_order",
        "composite_sub_policy",
        "rate_allocation",
    ];
    let of: CompositeOf = read(section, &known)?;
    let total = of.max_total_spans_per_second;
    let policies = parts(&of.composite_sub_policy)?;
    let names: Vec<&str> = policies.iter().map(|policy| policy.name.as_str()).collect();
    let mut allocated: Vec<Allocation> = Vec::new();
    for allocation in &of.rate_allocation {
        let allocation: Allocation = read(allocation, &["policy", "percent"])?;
        place(&names, &allocation.policy)?;
        if allocation.percent > 100 {
            return Err("`percent` of `rate_allocation` must not exceed 100".to_owned());
        }
        allocated.push(allocation);
    }
    // Without a part of their own they have equal parts of the whole, as in OpenTelemetry's processor.
    let equal = total / policies.len() as u64;
    let per_second = |name: &str| {
        let own = allocated.iter().find(|one| one.policy == name);
        let own = own.filter(|one| one.percent > 0);
        own.map_or(equal, |one| total * one.percent / 100)
    };
    let ordered: Result<Vec<CompositePart>, String> = of
        .policy_order
        .iter()
        .map(|name| {
            Ok(CompositePart {
                policy: policies[place(&names, name)?].clone(),
                budget: 0,
                per_second: per_second(name),
            })
        })
        .collect();
    Ok(Rule::Composite(Composite {
        budget: 0,
        per_second: total,
        parts: not_empty(ordered?, "policy_order")?,
    }))
}

fn place(names: &[&str], name: &str) -> Result<usize, String> {
    let found = names.iter().position(|known| *known == name);
    found.ok_or_else(|| unknown("policy", name, names))
}

fn parts(documents: &[Value]) -> Result<Vec<Policy>, String> {
    let parts: Result<Vec<Policy>, String> =
        documents.iter().map(|one| policy(one, false)).collect();
    not_empty(parts?, "sub-policies")
}

fn with_values(more: &[&'static str]) -> Vec<&'static str> {
    // There is no cache to size: the patterns of a policy are one automaton.
    let values = [
        "values",
        "enabled_regex_matching",
        "cache_max_size",
        "invert_match",
    ];
    [more, &values].concat()
}

fn texts(of: Values) -> Result<Texts, String> {
    let values = not_empty(of.values, "values")?;
    if !of.enabled_regex_matching {
        return Ok(Texts::Exactly(values.into_iter().collect()));
    }
    let patterns = RegexSet::new(&values);
    let patterns =
        patterns.map_err(|error| format!("`values` are no regular expressions: {error}"))?;
    Ok(Texts::Matching(patterns))
}

fn status(name: &str) -> Result<StatusCode, String> {
    match name {
        "UNSET" => Ok(StatusCode::Unset),
        "OK" => Ok(StatusCode::Ok),
        "ERROR" => Ok(StatusCode::Error),
        _ => Err(unknown("status code", name, &["OK", "ERROR", "UNSET"])),
    }
}

fn not_empty<T>(values: Vec<T>, what: &str) -> Result<Vec<T>, String> {
    match values.is_empty() {
        true => Err(format!("there are no {what}")),
        false => Ok(values),
    }
}

/// Reads a section that has these keys and no other.
fn read<T: DeserializeOwned>(section: &Value, known: &[&str]) -> Result<T, String> {
    let keys = section.as_object().into_iter().flat_map(Map::keys);
    for key in keys {
        if !known.contains(&key.as_str()) {
            return Err(unknown("key", key, known));
        }
    }
    serde_json::from_value(section.clone()).map_err(|error| error.to_string())
}

fn unknown(what: &str, name: &str, known: &[&str]) -> String {
    match nearest_name(name, known) {
        Some(nearest) => format!("unknown {what} `{name}`; the nearest known one is `{nearest}`"),
        None => format!("unknown {what} `{name}`"),
    }
}
