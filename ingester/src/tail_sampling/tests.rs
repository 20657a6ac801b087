//! What policies keep, against a naive evaluation of whole traces.

mod naive;
mod samples;
mod together;

use std::collections::BTreeMap;

use model::{SpanBatch, Tenant, TimeRange, Trace, TraceId};
use proptest::prelude::*;
use serde_json::{Value, json};
use storage::{Completeness, TraceSpans};

use self::samples::{any_policies, any_trace, copy_of, trace};
use super::{TailSampler, TraceVerdict};
use crate::{PoliciesError, TailSamplingConfig};

fn config(policies: Value) -> Result<TailSamplingConfig, String> {
    let policies = serde_json::from_value(policies).map_err(|error| error.to_string())?;
    Ok(TailSamplingConfig {
        enabled: true,
        policies,
        ..TailSamplingConfig::default()
    })
}

fn sampler(policies: Value) -> TailSampler {
    let config = config(policies).expect("good policies");
    let sampler = TailSampler::new(&config).expect("good policies");
    sampler.expect("it is on")
}

/// What the policies make of a trace that was received in this second.
fn decide(sampler: &TailSampler, trace: &Trace, second: u64) -> TraceVerdict {
    let batch = SpanBatch::of_trace(trace);
    let spans: Vec<u32> = (0..batch.spans.len() as u32).collect();
    let received = second * 1_000_000_000;
    sampler.decide(&TraceSpans {
        source: None,
        tenant: &Tenant::default(),
        trace_id: trace.id,
        received: TimeRange {
            start: received,
            end: received,
        },
        completeness: Completeness::Complete,
        verdict: None,
        batch: &batch,
        spans: &spans,
    })
}

fn refused(policy: Value) -> String {
    config(json!([policy])).expect_err("it is refused")
}

/// The examples of OpenTelemetry's processor, apart from those of its own languages.
fn examples() -> Value {
    json!([
        {"name": "1", "type": "always_sample"},
        {"name": "2", "type": "latency", "latency": {"threshold_ms": 5000, "upper_threshold_ms": 10000}},
        {"name": "3", "type": "numeric_attribute",
         "numeric_attribute": {"key": "key1", "min_value": 50, "max_value": 100}},
        {"name": "4", "type": "probabilistic", "probabilistic": {"sampling_percentage": 10}},
        {"name": "5", "type": "status_code", "status_code": {"status_codes": ["ERROR", "UNSET"]}},
        {"name": "6", "type": "string_attribute",
         "string_attribute": {"key": "key2", "values": ["value1", "val*"],
                              "enabled_regex_matching": true, "cache_max_size": 10}},
        {"name": "7", "type": "rate_limiting", "rate_limiting": {"spans_per_second": 35}},
        {"name": "8", "type": "span_count", "span_count": {"min_spans": 2, "max_spans": 20}},
        {"name": "9", "type": "trace_state", "trace_state": {"key": "key3", "values": ["value1"]}},
        {"name": "10", "type": "boolean_attribute", "boolean_attribute": {"key": "key4", "value": true}},
        {"name": "11", "type": "and", "and": {"and_sub_policy": [
            {"name": "a", "type": "numeric_attribute",
             "numeric_attribute": {"key": "key1", "min_value": 50, "max_value": 100}},
            {"name": "b", "type": "string_attribute",
             "string_attribute": {"key": "key2", "values": ["value1", "value2"]}}]}},
        {"name": "12", "type": "drop", "drop": {"drop_sub_policy": [
            {"name": "c", "type": "string_attribute",
             "string_attribute": {"key": "url.path", "values": ["/health", "/metrics"],
                                  "enabled_regex_matching": true}}]}},
        {"name": "13", "type": "composite", "composite": {
            "max_total_spans_per_second": 1000,
            "policy_order": ["d", "e"],
            "composite_sub_policy": [
                {"name": "d", "type": "numeric_attribute",
                 "numeric_attribute": {"key": "key1", "min_value": 50}},
                {"name": "e", "type": "always_sample"}],
            "rate_allocation": [{"policy": "d", "percent": 50}, {"policy": "e", "percent": 25}]}},
        {"name": "14", "type": "not", "not": {"not_sub_policy":
            {"name": "f", "type": "service_name", "service_name": {"values": ["canary"]}}}}
    ])
}

#[test]
fn policies_in_the_shape_of_opentelemetrys_processor_are_read() {
    let config = config(examples()).expect("good policies");
    assert_eq!(config.policies.len(), 14);
    let printed = serde_json::to_value(&config.policies).expect("plain data");
    assert_eq!(printed, examples());
}

