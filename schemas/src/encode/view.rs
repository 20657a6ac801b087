//! What apache-avro is handed: views over the batch that serialize in the schema's field order.

use model::{EventRef, LinkRef, SpanBatch, SpanRef, TraceChunk};
use serde::ser::{Serialize, SerializeSeq, SerializeTuple, Serializer};

use super::{
    field::{Count, Nanos, Parent, Raw, record, sequence},
    value::Attributes,
};

pub(super) struct ChunkView<'v, 'a>(pub(super) &'v TraceChunk<'v, 'a>);

record!(ChunkView as "TraceChunk", self {
    tenant: self.0.tenant.as_str(),
    received_at: Nanos(self.0.received_at),
    trace_id: Raw(self.0.trace_id.as_bytes()),
    resources: Resources(self.0.batch, self.0.spans),
});

/// Spans by resource: one entry for each run of neighbours that share one.
struct Resources<'v, 'a>(&'v SpanBatch<'a>, &'v [u32]);

impl Serialize for Resources<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(batch, spans) = *self;
        let resource = |index: &u32| batch.scope(&batch.spans[*index as usize]).resource;
        let runs = || spans.chunk_by(|a, b| resource(a) == resource(b));
        let mut seq = serializer.serialize_seq(Some(runs().count()))?;
        for spans in runs() {
            seq.serialize_element(&ResourceView { batch, spans })?;
        }
        seq.end()
    }
}

/// One resource and the spans of a run, never none.
struct ResourceView<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    spans: &'v [u32],
}

impl<'a> ResourceView<'_, 'a> {
    fn resource(&self) -> &model::ResourceRef<'a> {
        self.batch
            .resource(&self.batch.spans[self.spans[0] as usize])
    }
}

record!(ResourceView as "ResourceSpans", self {
    attributes: Attributes::of(self.batch, self.resource().attributes),
    dropped_attributes: Count(self.resource().dropped_attributes),
    schema_url: self.resource().schema_url,
    scopes: Scopes(self.batch, self.spans),
});

/// Spans of one resource by scope: one entry for each run of neighbours that share one.
struct Scopes<'v, 'a>(&'v SpanBatch<'a>, &'v [u32]);

impl Serialize for Scopes<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(batch, spans) = *self;
        let scope = |index: &u32| batch.spans[*index as usize].scope;
        let runs = || spans.chunk_by(|a, b| scope(a) == scope(b));
        let mut seq = serializer.serialize_seq(Some(runs().count()))?;
        for spans in runs() {
            seq.serialize_element(&ScopeView { batch, spans })?;
        }
        seq.end()
    }
}

/// One scope and the spans of a run, never none.
struct ScopeView<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    spans: &'v [u32],
}

impl<'a> ScopeView<'_, 'a> {
    fn scope(&self) -> &model::ScopeRef<'a> {
        self.batch.scope(&self.batch.spans[self.spans[0] as usize])
    }
}

record!(ScopeView as "ScopeSpans", self {
    name: self.scope().name,
    version: self.scope().version,
    attributes: Attributes::of(self.batch, self.scope().attributes),
    dropped_attributes: Count(self.scope().dropped_attributes),
    schema_url: self.scope().schema_url,
    spans: Spans(self.batch, self.spans),
});

struct Spans<'v, 'a>(&'v SpanBatch<'a>, &'v [u32]);

impl Serialize for Spans<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self(batch, spans) = *self;
        sequence(serializer, spans, |index| SpanView {
            batch,
            span: &batch.spans[*index as usize],
        })
    }
}

struct SpanView<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    span: &'v SpanRef<'a>,
}

record!(SpanView as "Span", self {
    span_id: Raw(self.span.span_id.as_bytes()),
    parent_span_id: Parent(self.span.parent_span_id.as_ref()),
    trace_state: self.span.trace_state,
    flags: Count(self.span.flags),
    name: self.span.name,
    kind: self.span.kind.number(),
    start: Nanos(self.span.start),
    end: Nanos(self.span.end),
    attributes: Attributes::of(self.batch, self.span.attributes),
    dropped_attributes: Count(self.span.dropped_attributes),
    events: Events(self.batch, self.batch.events(self.span)),
    dropped_events: Count(self.span.dropped_events),
    links: Links(self.batch, self.batch.links(self.span)),
    dropped_links: Count(self.span.dropped_links),
    status_code: self.span.status.number(),
    status_message: self.span.status_message,
    repairs: Count(self.span.repairs.bits()),
});

struct Events<'v, 'a>(&'v SpanBatch<'a>, &'v [EventRef<'a>]);

impl Serialize for Events<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let batch = self.0;
        sequence(serializer, self.1, |event| EventView { batch, event })
    }
}

struct EventView<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    event: &'v EventRef<'a>,
}

record!(EventView as "Event", self {
    time: Nanos(self.event.time),
    name: self.event.name,
    attributes: Attributes::of(self.batch, self.event.attributes),
    dropped_attributes: Count(self.event.dropped_attributes),
});

struct Links<'v, 'a>(&'v SpanBatch<'a>, &'v [LinkRef<'a>]);

impl Serialize for Links<'_, '_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let batch = self.0;
        sequence(serializer, self.1, |link| LinkView { batch, link })
    }
}

struct LinkView<'v, 'a> {
    batch: &'v SpanBatch<'a>,
    link: &'v LinkRef<'a>,
}

record!(LinkView as "Link", self {
    trace_id: Raw(self.link.trace_id.as_bytes()),
    span_id: Raw(self.link.span_id.as_bytes()),
    trace_state: self.link.trace_state,
    attributes: Attributes::of(self.batch, self.link.attributes),
    dropped_attributes: Count(self.link.dropped_attributes),
    flags: Count(self.link.flags),
});

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::Value;

    use super::*;
    use crate::{
        TRACE_CHUNK_SCHEMA,
        encode::{field::Named, value::AttributeView},
    };

    /// The fields of every record in a schema, by the record's name.
    fn records_of(schema: &Value, found: &mut BTreeMap<String, Vec<String>>) {
        if let (Some(name), Some(fields)) = (schema["name"].as_str(), schema["fields"].as_array()) {
            let text = |field: &Value| field["name"].as_str().unwrap_or_default().to_owned();
            found.insert(name.to_owned(), fields.iter().map(text).collect());
        }
        match schema {
            Value::Array(items) => items.iter().for_each(|item| records_of(item, found)),
            Value::Object(map) => map.values().for_each(|value| records_of(value, found)),
            _ => {}
        }
    }

    fn written<T: Named>() -> (String, Vec<String>) {
        let fields = T::FIELDS.iter().map(|field| (*field).to_owned());
        (T::NAME.to_owned(), fields.collect())
    }

    #[test]
    fn every_record_is_written_in_the_schemas_field_order() {
        let schema = serde_json::from_str(TRACE_CHUNK_SCHEMA).expect("the schema is JSON");
        let mut in_schema = BTreeMap::new();
        records_of(&schema, &mut in_schema);
        in_schema.retain(|_, fields| fields.len() > 1);
        let in_code = BTreeMap::from([
            written::<ChunkView<'_, '_>>(),
            written::<ResourceView<'_, '_>>(),
            written::<ScopeView<'_, '_>>(),
            written::<SpanView<'_, '_>>(),
            written::<EventView<'_, '_>>(),
            written::<LinkView<'_, '_>>(),
            written::<AttributeView<'_, '_>>(),
        ]);
        assert_eq!(in_code, in_schema);
    }
}
