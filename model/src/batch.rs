//! Spans as borrowed, flat vectors: the one form between stages.
//!
//! Building nested structs costs an allocation per span, attribute and string. A batch has one
//! vector per kind of thing for the whole request; things point at each other by index, strings
//! point into the bytes they were decoded from or into the arena that holds what was repaired.

use std::ops::Range;

use crate::{Repairs, SpanId, SpanKind, StatusCode, Tenant, TraceId, UnixNanos};

/// A run of neighbours in one of a batch's vectors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Extent {
    /// Index of the first one.
    pub start: u32,
    /// How many there are.
    pub len: u32,
}

impl Extent {
    /// The run from `start` to the present end of a vector of length `end`.
    pub fn since(start: usize, end: usize) -> Self {
        Self {
            start: start as u32,
            len: (end - start) as u32,
        }
    }

    /// The indices, for slicing.
    pub fn range(self) -> Range<usize> {
        self.start as usize..self.start as usize + self.len as usize
    }
}

/// A typed attribute value; lists and maps point back into the batch.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum ValueRef<'a> {
    /// No value at all.
    #[default]
    Empty,
    /// Text.
    String(&'a str),
    /// True or false.
    Bool(bool),
    /// A signed 64-bit integer.
    Int(i64),
    /// A double.
    Double(f64),
    /// Raw bytes.
    Bytes(&'a [u8]),
    /// Neighbours in [`SpanBatch::values`].
    Array(Extent),
    /// Neighbours in [`SpanBatch::attributes`].
    Map(Extent),
}

/// One attribute.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AttributeRef<'a> {
    /// The key, never empty once validated.
    pub key: &'a str,
    /// The value.
    pub value: ValueRef<'a>,
}

/// Who sent the spans: a process, a host, a pod.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ResourceRef<'a> {
    /// In [`SpanBatch::attributes`].
    pub attributes: Extent,
    /// Attributes that the client dropped itself.
    pub dropped_attributes: u32,
    /// Schema of the attributes' names, or empty.
    pub schema_url: &'a str,
}

/// Which library made the spans. Belongs to one resource.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct ScopeRef<'a> {
    /// Index in [`SpanBatch::resources`].
    pub resource: u32,
    /// Name of the library, or empty.
    pub name: &'a str,
    /// Version of the library, or empty.
    pub version: &'a str,
    /// In [`SpanBatch::attributes`].
    pub attributes: Extent,
    /// Attributes that the client dropped itself.
    pub dropped_attributes: u32,
    /// Schema of the spans' attributes, or empty.
    pub schema_url: &'a str,
}

/// One span. Belongs to one scope.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct SpanRef<'a> {
    /// Index in [`SpanBatch::scopes`].
    pub scope: u32,
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its id; Zipkin's client and server spans share one.
    pub span_id: SpanId,
    /// The span that caused it; none for a root.
    pub parent_span_id: Option<SpanId>,
    /// W3C trace state as it was sent, or empty.
    pub trace_state: &'a str,
    /// OTLP's flags: the W3C trace flags in the low byte, then "context is remote".
    pub flags: u32,
    /// Name of the operation.
    pub name: &'a str,
    /// Its role.
    pub kind: SpanKind,
    /// Start in nanoseconds.
    pub start: UnixNanos,
    /// End in nanoseconds, at or after the start once validated.
    pub end: UnixNanos,
    /// In [`SpanBatch::attributes`].
    pub attributes: Extent,
    /// Attributes that the client dropped, and those that ingest dropped.
    pub dropped_attributes: u32,
    /// In [`SpanBatch::events`].
    pub events: Extent,
    /// Events that the client dropped, and those that ingest dropped.
    pub dropped_events: u32,
    /// In [`SpanBatch::links`].
    pub links: Extent,
    /// Links that the client dropped, and those that ingest dropped.
    pub dropped_links: u32,
    /// How it ended.
    pub status: StatusCode,
    /// Why it failed, or empty.
    pub status_message: &'a str,
    /// What ingest changed about it.
    pub repairs: Repairs,
}

