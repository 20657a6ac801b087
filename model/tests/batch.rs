//! The two forms of a trace hold the same, and the identity of a span follows its content.

use model::{
    Event, IdentityHasher, KeyValue, Link, Repair, Resource, ResourceSpans, Scope, ScopeSpans,
    Span, SpanBatch, SpanHash, SpanId, SpanPredicate, Trace, TraceId, Value,
};

fn trace_id() -> TraceId {
    TraceId::parse("0af7651916cd43dd8448eb211c80319c").expect("a valid id")
}

fn span_id(number: u8) -> SpanId {
    SpanId::new([number; 8]).expect("not zero")
}

fn checkout() -> Trace {
    let mut span = Span::new(trace_id(), span_id(1), "POST /checkout", 1_000, 5_000);
    span.attributes = vec![
        KeyValue::new("http.response.status_code", 200),
        KeyValue::new(
            "nested",
            Value::Map(vec![KeyValue::new(
                "list",
                Value::Array(vec![Value::Empty, true.into()]),
            )]),
        ),
    ];
    span.events.push(Event {
        time: 2_000,
        name: "exception".into(),
        attributes: vec![KeyValue::new("exception.type", "Timeout")],
        dropped_attributes: 1,
    });
    span.links.push(Link {
        trace_id: trace_id(),
        span_id: span_id(9),
        trace_state: "a=b".into(),
        attributes: vec![KeyValue::new("why", "retry")],
        dropped_attributes: 0,
        flags: 1,
    });
    Trace {
        id: trace_id(),
        resources: vec![ResourceSpans {
            resource: Resource {
                attributes: vec![KeyValue::new("service.name", "shop")],
                ..Resource::default()
            },
            scopes: vec![ScopeSpans {
                scope: Scope {
                    name: "http".into(),
                    ..Scope::default()
                },
                spans: vec![span],
            }],
        }],
    }
}

fn identity(trace: &Trace) -> SpanHash {
    let batch = SpanBatch::of_trace(trace);
    IdentityHasher::new("default", &batch).span(&batch.spans[0])
}

#[test]
fn a_trace_survives_being_borrowed_and_owned_again() {
    let trace = checkout();
    let batch = SpanBatch::of_trace(&trace);
    assert_eq!(
        batch.own_trace(trace.id, 0..batch.spans.len() as u32),
        trace
    );
}

#[test]
fn the_order_of_attributes_does_not_change_who_a_span_is() {
    let (trace, mut reordered) = (checkout(), checkout());
    reordered
        .spans_mut()
        .for_each(|span| span.attributes.reverse());
    assert_eq!(identity(&trace), identity(&reordered));
}

#[test]
fn any_other_content_makes_another_span() {
    let changes: [fn(&mut Span); 5] = [
        |span| span.name.push('x'),
        |span| span.end += 1,
        |span| span.attributes[0].value = Value::from("200"),
        |span| span.events[0].attributes.clear(),
        |span| span.links[0].flags = 0,
    ];
    for change in changes {
        let mut other = checkout();
        other.spans_mut().for_each(change);
        assert_ne!(identity(&checkout()), identity(&other));
    }
}

#[test]
fn a_time_that_ingest_put_in_does_not_count() {
    let with_start = |start| {
        let mut trace = checkout();
        for span in trace.spans_mut() {
            (span.start, span.end) = (start, start);
            span.repairs.insert(Repair::StartMissing);
        }
        identity(&trace)
    };
    assert_eq!(with_start(1), with_start(2));
}

#[test]
fn a_tag_matches_at_every_level_and_as_text() {
    let trace = checkout();
    let batch = SpanBatch::of_trace(&trace);
    for (key, value, expected) in [
        ("http.response.status_code", "200", true),
        ("http.response.status_code", "201", false),
        ("service.name", "shop", true),
        ("resource.service.name", "shop", true),
        ("resource.http.response.status_code", "200", false),
        ("exception.type", "Timeout", true),
        ("why", "retry", true),
        ("nested", r#"{"list":[null,true]}"#, true),
        ("error", "false", true),
        ("error", "perhaps", false),
        ("span.status", "UNSET", true),
        ("scope.name", "http", true),
    ] {
        let predicate = SpanPredicate::from_tag(key, value);
        assert_eq!(
            predicate.matches(&batch, &batch.spans[0]),
            expected,
            "{key}={value}"
        );
    }
}

#[test]
fn a_name_is_mentioned_by_attributes_and_events() {
    let trace = checkout();
    let batch = SpanBatch::of_trace(&trace);
    for (name, expected) in [
        ("http.response.status_code", true),
        ("service.name", true),
        ("exception", true),
        ("exception.type", false),
        ("200", false),
    ] {
        let predicate = SpanPredicate::Mentions(name.to_owned());
        assert_eq!(
            predicate.matches(&batch, &batch.spans[0]),
            expected,
            "{name}"
        );
    }
}

/// Identities lie in stores: what they were they stay, until their version changes.
#[test]
fn the_identity_of_a_span_never_changes() {
    assert_eq!(
        identity(&checkout()).0,
        47_269_895_035_344_770_609_216_923_364_801_965_778
    );
}
