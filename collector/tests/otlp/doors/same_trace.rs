//! The same trace through each receiver: the same spans, apart from what a protocol cannot carry.
//!
//! What each cannot carry is written down here as a function, and for people in `docs/protocols.md`.

use collector::Encoding;
use model::{
    Event, KeyValue, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    StatusCode, TraceId, Value, canonical_string,
};

use super::{decoded, jaeger_wire, zipkin_wire};
use crate::grpc::{call, client_of};
use crate::running::{PROTOBUF, Running, start};
use crate::wire;

/// A trace of two spans that uses what most clients use. Times are whole microseconds of now.
fn trace() -> ResourceSpans {
    let now = bootstrap::clock::now() / 1_000 * 1_000;
    let trace_id = TraceId::parse("0af7651916cd43dd8448eb211c80319c").expect("an id");
    let id = |n: u8| SpanId::new([n; 8]).expect("not zero");
    let mut root = Span::new(trace_id, id(1), "checkout", now, now + 5_000_000);
    root.kind = SpanKind::Server;
    root.attributes = vec![
        KeyValue::new("http.route", "/cart"),
        KeyValue::new("items", 3i64),
        KeyValue::new("cached", false),
        KeyValue::new("price", 2.5),
    ];
    let mut call = Span::new(trace_id, id(2), "pay", now + 1_000, now + 4_000_000);
    call.parent_span_id = Some(id(1));
    call.kind = SpanKind::Client;
    call.trace_state = "vendor=1".into();
    call.status = StatusCode::Error;
    call.status_message = "card refused".into();
    call.attributes = vec![KeyValue::new("peer", "bank")];
    call.events = vec![Event {
        time: now + 2_000,
        name: "retry".into(),
        attributes: vec![KeyValue::new("attempt", 2i64)],
        dropped_attributes: 0,
    }];
    ResourceSpans {
        resource: Resource {
            attributes: vec![
                KeyValue::new("service.name", "shop"),
                KeyValue::new("zone", "a"),
            ],
            ..Resource::default()
        },
        scopes: vec![ScopeSpans {
            scope: Scope {
                name: "shop-http".into(),
                version: "1.2".into(),
                ..Scope::default()
            },
            spans: vec![root, call],
        }],
    }
}

/// Zipkin carries text alone, no attributes of resources but the service, and none of events.
fn by_zipkin(mut of: ResourceSpans) -> ResourceSpans {
    of.resource.attributes.truncate(1);
    for span in of.scopes.iter_mut().flat_map(|of| &mut of.spans) {
        for attribute in &mut span.attributes {
            let text = canonical_string(&attribute.value).into_owned();
            attribute.value = Value::String(text);
        }
        // JSON's objects have no order.
        span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
        for event in &mut span.events {
            event.attributes.clear();
        }
    }
    of
}

fn sorted(mut all: Vec<ResourceSpans>) -> Vec<ResourceSpans> {
    for span in all
        .iter_mut()
        .flat_map(|of| &mut of.scopes)
        .flat_map(|of| &mut of.spans)
    {
        span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
    all
}

#[test]
fn each_encoding_gives_the_same_batch() {
    let sent = trace();
    let (jaeger, zipkin) = (vec![sent.clone()], vec![by_zipkin(sent.clone())]);
    let json = |json: serde_json::Value| json.to_string().into_bytes();
    for (encoding, body, expected) in [
        (Encoding::Protobuf, wire::request(&jaeger), &jaeger),
        (
            Encoding::JaegerProtobuf,
            jaeger_wire::post_spans(&sent),
            &jaeger,
        ),
        (Encoding::JaegerThrift, jaeger_wire::batch(&sent), &jaeger),
        (
            Encoding::ZipkinJson,
            json(zipkin_wire::v2_json(&sent)),
            &zipkin,
        ),
        (
            Encoding::ZipkinProtobuf,
            zipkin_wire::v2_protobuf(&sent),
            &zipkin,
        ),
        (
            Encoding::ZipkinV1Json,
            json(zipkin_wire::v1_json(&sent)),
            &zipkin,
        ),
        (
            Encoding::ZipkinV1Thrift,
            zipkin_wire::v1_thrift(&sent),
            &zipkin,
        ),
    ] {
        let found = decoded(encoding, &body).expect("valid");
        assert_eq!(sorted(found), sorted(expected.clone()), "{encoding:?}");
    }
}

fn stored_after(running: &Running) -> Vec<ResourceSpans> {
    sorted(running.published.resources())
}

#[tokio::test]
async fn each_receiver_publishes_the_same_record() {
    let sent = trace();
    let otlp = start().await;
    let answer = otlp
        .send(PROTOBUF, wire::request(std::slice::from_ref(&sent)))
        .await;
    assert_eq!(answer.status(), 200);
    let expected = stored_after(&otlp);
    let grpc = start().await;
    let path = "/jaeger.api_v2.CollectorService/PostSpans";
    let mut client = client_of(grpc.jaeger_grpc).await;
    let answer = call(&mut client, path, jaeger_wire::post_spans(&sent), &[]).await;
    assert!(answer.is_ok());
    assert_eq!(stored_after(&grpc), expected);
    let thrift = start().await;
    let request = thrift.post_to(
        thrift.jaeger_thrift,
        "/api/traces",
        jaeger_wire::batch(&sent),
    );
    let answer = request
        .header("content-type", "application/x-thrift")
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 202);
    assert_eq!(stored_after(&thrift), expected);
    let zipkin = start().await;
    let spans = zipkin_wire::v2_json(&sent).to_string();
    let answer = zipkin
        .post_to(zipkin.zipkin, "/api/v2/spans", spans)
        .send()
        .await;
    assert_eq!(answer.expect("an answer").status(), 202);
    let cut: Vec<_> = expected.into_iter().map(by_zipkin).collect();
    assert_eq!(stored_after(&zipkin), cut);
}
