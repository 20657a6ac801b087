//! The tables of the types of policies. Which keys there are is checked before.

use std::collections::HashSet;

use serde::Deserialize;
use serde_json::Value;

#[derive(Deserialize)]
pub(super) struct Latency {
    pub(super) threshold_ms: u64,
    pub(super) upper_threshold_ms: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct StatusCodes {
    pub(super) status_codes: Vec<String>,
}

#[derive(Deserialize)]
pub(super) struct Numeric {
    pub(super) key: String,
    pub(super) min_value: Option<f64>,
    pub(super) max_value: Option<f64>,
    #[serde(default)]
    pub(super) invert_match: bool,
}

#[derive(Deserialize)]
pub(super) struct Text {
    pub(super) key: String,
    #[serde(flatten)]
    pub(super) values: Values,
}

#[derive(Deserialize)]
pub(super) struct Values {
    pub(super) values: Vec<String>,
    #[serde(default)]
    pub(super) enabled_regex_matching: bool,
    #[serde(default)]
    pub(super) invert_match: bool,
}

#[derive(Deserialize)]
pub(super) struct Boolean {
    pub(super) key: String,
    pub(super) value: bool,
    #[serde(default)]
    pub(super) invert_match: bool,
}

#[derive(Deserialize)]
pub(super) struct SpanCount {
    pub(super) min_spans: Option<u64>,
    pub(super) max_spans: Option<u64>,
}

#[derive(Deserialize)]
pub(super) struct TraceState {
    pub(super) key: String,
    pub(super) values: HashSet<String>,
}

#[derive(Deserialize)]
pub(super) struct Probabilistic {
    pub(super) sampling_percentage: f64,
    #[serde(default)]
    pub(super) hash_salt: String,
}

#[derive(Deserialize)]
pub(super) struct RateLimiting {
    pub(super) spans_per_second: u64,
}

#[derive(Deserialize)]
pub(super) struct And {
    pub(super) and_sub_policy: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct Not {
    pub(super) not_sub_policy: Value,
}

#[derive(Deserialize)]
pub(super) struct Drop {
    pub(super) drop_sub_policy: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct CompositeOf {
    pub(super) max_total_spans_per_second: u64,
    pub(super) policy_order: Vec<String>,
    pub(super) composite_sub_policy: Vec<Value>,
    #[serde(default)]
    pub(super) rate_allocation: Vec<Value>,
}

#[derive(Deserialize)]
pub(super) struct Allocation {
    pub(super) policy: String,
    pub(super) percent: u64,
}
