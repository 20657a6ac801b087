//! Rust's SDK, in this process.

use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry::trace::{
    Event, Link, Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt, TraceFlags,
    TraceId, TraceState, Tracer, TracerProvider,
};
use opentelemetry::{Array, Context, InstrumentationScope, KeyValue, Value as Attribute};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider, SpanData, SpanExporter as Export};
use serde_json::{Value, json};

use super::Report;
use crate::otlp_json::sorted;

/// Exports through another exporter and keeps what was exported.
#[derive(Debug)]
struct Keeping {
    exporter: SpanExporter,
    sent: Arc<Mutex<Vec<SpanData>>>,
}

impl Export for Keeping {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let kept = batch.clone();
        self.exporter.export(batch).await?;
        self.sent.lock().expect("nothing panicked").extend(kept);
        Ok(())
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

/// Exports one trace over `grpc` or `http` and tells what was sent.
pub fn export(protocol: &str, endpoint: &str) -> Report {
    let runtime = tokio::runtime::Runtime::new().expect("a runtime");
    let _entered = runtime.enter();
    let exporter = exporter(protocol, endpoint);
    let sent = Arc::new(Mutex::new(Vec::new()));
    let resource = Resource::builder()
        .with_service_name("rust-shop")
        .with_attribute(KeyValue::new("service.version", "1.2.3"))
        .build();
    let provider = SdkTracerProvider::builder()
        .with_resource(resource.clone())
        .with_simple_exporter(Keeping {
            exporter,
            sent: sent.clone(),
        })
        .build();
    let scope = InstrumentationScope::builder("checkout").with_version("0.9");
    make_trace(&provider.tracer_with_scope(scope.build()));
    provider.shutdown().expect("everything is exported");
    let sent = sent.lock().expect("nothing panicked");
    let report = |span: &SpanData| report(span, &resource);
    Report {
        trace_id: sent[0].span_context.trace_id().to_string(),
        spans: sorted(sent.iter().map(report).collect()),
    }
}

fn exporter(protocol: &str, endpoint: &str) -> SpanExporter {
    let exporter = match protocol {
        "grpc" => SpanExporter::builder()
            .with_tonic()
            .with_endpoint(endpoint)
            .build(),
        _ => SpanExporter::builder()
            .with_http()
            .with_protocol(Protocol::HttpBinary)
            .with_endpoint(format!("{endpoint}/v1/traces"))
            .build(),
    };
    exporter.expect("an exporter")
}

/// The trace that every client of these tests exports.
fn make_trace(tracer: &SdkTracer) {
    let root = tracer
        .span_builder("POST /checkout")
        .with_kind(SpanKind::Server)
        .with_attributes([
            KeyValue::new("http.response.status_code", 500),
            KeyValue::new("retries", Attribute::Array(Array::I64(vec![1, 2, 3]))),
            KeyValue::new("ratio", 0.25),
            KeyValue::new("cached", false),
            KeyValue::new("customer", "Zoë 🛒"),
        ])
        .start(tracer);
    let elsewhere = SpanContext::new(
        TraceId::from(0xabc),
        SpanId::from(0xdef),
        TraceFlags::SAMPLED,
        true,
        TraceState::default(),
    );
    let link = Link::new(elsewhere, vec![KeyValue::new("why", "retry")], 0);
    let context = Context::new().with_span(root);
    let mut charge = tracer
        .span_builder("charge")
        .with_kind(SpanKind::Client)
        .with_links(vec![link])
        .start_with_context(tracer, &context);
    charge.add_event("card declined", vec![KeyValue::new("attempt", 2)]);
    charge.record_error(&std::io::Error::other("no funds"));
    charge.set_status(Status::error("declined"));
    charge.end();
    context.span().end();
}

fn report(span: &SpanData, resource: &Resource) -> Value {
    let parent = (span.parent_span_id != SpanId::INVALID).then(|| span.parent_span_id.to_string());
    let (code, message) = match &span.status {
        Status::Unset => (0, ""),
        Status::Ok => (1, ""),
        Status::Error { description } => (2, description.as_ref()),
    };
    let scope = &span.instrumentation_scope;
    json!({
        "traceId": span.span_context.trace_id().to_string(),
        "spanId": span.span_context.span_id().to_string(),
        "parentSpanId": parent.unwrap_or_default(),
        "name": span.name,
        "kind": kind(&span.span_kind),
        "startTimeUnixNano": nanos(span.start_time),
        "endTimeUnixNano": nanos(span.end_time),
        "attributes": attributes(span.attributes.iter().map(pair)),
        "events": span.events.events.iter().map(event).collect::<Vec<_>>(),
        "links": span.links.links.iter().map(link).collect::<Vec<_>>(),
        "status": { "code": code, "message": message },
        "scope": { "name": scope.name(), "version": scope.version().unwrap_or_default() },
        "resource": attributes(resource.iter().map(|(key, value)| (key.as_str(), value))),
    })
}

/// OTLP's number.
fn kind(kind: &SpanKind) -> u8 {
    match kind {
        SpanKind::Internal => 1,
        SpanKind::Server => 2,
        SpanKind::Client => 3,
        SpanKind::Producer => 4,
        SpanKind::Consumer => 5,
    }
}

fn event(event: &Event) -> Value {
    json!({
        "timeUnixNano": nanos(event.timestamp),
        "name": event.name,
        "attributes": attributes(event.attributes.iter().map(pair)),
    })
}

fn link(link: &Link) -> Value {
    json!({
        "traceId": link.span_context.trace_id().to_string(),
        "spanId": link.span_context.span_id().to_string(),
        "attributes": attributes(link.attributes.iter().map(pair)),
    })
}

fn nanos(time: SystemTime) -> String {
    let since = time.duration_since(UNIX_EPOCH).expect("after 1970");
    since.as_nanos().to_string()
}

fn pair(attribute: &KeyValue) -> (&str, &Attribute) {
    (attribute.key.as_str(), &attribute.value)
}

fn attributes<'a>(pairs: impl Iterator<Item = (&'a str, &'a Attribute)>) -> Value {
    let mut pairs: Vec<_> = pairs.collect();
    pairs.sort_by_key(|(key, _)| *key);
    let one = |(key, value)| json!({ "key": key, "value": any_value(value) });
    Value::Array(pairs.into_iter().map(one).collect())
}

fn any_value(value: &Attribute) -> Value {
    let list = |values: Vec<Value>| json!({ "arrayValue": { "values": values } });
    let int = |number: &i64| json!({ "intValue": number.to_string() });
    match value {
        Attribute::Bool(flag) => json!({ "boolValue": flag }),
        Attribute::I64(number) => int(number),
        Attribute::F64(number) => json!({ "doubleValue": number }),
        Attribute::Array(Array::I64(numbers)) => list(numbers.iter().map(int).collect()),
        other => json!({ "stringValue": other.as_str() }),
    }
}
