//! Random traces, small enough to shrink: few ids, services and names, so that they collide.

use model::{
    Event, KeyValue, Link, Repairs, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId,
    SpanKind, StatusCode, Trace, TraceId, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

/// A trace id, one of few.
pub(crate) fn trace_id() -> impl Strategy<Value = TraceId> {
    (1u8..6).prop_map(|n| TraceId::new([n; 16]).expect("not zero"))
}

fn span_id() -> impl Strategy<Value = SpanId> {
    (1u8..12).prop_map(|n| SpanId::new([0, 0, 0, 0, 0, 0, 0, n]).expect("not zero"))
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => prop::sample::select(vec!["", "GET /", "cart", "checkout", "http.route"])
            .prop_map(str::to_owned),
        1 => "[^\u{0}]{0,12}",
    ]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        prop_oneof![-1e9..1e9f64, Just(f64::INFINITY), Just(-0.0)].prop_map(Value::Double),
        vec(any::<u8>(), 0..6).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(3, 12, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Value::Array),
            vec((text(), inner), 0..4).prop_map(|entries| {
                Value::Map(
                    entries
                        .into_iter()
                        .map(|(k, v)| KeyValue::new(k, v))
                        .collect(),
                )
            }),
        ]
    })
}

fn attributes() -> impl Strategy<Value = Vec<KeyValue>> {
    vec(
        (text(), value()).prop_map(|(key, value)| KeyValue::new(key, value)),
        0..4,
    )
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), text(), attributes(), 0u32..3).prop_map(
        |(time, name, attributes, dropped_attributes)| Event {
            time,
            name,
            attributes,
            dropped_attributes,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (trace_id(), span_id(), text(), attributes(), any::<u32>()).prop_map(
        |(trace_id, span_id, trace_state, attributes, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes: flags % 3,
            flags,
        },
    )
}

fn kind() -> impl Strategy<Value = SpanKind> {
    prop::sample::select(SpanKind::ALL)
}

/// A span of the trace that starts within a minute and a half around `around`.
fn span(trace: TraceId, around: u64) -> impl Strategy<Value = Span> {
    let identity = (span_id(), prop::option::of(span_id()), text(), kind());
    let times = (0u64..90_000_000_000, 0u64..5_000_000_000);
    let rare = (
        attributes(),
        vec(event(), 0..2),
        vec(link(), 0..2),
        prop::sample::select(StatusCode::ALL),
        prop_oneof![3 => Just(0u32), 1 => any::<u32>()],
    );
    (identity, times, rare).prop_map(move |(identity, (offset, duration), rare)| {
        let start = around + offset;
        let mut span = Span::new(trace, identity.0, identity.2, start, start + duration);
        span.parent_span_id = identity.1;
        span.kind = identity.3;
        span.attributes = rare.0;
        span.events = rare.1;
        span.links = rare.2;
        span.status = rare.3;
        span.flags = rare.4;
        span.dropped_links = rare.4 % 2;
        span.status_message = if rare.4 % 3 == 1 { "why" } else { "" }.to_owned();
        // Bits without a meaning yet: none of those that stand for a replaced time.
        span.repairs = Repairs::from_bits(rare.4 & 0xff00_0000);
        span
    })
}

fn resource() -> impl Strategy<Value = Resource> {
    let service = prop::sample::select(vec!["", "cart", "checkout", "payment"]);
    (service, attributes(), 0u32..2).prop_map(|(service, mut attributes, dropped_attributes)| {
        attributes.retain(|attribute| attribute.key != model::SERVICE_NAME);
        attributes.push(KeyValue::new(model::SERVICE_NAME, service));
        Resource {
            attributes,
            dropped_attributes,
            schema_url: String::new(),
        }
    })
}

fn scope_spans(trace: TraceId, around: u64) -> impl Strategy<Value = ScopeSpans> {
    (text(), attributes(), vec(span(trace, around), 0..5)).prop_map(|(name, attributes, spans)| {
        ScopeSpans {
            scope: Scope {
                name,
                attributes,
                ..Scope::default()
            },
            spans,
        }
    })
}

/// A trace of some spans that start shortly after `around`.
pub(crate) fn trace(around: u64) -> impl Strategy<Value = Trace> {
    trace_id().prop_flat_map(move |id| {
        let of_resource = (resource(), vec(scope_spans(id, around), 1..3))
            .prop_map(|(resource, scopes)| ResourceSpans { resource, scopes });
        vec(of_resource, 1..4).prop_map(move |resources| Trace { id, resources })
    })
}
