//! What Jaeger's model can carry of OTLP's comes back as it was; whatever comes, nothing panics.

use collector::Encoding;
use model::{Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, StatusCode};
use proptest::prelude::*;

use super::jaeger_wire::{self, REF_TYPE, scalar};
use super::{ENCODINGS, decoded};
use crate::decoding::pass_through;
use crate::traces::any_resources;

/// Tags that are fields of a span or of a resource.
const TAKEN: [&str; 9] = [
    "event",
    "error",
    "hostname",
    "jaeger.version",
    "span.kind",
    "otel.status_code",
    "otel.status_description",
    "http.status_code",
    "w3c.tracestate",
];

fn tags(attributes: &[KeyValue]) -> Vec<KeyValue> {
    let free = attributes
        .iter()
        .filter(|of| !TAKEN.contains(&of.key.as_str()));
    free.map(|of| KeyValue::new(of.key.clone(), scalar(&of.value)))
        .collect()
}

/// What Jaeger carries of a request: the other fields have no place in its model. Times are
/// multiples of `unit` nanoseconds.
pub fn carried(resources: &[ResourceSpans], unit: u64) -> Vec<ResourceSpans> {
    let of_resource = |(index, of): (usize, &ResourceSpans)| {
        let service = KeyValue::new("service.name", format!("service {index}"));
        let attributes = tags(&of.resource.attributes).into_iter();
        let with_spans = of.scopes.iter().filter(|of| !of.spans.is_empty());
        ResourceSpans {
            resource: Resource {
                attributes: [service].into_iter().chain(attributes).collect(),
                ..Resource::default()
            },
            scopes: with_spans
                .enumerate()
                .map(|(index, of)| carried_scope(index, of, unit))
                .collect(),
        }
    };
    let all = resources.iter().enumerate().map(of_resource);
    all.filter(|of| !of.scopes.is_empty()).collect()
}

fn carried_scope(index: usize, of: &ScopeSpans, unit: u64) -> ScopeSpans {
    let scope = Scope {
        name: format!("{index} {}", of.scope.name),
        version: of.scope.version.clone(),
        ..Scope::default()
    };
    let spans = of.spans.iter().map(|span| carried_span(span, unit));
    ScopeSpans {
        scope,
        spans: spans.collect(),
    }
}

fn carried_span(span: &Span, unit: u64) -> Span {
    let whole = |nanos: u64| nanos / unit * unit;
    let event = |event: &Event| Event {
        time: whole(event.time),
        attributes: tags(&event.attributes),
        dropped_attributes: 0,
        ..event.clone()
    };
    let link = |link: &Link| Link {
        trace_state: String::new(),
        attributes: vec![KeyValue::new(REF_TYPE, "follows_from")],
        dropped_attributes: 0,
        flags: 0,
        ..link.clone()
    };
    let has_status = span.status != StatusCode::Unset;
    Span {
        start: whole(span.start),
        end: whole(span.end),
        attributes: tags(&span.attributes),
        events: span.events.iter().map(event).collect(),
        links: span.links.iter().map(link).collect(),
        dropped_attributes: 0,
        dropped_events: 0,
        dropped_links: 0,
        status_message: match has_status {
            true => span.status_message.clone(),
            false => String::new(),
        },
        ..span.clone()
    }
}

proptest! {
    #[test]
    fn jaeger_protobuf_brings_back_what_it_can_carry(resources in any_resources()) {
        let carried = carried(&resources, 1);
        for of in &carried {
            let body = jaeger_wire::post_spans(of);
            let found = decoded(Encoding::JaegerProtobuf, &body).expect("valid");
            prop_assert_eq!(found.as_slice(), std::slice::from_ref(of));
        }
        let body = jaeger_wire::post_spans_with_processes(&carried);
        let found = decoded(Encoding::JaegerProtobuf, &body).expect("valid");
        prop_assert_eq!(found, carried, "each span with its own process");
    }

    #[test]
    fn jaeger_thrift_brings_back_what_it_can_carry(resources in any_resources()) {
        for of in carried(&resources, 1_000) {
            let body = jaeger_wire::batch(&of);
            let found = decoded(Encoding::JaegerThrift, &body).expect("valid");
            prop_assert_eq!(found, [of]);
        }
    }

    #[test]
    fn any_bytes_go_through_without_a_panic(body in prop::collection::vec(any::<u8>(), 0..300)) {
        for encoding in ENCODINGS {
            pass_through(encoding, &body);
        }
    }
}
