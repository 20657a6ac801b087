//! Random filters over what random traces hold, so that they sometimes match.

use model::filter::{
    Collection, Comparison, Constant, Domain, Field, Filter, Level, Pattern, Relation, Subject,
    Test,
};
use model::{TraceOrder, UnixNanos};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

const TEXTS: &[&str] = &["", "GET /", "cart", "checkout", "http.route", "payment"];
const VALUES: &[&str] = &["cart", "GET /", "", "true", "0", "-5", "1e9", "z"];
const LEVELS: &[Level] = &[
    Level::SpanOrResource,
    Level::Any,
    Level::Span,
    Level::Resource,
    Level::Scope,
    Level::Event,
    Level::Link,
];
const RELATIONS: &[Relation] = &[
    Relation::Equal,
    Relation::Equal,
    Relation::Less,
    Relation::AtMost,
    Relation::Greater,
    Relation::AtLeast,
];

fn attribute() -> impl Strategy<Value = Subject> {
    let key = select(&TEXTS[..5]);
    (key, select(LEVELS)).prop_map(|(key, level)| Subject::attribute(key, level))
}

fn of_any_type() -> impl Strategy<Value = Constant> {
    prop_oneof![
        4 => select(VALUES).prop_map(Constant::untyped),
        1 => select(VALUES).prop_map(|text| Constant::Text(text.to_owned())),
        1 => any::<i64>().prop_map(Constant::Int),
        1 => any::<bool>().prop_map(Constant::Bool),
    ]
}

/// Constants of a field's kind; times lie about `around`.
fn of_field(field: Field, around: UnixNanos) -> BoxedStrategy<Constant> {
    match field.domain() {
        Domain::Text => select(TEXTS)
            .prop_map(|text| Constant::Text(text.to_owned()))
            .boxed(),
        Domain::Word(words) => select(words)
            .prop_map(|word| Constant::Text(word.to_owned()))
            .boxed(),
        Domain::Duration => (0u64..5_000_000_000).prop_map(Constant::Nanos).boxed(),
        Domain::Time => (0u64..90_000_000_000)
            .prop_map(move |offset| Constant::Nanos(around + offset))
            .boxed(),
    }
}

fn pattern() -> impl Strategy<Value = Pattern> {
    prop_oneof![
        select(&["^c", "e", "[0-9]", "", "art$"][..])
            .prop_map(|text| Pattern::regex(text).expect("a pattern")),
        select(&["*", "c*", "?art", "GET ?"][..])
            .prop_map(|text| Pattern::wildcard(text).expect("a pattern")),
    ]
}

fn tested(
    subject: Subject,
    constant: BoxedStrategy<Constant>,
    other: BoxedStrategy<Subject>,
) -> impl Strategy<Value = Filter> {
    let test = prop_oneof![
        4 => (select(RELATIONS), constant.clone()).prop_map(|(relation, of)| Test::Is(relation, of)),
        1 => vec(constant, 0..4).prop_map(Test::IsOneOf),
        1 => pattern().prop_map(Test::Matches),
        1 => (select(RELATIONS), other).prop_map(|(relation, of)| Test::Against(relation, of)),
    ];
    (test, prop::bool::weighted(0.25)).prop_map(move |(test, negated)| {
        Filter::Compare(Comparison {
            subject: subject.clone(),
            test,
            negated,
        })
    })
}

fn leaf(around: UnixNanos) -> impl Strategy<Value = Filter> {
    let field = || select(Field::ALL).prop_map(Subject::Field);
    let of_attribute = attribute()
        .prop_flat_map(|subject| tested(subject, of_any_type().boxed(), attribute().boxed()));
    let of_field = select(Field::ALL).prop_flat_map(move |field| {
        let other = select(Field::ALL).prop_map(Subject::Field).boxed();
        tested(Subject::Field(field), of_field(field, around), other)
    });
    prop_oneof![
        3 => of_attribute,
        3 => of_field,
        1 => prop_oneof![attribute(), field()].prop_map(Filter::Exists),
    ]
}

/// A filter of a few conditions; times in it lie about `around`.
pub(crate) fn filter(around: UnixNanos) -> impl Strategy<Value = Filter> {
    leaf(around).prop_recursive(3, 12, 4, |inner| {
        let collection = select(&[Collection::Events, Collection::Links][..]);
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Filter::All),
            vec(inner.clone(), 0..4).prop_map(Filter::Any),
            inner.clone().prop_map(|of| Filter::Not(Box::new(of))),
            (collection, inner).prop_map(|(of, filter)| Filter::Some(of, Box::new(filter))),
        ]
    })
}

/// An order of traces.
pub(crate) fn order() -> impl Strategy<Value = TraceOrder> {
    select(&TraceOrder::ALL[..])
}
