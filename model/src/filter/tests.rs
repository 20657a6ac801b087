//! What filters mean, one rule at a time.

use super::*;
use crate::{
    Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    StatusCode, Trace, TraceId, Value,
};

/// A failed call of `web`, with attributes on every level.
fn call() -> Trace {
    let id = TraceId::new([7; 16]).expect("not zero");
    let span_id = |n| SpanId::new([n; 8]).expect("not zero");
    let mut span = Span::new(id, span_id(1), "GET /cart", 1_000, 3_000);
    span.kind = SpanKind::Client;
    span.status = StatusCode::Error;
    span.attributes = vec![
        KeyValue::new("http.status_code", 503i64),
        KeyValue::new("ratio", 0.5),
        KeyValue::new("retried", true),
        KeyValue::new("size", "90"),
        KeyValue::new("region", "eu-west"),
    ];
    span.events = vec![
        event("exception", 1_100, "io"),
        event("retry", 2_900, "none"),
    ];
    span.links = vec![Link {
        trace_id: id,
        span_id: span_id(2),
        trace_state: String::new(),
        attributes: vec![KeyValue::new("via", "queue")],
        dropped_attributes: 0,
        flags: 0,
    }];
    let scope = Scope {
        name: "http".to_owned(),
        attributes: vec![KeyValue::new("library", "mesh")],
        ..Scope::default()
    };
    let resource = Resource {
        attributes: vec![
            KeyValue::new("service.name", "web"),
            KeyValue::new("region", "eu"),
            KeyValue::new("empty", Value::Empty),
        ],
        ..Resource::default()
    };
    Trace {
        id,
        resources: vec![ResourceSpans {
            resource,
            scopes: vec![ScopeSpans {
                scope,
                spans: vec![span],
            }],
        }],
    }
}

fn event(name: &str, time: u64, reason: &str) -> Event {
    Event {
        time,
        name: name.to_owned(),
        attributes: vec![KeyValue::new("reason", reason)],
        dropped_attributes: 0,
    }
}

fn holds(filter: &Filter) -> bool {
    let trace = call();
    let batch = SpanBatch::of_trace(&trace);
    filter.matches(&batch, &batch.spans[0])
}

fn attribute(key: &str) -> Subject {
    Subject::attribute(key, Level::SpanOrResource)
}

fn negated(filter: Filter) -> Filter {
    match filter {
        Filter::Compare(comparison) => Filter::Compare(Comparison {
            negated: true,
            ..comparison
        }),
        other => other,
    }
}

fn equal(key: &str, text: &str) -> Filter {
    Filter::equal(attribute(key), Constant::untyped(text))
}

fn against(left: Subject, relation: Relation, right: Subject) -> Filter {
    Filter::Compare(Comparison {
        subject: left,
        test: Test::Against(relation, right),
        negated: false,
    })
}

#[test]
fn an_untyped_constant_equals_a_value_of_any_type_by_its_text() {
    for (key, text) in [
        ("http.status_code", "503"),
        ("ratio", "0.5"),
        ("retried", "true"),
        ("size", "90"),
        ("empty", ""),
    ] {
        assert!(holds(&equal(key, text)), "{key}={text}");
    }
    assert!(!holds(&equal("http.status_code", "503.0")));
}

#[test]
fn a_typed_constant_equals_values_of_its_type_alone() {
    let is = |key, constant| holds(&Filter::equal(attribute(key), constant));
    assert!(is("http.status_code", Constant::Int(503)));
    assert!(!is("http.status_code", Constant::Text("503".into())));
    assert!(!is("size", Constant::Int(90)));
    assert!(is("size", Constant::Text("90".into())));
    assert!(is("retried", Constant::Bool(true)));
    assert!(is(
        "ratio",
        Constant::Double(Real::new(0.5).expect("a number"))
    ));
    assert!(!is(
        "http.status_code",
        Constant::Double(Real::new(503.0).expect("a number"))
    ));
}

