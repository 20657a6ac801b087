//! Writes OTLP protobuf: a small encoder of its own, so that the decoder is not tested by itself.

use model::{Event, KeyValue, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, Value};

/// In which order the fields of each message are written. Repeated ones keep their order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldOrder {
    Ascending,
    Descending,
}

/// A message under construction.
pub struct Message {
    fields: Vec<(u32, Vec<u8>)>,
    order: FieldOrder,
}

pub fn varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Message {
    pub fn new(order: FieldOrder) -> Self {
        Self {
            fields: Vec::new(),
            order,
        }
    }

    fn field(mut self, number: u32, wire_type: u8, content: impl FnOnce(&mut Vec<u8>)) -> Self {
        let mut bytes = Vec::new();
        varint(u64::from(number) << 3 | u64::from(wire_type), &mut bytes);
        content(&mut bytes);
        self.fields.push((number, bytes));
        self
    }

    pub fn bytes(self, number: u32, content: &[u8]) -> Self {
        self.field(number, 2, |out| {
            varint(content.len() as u64, out);
            out.extend_from_slice(content);
        })
    }

    /// A field that proto3 leaves out when it is empty.
    pub fn text(self, number: u32, text: &str) -> Self {
        if text.is_empty() {
            self
        } else {
            self.bytes(number, text.as_bytes())
        }
    }

    pub fn number(self, number: u32, value: u64) -> Self {
        if value == 0 {
            self
        } else {
            self.field(number, 0, |out| varint(value, out))
        }
    }

    fn explicit_number(self, number: u32, value: u64) -> Self {
        self.field(number, 0, |out| varint(value, out))
    }

    pub fn fixed64(self, number: u32, value: u64) -> Self {
        self.field(number, 1, |out| out.extend_from_slice(&value.to_le_bytes()))
    }

    pub fn fixed32(self, number: u32, value: u32) -> Self {
        self.field(number, 5, |out| out.extend_from_slice(&value.to_le_bytes()))
    }

    pub fn each<T>(self, number: u32, items: &[T], write: impl Fn(&T) -> Vec<u8>) -> Self {
        items
            .iter()
            .fold(self, |message, item| message.bytes(number, &write(item)))
    }

    pub fn finish(mut self) -> Vec<u8> {
        if self.order == FieldOrder::Descending {
            self.fields
                .sort_by_key(|(number, _)| std::cmp::Reverse(*number));
        }
        self.fields
            .into_iter()
            .flat_map(|(_, bytes)| bytes)
            .collect()
    }
}

/// Writes `ExportTraceServiceRequest`s.
#[derive(Debug, Clone, Copy)]
pub struct Writer {
    pub order: FieldOrder,
    /// Adds a field from the future to each message.
    pub unknown_fields: bool,
}

/// A request as ordinary clients write it.
pub fn request(resources: &[ResourceSpans]) -> Vec<u8> {
    Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    }
    .request(resources)
}

impl Writer {
    pub fn message(&self) -> Message {
        let message = Message::new(self.order);
        if self.unknown_fields {
            message
                .bytes(1000, b"from the future")
                .explicit_number(1001, 7)
                .fixed64(1002, 8)
        } else {
            message
        }
    }

    pub fn request(&self, resources: &[ResourceSpans]) -> Vec<u8> {
        self.message()
            .each(1, resources, |of| self.resource_spans(of))
            .finish()
    }

    fn resource_spans(&self, of: &ResourceSpans) -> Vec<u8> {
        self.message()
            .bytes(1, &self.resource(&of.resource))
            .each(2, &of.scopes, |of| self.scope_spans(of))
            .text(3, &of.resource.schema_url)
            .finish()
    }

    fn resource(&self, resource: &Resource) -> Vec<u8> {
        self.message()
            .each(1, &resource.attributes, |one| self.attribute(one))
            .number(2, resource.dropped_attributes.into())
            .finish()
    }

    fn scope_spans(&self, of: &ScopeSpans) -> Vec<u8> {
        self.message()
            .bytes(1, &self.scope(&of.scope))
            .each(2, &of.spans, |span| self.span(span))
            .text(3, &of.scope.schema_url)
            .finish()
    }

    fn scope(&self, scope: &Scope) -> Vec<u8> {
        self.message()
            .text(1, &scope.name)
            .text(2, &scope.version)
            .each(3, &scope.attributes, |one| self.attribute(one))
            .number(4, scope.dropped_attributes.into())
            .finish()
    }

