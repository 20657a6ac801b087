//! What is found by passing over most of a payload is what a look at every span would find.

use std::sync::LazyLock;

use bumpalo::Bump;
use model::filter::{Comparison, Constant, Field, Filter, Level, Pattern, Relation, Subject, Test};
use model::{AttributePredicate, KeyValue, SpanBatch, Trace, TraceId, canonical_string};
use proptest::prelude::*;
use proptest::sample::Index;

use super::*;
use crate::payload::samples::{self, all, known};
use crate::payload::{ContainedEncoder, Encoder, Known, Reader, Words};
use crate::{test_filters, test_traces};

const NOON: u64 = 1_764_000_000_000_000_000;
const LEVELS: [Level; 7] = [
    Level::SpanOrResource,
    Level::Any,
    Level::Span,
    Level::Resource,
    Level::Scope,
    Level::Event,
    Level::Link,
];

/// Words that know nothing, those of the shop, and those with a dictionary of zstd.
static WORDS: LazyLock<[(Words, Known); 3]> = LazyLock::new(|| {
    let words = [
        Words::default(),
        samples::words(),
        samples::words_with_zstd(),
    ];
    words.map(|words| {
        let known = known(&words);
        (words, known)
    })
});

/// A trace of the shop with others beside: what its dictionary knows and what it does not.
fn trace() -> impl Strategy<Value = Trace> {
    let shops = prop::collection::vec(0u64..400, 1..4);
    (shops, prop::option::of(test_traces::trace(NOON))).prop_map(|(numbers, other)| {
        let mut trace = samples::trace(numbers[0]);
        let more = numbers[1..].iter().map(|number| samples::trace(*number));
        for added in more.chain(other) {
            trace.resources.extend(added.resources);
        }
        let id = trace.id;
        trace.spans_mut().for_each(|span| span.trace_id = id);
        trace
    })
}

/// How a condition is drawn from what is true of a span.
#[derive(Debug, Clone)]
struct Draw {
    what: u8,
    span: Index,
    attribute: Index,
    level: Level,
    relation: Relation,
    /// Something that may not be true of it.
    off: bool,
}

fn draw() -> impl Strategy<Value = Draw> {
    let relations = vec![Relation::Equal, Relation::AtLeast, Relation::Less];
    let places = (any::<Index>(), any::<Index>());
    let how = (
        prop::sample::select(LEVELS.to_vec()),
        prop::sample::select(relations),
        prop::bool::weighted(0.2),
    );
    (0u8..16, places, how).prop_map(|(what, (span, attribute), (level, relation, off))| Draw {
        what,
        span,
        attribute,
        level,
        relation,
        off,
    })
}

impl Draw {
    fn predicate(&self, trace: &Trace) -> Option<SpanPredicate> {
        let spans: Vec<_> = trace.spans().collect();
        let (resource, scope, span) = spans[self.span.index(spans.len())];
        let events = span.events.iter().flat_map(|event| &event.attributes);
        let links = span.links.iter().flat_map(|link| &link.attributes);
        let of_span = span.attributes.iter().chain(&scope.attributes);
        let every = of_span
            .chain(&resource.attributes)
            .chain(events)
            .chain(links);
        let every: Vec<&KeyValue> = every.collect();
        let attribute = every[self.attribute.index(every.len())];
        let mut value = canonical_string(&attribute.value).into_owned();
        if self.off {
            value.push('7');
        }
        let key = &attribute.key;
        let subject = Subject::attribute(key, self.level);
        let is = |subject| Filter::is(subject, self.relation, Constant::untyped(&value));
        let duration = Subject::Field(Field::Duration);
        let long = Filter::is(duration, self.relation, Constant::Nanos(span.duration()));
        let service = resource.service_name().to_owned();
        let of_service = Filter::equal(
            Subject::Field(Field::Service),
            Constant::Text(service.clone()),
        );
        let test = |test| {
            Filter::Compare(Comparison {
                subject: subject.clone(),
                test,
                negated: self.off,
            })
        };
        Some(match self.what {
            0..=2 => SpanPredicate::Attribute(AttributePredicate {
                key: key.clone(),
                value,
                level: AttributeLevel::Any,
            }),
            3 => SpanPredicate::Attribute(AttributePredicate {
                key: key.clone(),
                value,
                level: AttributeLevel::Resource,
            }),
            4 => SpanPredicate::Service(service),
            5 => SpanPredicate::Operation(span.name.clone()),
            6 => SpanPredicate::IsError(self.off),
            7 => SpanPredicate::Kind(span.kind),
            8 => SpanPredicate::Mentions(key.clone()),
            9 => SpanPredicate::Mentions(span.events.first()?.name.clone()),
            10 => SpanPredicate::Filter(is(subject)),
            11 => SpanPredicate::Filter(Filter::All(vec![is(subject), long])),
            12 => SpanPredicate::Filter(Filter::Any(vec![of_service, long])),
            13 => SpanPredicate::Filter(Filter::Not(Box::new(is(subject)))),
            14 => SpanPredicate::Filter(test(Test::Matches(Pattern::wildcard("*1*").ok()?))),
            _ => SpanPredicate::Filter(Filter::Exists(subject)),
        })
    }
}

