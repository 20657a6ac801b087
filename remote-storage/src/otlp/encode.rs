//! Batches of spans → exports, none much larger than a plug-in takes.

use model::{
    AttributeRef, EventRef, Extent, LinkRef, ResourceRef, ScopeRef, SpanBatch, SpanRef, ValueRef,
};
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1 as common;
use opentelemetry_proto::tonic::common::v1::any_value;
use opentelemetry_proto::tonic::resource::v1 as resource;
use opentelemetry_proto::tonic::trace::v1 as wire;
use prost::Message;
use storage::TraceSpans;

/// Makes one export after the other from the spans of some traces, so that one at a time is in memory.
pub(crate) struct Requests<'t, 'b, 'a> {
    traces: &'t [&'t TraceSpans<'b, 'a>],
    max_bytes: usize,
    /// The trace and the span of it that come next.
    next: (usize, usize),
}

/// One export.
pub(crate) struct Export {
    pub(crate) request: ExportTraceServiceRequest,
    pub(crate) spans: u64,
}

impl<'t, 'b, 'a> Requests<'t, 'b, 'a> {
    pub(crate) fn new(traces: &'t [&'t TraceSpans<'b, 'a>], max_bytes: usize) -> Self {
        let next = (0, 0);
        Self {
            traces,
            max_bytes,
            next,
        }
    }
}

impl Iterator for Requests<'_, '_, '_> {
    type Item = Export;

    fn next(&mut self) -> Option<Export> {
        let mut filling = Filling::default();
        while let Some(trace) = self.traces.get(self.next.0) {
            let Some(index) = trace.spans.get(self.next.1) else {
                self.next = (self.next.0 + 1, 0);
                filling.place = None;
                continue;
            };
            filling.add(trace.batch, &trace.batch.spans[*index as usize]);
            self.next.1 += 1;
            if filling.bytes >= self.max_bytes {
                break;
            }
        }
        (filling.spans > 0).then_some(Export {
            request: ExportTraceServiceRequest {
                resource_spans: filling.resources,
            },
            spans: filling.spans,
        })
    }
}

/// An export that is filled.
#[derive(Default)]
struct Filling {
    resources: Vec<wire::ResourceSpans>,
    /// Resource and scope of the last span, in the batch that it is from.
    place: Option<(u32, u32)>,
    bytes: usize,
    spans: u64,
}

impl Filling {
    fn add(&mut self, batch: &SpanBatch<'_>, span: &SpanRef<'_>) {
        let scope = batch.scope(span);
        let place = (scope.resource, span.scope);
        if self.place.is_none_or(|(of, _)| of != place.0) {
            let made = self::resource(batch, batch.resource(span));
            self.bytes += made.encoded_len();
            self.resources.push(made);
        }
        let last = self.resources.last_mut().expect("one was pushed");
        if self.place != Some(place) {
            let made = self::scope(batch, scope);
            self.bytes += made.encoded_len();
            last.scope_spans.push(made);
        }
        self.place = Some(place);
        let made = self::span(batch, span);
        // Its tag and its length are written beside it.
        self.bytes += made.encoded_len() + 6;
        self.spans += 1;
        let last = last.scope_spans.last_mut().expect("one was pushed");
        last.spans.push(made);
    }
}

fn resource(batch: &SpanBatch<'_>, of: &ResourceRef<'_>) -> wire::ResourceSpans {
    wire::ResourceSpans {
        resource: Some(resource::Resource {
            attributes: attributes(batch, of.attributes),
            dropped_attributes_count: of.dropped_attributes,
            ..resource::Resource::default()
        }),
        scope_spans: Vec::new(),
        schema_url: of.schema_url.to_owned(),
    }
}

fn scope(batch: &SpanBatch<'_>, of: &ScopeRef<'_>) -> wire::ScopeSpans {
    wire::ScopeSpans {
        scope: Some(common::InstrumentationScope {
            name: of.name.to_owned(),
            version: of.version.to_owned(),
            attributes: attributes(batch, of.attributes),
            dropped_attributes_count: of.dropped_attributes,
        }),
        spans: Vec::new(),
        schema_url: of.schema_url.to_owned(),
    }
}

fn span(batch: &SpanBatch<'_>, of: &SpanRef<'_>) -> wire::Span {
    let parent = of.parent_span_id.map(|id| id.as_bytes().to_vec());
    wire::Span {
        trace_id: of.trace_id.as_bytes().to_vec(),
        span_id: of.span_id.as_bytes().to_vec(),
        trace_state: of.trace_state.to_owned(),
        parent_span_id: parent.unwrap_or_default(),
        flags: of.flags,
        name: of.name.to_owned(),
        kind: i32::from(of.kind.number()),
        start_time_unix_nano: of.start,
        end_time_unix_nano: of.end,
        attributes: attributes(batch, of.attributes),
        dropped_attributes_count: of.dropped_attributes,
        events: batch
            .events(of)
            .iter()
            .map(|one| event(batch, one))
            .collect(),
        dropped_events_count: of.dropped_events,
        links: batch.links(of).iter().map(|one| link(batch, one)).collect(),
        dropped_links_count: of.dropped_links,
        status: Some(wire::Status {
            message: of.status_message.to_owned(),
            code: i32::from(of.status.number()),
        }),
    }
}

fn event(batch: &SpanBatch<'_>, of: &EventRef<'_>) -> wire::span::Event {
    wire::span::Event {
        time_unix_nano: of.time,
        name: of.name.to_owned(),
        attributes: attributes(batch, of.attributes),
        dropped_attributes_count: of.dropped_attributes,
    }
}

fn link(batch: &SpanBatch<'_>, of: &LinkRef<'_>) -> wire::span::Link {
    wire::span::Link {
        trace_id: of.trace_id.as_bytes().to_vec(),
        span_id: of.span_id.as_bytes().to_vec(),
        trace_state: of.trace_state.to_owned(),
        attributes: attributes(batch, of.attributes),
        dropped_attributes_count: of.dropped_attributes,
        flags: of.flags,
    }
}

fn attributes(batch: &SpanBatch<'_>, extent: Extent) -> Vec<common::KeyValue> {
    let attribute = |of: &AttributeRef<'_>| common::KeyValue {
        key: of.key.to_owned(),
        value: Some(value(batch, &of.value)),
        ..common::KeyValue::default()
    };
    batch.attributes(extent).iter().map(attribute).collect()
}

// Nesting is bounded where spans come in, so recursion is bounded here.
fn value(batch: &SpanBatch<'_>, of: &ValueRef<'_>) -> common::AnyValue {
    use any_value::Value;
    let value = match *of {
        ValueRef::Empty => None,
        ValueRef::String(text) => Some(Value::StringValue(text.to_owned())),
        ValueRef::Bool(is) => Some(Value::BoolValue(is)),
        ValueRef::Int(number) => Some(Value::IntValue(number)),
        ValueRef::Double(number) => Some(Value::DoubleValue(number)),
        ValueRef::Bytes(bytes) => Some(Value::BytesValue(bytes.to_vec())),
        ValueRef::Array(items) => {
            let items = batch.values(items).iter();
            let values = items.map(|item| self::value(batch, item)).collect();
            Some(Value::ArrayValue(common::ArrayValue { values }))
        }
        ValueRef::Map(entries) => {
            let values = attributes(batch, entries);
            Some(Value::KvlistValue(common::KeyValueList { values }))
        }
    };
    common::AnyValue { value }
}