    pub fn span(&self, span: &Span) -> Vec<u8> {
        self.span_with_ids(span, span.trace_id.as_bytes(), span.span_id.as_bytes())
    }

    /// A span whose ids are any bytes.
    pub fn span_with_ids(&self, span: &Span, trace_id: &[u8], span_id: &[u8]) -> Vec<u8> {
        let parent = span
            .parent_span_id
            .map(|id| id.as_bytes().to_vec())
            .unwrap_or_default();
        let status = self
            .message()
            .text(2, &span.status_message)
            .number(3, span.status.number().into())
            .finish();
        self.message()
            .bytes(1, trace_id)
            .bytes(2, span_id)
            .text(3, &span.trace_state)
            .bytes(4, &parent)
            .text(5, &span.name)
            .number(6, span.kind.number().into())
            .fixed64(7, span.start)
            .fixed64(8, span.end)
            .each(9, &span.attributes, |one| self.attribute(one))
            .number(10, span.dropped_attributes.into())
            .each(11, &span.events, |event| self.event(event))
            .number(12, span.dropped_events.into())
            .each(13, &span.links, |link| self.link(link))
            .number(14, span.dropped_links.into())
            .bytes(15, &status)
            .fixed32(16, span.flags)
            .finish()
    }

    fn event(&self, event: &Event) -> Vec<u8> {
        self.message()
            .fixed64(1, event.time)
            .text(2, &event.name)
            .each(3, &event.attributes, |one| self.attribute(one))
            .number(4, event.dropped_attributes.into())
            .finish()
    }

    fn link(&self, link: &Link) -> Vec<u8> {
        self.message()
            .bytes(1, link.trace_id.as_bytes())
            .bytes(2, link.span_id.as_bytes())
            .text(3, &link.trace_state)
            .each(4, &link.attributes, |one| self.attribute(one))
            .number(5, link.dropped_attributes.into())
            .fixed32(6, link.flags)
            .finish()
    }

    pub fn attribute(&self, attribute: &KeyValue) -> Vec<u8> {
        let value = self.value(&attribute.value);
        self.message()
            .text(1, &attribute.key)
            .bytes(2, &value)
            .finish()
    }

    pub fn value(&self, value: &Value) -> Vec<u8> {
        let message = self.message();
        match value {
            Value::Empty => message,
            Value::String(text) => message.bytes(1, text.as_bytes()),
            Value::Bool(value) => message.explicit_number(2, (*value).into()),
            Value::Int(value) => message.explicit_number(3, *value as u64),
            Value::Double(value) => message.fixed64(4, value.to_bits()),
            Value::Array(items) => {
                let list = self.message().each(1, items, |item| self.value(item));
                message.bytes(5, &list.finish())
            }
            Value::Map(entries) => {
                let list = self
                    .message()
                    .each(1, entries, |entry| self.attribute(entry));
                message.bytes(6, &list.finish())
            }
            Value::Bytes(bytes) => message.bytes(7, bytes),
        }
        .finish()
    }
}

/// A request whose one span has an attribute nested `depth` deep, written from the inside out.
pub fn request_nested(mut span: Span, depth: usize) -> Vec<u8> {
    let message = || Message::new(FieldOrder::Ascending);
    span.attributes.clear();
    let innermost = message().explicit_number(3, 7).finish();
    let value = (1..depth).fold(innermost, |inner, _| {
        let list = message().bytes(1, &inner).finish();
        message().bytes(5, &list).finish()
    });
    let attribute = message().text(1, "deep").bytes(2, &value).finish();
    let writer = Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    };
    let span = [writer.span(&span), message().bytes(9, &attribute).finish()].concat();
    request_of_raw_spans(&[span])
}

/// A request of spans that were written one by one.
pub fn request_of_raw_spans(spans: &[Vec<u8>]) -> Vec<u8> {
    let message = || Message::new(FieldOrder::Ascending);
    let service = KeyValue::new("service.name", "cart");
    let writer = Writer {
        order: FieldOrder::Ascending,
        unknown_fields: false,
    };
    let resource = message().bytes(1, &writer.attribute(&service)).finish();
    let scope = message().text(1, "tests").finish();
    let of_scope = message()
        .bytes(1, &scope)
        .each(2, spans, Clone::clone)
        .finish();
    message()
        .bytes(
            1,
            &message().bytes(1, &resource).bytes(2, &of_scope).finish(),
        )
        .finish()
}