fn any_query() -> impl Strategy<Value = (Trace, TraceQuery, u64)> {
    let bounds = (
        prop::option::of((0u64..90_000_000_000, 0u64..90_000_000_000)),
        prop::option::weighted(0.2, 0u64..100_000_000),
        prop::option::weighted(0.2, 0u64..5_000_000_000),
        prop_oneof![3 => Just(0u64), 1 => NOON..NOON + 90_000_000_000],
    );
    let filter = prop::option::weighted(0.3, test_filters::filter(NOON));
    let draws = prop::collection::vec(draw(), 0..3);
    (trace(), draws, filter, bounds).prop_map(
        |(trace, draws, filter, (range, duration_min, duration_max, least))| {
            let drawn = draws.iter().filter_map(|draw| draw.predicate(&trace));
            let filter = filter.map(SpanPredicate::Filter);
            let start = range.map_or(TimeRange::ALL, |(from, length)| TimeRange {
                start: NOON + from,
                end: NOON + from + length,
            });
            let query = TraceQuery {
                predicates: drawn.chain(filter).collect(),
                start,
                duration_min,
                duration_max,
                ..TraceQuery::any(1)
            };
            (trace, query, least)
        },
    )
}

/// Payloads of the trace in every way, each with what it refers to.
fn payloads(batch: &SpanBatch<'_>, trace: TraceId) -> Vec<(Vec<u8>, &'static Known)> {
    let mut payloads = Vec::new();
    for (words, known) in &*WORDS {
        let mut out = Vec::new();
        let mut encoder = Encoder::new(words, 3).expect("a level");
        let encoded = encoder.encode(batch, &all(batch), &mut out);
        encoded.expect("small spans");
        payloads.push((out, known));
    }
    let mut out = Vec::new();
    let mut encoder = ContainedEncoder::new(3).expect("a level");
    let encoded = encoder.encode(trace, batch, &all(batch), &mut out);
    encoded.expect("small spans");
    payloads.push((out, &WORDS[0].1));
    payloads
}

fn found(trace: &Trace, query: &TraceQuery, bounds: Bounds) -> Vec<Option<UnixNanos>> {
    let batch = SpanBatch::of_trace(trace);
    let mut sought = Sought::of(query);
    let payloads = payloads(&batch, trace.id).into_iter();
    payloads
        .map(|(payload, known)| {
            // The second time it is known what was said of resources and scopes.
            let [first, second] = [(); 2].map(|()| {
                let arena = Bump::new();
                let mut reader = Reader::new(known);
                let (lens, mut judge) = sought.judge(bounds);
                let newest = reader.newest(trace.id, &payload, &arena, lens, &mut judge);
                newest.expect("its own payload")
            });
            assert_eq!(first, second);
            first
        })
        .collect()
}

