//! Traces to be written, and their spans in an order of their own.

use std::sync::LazyLock;

use model::{
    Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    StatusCode, Trace, TraceId, Value,
};

pub const SECOND: u64 = 1_000_000_000;

/// When the traces were: some minutes ago, at the start of a minute.
pub fn start() -> u64 {
    static START: LazyLock<u64> = LazyLock::new(|| {
        let ago = bootstrap::clock::now() - 600 * SECOND;
        ago - ago % (60 * SECOND)
    });
    *START
}

/// An id that no other test has.
pub fn trace_id() -> TraceId {
    TraceId::new(*uuid::Uuid::new_v4().as_bytes()).expect("not zero")
}

pub fn span_id(number: u64) -> SpanId {
    SpanId::new(number.to_be_bytes()).expect("not zero")
}

pub fn attribute(key: &str, value: Value) -> KeyValue {
    KeyValue {
        key: key.to_owned(),
        value,
    }
}

pub fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// A trace of spans of one service that begin a second after one another.
pub fn of_service(service: &str, count: u64, change: impl Fn(u64, &mut Span)) -> Trace {
    let id = trace_id();
    let span = |number: u64| {
        let begins = start() + number * SECOND;
        let mut span = Span::new(id, span_id(number + 1), "work", begins, begins + 1_000);
        change(number, &mut span);
        span
    };
    let spans = (0..count).map(span).collect();
    Trace {
        id,
        resources: vec![resource_spans(service, spans)],
    }
}

pub fn resource_spans(service: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Resource {
            attributes: vec![attribute("service.name", text(service))],
            ..Resource::default()
        },
        scopes: vec![ScopeSpans {
            scope: Scope {
                name: "lib".to_owned(),
                version: "1.2.3".to_owned(),
                ..Scope::default()
            },
            spans,
        }],
    }
}

/// One attribute of each type, in an order that nobody sorts.
pub fn of_every_type() -> Vec<KeyValue> {
    let list = vec![Value::Int(1), text("two"), Value::Empty];
    vec![
        attribute("z.text", text("<ü> & \"quoted\"")),
        attribute("http.status_code", Value::Int(200)),
        attribute("ok", Value::Bool(true)),
        attribute("ratio", Value::Double(72.5)),
        attribute("large", Value::Int(i64::MIN)),
        attribute("bytes", Value::Bytes(vec![0, 255, 7])),
        attribute("list", Value::Array(list)),
        attribute(
            "map",
            Value::Map(vec![attribute("inner", Value::Bool(false))]),
        ),
        attribute("empty", text("")),
    ]
}

/// A trace in which every field of every level says something.
pub fn full() -> Trace {
    let mut trace = of_service("shop", 12, |number, span| {
        span.parent_span_id = (number > 0).then(|| span_id(1));
        span.trace_state = "vendor=value".to_owned();
        span.flags = 257;
        span.name = format!("operation {}", number % 3);
        span.kind = SpanKind::ALL[number as usize % SpanKind::ALL.len()];
        span.end = span.start + 1 + number * 4_501;
        span.attributes = of_every_type();
        span.dropped_attributes = 5;
        span.events = vec![Event {
            time: span.start + 1,
            name: "event".to_owned(),
            attributes: of_every_type(),
            dropped_attributes: 2,
        }];
        span.dropped_events = 6;
        span.links = vec![Link {
            trace_id: TraceId::new([9; 16]).expect("not zero"),
            span_id: SpanId::new([8; 8]).expect("not zero"),
            trace_state: "a=b".to_owned(),
            attributes: of_every_type(),
            dropped_attributes: 1,
            flags: 1,
        }];
        span.dropped_links = 7;
        span.status = StatusCode::ALL[number as usize % StatusCode::ALL.len()];
        span.status_message = "words".to_owned();
    });
    let of_resource = &mut trace.resources[0];
    of_resource.resource.attributes.extend(of_every_type());
    of_resource.resource.dropped_attributes = 4;
    of_resource.resource.schema_url = "https://opentelemetry.io/schemas/1.25.0".to_owned();
    let scope = &mut of_resource.scopes[0].scope;
    scope.attributes = of_every_type();
    scope.dropped_attributes = 3;
    scope.schema_url = "https://opentelemetry.io/schemas/1.26.0".to_owned();
    trace
}

/// A call from one service to others, `calls` of them.
pub fn calls(parent: &str, child: &str, calls: u64) -> Trace {
    let mut trace = of_service(parent, 1, |_, span| span.kind = SpanKind::Client);
    let called = |number: u64| Span {
        parent_span_id: Some(span_id(1)),
        kind: SpanKind::Server,
        ..Span::new(
            trace.id,
            span_id(number + 2),
            "answer",
            start(),
            start() + 10,
        )
    };
    let spans = (0..calls).map(called).collect();
    trace.resources.push(resource_spans(child, spans));
    trace
}

/// The spans of a trace with what they share, as texts that can be compared.
pub fn spans(trace: &Trace) -> Vec<String> {
    let spans = trace.spans();
    let mut texts: Vec<String> = spans.map(|of| format!("{of:?}")).collect();
    texts.sort_unstable();
    texts
}
