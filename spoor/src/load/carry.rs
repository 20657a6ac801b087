//! What is left of spans that a protocol has carried: what each has no place for, as a function. The
//! same for people is in `docs/protocols.md`.

use model::canonical_string;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, ScopeSpans, Span, Status};

use super::Protocol;

const NANOS_PER_MICRO: u64 = 1_000;
/// The link attribute that keeps the type of a reference.
const REF_TYPE: &str = "opentracing.ref_type";

/// The request as a reader finds it again.
pub(super) fn carried(
    protocol: Protocol,
    mut request: ExportTraceServiceRequest,
) -> ExportTraceServiceRequest {
    let each = match protocol {
        Protocol::Grpc | Protocol::Http | Protocol::HttpJson => return request,
        Protocol::JaegerGrpc => by_jaeger,
        Protocol::JaegerThrift => by_jaegers_thrift,
        Protocol::ZipkinJson | Protocol::ZipkinProtobuf => by_zipkin,
        Protocol::ZipkinV1Json => by_zipkins_first_json,
        Protocol::ZipkinV1Thrift => by_zipkins_thrift,
    };
    request.resource_spans.iter_mut().for_each(each);
    request
}

/// The text of a value, as readers compare it.
pub(super) fn text(value: &Option<AnyValue>) -> String {
    canonical_string(&of_model(value)).into_owned()
}

fn of_model(value: &Option<AnyValue>) -> model::Value {
    match value.as_ref().and_then(|of| of.value.as_ref()) {
        Some(Value::StringValue(text)) => model::Value::String(text.clone()),
        Some(Value::BoolValue(is)) => model::Value::Bool(*is),
        Some(Value::IntValue(number)) => model::Value::Int(*number),
        Some(Value::DoubleValue(number)) => model::Value::Double(*number),
        Some(Value::BytesValue(bytes)) => model::Value::Bytes(bytes.clone()),
        Some(Value::ArrayValue(array)) => {
            let items = array.values.iter().cloned();
            model::Value::Array(items.map(|item| of_model(&Some(item))).collect())
        }
        Some(Value::KvlistValue(map)) => {
            let entries = map.values.iter();
            let entry = |of: &KeyValue| model::KeyValue::new(of.key.as_str(), of_model(&of.value));
            model::Value::Map(entries.map(entry).collect())
        }
        _ => model::Value::Empty,
    }
}

fn become_text(attribute: &mut KeyValue) {
    let text = text(&attribute.value);
    attribute.value = Some(AnyValue {
        value: Some(Value::StringValue(text)),
    });
}

/// Lists, maps and nothing become text.
fn become_scalar(attribute: &mut KeyValue) {
    let value = attribute.value.as_ref().and_then(|of| of.value.as_ref());
    if matches!(
        value,
        None | Some(Value::ArrayValue(_) | Value::KvlistValue(_))
    ) {
        become_text(attribute);
    }
}

/// The same, and what JSON has no value for.
fn become_json(attribute: &mut KeyValue) {
    let value = attribute.value.as_ref().and_then(|of| of.value.as_ref());
    let is_strange = match value {
        Some(Value::DoubleValue(number)) => !number.is_finite(),
        Some(Value::BytesValue(_)) => true,
        _ => false,
    };
    match is_strange {
        true => become_text(attribute),
        false => become_scalar(attribute),
    }
}

/// Neither Jaeger nor Zipkin has a place for these.
fn forget_in_common(of: &mut ResourceSpans) {
    of.schema_url.clear();
    if let Some(resource) = &mut of.resource {
        resource.dropped_attributes_count = 0;
    }
    for of_scope in &mut of.scope_spans {
        of_scope.schema_url.clear();
        let named = of_scope.scope.take().filter(|scope| !scope.name.is_empty());
        of_scope.scope = named.map(|mut scope| {
            scope.attributes.clear();
            scope.dropped_attributes_count = 0;
            scope
        });
    }
    for span in spans(of) {
        span.dropped_attributes_count = 0;
        span.dropped_events_count = 0;
        span.dropped_links_count = 0;
        span.status = span.status.take().filter(|status| status.code != 0);
        for event in &mut span.events {
            event.dropped_attributes_count = 0;
        }
    }
}

fn spans(of: &mut ResourceSpans) -> impl Iterator<Item = &mut Span> {
    let scopes = of.scope_spans.iter_mut();
    scopes.flat_map(|ScopeSpans { spans, .. }| spans)
}

fn by_jaeger(of: &mut ResourceSpans) {
    forget_in_common(of);
    if let Some(resource) = &mut of.resource {
        resource.attributes.iter_mut().for_each(become_scalar);
    }
    for span in spans(of) {
        span.attributes.iter_mut().for_each(become_scalar);
        for event in &mut span.events {
            event.attributes.iter_mut().for_each(become_scalar);
        }
        for link in &mut span.links {
            link.flags = 0;
            link.trace_state.clear();
            link.dropped_attributes_count = 0;
            link.attributes = vec![KeyValue {
                key: REF_TYPE.to_owned(),
                value: Some(AnyValue {
                    value: Some(Value::StringValue("follows_from".to_owned())),
                }),
                ..Default::default()
            }];
        }
    }
}

fn by_jaegers_thrift(of: &mut ResourceSpans) {
    by_jaeger(of);
    spans(of).for_each(become_micros);
}

fn by_zipkin(of: &mut ResourceSpans) {
    by_every_zipkin(of);
    for span in spans(of) {
        span.attributes.iter_mut().for_each(become_text);
        // The objects of JSON have no order.
        span.attributes.sort_by(|a, b| a.key.cmp(&b.key));
    }
}

fn by_zipkins_first_json(of: &mut ResourceSpans) {
    by_every_zipkin(of);
    spans(of).for_each(|span| span.attributes.iter_mut().for_each(become_json));
}

fn by_zipkins_thrift(of: &mut ResourceSpans) {
    by_every_zipkin(of);
    spans(of).for_each(|span| span.attributes.iter_mut().for_each(become_scalar));
}

fn by_every_zipkin(of: &mut ResourceSpans) {
    forget_in_common(of);
    if let Some(resource) = &mut of.resource {
        resource.attributes.retain(|of| of.key == "service.name");
    }
    for span in spans(of) {
        become_micros(span);
        span.flags = 0;
        span.links.clear();
        for event in &mut span.events {
            event.attributes.clear();
        }
        if let Some(Status { code: 2, message }) = &mut span.status
            && message == "true"
        {
            message.clear();
        }
    }
}

/// A start and a duration in whole microseconds.
fn become_micros(span: &mut Span) {
    let whole = |nanos: u64| nanos / NANOS_PER_MICRO * NANOS_PER_MICRO;
    let lasts = span
        .end_time_unix_nano
        .saturating_sub(span.start_time_unix_nano);
    span.start_time_unix_nano = whole(span.start_time_unix_nano);
    span.end_time_unix_nano = span.start_time_unix_nano + whole(lasts);
    for event in &mut span.events {
        event.time_unix_nano = whole(event.time_unix_nano);
    }
}