#[test]
fn only_a_constant_whose_equals_have_one_text_has_it() {
    let zero = |number| Constant::Double(Real::new(number).expect("a number"));
    assert_eq!(zero(0.5).canonical().as_deref(), Some("0.5"));
    for zero in [zero(0.0), zero(-0.0)] {
        assert_eq!(zero.canonical(), None, "0 and -0 are equal");
    }
}

#[test]
fn numbers_are_ordered_as_numbers_and_texts_as_texts() {
    let is = |key, relation, text| {
        holds(&Filter::is(
            attribute(key),
            relation,
            Constant::untyped(text),
        ))
    };
    assert!(is("http.status_code", Relation::AtLeast, "500"));
    assert!(is("http.status_code", Relation::Less, "1e3"));
    assert!(!is("http.status_code", Relation::Greater, "503"));
    assert!(is("size", Relation::Less, "500"), "a text that is a number");
    assert!(is("region", Relation::Greater, "eu-a"));
    assert!(!is("region", Relation::Greater, "5"), "no number");
    assert!(!is("retried", Relation::Greater, "a"), "no order");
}

#[test]
fn a_level_limits_where_an_attribute_is_looked_for() {
    let on = |key: &str, level, text: &str| {
        holds(&Filter::equal(
            Subject::attribute(key, level),
            Constant::untyped(text),
        ))
    };
    assert!(on("region", Level::SpanOrResource, "eu") && on("region", Level::Resource, "eu"));
    assert!(!on("region", Level::Span, "eu") && on("region", Level::Span, "eu-west"));
    assert!(on("library", Level::Scope, "mesh") && !on("library", Level::SpanOrResource, "mesh"));
    assert!(on("reason", Level::Event, "none") && on("via", Level::Link, "queue"));
    for (key, text) in [
        ("library", "mesh"),
        ("reason", "io"),
        ("via", "queue"),
        ("region", "eu"),
    ] {
        assert!(on(key, Level::Any, text), "{key}");
    }
}

#[test]
fn a_negated_comparison_needs_a_value_and_none_that_passes() {
    assert!(!holds(&negated(equal("absent", "x"))));
    assert!(holds(&negated(equal("region", "us"))));
    assert!(
        !holds(&negated(equal("region", "eu"))),
        "its resource's is equal"
    );
    assert!(holds(&Filter::Not(Box::new(equal("absent", "x")))));
}

#[test]
fn membership_is_a_repeated_equality() {
    let one_of = |texts: &[&str]| {
        Filter::Compare(Comparison {
            subject: attribute("http.status_code"),
            test: Test::IsOneOf(texts.iter().copied().map(Constant::untyped).collect()),
            negated: false,
        })
    };
    assert!(holds(&one_of(&["500", "503"])) && !holds(&one_of(&["500", "502"])));
    assert!(holds(&negated(one_of(&["500"]))) && !holds(&negated(one_of(&["503"]))));
    assert!(!holds(&one_of(&[])));
}

#[test]
fn fields_are_compared_in_their_own_kind() {
    let text = |field, text: &str| {
        holds(&Filter::equal(
            Subject::Field(field),
            Constant::Text(text.to_owned()),
        ))
    };
    for (field, expected) in [
        (Field::Name, "GET /cart"),
        (Field::Kind, "client"),
        (Field::Status, "error"),
        (Field::Service, "web"),
        (Field::ScopeName, "http"),
        (Field::EventName, "retry"),
        (Field::TraceId, "07070707070707070707070707070707"),
        (Field::LinkSpanId, "0202020202020202"),
    ] {
        assert!(text(field, expected), "{field:?}");
    }
    let nanos = |field, relation, nanos| {
        holds(&Filter::is(
            Subject::Field(field),
            relation,
            Constant::Nanos(nanos),
        ))
    };
    assert!(nanos(Field::Duration, Relation::Equal, 2_000));
    assert!(nanos(Field::StartTime, Relation::AtMost, 1_000));
    assert!(nanos(Field::EventTimeSinceStart, Relation::Greater, 1_000));
    let exists = |field| holds(&Filter::Exists(Subject::Field(field)));
    assert!(exists(Field::EventName) && !exists(Field::ParentSpanId));
    assert!(!exists(Field::StatusMessage) && !exists(Field::LinkTraceState));
}

