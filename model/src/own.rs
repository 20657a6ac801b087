//! From borrowed to owned: what readers do with a decoded payload.

use crate::{
    AttributeRef, Event, EventRef, Extent, KeyValue, Link, LinkRef, Resource, ResourceRef,
    ResourceSpans, Scope, ScopeRef, ScopeSpans, Span, SpanBatch, SpanRef, Trace, TraceId, Value,
    ValueRef,
};

impl SpanBatch<'_> {
    /// An owned copy of a value.
    pub fn own_value(&self, value: &ValueRef<'_>) -> Value {
        match *value {
            ValueRef::Empty => Value::Empty,
            ValueRef::String(text) => Value::String(text.to_owned()),
            ValueRef::Bool(value) => Value::Bool(value),
            ValueRef::Int(value) => Value::Int(value),
            ValueRef::Double(value) => Value::Double(value),
            ValueRef::Bytes(bytes) => Value::Bytes(bytes.to_vec()),
            ValueRef::Array(extent) => Value::Array(
                self.values(extent)
                    .iter()
                    .map(|item| self.own_value(item))
                    .collect(),
            ),
            ValueRef::Map(extent) => Value::Map(self.own_attributes(extent)),
        }
    }

    /// An owned copy of an owner's attributes.
    pub fn own_attributes(&self, extent: Extent) -> Vec<KeyValue> {
        let own = |attribute: &AttributeRef<'_>| KeyValue {
            key: attribute.key.to_owned(),
            value: self.own_value(&attribute.value),
        };
        self.attributes(extent).iter().map(own).collect()
    }

    /// An owned copy of a resource.
    pub fn own_resource(&self, resource: &ResourceRef<'_>) -> Resource {
        Resource {
            attributes: self.own_attributes(resource.attributes),
            dropped_attributes: resource.dropped_attributes,
            schema_url: resource.schema_url.to_owned(),
        }
    }

    /// An owned copy of a scope.
    pub fn own_scope(&self, scope: &ScopeRef<'_>) -> Scope {
        Scope {
            name: scope.name.to_owned(),
            version: scope.version.to_owned(),
            attributes: self.own_attributes(scope.attributes),
            dropped_attributes: scope.dropped_attributes,
            schema_url: scope.schema_url.to_owned(),
        }
    }

    /// An owned copy of a span.
    pub fn own_span(&self, span: &SpanRef<'_>) -> Span {
        Span {
            trace_id: span.trace_id,
            span_id: span.span_id,
            parent_span_id: span.parent_span_id,
            trace_state: span.trace_state.to_owned(),
            flags: span.flags,
            name: span.name.to_owned(),
            kind: span.kind,
            start: span.start,
            end: span.end,
            attributes: self.own_attributes(span.attributes),
            dropped_attributes: span.dropped_attributes,
            events: self.events[span.events.range()]
                .iter()
                .map(|e| self.own_event(e))
                .collect(),
            dropped_events: span.dropped_events,
            links: self.links[span.links.range()]
                .iter()
                .map(|l| self.own_link(l))
                .collect(),
            dropped_links: span.dropped_links,
            status: span.status,
            status_message: span.status_message.to_owned(),
            repairs: span.repairs,
        }
    }

    fn own_event(&self, event: &EventRef<'_>) -> Event {
        Event {
            time: event.time,
            name: event.name.to_owned(),
            attributes: self.own_attributes(event.attributes),
            dropped_attributes: event.dropped_attributes,
        }
    }

    fn own_link(&self, link: &LinkRef<'_>) -> Link {
        Link {
            trace_id: link.trace_id,
            span_id: link.span_id,
            trace_state: link.trace_state.to_owned(),
            attributes: self.own_attributes(link.attributes),
            dropped_attributes: link.dropped_attributes,
            flags: link.flags,
        }
    }

    /// The trace that these spans make, resources and scopes in order of first appearance.
    /// Equal resources and equal scopes become one.
    pub fn own_trace(&self, id: TraceId, spans: impl IntoIterator<Item = u32>) -> Trace {
        let mut resources: Vec<ResourceSpans> = Vec::new();
        let mut places = Places::new(self);
        for index in spans {
            let span = &self.spans[index as usize];
            let (at_resource, at_scope) = places.of(&mut resources, self, span);
            resources[at_resource].scopes[at_scope]
                .spans
                .push(self.own_span(span));
        }
        Trace { id, resources }
    }
}

/// Where the resources and scopes of a batch come to lie in a trace.
struct Places {
    /// By the resource's index.
    resources: Vec<Option<usize>>,
    /// Of the resource and within it, by the scope's index.
    scopes: Vec<Option<(usize, usize)>>,
}

impl Places {
    fn new(batch: &SpanBatch<'_>) -> Self {
        Self {
            resources: vec![None; batch.resources.len()],
            scopes: vec![None; batch.scopes.len()],
        }
    }

    /// Finds or makes the places of a span's resource and scope.
    fn of(
        &mut self,
        all: &mut Vec<ResourceSpans>,
        batch: &SpanBatch<'_>,
        span: &SpanRef<'_>,
    ) -> (usize, usize) {
        if let Some(known) = self.scopes[span.scope as usize] {
            return known;
        }
        let scope = &batch.scopes[span.scope as usize];
        let at_resource = *self.resources[scope.resource as usize].get_or_insert_with(|| {
            let resource = batch.own_resource(&batch.resources[scope.resource as usize]);
            all.iter()
                .position(|of| of.resource == resource)
                .unwrap_or_else(|| {
                    all.push(ResourceSpans {
                        resource,
                        scopes: Vec::new(),
                    });
                    all.len() - 1
                })
        });
        let scope = batch.own_scope(scope);
        let scopes = &mut all[at_resource].scopes;
        let at_scope = scopes
            .iter()
            .position(|of| of.scope == scope)
            .unwrap_or_else(|| {
                scopes.push(ScopeSpans {
                    scope,
                    spans: Vec::new(),
                });
                scopes.len() - 1
            });
        self.scopes[span.scope as usize] = Some((at_resource, at_scope));
        (at_resource, at_scope)
    }
}
