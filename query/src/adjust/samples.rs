//! Traces for the tests of the adjusters: span `n` has id `n`.

use model::{
    KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, Trace, TraceId,
};

/// The id that is this number.
pub(crate) fn id(number: u64) -> SpanId {
    SpanId::new(number.to_be_bytes()).expect("not zero")
}

/// A root span of one millisecond at second one.
pub(crate) fn span(number: u64) -> Span {
    let trace_id = TraceId::parse("1").expect("an id");
    let start = 1_000_000_000;
    Span::new(trace_id, id(number), "op", start, start + 1_000_000)
}

/// A span with a parent.
pub(crate) fn child(number: u64, parent: u64) -> Span {
    Span {
        parent_span_id: Some(id(parent)),
        ..span(number)
    }
}

/// A span of a kind.
pub(crate) fn of_kind(span: Span, kind: SpanKind) -> Span {
    Span { kind, ..span }
}

/// One resource per list of spans, told apart by `host.name`.
pub(crate) fn trace_of<const N: usize>(spans: [Vec<Span>; N]) -> Trace {
    let named = |(index, spans)| of_resource(&[("host.name", &format!("host-{index}"))], spans);
    trace(spans.into_iter().enumerate().map(named).collect())
}

/// A trace of these resources.
pub(crate) fn trace(resources: Vec<ResourceSpans>) -> Trace {
    Trace {
        id: TraceId::parse("1").expect("an id"),
        resources,
    }
}

/// The spans of a resource with these attributes, in one scope.
pub(crate) fn of_resource(attributes: &[(&str, &str)], spans: Vec<Span>) -> ResourceSpans {
    let attribute = |(key, value): &(&str, &str)| KeyValue::new(*key, *value);
    ResourceSpans {
        resource: Resource {
            attributes: attributes.iter().map(attribute).collect(),
            ..Resource::default()
        },
        scopes: vec![ScopeSpans {
            scope: Scope::default(),
            spans,
        }],
    }
}