impl SpanRef<'_> {
    /// End minus start in nanoseconds, zero when the end lies before the start.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EventRef<'a> {
    /// When, in nanoseconds.
    pub time: UnixNanos,
    /// What.
    pub name: &'a str,
    /// In [`SpanBatch::attributes`].
    pub attributes: Extent,
    /// Attributes that were dropped.
    pub dropped_attributes: u32,
}

/// A span of another trace, or of this one, that this span has to do with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LinkRef<'a> {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// The other span's W3C trace state, or empty.
    pub trace_state: &'a str,
    /// In [`SpanBatch::attributes`].
    pub attributes: Extent,
    /// Attributes that were dropped.
    pub dropped_attributes: u32,
    /// OTLP's flags.
    pub flags: u32,
}

/// Spans with all they refer to. May hold many traces.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SpanBatch<'a> {
    /// Resources, in order of appearance.
    pub resources: Vec<ResourceRef<'a>>,
    /// Scopes, in order of appearance.
    pub scopes: Vec<ScopeRef<'a>>,
    /// Spans, in order of appearance.
    pub spans: Vec<SpanRef<'a>>,
    /// Attributes of everything; one owner's attributes are neighbours.
    pub attributes: Vec<AttributeRef<'a>>,
    /// Elements of lists.
    pub values: Vec<ValueRef<'a>>,
    /// Events; one span's events are neighbours.
    pub events: Vec<EventRef<'a>>,
    /// Links; one span's links are neighbours.
    pub links: Vec<LinkRef<'a>>,
}

impl<'a> SpanBatch<'a> {
    /// An empty batch for spans of other bytes, with the room that this one has.
    pub fn emptied<'b>(self) -> SpanBatch<'b> {
        SpanBatch {
            resources: emptied(self.resources),
            scopes: emptied(self.scopes),
            spans: emptied(self.spans),
            attributes: emptied(self.attributes),
            values: emptied(self.values),
            events: emptied(self.events),
            links: emptied(self.links),
        }
    }

    /// The attributes of an extent.
    pub fn attributes(&self, extent: Extent) -> &[AttributeRef<'a>] {
        &self.attributes[extent.range()]
    }

    /// The list elements of an extent.
    pub fn values(&self, extent: Extent) -> &[ValueRef<'a>] {
        &self.values[extent.range()]
    }

    /// The events of a span.
    pub fn events(&self, span: &SpanRef<'a>) -> &[EventRef<'a>] {
        &self.events[span.events.range()]
    }

    /// The links of a span.
    pub fn links(&self, span: &SpanRef<'a>) -> &[LinkRef<'a>] {
        &self.links[span.links.range()]
    }

    /// The scope of a span.
    pub fn scope(&self, span: &SpanRef<'a>) -> &ScopeRef<'a> {
        &self.scopes[span.scope as usize]
    }

    /// The resource of a span.
    pub fn resource(&self, span: &SpanRef<'a>) -> &ResourceRef<'a> {
        &self.resources[self.scope(span).resource as usize]
    }

    /// The last attribute with this key: of duplicates, the last one counts.
    pub fn attribute(&self, extent: Extent, key: &str) -> Option<&ValueRef<'a>> {
        let found = self
            .attributes(extent)
            .iter()
            .rev()
            .find(|attribute| attribute.key == key);
        found.map(|attribute| &attribute.value)
    }
}

/// No items, of a type of the same size, in the same memory: collecting what was a vector into a vector
/// takes no other.
fn emptied<T, U>(mut items: Vec<T>) -> Vec<U> {
    items.clear();
    items.into_iter().filter_map(|_| None).collect()
}

/// What one request carried for one trace: the content of one Kafka record.
#[derive(Debug, Clone, Copy)]
pub struct TraceChunk<'b, 'a> {
    /// Whose spans they are.
    pub tenant: &'b Tenant,
    /// When a collector received them, in nanoseconds.
    pub received_at: UnixNanos,
    /// The trace they all belong to.
    pub trace_id: TraceId,
    /// Where the spans lie.
    pub batch: &'b SpanBatch<'a>,
    /// Their indices in the batch, ascending, so that spans of one scope are neighbours.
    pub spans: &'b [u32],
}