fn by_every_span(trace: &Trace, query: &TraceQuery, bounds: Bounds) -> Option<UnixNanos> {
    let batch = SpanBatch::of_trace(trace);
    let answers = batch.spans.iter().filter(|span| {
        let in_bounds = bounds.range.contains(span.start) && span.start >= bounds.least;
        in_bounds && query.matches(&batch, span)
    });
    answers.map(|span| span.start).max()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn the_newest_answer_is_the_one_that_a_look_at_every_span_finds(
        (trace, query, least) in any_query(),
    ) {
        let bounds = Bounds { range: TimeRange::ALL, least };
        let expected = by_every_span(&trace, &query, bounds);
        prop_assert_eq!(found(&trace, &query, bounds), vec![expected; 4]);
    }

    #[test]
    fn no_span_that_answers_is_shorter_than_the_least_duration((trace, query, _) in any_query()) {
        let least = Sought::of(&query).least_duration();
        let batch = SpanBatch::of_trace(&trace);
        let mut answers = batch.spans.iter().filter(|span| query.matches(&batch, span));
        prop_assert!(answers.all(|span| span.duration() >= least));
    }
}

/// The shop's trace with an error, a span with a UUID and numbers in its texts.
fn answers(predicates: Vec<SpanPredicate>) -> Option<UnixNanos> {
    let trace = samples::trace(5);
    let query = TraceQuery {
        predicates,
        ..TraceQuery::any(1)
    };
    let bounds = Bounds {
        range: TimeRange::ALL,
        least: 0,
    };
    let found = found(&trace, &query, bounds);
    assert!(found.iter().all(|newest| *newest == found[0]), "{found:?}");
    found[0]
}

fn tag(key: &str, value: &str) -> SpanPredicate {
    SpanPredicate::from_tag(key, value)
}

#[test]
fn values_of_every_kind_are_found_and_their_neighbours_are_not() {
    let trace = samples::trace(5);
    let (_, _, server) = trace.spans().next().expect("a span");
    let (_, _, query) = trace.spans().nth(1).expect("another");
    for (span, key) in [
        (server, "http.route"),
        (server, "url.path"),
        (server, "http.response.status_code"),
        (server, "app.request_id"),
        (server, "app.cached"),
        (server, "app.weight"),
        (query, "db.response.returned_rows"),
        (query, "shards"),
    ] {
        let of_key = span.attributes.iter().find(|of| of.key == key);
        let value = canonical_string(&of_key.expect("it has one").value).into_owned();
        assert_eq!(answers(vec![tag(key, &value)]), Some(span.start), "{key}");
        let off = format!("{value}1");
        assert_eq!(answers(vec![tag(key, &off)]), None, "{key}");
    }
    let on_both = vec![
        tag("http.route", "/cart/{id}"),
        tag("db.system.name", "postgresql"),
    ];
    assert_eq!(answers(on_both), None, "one span must have both");
}

#[test]
fn what_events_and_resources_say_is_seen() {
    let trace = samples::trace(5);
    let newest = trace.spans().map(|(_, _, span)| span.start).max();
    let query = trace.spans().nth(1).map(|(_, _, span)| span.start);
    for (predicate, expected) in [
        (tag("exception.type", "Timeout"), query),
        (SpanPredicate::Mentions("exception".to_owned()), query),
        (tag("error", "true"), query),
        (tag("resource.k8s.pod.name", "cart-2"), newest),
        (tag("k8s.pod.name", "cart-2"), newest),
        (tag("resource.exception.type", "Timeout"), None),
        (tag("error", "maybe"), None),
    ] {
        assert_eq!(answers(vec![predicate.clone()]), expected, "{predicate:?}");
    }
}

#[test]
fn a_condition_on_a_service_or_something_else_is_asked_of_each_span() {
    let trace = samples::trace(5);
    let (_, _, query) = trace.spans().nth(1).expect("a span");
    for (field, constant) in [
        (Field::StartTime, Constant::Nanos(query.start)),
        (Field::Name, Constant::Text(query.name.clone())),
        (Field::StatusMessage, Constant::Text("no answer".to_owned())),
    ] {
        let service = Subject::Field(Field::Service);
        let other = Constant::Text("another".to_owned());
        let either = Filter::Any(vec![
            Filter::equal(service, other),
            Filter::equal(Subject::Field(field), constant),
        ]);
        let found = answers(vec![SpanPredicate::Filter(either)]);
        assert_eq!(found, Some(query.start), "{field:?}");
    }
}
