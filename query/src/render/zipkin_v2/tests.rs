//! The shapes of Zipkin's second format, to the byte.

use model::{
    Event, KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, StatusCode, Trace, Value,
};

use super::*;
use crate::adjust::Warnings;
use crate::adjust::samples::{child, id, span, trace};

fn rendered(of: Trace) -> String {
    let adjusted = Adjusted {
        trace: of,
        warnings: Warnings::default(),
        raw: true,
        truncated: false,
    };
    let mut out = Output::in_memory();
    trace_of(&mut out, &adjusted);
    String::from_utf8(out.into_bytes()).expect("JSON is text")
}

fn trace_of(out: &mut Output, adjusted: &Adjusted) {
    super::trace(out, adjusted).expect("memory takes everything");
}

fn of_service(service: &str, scope: Scope, spans: Vec<Span>) -> ResourceSpans {
    ResourceSpans {
        resource: Resource {
            attributes: vec![
                KeyValue::new("service.name", service),
                KeyValue::new("host.name", "a1"),
            ],
            ..Resource::default()
        },
        scopes: vec![ScopeSpans { scope, spans }],
    }
}

#[test]
fn client_and_server_share_an_id_and_each_tells_of_the_other() {
    let client = Span {
        kind: SpanKind::Client,
        end: 1_000_000_000 + 1_500,
        attributes: vec![
            KeyValue::new("peer.service", "shop"),
            KeyValue::new("net.peer.ip", "10.0.0.2"),
            KeyValue::new("net.peer.port", 8080i64),
            KeyValue::new("net.host.ip", "::1"),
            KeyValue::new("http.method", "GET"),
        ],
        ..child(2, 1)
    };
    let server = Span {
        kind: SpanKind::Server,
        attributes: vec![
            KeyValue::new("network.local.address", "10.0.0.2"),
            KeyValue::new("net.peer.ip", "not an address"),
        ],
        ..child(2, 1)
    };
    let text = rendered(trace(vec![
        of_service("web", Scope::default(), vec![client]),
        of_service("shop", Scope::default(), vec![server]),
    ]));
    insta::assert_snapshot!(text.replace("},{\"traceId", "},\n{\"traceId"));
}

#[test]
fn everything_else_is_a_tag_or_an_annotation() {
    let scope = Scope {
        name: "lib".to_owned(),
        version: "1".to_owned(),
        ..Scope::default()
    };
    let event = |name: &str, attributes| Event {
        time: 1_000_001_999,
        name: name.to_owned(),
        attributes,
        dropped_attributes: 0,
    };
    let one = Span {
        status: StatusCode::Error,
        status_message: "card declined".to_owned(),
        trace_state: "a=b".to_owned(),
        events: vec![
            event("retry", Vec::new()),
            event(
                "miss",
                vec![KeyValue::new("key", "<b>"), KeyValue::new("n", 2i64)],
            ),
        ],
        attributes: vec![
            KeyValue::new("host.name", "b2"),
            KeyValue {
                key: "list".to_owned(),
                value: Value::Array(vec![1i64.into(), "x".into()]),
            },
        ],
        ..span(1)
    };
    let quiet = Span {
        name: String::new(),
        status: StatusCode::Error,
        start: 0,
        end: 0,
        ..span(3)
    };
    let fine = Span {
        status: StatusCode::Ok,
        kind: SpanKind::Consumer,
        parent_span_id: Some(id(1)),
        ..span(4)
    };
    let text = rendered(trace(vec![of_service(
        "web",
        scope,
        vec![one, quiet, fine],
    )]));
    insta::assert_snapshot!(text.replace("},{\"traceId", "},\n{\"traceId"));
}

#[test]
fn an_endpoint_that_came_with_a_resource_is_one_again() {
    let mut of_shop = of_service("shop", Scope::default(), vec![span(1)]);
    of_shop.resource.attributes.extend([
        KeyValue::new("net.host.ip", "10.1.2.3"),
        KeyValue::new("net.host.ipv6", "2001:db8::7"),
        KeyValue::new("net.host.port", 8080i64),
    ]);
    let text = rendered(trace(vec![of_shop.clone()]));
    let whole = r#""localEndpoint":{"serviceName":"shop","ipv4":"10.1.2.3","ipv6":"2001:db8::7","port":8080}"#;
    assert!(text.contains(whole) && !text.contains("net.host"), "{text}");

    let own = KeyValue::new("net.host.ip", "10.9.9.9");
    of_shop.scopes[0].spans[0].attributes.push(own);
    let text = rendered(trace(vec![of_shop]));
    assert!(
        text.contains(r#""ipv4":"10.9.9.9""#) && !text.contains("10.1.2.3"),
        "a span's attribute hides its resource's: {text}"
    );
}
