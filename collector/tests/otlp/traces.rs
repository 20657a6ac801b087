//! Spans to send: by hand with telling defaults, and arbitrary ones.

use model::{
    Event, KeyValue, Link, Repairs, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanBatch,
    SpanId, SpanKind, StatusCode, TraceId, Value,
};
use proptest::collection::vec;
use proptest::prelude::*;

pub fn trace_id(n: u8) -> TraceId {
    TraceId::new([n; 16]).expect("not zero")
}

pub fn span_id(n: u8) -> SpanId {
    SpanId::new([n; 8]).expect("not zero")
}

/// A span of now that needs no repair.
pub fn span(trace: u8, id: u8) -> Span {
    let now = bootstrap::clock::now();
    let mut span = Span::new(
        trace_id(trace),
        span_id(id),
        format!("span-{id}"),
        now - 1_000,
        now,
    );
    span.kind = SpanKind::Server;
    span.attributes = vec![
        KeyValue::new("http.route", "/cart"),
        KeyValue::new("n", 7i64),
    ];
    span
}

/// Spans of the service `cart`.
pub fn of_cart(spans: impl IntoIterator<Item = Span>) -> Vec<ResourceSpans> {
    let service = KeyValue::new("service.name", "cart");
    let resource = Resource {
        attributes: vec![service],
        ..Resource::default()
    };
    let scope = Scope {
        name: "tests".into(),
        ..Scope::default()
    };
    let scopes = vec![ScopeSpans {
        scope,
        spans: spans.into_iter().collect(),
    }];
    vec![ResourceSpans { resource, scopes }]
}

/// What a batch holds, owned, resources and scopes without spans included.
pub fn owned(batch: &SpanBatch<'_>) -> Vec<ResourceSpans> {
    let spans_of = |scope: usize| {
        let of_scope = batch
            .spans
            .iter()
            .filter(move |span| span.scope as usize == scope);
        of_scope.map(|span| batch.own_span(span)).collect()
    };
    let scopes_of = |resource: usize| {
        let scopes = batch.scopes.iter().enumerate();
        let of_resource = scopes.filter(move |(_, scope)| scope.resource as usize == resource);
        of_resource
            .map(|(index, scope)| ScopeSpans {
                scope: batch.own_scope(scope),
                spans: spans_of(index),
            })
            .collect()
    };
    let resources = batch.resources.iter().enumerate();
    resources
        .map(|(index, resource)| ResourceSpans {
            resource: batch.own_resource(resource),
            scopes: scopes_of(index),
        })
        .collect()
}

/// Text without U+0000, which decoding replaces.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[a-z./_]{0,12}", 1 => "\\PC{0,8}", 1 => "[\"\\\\\\n\\t{}é€😀]{0,6}"]
}

fn value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Empty),
        text().prop_map(Value::String),
        any::<bool>().prop_map(Value::Bool),
        any::<i64>().prop_map(Value::Int),
        any::<f64>()
            .prop_filter("NaN equals nothing", |f| !f.is_nan())
            .prop_map(Value::Double),
        vec(any::<u8>(), 0..10).prop_map(Value::Bytes),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
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
    let one = (text(), value()).prop_map(|(key, value)| KeyValue::new(key, value));
    vec(one, 0..5)
}

fn ids() -> impl Strategy<Value = (TraceId, SpanId)> {
    let trace = any::<[u8; 16]>().prop_filter_map("zero", TraceId::new);
    let span = any::<[u8; 8]>().prop_filter_map("zero", SpanId::new);
    (trace, span)
}

fn event() -> impl Strategy<Value = Event> {
    (any::<u64>(), text(), attributes(), any::<u32>()).prop_map(
        |(time, name, attributes, dropped_attributes)| Event {
            time,
            name,
            attributes,
            dropped_attributes,
        },
    )
}

fn link() -> impl Strategy<Value = Link> {
    (ids(), text(), attributes(), any::<u32>(), any::<u32>()).prop_map(
        |((trace_id, span_id), trace_state, attributes, dropped_attributes, flags)| Link {
            trace_id,
            span_id,
            trace_state,
            attributes,
            dropped_attributes,
            flags,
        },
    )
}

fn any_span() -> impl Strategy<Value = Span> {
    let identity = (ids(), prop::option::of(ids()), text(), any::<u32>(), text());
    let outcome = (
        prop::sample::select(SpanKind::ALL),
        prop::sample::select(StatusCode::ALL),
        text(),
        any::<[u64; 2]>(),
        any::<[u32; 3]>(),
    );
    let content = (attributes(), vec(event(), 0..3), vec(link(), 0..3));
    (identity, outcome, content).prop_map(
        |((ids, parent, trace_state, flags, name), outcome, (attributes, events, links))| {
            let (kind, status, status_message, [start, end], dropped) = outcome;
            Span {
                trace_id: ids.0,
                span_id: ids.1,
                parent_span_id: parent.map(|(_, id)| id),
                trace_state,
                flags,
                name,
                kind,
                start,
                end,
                attributes,
                dropped_attributes: dropped[0],
                events,
                dropped_events: dropped[1],
                links,
                dropped_links: dropped[2],
                status,
                status_message,
                repairs: Repairs::NONE,
            }
        },
    )
}

/// Any request of valid spans.
pub fn any_resources() -> impl Strategy<Value = Vec<ResourceSpans>> {
    let scope = (text(), text(), attributes(), any::<u32>(), text()).prop_map(
        |(name, version, attributes, dropped_attributes, schema_url)| Scope {
            name,
            version,
            attributes,
            dropped_attributes,
            schema_url,
        },
    );
    let resource = (attributes(), any::<u32>(), text()).prop_map(
        |(attributes, dropped_attributes, schema_url)| Resource {
            attributes,
            dropped_attributes,
            schema_url,
        },
    );
    let scope_spans =
        (scope, vec(any_span(), 0..3)).prop_map(|(scope, spans)| ScopeSpans { scope, spans });
    let resource_spans = (resource, vec(scope_spans, 0..3))
        .prop_map(|(resource, scopes)| ResourceSpans { resource, scopes });
    vec(resource_spans, 0..3)
}