#[test]
fn what_is_misspelled_is_refused_and_the_nearest_name_told() {
    for (policy, told) in [
        (
            json!({"name": "x", "type": "status_codes"}),
            "unknown type `status_codes`; the nearest known one is `status_code`",
        ),
        (
            json!({"name": "x", "type": "latency", "latency": {"treshold_ms": 1}}),
            "unknown key `treshold_ms`; the nearest known one is `threshold_ms`",
        ),
        (
            json!({"name": "x", "type": "latency", "latncy": {"threshold_ms": 1}}),
            "unknown key `latncy`; the nearest known one is `latency`",
        ),
        (
            json!({"name": "x", "type": "status_code", "status_code": {"status_codes": ["EROR"]}}),
            "unknown status code `EROR`; the nearest known one is `ERROR`",
        ),
        (
            json!({"name": "x", "type": "not", "not": {"not_sub_policy":
                {"name": "y", "type": "drop", "drop": {"drop_sub_policy": []}}}}),
            "`drop` cannot be a part of another policy",
        ),
        (
            json!({"name": "x", "type": "probabilistic", "probabilistic": {"sampling_percentage": 101}}),
            "`sampling_percentage` must lie between 0 and 100",
        ),
    ] {
        let error = refused(policy);
        assert!(error.starts_with("policy `x`: "), "{error}");
        assert!(error.contains(told), "{error}");
    }
}

#[test]
fn policies_that_contradict_each_other_are_refused() {
    let all = json!({"name": "x", "type": "always_sample"});
    let twice = config(json!([all, all])).expect("each is good");
    let name = "x".to_owned();
    assert_eq!(
        TailSampler::new(&twice).err(),
        Some(PoliciesError::Twice { name })
    );
    let none = config(json!([])).expect("a list");
    assert_eq!(TailSampler::new(&none).err(), Some(PoliciesError::None));
}

#[test]
fn nothing_is_decided_where_it_is_off() {
    let config = TailSamplingConfig::default();
    assert!(
        TailSampler::new(&config)
            .expect("nothing to be wrong")
            .is_none()
    );
}

#[test]
fn the_first_policy_that_applies_is_told_and_one_that_drops_goes_before_all() {
    let of = |service: &str| {
        json!({"name": service, "type": "service_name",
        "service_name": {"values": [service]}})
    };
    let dropped =
        json!({"name": "never", "type": "drop", "drop": {"drop_sub_policy": [of("canary")]}});
    let sampler = sampler(json!([of("shop"), of("cart"), dropped]));
    let told = |services: &[&str]| {
        let verdict = decide(&sampler, &trace(1, services), 0);
        (verdict.kept, verdict.policy.to_string(), verdict.weight)
    };
    assert_eq!(
        told(&["cart", "shop"]),
        (true, "shop".to_owned(), Some(1.0))
    );
    assert_eq!(told(&["cart"]), (true, "cart".to_owned(), Some(1.0)));
    assert_eq!(told(&["cart", "canary"]), (false, "never".to_owned(), None));
    assert_eq!(told(&["bank"]), (false, String::new(), None));
}

#[test]
fn a_limited_rate_keeps_what_fits_and_what_it_keeps_has_no_weight() {
    let sampler = sampler(json!([
        {"name": "few", "type": "rate_limiting", "rate_limiting": {"spans_per_second": 10}},
        {"name": "shop", "type": "service_name", "service_name": {"values": ["shop"]}}
    ]));
    let kept = |id: u64, services: &[&str], second| {
        let verdict = decide(&sampler, &trace(id, services), second);
        (verdict.kept, verdict.weight)
    };
    let four = ["cart"; 4];
    let of_first: Vec<_> = (0..4).map(|id| kept(id, &four, 1)).collect();
    assert_eq!(of_first[..2], [(true, None), (true, None)]);
    assert_eq!(of_first[2..], [(false, None), (false, None)]);
    // Asked for again in any order: an ingester that catches up.
    assert_eq!(kept(5, &four, 0), (true, None));
    assert_eq!(kept(6, &four, 1), (false, None));
    assert_eq!(kept(7, &["shop"; 9], 1), (true, Some(1.0)));
}

#[test]
fn a_composite_policy_divides_its_rate_by_its_order() {
    let sampler = sampler(json!([{"name": "all", "type": "composite", "composite": {
        "max_total_spans_per_second": 10,
        "policy_order": ["shop", "rest"],
        "composite_sub_policy": [
            {"name": "rest", "type": "always_sample"},
            {"name": "shop", "type": "service_name", "service_name": {"values": ["shop"]}}],
        "rate_allocation": [{"policy": "shop", "percent": 80}, {"policy": "rest", "percent": 50}]}}]));
    let kept = |id: u64, services: &[&str]| decide(&sampler, &trace(id, services), 1).kept;
    assert!(kept(1, &["shop"; 4]));
    assert!(kept(2, &["cart"; 5]), "its part is half");
    assert!(!kept(3, &["cart"]), "its part is used up");
    assert!(!kept(4, &["shop"; 4]), "its part is not, the whole is");
    assert!(kept(5, &["shop"]));
}

