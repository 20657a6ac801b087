//! Random traces and requests over few names, so that they meet.

use model::{
    Event, KeyValue, Link, ResourceSpans, Span, SpanKind, StatusCode, Trace, TraceId, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::support::{MS, T0, of_service, span, span_id, trace};

const SERVICES: [&str; 3] = ["web", "cart", "a/b"];
const OPERATIONS: [&str; 3] = ["GET /", "charge", ""];
const KEYS: [&str; 3] = ["k", "http.status_code", "x y"];

fn value() -> impl Strategy<Value = Value> {
    prop_oneof![
        select(vec!["v", "200", "true", "<b>"]).prop_map(Value::from),
        select(vec![200i64, i64::MAX]).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(Value::from(72.5)),
        Just(Value::Bytes(vec![1, 2])),
        Just(Value::Array(vec![1i64.into(), "v".into()])),
        Just(Value::Empty),
    ]
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    prop::collection::btree_map(select(&KEYS[..]), value(), 0..3).prop_map(|entries| {
        let entries = entries.into_iter();
        entries
            .map(|(key, value)| KeyValue::new(key, value))
            .collect()
    })
}

fn events() -> impl Strategy<Value = Vec<Event>> {
    let event = (0..90u64, attributes()).prop_map(|(at, attributes)| Event {
        time: T0 + at * MS,
        name: "happened".to_owned(),
        attributes,
        dropped_attributes: 0,
    });
    vec(event, 0..2)
}

fn links() -> impl Strategy<Value = Vec<Link>> {
    let link = attributes().prop_map(|attributes| Link {
        trace_id: TraceId::parse("feed").expect("an id"),
        span_id: span_id(9),
        trace_state: String::new(),
        attributes,
        dropped_attributes: 0,
        flags: 0,
    });
    vec(link, 0..2)
}

/// Everything of a span but its place in a trace.
fn content() -> impl Strategy<Value = Span> {
    let times = (0..5_000u64, select(vec![0, 1, 40, 200u64]));
    let named = (
        select(&OPERATIONS[..]),
        select(SpanKind::ALL),
        select(StatusCode::ALL),
    );
    (times, named, attributes(), events(), links()).prop_map(
        |((at, took), (name, kind, status), attributes, events, links)| {
            let mut one = span("1", 1, name, at);
            one.end = one.start + took * MS;
            (one.kind, one.status) = (kind, status);
            (one.attributes, one.events, one.links) = (attributes, events, links);
            one
        },
    )
}

/// Up to eight traces with ids of their own.
pub fn traces() -> impl Strategy<Value = Vec<Trace>> {
    let spans = vec(
        (
            select(&SERVICES[..]),
            content(),
            any::<prop::sample::Index>(),
        ),
        1..8,
    );
    vec(spans, 1..8).prop_map(|traces| {
        let numbered = traces.into_iter().zip(1..);
        numbered
            .map(|(spans, number)| assembled(&format!("{number:x}"), spans))
            .collect()
    })
}

fn assembled(id: &str, spans: Vec<(&str, Span, prop::sample::Index)>) -> Trace {
    let mut resources: Vec<(&str, ResourceSpans)> = Vec::new();
    for (index, (service, mut one, parent)) in spans.into_iter().enumerate() {
        one.trace_id = TraceId::parse(id).expect("an id");
        one.span_id = span_id(index as u64 + 1);
        // Roots, children of earlier spans, and orphans.
        let parent = parent.index(index + 3) as u64;
        one.parent_span_id = (parent > 1)
            .then(|| span_id(parent - 1))
            .filter(|of| *of != one.span_id);
        match resources.iter_mut().find(|(of, _)| *of == service) {
            Some((_, of)) => of.scopes[0].spans.push(one),
            None => resources.push((service, of_service(service, vec![one]))),
        }
    }
    trace(id, resources.into_iter().map(|(_, of)| of).collect())
}

/// Query strings of searches over the time of the traces.
pub fn searches() -> impl Strategy<Value = Vec<String>> {
    let tag = prop_oneof![
        (
            select(&KEYS[..]),
            select(vec!["v", "200", "true", "72.5", "AQI=", "[1,\"v\"]", ""])
        )
            .prop_map(|(key, value)| format!("{key}:{value}")),
        select(vec![
            "error:true",
            "error:false",
            "error:x",
            "span.kind:client",
            "span.status:OK"
        ])
        .prop_map(str::to_owned),
        Just("resource.service.name:web".to_owned()),
    ];
    let search = (
        select(&SERVICES[..]),
        prop::option::weighted(0.3, select(&OPERATIONS[..2])),
        prop_oneof![3 => Just(Vec::new()), 2 => vec(tag, 1..3)],
        prop_oneof![2 => Just((0, 5_000)), 1 => (0..5_000u64, 0..5_000u64)],
        prop::option::weighted(0.3, select(vec!["1ms", "40ms"])),
        select(vec![1, 2, 100]),
    );
    let text = search.prop_map(|(service, operation, tags, (from, to), min, limit)| {
        let (start, end) = (
            T0 / 1_000 + from.min(to) * 1_000,
            T0 / 1_000 + from.max(to) * 1_000,
        );
        let mut text = format!(
            "service={}&start={start}&end={end}&limit={limit}",
            escaped(service)
        );
        operation
            .iter()
            .for_each(|name| text += &format!("&operation={}", escaped(name)));
        tags.iter()
            .for_each(|tag| text += &format!("&tag={}", escaped(tag)));
        min.iter()
            .for_each(|min| text += &format!("&minDuration={min}"));
        text
    });
    vec(text, 1..8)
}

pub fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}
