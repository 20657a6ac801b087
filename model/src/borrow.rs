//! From owned to borrowed: how tests, JSON bodies and other nested sources enter a batch.

use crate::{
    AttributeRef, Event, EventRef, Extent, KeyValue, Link, LinkRef, ResourceRef, ResourceSpans,
    ScopeRef, Span, SpanBatch, SpanRef, Trace, Value, ValueRef,
};

impl<'a> SpanBatch<'a> {
    /// The batch of a trace, spans in stored order.
    pub fn of_trace(trace: &'a Trace) -> Self {
        let mut batch = Self::default();
        trace
            .resources
            .iter()
            .for_each(|resource| batch.push_resource_spans(resource));
        batch
    }

    /// Adds a resource with all its scopes and spans.
    pub fn push_resource_spans(&mut self, of_resource: &'a ResourceSpans) {
        let resource = ResourceRef {
            attributes: self.push_attributes(&of_resource.resource.attributes),
            dropped_attributes: of_resource.resource.dropped_attributes,
            schema_url: &of_resource.resource.schema_url,
        };
        self.resources.push(resource);
        for of_scope in &of_resource.scopes {
            let scope = ScopeRef {
                resource: self.resources.len() as u32 - 1,
                name: &of_scope.scope.name,
                version: &of_scope.scope.version,
                attributes: self.push_attributes(&of_scope.scope.attributes),
                dropped_attributes: of_scope.scope.dropped_attributes,
                schema_url: &of_scope.scope.schema_url,
            };
            self.scopes.push(scope);
            of_scope.spans.iter().for_each(|span| self.push_span(span));
        }
    }

    /// Adds attributes; nested ones come to lie before their owner's.
    pub fn push_attributes(&mut self, attributes: &'a [KeyValue]) -> Extent {
        let holds_others = |of: &KeyValue| matches!(of.value, Value::Array(_) | Value::Map(_));
        if !attributes.iter().any(holds_others) {
            let start = self.attributes.len();
            for KeyValue { key, value } in attributes {
                let value = self.push_value(value);
                self.attributes.push(AttributeRef { key, value });
            }
            return Extent::since(start, self.attributes.len());
        }
        let own: Vec<AttributeRef<'a>> = attributes
            .iter()
            .map(|attribute| AttributeRef {
                key: &attribute.key,
                value: self.push_value(&attribute.value),
            })
            .collect();
        let start = self.attributes.len();
        self.attributes.extend(own);
        Extent::since(start, self.attributes.len())
    }

    fn push_value(&mut self, value: &'a Value) -> ValueRef<'a> {
        match value {
            Value::Empty => ValueRef::Empty,
            Value::String(text) => ValueRef::String(text),
            Value::Bool(value) => ValueRef::Bool(*value),
            Value::Int(value) => ValueRef::Int(*value),
            Value::Double(value) => ValueRef::Double(*value),
            Value::Bytes(bytes) => ValueRef::Bytes(bytes),
            Value::Array(items) => {
                let own: Vec<_> = items.iter().map(|item| self.push_value(item)).collect();
                let start = self.values.len();
                self.values.extend(own);
                ValueRef::Array(Extent::since(start, self.values.len()))
            }
            Value::Map(entries) => ValueRef::Map(self.push_attributes(entries)),
        }
    }

    /// Adds a span of the last scope.
    fn push_span(&mut self, span: &'a Span) {
        let attributes = self.push_attributes(&span.attributes);
        let events: Vec<_> = span
            .events
            .iter()
            .map(|event| self.borrow_event(event))
            .collect();
        let links: Vec<_> = span
            .links
            .iter()
            .map(|link| self.borrow_link(link))
            .collect();
        let (first_event, first_link) = (self.events.len(), self.links.len());
        self.events.extend(events);
        self.links.extend(links);
        let span = SpanRef {
            scope: self.scopes.len() as u32 - 1,
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            trace_state: &span.trace_state,
            flags: span.flags,
            name: &span.name,
            kind: span.kind,
            start: span.start,
            end: span.end,
            attributes,
            dropped_attributes: span.dropped_attributes,
            events: Extent::since(first_event, self.events.len()),
            dropped_events: span.dropped_events,
            links: Extent::since(first_link, self.links.len()),
            dropped_links: span.dropped_links,
            status: span.status,
            status_message: &span.status_message,
            repairs: span.repairs,
        };
        self.spans.push(span);
    }

    fn borrow_event(&mut self, event: &'a Event) -> EventRef<'a> {
        EventRef {
            time: event.time,
            name: &event.name,
            attributes: self.push_attributes(&event.attributes),
            dropped_attributes: event.dropped_attributes,
        }
    }

    fn borrow_link(&mut self, link: &'a Link) -> LinkRef<'a> {
        LinkRef {
            trace_id: link.trace_id,
            span_id: link.span_id,
            trace_state: &link.trace_state,
            attributes: self.push_attributes(&link.attributes),
            dropped_attributes: link.dropped_attributes,
            flags: link.flags,
        }
    }
}
