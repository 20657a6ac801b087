//! The edge cases of a trace chunk: one function each, named as its file.

use model::{
    Event, KeyValue, Link, Repair, Repairs, Resource, ResourceSpans, Scope, ScopeSpans, Span,
    SpanId, SpanKind, StatusCode, Trace, TraceId, Value,
};
use schemas::MAX_NESTING;

const START: u64 = 1_700_000_000_000_000_000;

/// Every case with its name. New ones go to the end; none is ever changed or removed.
pub fn all() -> Vec<(&'static str, Trace)> {
    vec![
        ("root_only", trace(vec![span(1, "GET /")])),
        ("no_spans", trace_of(Vec::new())),
        ("every_type_of_value", every_type_of_value()),
        ("every_field", every_field()),
        ("zipkin_shared_ids", zipkin_shared_ids()),
        ("repairs", repairs()),
        ("empty_texts", empty_texts()),
        ("unicode", unicode()),
        ("huge_numbers", huge_numbers()),
        ("deepest_nesting", deepest_nesting()),
        ("equal_keys", equal_keys()),
        ("many_resources_and_scopes", many_resources_and_scopes()),
        ("every_kind_and_status", every_kind_and_status()),
    ]
}

fn id(byte: u8) -> SpanId {
    SpanId::new([byte; 8]).expect("not zero")
}

fn trace_id() -> TraceId {
    TraceId::parse("0af7651916cd43dd8448eb211c80319c").expect("a valid id")
}

fn span(number: u8, name: &str) -> Span {
    Span::new(trace_id(), id(number), name, START, START + 1_000_000)
}

fn service(name: &str, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Resource {
            attributes: vec![KeyValue::new("service.name", name)],
            ..Resource::default()
        },
        scopes: vec![ScopeSpans {
            scope: Scope::default(),
            spans,
        }],
    }
}

fn trace_of(resources: Vec<ResourceSpans>) -> Trace {
    let id = trace_id();
    Trace { id, resources }
}

fn trace(spans: Vec<Span>) -> Trace {
    trace_of(vec![service("checkout", spans)])
}

fn with_attributes(attributes: Vec<KeyValue>) -> Trace {
    let mut span = span(1, "GET /");
    span.attributes = attributes;
    trace(vec![span])
}

fn every_type_of_value() -> Trace {
    let values = [
        ("empty", Value::Empty),
        ("string", "text".into()),
        ("bool.true", true.into()),
        ("bool.false", false.into()),
        ("int", 42.into()),
        ("double", 0.5.into()),
        ("double.nan", f64::NAN.into()),
        ("double.infinite", f64::NEG_INFINITY.into()),
        ("double.minus_zero", (-0.0).into()),
        ("bytes", Value::Bytes(vec![0, 127, 128, 255])),
        ("bytes.empty", Value::Bytes(Vec::new())),
        (
            "array",
            Value::Array(vec![1.into(), "two".into(), Value::Empty]),
        ),
        ("array.empty", Value::Array(Vec::new())),
        ("map", Value::Map(vec![KeyValue::new("inner", true)])),
        ("map.empty", Value::Map(Vec::new())),
    ];
    let attributes = values.map(|(key, value)| KeyValue::new(key, value));
    with_attributes(attributes.to_vec())
}

fn every_field() -> Trace {
    let mut span = span(1, "POST /checkout");
    span.parent_span_id = Some(id(2));
    span.trace_state = "vendor=1,other=2".into();
    span.flags = 0x301;
    span.kind = SpanKind::Server;
    span.attributes = vec![KeyValue::new("http.response.status_code", 503)];
    (
        span.dropped_attributes,
        span.dropped_events,
        span.dropped_links,
    ) = (1, 2, 3);
    span.events = vec![Event {
        time: START + 500,
        name: "exception".into(),
        attributes: vec![KeyValue::new("exception.type", "Timeout")],
        dropped_attributes: 4,
    }];
    span.links = vec![Link {
        trace_id: TraceId::new([9; 16]).expect("not zero"),
        span_id: id(9),
        trace_state: "linked=1".into(),
        attributes: vec![KeyValue::new("messaging.operation.type", "receive")],
        dropped_attributes: 5,
        flags: 1,
    }];
    (span.status, span.status_message) = (StatusCode::Error, "upstream timed out".into());
    let mut resource = service("checkout", vec![span]);
    resource.resource.dropped_attributes = 6;
    resource.resource.schema_url = "https://opentelemetry.io/schemas/1.30.0".into();
    resource.scopes[0].scope = Scope {
        name: "io.opentelemetry.tomcat".into(),
        version: "2.1.0".into(),
        attributes: vec![KeyValue::new("build", "native")],
        dropped_attributes: 7,
        schema_url: "https://opentelemetry.io/schemas/1.29.0".into(),
    };
    trace_of(vec![resource])
}

