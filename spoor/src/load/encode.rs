//! Requests as each protocol writes them. What is encoded here was brought down before to what the
//! protocol can carry, by `carry.rs`.

mod thrift;
mod jaeger;
mod jaeger_thrift;
mod zipkin;
mod zipkin_v1;

use bytes::Bytes;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{InstrumentationScope, KeyValue};
use opentelemetry_proto::tonic::resource::v1::Resource;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use opentelemetry_proto::tonic::trace::v1::{ResourceSpans, Span};
use prost::Message;

use super::Protocol;

/// Encodes a request for this protocol.
///
/// # Errors
/// If the protocol has no form for it.
pub fn encode(protocol: Protocol, request: &ExportTraceServiceRequest) -> anyhow::Result<Bytes> {
    let body = match protocol {
        Protocol::Grpc | Protocol::Http => request.encode_to_vec(),
        Protocol::HttpJson => serde_json::to_vec(request)?,
        Protocol::JaegerGrpc => jaeger::post_spans(request),
        Protocol::JaegerThrift => jaeger_thrift::batch(request)?,
        Protocol::ZipkinJson => zipkin::json(request)?,
        Protocol::ZipkinProtobuf => zipkin::protobuf(request),
        Protocol::ZipkinV1Json => zipkin_v1::json(request)?,
        Protocol::ZipkinV1Thrift => zipkin_v1::thrift(request),
    };
    Ok(body.into())
}

/// A span with what it belongs to.
#[derive(Clone, Copy)]
struct Placed<'a> {
    scope: Option<&'a InstrumentationScope>,
    span: &'a Span,
}

fn spans(of: &ResourceSpans) -> impl Iterator<Item = Placed<'_>> {
    of.scope_spans.iter().flat_map(|of_scope| {
        let scope = of_scope.scope.as_ref();
        of_scope
            .spans
            .iter()
            .map(move |span| Placed { scope, span })
    })
}

impl<'a> Placed<'a> {
    /// The fields of OTLP that other models have tags for: scope and trace state.
    fn field_tags(self) -> impl Iterator<Item = (&'static str, &'a str)> {
        let scope = self.scope.into_iter();
        let scope = scope.flat_map(|scope| {
            [
                ("otel.scope.name", scope.name.as_str()),
                ("otel.scope.version", scope.version.as_str()),
            ]
        });
        let state = ("w3c.tracestate", self.span.trace_state.as_str());
        scope.chain([state]).filter(|(_, text)| !text.is_empty())
    }

    fn kind(self) -> SpanKind {
        SpanKind::try_from(self.span.kind).unwrap_or_default()
    }
}

/// The name of the service, and the other attributes.
fn service(resource: Option<&Resource>) -> (&str, impl Iterator<Item = &KeyValue>) {
    let attributes = resource.map_or(&[][..], |resource| &resource.attributes);
    let is_name = |of: &&KeyValue| of.key == "service.name";
    let name = attributes.iter().find(is_name);
    let name = name.and_then(|of| match of.value.as_ref()?.value.as_ref()? {
        Value::StringValue(name) => Some(name.as_str()),
        _ => None,
    });
    let others = attributes.iter().filter(move |of| !is_name(of));
    (name.unwrap_or_default(), others)
}

/// The first half of a trace id, which Thrift has a field for.
fn high(trace_id: &[u8]) -> &[u8] {
    &trace_id[..trace_id.len() / 2]
}

/// The second half.
fn low(trace_id: &[u8]) -> &[u8] {
    &trace_id[trace_id.len() / 2..]
}
