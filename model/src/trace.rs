//! Traces owned and nested, for those who change them.

use crate::{KeyValue, Repairs, SpanId, SpanKind, StatusCode, TraceId, UnixNanos};

/// All stored spans of one trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Trace {
    /// Its id.
    pub id: TraceId,
    /// The spans by resource, each resource once.
    pub resources: Vec<ResourceSpans>,
}

impl Trace {
    /// The spans in stored order, with their scope and resource.
    pub fn spans(&self) -> impl Iterator<Item = (&Resource, &Scope, &Span)> {
        self.resources.iter().flat_map(|of_resource| {
            of_resource.scopes.iter().flat_map(move |of_scope| {
                of_scope
                    .spans
                    .iter()
                    .map(move |span| (&of_resource.resource, &of_scope.scope, span))
            })
        })
    }

    /// The spans in stored order, to be changed.
    pub fn spans_mut(&mut self) -> impl Iterator<Item = &mut Span> {
        self.resources
            .iter_mut()
            .flat_map(|of_resource| of_resource.scopes.iter_mut())
            .flat_map(|of_scope| of_scope.spans.iter_mut())
    }

    /// How many spans it has.
    pub fn span_count(&self) -> usize {
        self.resources
            .iter()
            .flat_map(|of| &of.scopes)
            .map(|of| of.spans.len())
            .sum()
    }
}

/// The spans of one resource.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ResourceSpans {
    /// Who sent them.
    pub resource: Resource,
    /// The spans by scope.
    pub scopes: Vec<ScopeSpans>,
}

/// The spans of one scope.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct ScopeSpans {
    /// Which library made them.
    pub scope: Scope,
    /// The spans.
    pub spans: Vec<Span>,
}

/// Who sent the spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Resource {
    /// What is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the client dropped itself.
    pub dropped_attributes: u32,
    /// Schema of the attributes' names, or empty.
    pub schema_url: String,
}

/// Which library made the spans.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Scope {
    /// Its name, or empty.
    pub name: String,
    /// Its version, or empty.
    pub version: String,
    /// What else is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that the client dropped itself.
    pub dropped_attributes: u32,
    /// Schema of the spans' attributes, or empty.
    pub schema_url: String,
}

/// One span. Fields as in [`crate::SpanRef`].
#[derive(Debug, Clone, PartialEq)]
#[expect(
    missing_docs,
    reason = "documented field by field on the borrowed form"
)]
pub struct Span {
    pub trace_id: TraceId,
    pub span_id: SpanId,
    pub parent_span_id: Option<SpanId>,
    pub trace_state: String,
    pub flags: u32,
    pub name: String,
    pub kind: SpanKind,
    pub start: UnixNanos,
    pub end: UnixNanos,
    pub attributes: Vec<KeyValue>,
    pub dropped_attributes: u32,
    pub events: Vec<Event>,
    pub dropped_events: u32,
    pub links: Vec<Link>,
    pub dropped_links: u32,
    pub status: StatusCode,
    pub status_message: String,
    pub repairs: Repairs,
}

impl Span {
    /// A span with nothing but its identity, name and times.
    pub fn new(
        trace_id: TraceId,
        span_id: SpanId,
        name: impl Into<String>,
        start: UnixNanos,
        end: UnixNanos,
    ) -> Self {
        Self {
            trace_id,
            span_id,
            parent_span_id: None,
            trace_state: String::new(),
            flags: 0,
            name: name.into(),
            kind: SpanKind::Unspecified,
            start,
            end,
            attributes: Vec::new(),
            dropped_attributes: 0,
            events: Vec::new(),
            dropped_events: 0,
            links: Vec::new(),
            dropped_links: 0,
            status: StatusCode::Unset,
            status_message: String::new(),
            repairs: Repairs::NONE,
        }
    }

    /// End minus start in nanoseconds, zero when the end lies before the start.
    pub fn duration(&self) -> u64 {
        self.end.saturating_sub(self.start)
    }
}

/// Something that happened during a span.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// When, in nanoseconds.
    pub time: UnixNanos,
    /// What.
    pub name: String,
    /// What else is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that were dropped.
    pub dropped_attributes: u32,
}

/// Another span that this span has to do with.
#[derive(Debug, Clone, PartialEq)]
pub struct Link {
    /// The other span's trace.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// The other span's W3C trace state, or empty.
    pub trace_state: String,
    /// What else is known of it.
    pub attributes: Vec<KeyValue>,
    /// Attributes that were dropped.
    pub dropped_attributes: u32,
    /// OTLP's flags.
    pub flags: u32,
}