#[test]
fn some_means_one_and_the_same_event() {
    let name = |name: &str| {
        Filter::equal(
            Subject::Field(Field::EventName),
            Constant::Text(name.to_owned()),
        )
    };
    let late = Filter::is(
        Subject::Field(Field::EventTimeSinceStart),
        Relation::Greater,
        Constant::Nanos(1_000),
    );
    let both = |of: &str| Filter::All(vec![name(of), late.clone()]);
    assert!(
        holds(&both("exception")),
        "one is named so, the other is late"
    );
    let some = |filter| Filter::Some(Collection::Events, Box::new(filter));
    assert!(!holds(&some(both("exception"))) && holds(&some(both("retry"))));
    let reason = Filter::equal(
        Subject::attribute("reason", Level::Event),
        Constant::untyped("io"),
    );
    assert!(holds(&some(Filter::All(vec![
        name("exception"),
        reason.clone()
    ]))));
    assert!(!holds(&some(Filter::All(vec![name("retry"), reason]))));
}

#[test]
fn two_subjects_are_compared_by_their_values() {
    let span = |key: &str| Subject::attribute(key, Level::Span);
    assert!(holds(&against(
        Subject::Field(Field::StartTime),
        Relation::Less,
        Subject::Field(Field::EndTime)
    )));
    let region = Subject::attribute("region", Level::Resource);
    assert!(!holds(&against(
        span("region"),
        Relation::Equal,
        region.clone()
    )));
    assert!(holds(&negated(against(
        span("region"),
        Relation::Equal,
        region
    ))));
    assert!(holds(&against(
        span("http.status_code"),
        Relation::Greater,
        span("ratio")
    )));
    assert!(!holds(&against(
        span("absent"),
        Relation::Equal,
        span("ratio")
    )));
}

#[test]
fn patterns_match_the_text_of_any_value() {
    let matches = |key: &str, pattern: &str| {
        holds(&Filter::Compare(Comparison {
            subject: attribute(key),
            test: Test::Matches(Pattern::regex(pattern).expect("a pattern")),
            negated: false,
        }))
    };
    assert!(matches("http.status_code", "^5..$") && matches("region", "^eu$"));
    assert!(!matches("absent", ""));
}

#[test]
fn combinations_follow_logic() {
    let (yes, no) = (equal("size", "90"), equal("size", "91"));
    assert!(holds(&Filter::All(vec![])) && !holds(&Filter::Any(vec![])));
    assert!(!holds(&Filter::All(vec![yes.clone(), no.clone()])));
    assert!(holds(&Filter::Any(vec![no.clone(), yes.clone()])));
    assert!(holds(&Filter::Not(Box::new(no))) && !holds(&Filter::Not(Box::new(yes))));
}

#[test]
fn integers_and_doubles_compare_exactly() {
    use std::cmp::Ordering;
    let real = |number| Number::Real(Real::new(number).expect("a number"));
    let most = Number::Int(i64::MAX);
    assert_eq!(
        most.compare(real(9_223_372_036_854_775_808.0)),
        Ordering::Less
    );
    assert_eq!(real(f64::INFINITY).compare(most), Ordering::Greater);
    assert_eq!(
        Number::Int(i64::MIN).compare(real(f64::NEG_INFINITY)),
        Ordering::Greater
    );
    assert_eq!(Number::Int(3).compare(real(3.5)), Ordering::Less);
    assert_eq!(Number::Int(-3).compare(real(-3.5)), Ordering::Greater);
    assert_eq!(Number::Int(3).compare(real(3.0)), Ordering::Equal);
    assert_eq!(Number::parse("inf"), None);
    assert_eq!(Number::parse("1_000"), None);
    assert_eq!(Number::parse("-2.5e3"), Some(real(-2_500.0)));
}
