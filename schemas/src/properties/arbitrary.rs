//! Traces as proptest makes them up: every field, every type of value, every edge of its range.

use model::{
    Event, KeyValue, Link, Repairs, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId,
    SpanKind, StatusCode, Trace, TraceId, Value,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        Just(String::new()),
        "[a-z.]{1,12}",
        "\\PC{0,20}",
        Just("\u{0}é\u{10ffff}".to_owned()),
        Just("x".repeat(300)),
    ]
}

fn count() -> impl Strategy<Value = u32> {
    prop_oneof![Just(0), Just(u32::MAX), any::<u32>()]
}

fn nanos() -> impl Strategy<Value = u64> {
    prop_oneof![Just(0), Just(i64::MAX as u64), 0..=i64::MAX as u64]
}

fn trace_id() -> impl Strategy<Value = TraceId> {
    any::<[u8; 16]>().prop_filter_map("not zero", TraceId::new)
}

fn span_id() -> impl Strategy<Value = SpanId> {
    any::<[u8; 8]>().prop_filter_map("not zero", SpanId::new)
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        prop_oneof![Just(i64::MIN), Just(i64::MAX), any::<i64>()].prop_map(Value::Int),
        any::<u64>().prop_map(|bits| Value::Double(f64::from_bits(bits))),
        vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 12, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(Value::Array),
            vec(
                (text(), inner).prop_map(|(key, value)| KeyValue { key, value }),
                0..3
            )
            .prop_map(Value::Map),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(
        (text(), value()).prop_map(|(key, value)| KeyValue { key, value }),
        0..4,
    )
}

prop_compose! {
    fn event()(time in nanos(), name in text(), attributes in attributes(), dropped in count())
        -> Event {
        Event { time, name, attributes, dropped_attributes: dropped }
    }
}

prop_compose! {
    fn link()(
        ids in (trace_id(), span_id()),
        trace_state in text(),
        attributes in attributes(),
        numbers in (count(), count()),
    ) -> Link {
        Link {
            trace_id: ids.0,
            span_id: ids.1,
            trace_state,
            attributes,
            dropped_attributes: numbers.0,
            flags: numbers.1,
        }
    }
}

prop_compose! {
    fn span(trace_id: TraceId)(
        ids in (span_id(), option::of(span_id())),
        texts in (text(), text(), text()),
        times in (nanos(), nanos()),
        enums in (select(SpanKind::ALL), select(StatusCode::ALL)),
        attributes in attributes(),
        events in vec(event(), 0..3),
        links in vec(link(), 0..3),
        numbers in (count(), count(), count(), count(), count()),
    ) -> Span {
        Span {
            trace_id,
            span_id: ids.0,
            parent_span_id: ids.1,
            trace_state: texts.0,
            flags: numbers.0,
            name: texts.1,
            kind: enums.0,
            start: times.0,
            end: times.1,
            attributes,
            dropped_attributes: numbers.1,
            events,
            dropped_events: numbers.2,
            links,
            dropped_links: numbers.3,
            status: enums.1,
            status_message: texts.2,
            repairs: Repairs::from_bits(numbers.4),
        }
    }
}

prop_compose! {
    fn scope(trace_id: TraceId)(
        texts in (text(), text(), text()),
        attributes in attributes(),
        dropped_attributes in count(),
        spans in vec(span(trace_id), 0..4),
    ) -> ScopeSpans {
        let (name, version, schema_url) = texts;
        let scope = Scope { name, version, attributes, dropped_attributes, schema_url };
        ScopeSpans { scope, spans }
    }
}

prop_compose! {
    fn resource(trace_id: TraceId)(
        attributes in attributes(),
        dropped_attributes in count(),
        schema_url in text(),
        scopes in vec(scope(trace_id), 0..3),
    ) -> ResourceSpans {
        let resource = Resource { attributes, dropped_attributes, schema_url };
        ResourceSpans { resource, scopes }
    }
}

/// A trace of up to some two dozen spans.
pub(super) fn trace() -> impl Strategy<Value = Trace> {
    trace_id().prop_flat_map(|id| {
        vec(resource(id), 0..3).prop_map(move |resources| Trace { id, resources })
    })
}
