//! Jaeger's rules, one by one, and that nothing else passes for a file.

use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Strategies {
    Strategies::parse(text.as_bytes(), 0.001).expect("a file of strategies")
}

/// Operations and probabilities that a service is told.
fn operations(of: &SamplingStrategyResponse) -> Option<(f64, Vec<(&str, f64)>)> {
    let all = of.operation_sampling.as_ref()?;
    let of_each = all.per_operation_strategies.iter().map(|one| {
        let rate = one
            .probabilistic_sampling
            .expect("every one is probabilistic");
        (one.operation.as_str(), rate.sampling_rate)
    });
    Some((all.default_sampling_probability, of_each.collect()))
}

#[test]
fn a_service_is_told_what_the_file_says_and_others_the_default() {
    let file = parsed(
        r#"{"default_strategy": {"type": "probabilistic", "param": 0.5},
            "service_strategies": [
                {"service": "foo", "type": "probabilistic", "param": 0.8},
                {"service": "bar", "type": "ratelimiting", "param": 5.9}]}"#,
    );
    assert_eq!(
        *file.of("foo"),
        SamplingStrategyResponse::probabilistic(0.8)
    );
    assert_eq!(*file.of("bar"), SamplingStrategyResponse::rate_limiting(5));
    assert_eq!(
        *file.of("baz"),
        SamplingStrategyResponse::probabilistic(0.5)
    );
}

#[test]
fn a_file_that_says_nothing_leaves_the_default_probability() {
    for text in ["null", "{}", r#"{"service_strategies": null, "more": 1}"#] {
        let told = SamplingStrategyResponse::probabilistic(0.001);
        assert_eq!(*parsed(text).of("foo"), told, "{text}");
    }
}

#[test]
fn a_sampler_of_an_unknown_type_is_the_default_probability() {
    let file =
        parsed(r#"{"service_strategies": [{"service": "foo", "type": "const", "param": 1}]}"#);
    assert_eq!(
        *file.of("foo"),
        SamplingStrategyResponse::probabilistic(0.001)
    );
}

const WITH_OPERATIONS: &str = r#"{
    "default_strategy": {"type": "probabilistic", "param": 0.5, "operation_strategies": [
        {"operation": "/health", "type": "probabilistic", "param": 0.0},
        {"operation": "op1", "type": "probabilistic", "param": 0.3}]},
    "service_strategies": [
        {"service": "own", "type": "probabilistic", "param": 0.8, "operation_strategies": [
            {"operation": "op1", "type": "probabilistic", "param": 0.2},
            {"operation": "slow", "type": "ratelimiting", "param": 1},
            {"operation": "odd", "type": "unknown", "param": 1}]},
        {"service": "none", "type": "probabilistic", "param": 0.9},
        {"service": "rate", "type": "ratelimiting", "param": 5},
        {"service": "rate with operations", "type": "ratelimiting", "param": 5,
         "operation_strategies": [{"operation": "a", "type": "probabilistic", "param": 0.1}]}]}"#;

#[test]
fn own_operations_go_before_those_of_the_default() {
    let file = parsed(WITH_OPERATIONS);
    let merged = vec![("op1", 0.2), ("odd", 0.001), ("/health", 0.0)];
    assert_eq!(operations(file.of("own")), Some((0.8, merged)));
}

#[test]
fn services_without_operations_take_those_of_the_default() {
    let file = parsed(WITH_OPERATIONS);
    let of_default = vec![("/health", 0.0), ("op1", 0.3)];
    assert_eq!(operations(file.of("none")), Some((0.9, of_default.clone())));
    assert_eq!(operations(file.of("rate")), Some((0.5, of_default.clone())));
    assert_eq!(operations(file.of("unheard of")), Some((0.5, of_default)));
}

#[test]
fn operations_beside_a_rate_begin_with_the_default_probability() {
    let file = parsed(WITH_OPERATIONS);
    let merged = vec![("a", 0.1), ("/health", 0.0), ("op1", 0.3)];
    assert_eq!(
        operations(file.of("rate with operations")),
        Some((0.001, merged))
    );
}

#[test]
fn names_match_in_any_case_as_in_go() {
    let file = parsed(
        r#"{"Default_Strategy": {"TYPE": "ratelimiting", "type": "probabilistic", "Param": 0.25}}"#,
    );
    assert_eq!(
        *file.of("foo"),
        SamplingStrategyResponse::probabilistic(0.25)
    );
}

#[test]
fn what_is_no_file_of_strategies_is_refused() {
    for text in [
        "",
        "<html>",
        "{} {}",
        "[]",
        "7",
        r#"{"default_strategy": []}"#,
        r#"{"service_strategies": {}}"#,
        r#"{"service_strategies": [null]}"#,
        r#"{"default_strategy": {"type": 1}}"#,
        r#"{"default_strategy": {"type": "probabilistic", "param": "0.5"}}"#,
        r#"{"service_strategies": [{"service": 1}]}"#,
    ] {
        let read = Strategies::parse(text.as_bytes(), 0.001);
        assert!(read.is_err(), "{text}");
    }
}

/// A strategy as JSON, and whether it is probabilistic, with what.
fn sampler() -> impl Strategy<Value = (Value, Option<f64>)> {
    let probability = (0u32..=1000).prop_map(|n| f64::from(n) / 1000.0);
    prop_oneof![
        probability.prop_map(|p| (
            serde_json::json!({"type": "probabilistic", "param": p}),
            Some(p)
        )),
        (0..100).prop_map(|n| (
            serde_json::json!({"type": "ratelimiting", "param": n}),
            None
        )),
    ]
}

type Listed = Vec<(String, (Value, Option<f64>))>;

fn with_operations((mut of, _): (Value, Option<f64>), listed: &Listed) -> Value {
    let operations = listed.iter().map(|(name, (sampler, _))| {
        let mut one = sampler.clone();
        one["operation"] = name.as_str().into();
        one
    });
    of["operation_strategies"] = operations.collect();
    of
}

fn listed() -> impl Strategy<Value = Listed> {
    proptest::collection::vec(("[a-d]", sampler()), 0..5)
}

proptest! {
    #[test]
    fn any_bytes_are_a_file_or_an_error(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _ = Strategies::parse(&bytes, 0.001);
    }

    #[test]
    fn an_operation_is_told_its_own_probability_or_else_that_of_the_default(
        default in sampler(), of_default in listed(), service in sampler(), own in listed(),
    ) {
        let mut of_service = with_operations(service, &own);
        of_service["service"] = "s".into();
        let file = serde_json::json!({
            "default_strategy": with_operations(default, &of_default),
            "service_strategies": [of_service],
        });
        let file = parsed(&file.to_string());
        let told = operations(file.of("s"));
        for operation in ["a", "b", "c", "d"] {
            let find = |listed: &Listed| listed.iter()
                .find_map(|(name, (_, p))| p.filter(|_| name == operation));
            let found = told.as_ref().and_then(|(_, all)| {
                all.iter().find(|(name, _)| *name == operation).map(|(_, p)| *p)
            });
            prop_assert_eq!(found, find(&own).or_else(|| find(&of_default)));
        }
    }
}
