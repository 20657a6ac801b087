//! Searches as Jaeger's reference store answers them.

use model::{Event, KeyValue, Link, SpanKind, Trace};
use schemas::jaeger_storage as wire;
use schemas::jaeger_storage::any_value::Value;

use super::client::{Jaeger, UNSET, attribute, ids, over, search};
use crate::grpc::client::at;
use crate::support::{MS, T0, of_service, span, span_id, trace, trace_id};

/// One span with an attribute of each type, and one at each level.
fn typed() -> Trace {
    let mut one = span("a", 1, "typed", 0);
    one.kind = SpanKind::Producer;
    one.end = one.start + 4_501;
    one.attributes = vec![
        KeyValue::new("int", 123i64),
        KeyValue::new("double", 72.5),
        KeyValue::new("bool", true),
        KeyValue::new("text", "123 "),
    ];
    one.events = vec![Event {
        time: T0,
        name: "event".to_owned(),
        attributes: vec![KeyValue::new("of.event", 7i64)],
        dropped_attributes: 0,
    }];
    one.links = vec![Link {
        trace_id: trace_id("feed"),
        span_id: span_id(9),
        trace_state: String::new(),
        attributes: vec![KeyValue::new("of.link", "linked")],
        dropped_attributes: 0,
        flags: 0,
    }];
    let mut resource = of_service("shop", vec![one]);
    resource
        .resource
        .attributes
        .push(KeyValue::new("zone", "eu"));
    let scope = &mut resource.scopes[0].scope;
    (scope.name, scope.version) = ("lib".to_owned(), "1.2".to_owned());
    scope.attributes = vec![KeyValue::new("of.scope", false)];
    trace("a", vec![resource])
}

async fn is_found(jaeger: &mut Jaeger, attributes: Vec<wire::KeyValue>) -> bool {
    let query = wire::TraceQueryParameters {
        attributes,
        ..search()
    };
    !jaeger.find(query).await.is_empty()
}

fn text(text: &str) -> Value {
    Value::StringValue(text.to_owned())
}

#[tokio::test]
async fn texts_match_numbers_and_booleans_and_typed_values_their_texts() {
    let (_server, mut jaeger) = over(vec![typed()]).await;
    for (key, value, expected) in [
        ("int", text("123"), true),
        ("int", Value::IntValue(123), true),
        ("int", text("123.0"), false),
        ("double", text("72.5"), true),
        ("double", Value::DoubleValue(72.5), true),
        ("bool", text("true"), true),
        ("bool", Value::BoolValue(true), true),
        ("bool", Value::BoolValue(false), false),
        ("text", text("123 "), true),
        ("text", Value::IntValue(123), false),
    ] {
        let found = is_found(&mut jaeger, vec![attribute(key, value.clone())]).await;
        assert_eq!(found, expected, "{key}={value:?}");
    }
}

#[tokio::test]
async fn an_attribute_is_found_at_every_level_and_a_value_that_is_left_out_asks_nothing() {
    let (_server, mut jaeger) = over(vec![typed()]).await;
    for (key, value, expected) in [
        ("zone", "eu", true),
        ("resource.zone", "eu", true),
        ("resource.int", "123", false),
        ("of.scope", "false", true),
        ("scope.name", "lib", true),
        ("scope.version", "1.3", false),
        ("of.event", "7", true),
        ("of.link", "linked", true),
        ("span.kind", "PRODUCER", true),
        ("span.kind", "CLIENT", false),
        ("error", "false", true),
        ("error", "maybe", false),
        ("span.status", "ERROR", false),
    ] {
        let found = is_found(&mut jaeger, vec![attribute(key, text(value))]).await;
        assert_eq!(found, expected, "{key}={value}");
    }
    let left_out = wire::KeyValue {
        key: "nobody".to_owned(),
        value: None,
    };
    assert!(is_found(&mut jaeger, vec![left_out]).await);
    let both = vec![attribute("zone", text("eu")), attribute("int", text("4"))];
    assert!(!is_found(&mut jaeger, both).await, "all of them must hold");
}

#[tokio::test]
async fn durations_have_nanoseconds_and_ends_are_included() {
    let (_server, mut jaeger) = over(vec![typed()]).await;
    let nanos = |nanos| Some(prost_types::Duration { seconds: 0, nanos });
    for (min, max, expected) in [
        (4_501, 4_501, true),
        (4_502, 0, false),
        (0, 4_500, false),
        (0, 0, true),
    ] {
        let query = wire::TraceQueryParameters {
            duration_min: nanos(min),
            duration_max: nanos(max),
            ..search()
        };
        let found = !jaeger.find(query).await.is_empty();
        assert_eq!(found, expected, "{min} to {max}");
    }
}

#[tokio::test]
async fn times_that_are_not_given_bound_nothing_and_the_newest_come_first() {
    let old = {
        let mut old = span("b", 2, "old", 0);
        old.start -= 2 * 24 * 3_600_000 * MS;
        old.end = old.start + 1;
        trace("b", vec![of_service("other", vec![old])])
    };
    let (_server, mut jaeger) = over(vec![old, typed()]).await;
    let unbounded = |depth| wire::TraceQueryParameters {
        start_time_min: UNSET,
        start_time_max: None,
        search_depth: depth,
        ..Default::default()
    };
    let found = ids(&jaeger.find(unbounded(2)).await);
    assert!(
        found[0].ends_with('a') && found[1].ends_with('b'),
        "{found:?}"
    );
    assert_eq!(jaeger.find_ids(unbounded(1)).await.len(), 1);
    let only_old = wire::TraceQueryParameters {
        start_time_max: at(-1),
        ..unbounded(10)
    };
    assert_eq!(jaeger.find_ids(only_old).await.len(), 1);
    let nobody = wire::TraceQueryParameters {
        service_name: "nobody".to_owned(),
        ..unbounded(10)
    };
    assert!(jaeger.find(nobody.clone()).await.is_empty());
    assert!(jaeger.find_ids(nobody.clone()).await.is_empty());
    assert!(jaeger.find_summaries(nobody).await.is_empty());
}
