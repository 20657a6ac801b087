//! Zipkin's version 1, in JSON and Thrift: kind and service are told by annotations, each of which names
//! its host. Field numbers are those of `zipkincore.thrift`.

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use serde_json::{Value as Json, json};

use super::thrift::{STRUCT, Writer};
use super::zipkin::{NANOS_PER_MICRO, ZipkinSpan, all, hex};
use super::{high, low};
use crate::load::carry;

/// The binary annotation by which a span without a kind names its service.
const LOCAL_COMPONENT: &str = "lc";

/// Time in microseconds and value of each annotation: the ends that tell the kind, then events.
fn annotations<'a>(of: &'a ZipkinSpan<'_>) -> impl Iterator<Item = (u64, &'a str)> {
    let ends: &[&str] = match of.placed.kind() {
        SpanKind::Client => &["cs", "cr"],
        SpanKind::Server => &["sr", "ss"],
        SpanKind::Producer => &["ms"],
        SpanKind::Consumer => &["mr"],
        SpanKind::Unspecified | SpanKind::Internal => &[],
    };
    let times = [of.start(), of.start() + of.duration()];
    let events = of.placed.span.events.iter();
    let events = events.map(|event| {
        let micros = event.time_unix_nano / NANOS_PER_MICRO;
        (micros, event.name.as_str())
    });
    times.into_iter().zip(ends.iter().copied()).chain(events)
}

/// What there are only tags for, and the attributes, whose values have types.
fn binary_annotations(of: &ZipkinSpan<'_>) -> Vec<KeyValue> {
    let told = |(key, text)| KeyValue {
        key,
        value: Some(AnyValue {
            value: Some(Value::StringValue(text)),
        }),
        ..KeyValue::default()
    };
    let mut all: Vec<KeyValue> = of.field_tags().into_iter().map(told).collect();
    all.extend_from_slice(&of.placed.span.attributes);
    let kind = of.placed.kind();
    if matches!(kind, SpanKind::Unspecified | SpanKind::Internal) {
        all.push(told((LOCAL_COMPONENT.to_owned(), String::new())));
    }
    all
}

/// A list of spans.
pub(super) fn json(request: &ExportTraceServiceRequest) -> anyhow::Result<Vec<u8>> {
    let list: Vec<Json> = all(request).map(|span| json_span(&span)).collect();
    Ok(serde_json::to_vec(&list)?)
}

fn json_span(of: &ZipkinSpan<'_>) -> Json {
    let span = of.placed.span;
    let host = json!({ "serviceName": of.service });
    let annotation =
        |(at, value): (u64, &str)| json!({ "timestamp": at, "value": value, "endpoint": host });
    let annotations: Vec<Json> = annotations(of).map(annotation).collect();
    let binary = binary_annotations(of);
    let binary = binary
        .iter()
        .map(|of| json!({ "key": of.key, "value": json_value(of), "endpoint": host }));
    let binary: Vec<Json> = binary.collect();
    let mut json = json!({
        "traceId": hex(&span.trace_id),
        "id": hex(&span.span_id),
        "name": span.name,
        "timestamp": of.start(),
        "duration": of.duration(),
        "annotations": annotations,
        "binaryAnnotations": binary,
    });
    if !span.parent_span_id.is_empty() {
        json["parentId"] = hex(&span.parent_span_id).into();
    }
    json
}

fn json_value(of: &KeyValue) -> Json {
    match of.value.as_ref().and_then(|of| of.value.as_ref()) {
        Some(Value::BoolValue(is)) => json!(is),
        Some(Value::IntValue(number)) => json!(number),
        Some(Value::DoubleValue(number)) if number.is_finite() => json!(number),
        _ => json!(carry::text(&of.value)),
    }
}

/// A list of spans.
pub(super) fn thrift(request: &ExportTraceServiceRequest) -> Vec<u8> {
    let mut out = Writer::default();
    out.structs(all(request), |out, of| thrift_span(out, &of));
    out.finish()
}

fn thrift_span(out: &mut Writer, of: &ZipkinSpan<'_>) {
    let span = of.placed.span;
    out.id(1, low(&span.trace_id));
    out.text(3, span.name.as_bytes());
    out.id(4, &span.span_id);
    if !span.parent_span_id.is_empty() {
        out.id(5, &span.parent_span_id);
    }
    out.list(6, annotations(of), |out, (at, value)| {
        out.i64(1, at as i64);
        out.text(2, value.as_bytes());
        host(out, 3, of.service);
        out.end();
    });
    out.list(8, binary_annotations(of), |out, tag| {
        let (kind, bytes) = thrift_value(&tag);
        out.text(1, tag.key.as_bytes());
        out.text(2, &bytes);
        out.i32(3, kind);
        host(out, 4, of.service);
        out.end();
    });
    out.i64(10, of.start() as i64);
    out.i64(11, of.duration() as i64);
    out.id(12, high(&span.trace_id));
    out.end();
}

fn host(out: &mut Writer, field: i16, service: &str) {
    out.begin(STRUCT, field);
    out.text(3, service.as_bytes());
    out.end();
}

/// The number of a value's type, and its bytes.
fn thrift_value(of: &KeyValue) -> (i32, Vec<u8>) {
    match of.value.as_ref().and_then(|of| of.value.as_ref()) {
        Some(Value::BoolValue(is)) => (0, vec![u8::from(*is)]),
        Some(Value::BytesValue(bytes)) => (1, bytes.clone()),
        Some(Value::IntValue(number)) => (4, number.to_be_bytes().to_vec()),
        Some(Value::DoubleValue(number)) => (5, number.to_be_bytes().to_vec()),
        _ => (6, carry::text(&of.value).into_bytes()),
    }
}
