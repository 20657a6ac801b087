//! encode as OTLP: a batch → the bytes of one `ExportTraceServiceRequest`.
//!
//! Field numbers are those of `opentelemetry/proto/{collector/trace,trace,common,resource}/v1`.
//! Requests laid one behind the other are one request: protobuf joins repeated fields.

mod wire;

use model::{
    AttributeRef, EventRef, Extent, LinkRef, Repairs, ResourceRef, SpanBatch, SpanRef, ValueRef,
};

use self::wire::Writer;
use crate::decode::Decoded;
use crate::decode::otlp_protobuf::REPAIRS;

/// Adds a request to `to`. Resources and scopes without spans are left out; what decoding has
/// changed about a span is told beside it, so that a later reader knows.
pub fn request(decoded: &Decoded<'_>, to: &mut Vec<u8>) {
    let batch = &decoded.batch;
    let (of, mut writer) = (Request { decoded, batch }, Writer::new(to));
    let resource = |span: &SpanRef<'_>| batch.scope(span).resource;
    for spans in batch.spans.chunk_by(|a, b| resource(a) == resource(b)) {
        writer.message(1, |to| of.resource_spans(spans, to));
    }
}

/// What is written.
#[derive(Clone, Copy)]
struct Request<'r, 'a> {
    decoded: &'r Decoded<'a>,
    batch: &'r SpanBatch<'a>,
}

impl Request<'_, '_> {
    /// Spans of one resource.
    fn resource_spans(self, spans: &[SpanRef<'_>], to: &mut Writer<'_>) {
        let [first, ..] = spans else { return };
        let index = self.batch.scope(first).resource as usize;
        let resource = &self.batch.resources[index];
        to.message(1, |to| self.resource(resource, to));
        for of_scope in spans.chunk_by(|a, b| a.scope == b.scope) {
            to.message(2, |to| self.scope_spans(of_scope, index, to));
        }
        to.bytes(3, resource.schema_url.as_bytes());
    }

    fn resource(self, resource: &ResourceRef<'_>, to: &mut Writer<'_>) {
        self.attributes(1, resource.attributes, to);
        to.varint(2, resource.dropped_attributes.into());
    }

    /// Spans of one scope.
    fn scope_spans(self, spans: &[SpanRef<'_>], resource: usize, to: &mut Writer<'_>) {
        let [first, ..] = spans else { return };
        let scope = self.batch.scope(first);
        to.message(1, |to| {
            to.bytes(1, scope.name.as_bytes());
            to.bytes(2, scope.version.as_bytes());
            self.attributes(3, scope.attributes, to);
            to.varint(4, scope.dropped_attributes.into());
        });
        let of_resource = self.decoded.resource_repairs[resource];
        let of_scope = self.decoded.scope_repairs[first.scope as usize];
        let of_all = of_resource.union(of_scope);
        for span in spans {
            to.message(2, |to| self.span(span, of_all, to));
        }
        to.bytes(3, scope.schema_url.as_bytes());
    }

    fn span(self, span: &SpanRef<'_>, of_all: Repairs, to: &mut Writer<'_>) {
        to.bytes(1, span.trace_id.as_bytes());
        to.bytes(2, span.span_id.as_bytes());
        to.bytes(3, span.trace_state.as_bytes());
        if let Some(parent) = &span.parent_span_id {
            to.bytes(4, parent.as_bytes());
        }
        to.bytes(5, span.name.as_bytes());
        to.varint(6, span.kind.number().into());
        to.fixed64(7, span.start);
        to.fixed64(8, span.end);
        self.attributes(9, span.attributes, to);
        to.varint(10, span.dropped_attributes.into());
        for event in self.batch.events(span) {
            to.message(11, |to| self.event(event, to));
        }
        to.varint(12, span.dropped_events.into());
        for link in self.batch.links(span) {
            to.message(13, |to| self.link(link, to));
        }
        to.varint(14, span.dropped_links.into());
        let code = span.status.number();
        if code != 0 || !span.status_message.is_empty() {
            to.message(15, |to| {
                to.bytes(2, span.status_message.as_bytes());
                to.varint(3, code.into());
            });
        }
        to.fixed32(16, span.flags);
        to.varint(REPAIRS, span.repairs.union(of_all).bits().into());
    }

    fn event(self, event: &EventRef<'_>, to: &mut Writer<'_>) {
        to.fixed64(1, event.time);
        to.bytes(2, event.name.as_bytes());
        self.attributes(3, event.attributes, to);
        to.varint(4, event.dropped_attributes.into());
    }

    fn link(self, link: &LinkRef<'_>, to: &mut Writer<'_>) {
        to.bytes(1, link.trace_id.as_bytes());
        to.bytes(2, link.span_id.as_bytes());
        to.bytes(3, link.trace_state.as_bytes());
        self.attributes(4, link.attributes, to);
        to.varint(5, link.dropped_attributes.into());
        to.fixed32(6, link.flags);
    }

    fn attributes(self, number: u32, attributes: Extent, to: &mut Writer<'_>) {
        for attribute in self.batch.attributes(attributes) {
            to.message(number, |to| self.attribute(attribute, to));
        }
    }

    fn attribute(self, attribute: &AttributeRef<'_>, to: &mut Writer<'_>) {
        to.bytes(1, attribute.key.as_bytes());
        to.message(2, |to| self.value(&attribute.value, to));
    }

    /// Which value it is is told by its field, so that it is written even where it is zero.
    fn value(self, value: &ValueRef<'_>, to: &mut Writer<'_>) {
        match value {
            ValueRef::Empty => {}
            ValueRef::String(text) => to.told_bytes(1, text.as_bytes()),
            ValueRef::Bool(value) => to.told_varint(2, (*value).into()),
            ValueRef::Int(value) => to.told_varint(3, *value as u64),
            ValueRef::Double(value) => to.told_fixed64(4, value.to_bits()),
            ValueRef::Array(items) => to.message(5, |to| {
                for item in self.batch.values(*items) {
                    to.message(1, |to| self.value(item, to));
                }
            }),
            ValueRef::Map(entries) => to.message(6, |to| self.attributes(1, *entries, to)),
            ValueRef::Bytes(bytes) => to.told_bytes(7, bytes),
        }
    }
}
