//! One request in each encoding, written without any code of ours, and the model it comes out as.

use collector::Encoding;
use model::{
    Event, KeyValue, Link, Repairs, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId,
    SpanKind, StatusCode, TraceId, Value,
};

use super::decoded;

/// The requests. The seeds of the mutations as well.
pub const SEEDS: [(Encoding, &[u8]); 7] = [
    (
        Encoding::JaegerProtobuf,
        include_bytes!("seeds/jaeger-post-spans.protobuf"),
    ),
    (
        Encoding::JaegerThrift,
        include_bytes!("seeds/jaeger-batch.thrift"),
    ),
    (Encoding::ZipkinJson, include_bytes!("seeds/zipkin-v2.json")),
    (
        Encoding::ZipkinProtobuf,
        include_bytes!("seeds/zipkin-v2.protobuf"),
    ),
    (
        Encoding::ZipkinV1Json,
        include_bytes!("seeds/zipkin-v1.json"),
    ),
    (
        Encoding::ZipkinV1Thrift,
        include_bytes!("seeds/zipkin-v1.thrift"),
    ),
    (
        Encoding::JaegerSpanJson,
        include_bytes!("seeds/jaeger-span.json"),
    ),
];

const START: u64 = 1_700_000_000_000_000_000;

/// What all protocols can carry of the span.
fn span() -> Span {
    let trace_id = TraceId::parse("01020304050607081122334455667788").expect("an id");
    let span_id = SpanId::parse("1000000000000001").expect("an id");
    Span {
        parent_span_id: SpanId::parse("2000000000000002").ok(),
        trace_state: "a=b".into(),
        flags: 3,
        kind: SpanKind::Server,
        status: StatusCode::Error,
        status_message: "out of stock".into(),
        repairs: Repairs::NONE,
        ..Span::new(trace_id, span_id, "checkout", START, START + 1_500_000)
    }
}

fn of_shop(resource: Vec<KeyValue>, span: Span) -> Vec<ResourceSpans> {
    let scope = Scope {
        name: "shop-http".into(),
        version: "1.2".into(),
        ..Scope::default()
    };
    let scopes = vec![ScopeSpans {
        scope,
        spans: vec![span],
    }];
    let resource = Resource {
        attributes: resource,
        ..Resource::default()
    };
    vec![ResourceSpans { resource, scopes }]
}

fn jaeger() -> Vec<ResourceSpans> {
    let mut span = span();
    span.attributes = vec![
        KeyValue::new("http.route", "/cart"),
        KeyValue::new("items", 3i64),
        KeyValue::new("price", 2.5),
        KeyValue::new("cached", false),
        KeyValue::new("digest", Value::Bytes(vec![0, 255])),
    ];
    span.events = vec![Event {
        time: START + 10_000,
        name: "retry".into(),
        attributes: vec![KeyValue::new("attempt", 2i64)],
        dropped_attributes: 0,
    }];
    span.links = vec![Link {
        trace_id: TraceId::parse("5").expect("an id"),
        span_id: SpanId::parse("6").expect("an id"),
        trace_state: String::new(),
        attributes: vec![KeyValue::new("opentracing.ref_type", "follows_from")],
        dropped_attributes: 0,
        flags: 0,
    }];
    let resource = vec![
        KeyValue::new("service.name", "shop"),
        KeyValue::new("ip", "10.0.0.1"),
        KeyValue::new("host.name", "node-1"),
        KeyValue::new("opencensus.exporterversion", "Jaeger-Go-2.30.0"),
    ];
    of_shop(resource, span)
}

fn zipkin() -> Vec<ResourceSpans> {
    let mut span = span();
    span.attributes = vec![
        KeyValue::new("http.route", "/cart"),
        KeyValue::new("items", "3"),
        KeyValue::new("peer.service", "web"),
        KeyValue::new("net.peer.ip", "2001:db8::1"),
        KeyValue::new("net.peer.port", 40_000i64),
    ];
    span.events = vec![Event {
        time: START + 10_000,
        name: "retry".into(),
        attributes: vec![],
        dropped_attributes: 0,
    }];
    let resource = vec![
        KeyValue::new("service.name", "shop"),
        KeyValue::new("net.host.ip", "10.0.0.1"),
        KeyValue::new("net.host.port", 8_080i64),
    ];
    of_shop(resource, span)
}

#[test]
fn each_request_comes_out_as_its_model() {
    for (encoding, body) in SEEDS {
        let expected = match encoding {
            Encoding::JaegerProtobuf | Encoding::JaegerSpanJson | Encoding::JaegerThrift => {
                jaeger()
            }
            _ => zipkin(),
        };
        let found = decoded(encoding, body).unwrap_or_else(|error| panic!("{encoding:?}: {error}"));
        assert_eq!(found, expected, "{encoding:?}");
    }
}