#[test]
fn spans_that_were_sent_twice_count_once() {
    let sampler =
        sampler(json!([{"name": "two", "type": "span_count", "span_count": {"max_spans": 2}}]));
    let mut twice = trace(1, &["shop", "cart"]);
    let again = twice.resources.clone();
    twice.resources.extend(again);
    assert!(decide(&sampler, &twice, 0).kept);
}

/// By content and by lots, with two salts.
fn lots() -> TailSampler {
    let percent = |name: &str, percent: f64, salt: &str| {
        json!({"name": name, "type": "probabilistic",
               "probabilistic": {"sampling_percentage": percent, "hash_salt": salt}})
    };
    let of_shop =
        json!({"name": "of shop", "type": "service_name", "service_name": {"values": ["shop"]}});
    let and = json!({"name": "some of shop", "type": "and",
        "and": {"and_sub_policy": [of_shop, percent("half", 50.0, "")]}});
    let never = json!({"name": "never", "type": "drop",
        "drop": {"drop_sub_policy": [percent("some", 20.0, "another")]}});
    sampler(json!([
        percent("few", 5.0, ""),
        and,
        percent("more", 10.0, "another one"),
        never
    ]))
}

#[test]
fn weights_of_what_is_kept_add_up_to_what_there_was() {
    let sampler = lots();
    for services in [&["shop"][..], &["cart"], &["cart", "shop"]] {
        let verdicts: Vec<TraceVerdict> = (0..40_000)
            .map(|id| decide(&sampler, &trace(id, services), 0))
            .collect();
        let kept: Vec<&TraceVerdict> = verdicts.iter().filter(|one| one.kept).collect();
        let estimate: f64 = kept.iter().filter_map(|one| one.weight).sum();
        let (n, weight) = (verdicts.len() as f64, kept[0].weight.expect("no rate"));
        // Four standard deviations of the sum.
        let spread = 4.0 * (n * (weight - 1.0)).sqrt();
        assert!(
            (estimate - n).abs() < spread,
            "{estimate} of {n}, give or take {spread}"
        );
        assert!(kept.len() < verdicts.len(), "some are dropped");
    }
}

#[test]
fn a_weight_is_one_over_the_probability() {
    let sampler = lots();
    let mut weights: BTreeMap<&str, f64> = BTreeMap::new();
    for id in 0..2_000 {
        for service in ["shop", "cart"] {
            let verdict = decide(&sampler, &trace(id, &[service]), 0);
            if let Some(weight) = verdict.weight {
                let before = weights.insert(service, weight);
                assert!(
                    before.is_none_or(|before| before == weight),
                    "by content alone"
                );
            }
        }
    }
    let probability = |same_salt: f64| (1.0 - (1.0 - same_salt) * 0.9) * 0.8;
    assert!((weights["shop"] - 1.0 / probability(0.5)).abs() < 1e-9);
    assert!((weights["cart"] - 1.0 / probability(0.05)).abs() < 1e-9);
}

#[test]
fn who_is_hit_by_a_lot_is_who_opentelemetrys_processor_hits() {
    // FNV-1a of the default salt and the id, compared with a tenth of all numbers.
    let sampler = sampler(json!([{"name": "few", "type": "probabilistic",
        "probabilistic": {"sampling_percentage": 10}}]));
    let hit = |id: TraceId| {
        let bytes = b"default-hash-seed".iter().chain(id.as_bytes());
        let hash = bytes.fold(14_695_981_039_346_656_037u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(1_099_511_628_211)
        });
        hash <= (0.1 * u64::MAX as f64) as u64
    };
    let traces: Vec<Trace> = (0..3_000).map(|id| trace(id, &["shop"])).collect();
    let kept = traces.iter().filter(|one| hit(one.id)).count();
    assert!((200..400).contains(&kept), "{kept} of 3000");
    for trace in &traces {
        assert_eq!(decide(&sampler, trace, 0).kept, hit(trace.id));
    }
}

proptest! {
    #[test]
    fn policies_keep_what_a_naive_evaluation_keeps(
        policies in any_policies(),
        traces in prop::collection::vec(any_trace(), 1..12),
    ) {
        let sampler = sampler(Value::Array(policies.clone()));
        for trace in &traces {
            let verdict = decide(&sampler, trace, 0);
            prop_assert_eq!(verdict.kept, naive::keeps(&policies, trace));
            // Whatever else is in the batch, and however often it is asked.
            prop_assert_eq!(&decide(&sampler, &copy_of(trace), 9), &verdict);
            prop_assert_eq!(verdict.weight.is_some(), verdict.kept);
            prop_assert!(verdict.weight.is_none_or(|weight| weight >= 1.0));
        }
    }
}