/// A client and a server span with one id, as Zipkin's tracers send them.
fn zipkin_shared_ids() -> Trace {
    let side = |kind| Span {
        kind,
        parent_span_id: Some(id(2)),
        ..span(1, "get /")
    };
    trace_of(vec![
        service("frontend", vec![side(SpanKind::Client)]),
        service("backend", vec![side(SpanKind::Server)]),
    ])
}

fn repairs() -> Trace {
    let mut all = Repairs::NONE;
    Repair::ALL.iter().for_each(|repair| all.insert(*repair));
    let repaired = |number, bits| Span {
        repairs: Repairs::from_bits(bits),
        ..span(number, "repaired")
    };
    trace(vec![
        repaired(1, all.bits()),
        repaired(2, u32::MAX),
        repaired(3, 1),
    ])
}

fn empty_texts() -> Trace {
    let mut span = span(1, "");
    span.attributes = vec![KeyValue::new("empty", "")];
    trace_of(vec![ResourceSpans {
        resource: Resource::default(),
        scopes: vec![ScopeSpans {
            scope: Scope::default(),
            spans: vec![span],
        }],
    }])
}

fn unicode() -> Trace {
    let texts = [
        "Grüße",
        "日本語",
        "🦀🔭",
        "e\u{301}",
        "\u{202e}right",
        "\u{fffd}",
        "\t\n\u{1b}[31m",
    ];
    let attribute = |text: &&str| KeyValue::new(format!("key {text}"), *text);
    with_attributes(texts.iter().map(attribute).collect())
}

fn huge_numbers() -> Trace {
    let mut span = span(1, "huge");
    (span.start, span.end) = (0, i64::MAX as u64);
    span.flags = u32::MAX;
    span.dropped_attributes = u32::MAX;
    span.attributes = vec![
        KeyValue::new("int.min", i64::MIN),
        KeyValue::new("int.max", i64::MAX),
        KeyValue::new("double.max", f64::MAX),
        KeyValue::new("double.least", 5e-324),
    ];
    trace(vec![span])
}

fn deepest_nesting() -> Trace {
    let wrap = |value, depth: usize| match depth % 2 {
        0 => Value::Array(vec![value]),
        _ => Value::Map(vec![KeyValue::new("k", value)]),
    };
    let deepest = (0..MAX_NESTING).fold("core".into(), wrap);
    with_attributes(vec![KeyValue::new("deep", deepest)])
}

fn equal_keys() -> Trace {
    with_attributes(vec![
        KeyValue::new("key", "first"),
        KeyValue::new("key", "last"),
        KeyValue::new(
            "map",
            Value::Map(vec![KeyValue::new("k", 1), KeyValue::new("k", 2)]),
        ),
    ])
}

fn many_resources_and_scopes() -> Trace {
    let scope = |name: &str, numbers: [u8; 2]| ScopeSpans {
        scope: Scope {
            name: name.into(),
            ..Scope::default()
        },
        spans: numbers.map(|number| span(number, name)).to_vec(),
    };
    let mut frontend = service("frontend", Vec::new());
    frontend.scopes = vec![scope("http", [1, 2]), scope("redis", [3, 4])];
    let mut backend = service("backend", Vec::new());
    backend.scopes = vec![scope("http", [5, 6])];
    trace_of(vec![frontend, backend])
}

fn every_kind_and_status() -> Trace {
    let kinds = SpanKind::ALL.iter().copied().cycle();
    let pairs = kinds.zip(StatusCode::ALL.iter().copied().cycle()).take(6);
    let numbered = pairs.enumerate().map(|(number, (kind, status))| Span {
        kind,
        status,
        ..span(number as u8 + 1, kind.as_str())
    });
    trace(numbered.collect())
}
