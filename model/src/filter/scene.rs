//! A span with all that belongs to it, as a filter looks at it.

use std::borrow::Cow;
use std::slice;

use super::constant::Seen;
use super::{Field, Level, Subject};
use crate::{EventRef, Extent, LinkRef, ResourceRef, ScopeRef, SpanBatch, SpanRef};

/// A span, and the event and the link that are looked at, if it is one alone.
#[derive(Clone, Copy)]
pub(super) struct Scene<'s, 'a> {
    batch: &'s SpanBatch<'a>,
    span: &'s SpanRef<'a>,
    event: Option<&'s EventRef<'a>>,
    link: Option<&'s LinkRef<'a>>,
}

/// Told each value; says whether that is enough.
type Visit<'v> = dyn FnMut(Seen<'_, '_>) -> bool + 'v;

impl<'s, 'a> Scene<'s, 'a> {
    pub(super) fn new(batch: &'s SpanBatch<'a>, span: &'s SpanRef<'a>) -> Self {
        Self {
            batch,
            span,
            event: None,
            link: None,
        }
    }

    pub(super) fn with_event(mut self, event: &'s EventRef<'a>) -> Self {
        self.event = Some(event);
        self
    }

    pub(super) fn with_link(mut self, link: &'s LinkRef<'a>) -> Self {
        self.link = Some(link);
        self
    }

    fn scope(&self) -> &'s ScopeRef<'a> {
        self.batch.scope(self.span)
    }

    fn resource(&self) -> &'s ResourceRef<'a> {
        self.batch.resource(self.span)
    }

    /// The events: all of the span's, or the one.
    pub(super) fn events(&self) -> &'s [EventRef<'a>] {
        match self.event {
            Some(event) => slice::from_ref(event),
            None => self.batch.events(self.span),
        }
    }

    /// The links: all of the span's, or the one.
    pub(super) fn links(&self) -> &'s [LinkRef<'a>] {
        match self.link {
            Some(link) => slice::from_ref(link),
            None => self.batch.links(self.span),
        }
    }

    /// Whether a value of the subject is enough.
    pub(super) fn any(&self, subject: &Subject, visit: &mut Visit<'_>) -> bool {
        match subject {
            Subject::Attribute { key, level } => self.attribute(key, *level, visit),
            Subject::Field(field) => self.field(*field, visit),
        }
    }

    fn attribute(&self, key: &str, level: Level, visit: &mut Visit<'_>) -> bool {
        let batch = self.batch;
        let mut on = |extent: Extent| {
            let of_key = batch.attributes(extent).iter().filter(|of| of.key == key);
            let mut values = of_key.map(|of| Seen::Attribute(batch, of.value));
            values.any(&mut *visit)
        };
        match level {
            Level::Span => on(self.span.attributes),
            Level::Resource => on(self.resource().attributes),
            Level::Scope => on(self.scope().attributes),
            Level::SpanOrResource => on(self.span.attributes) || on(self.resource().attributes),
            Level::Event => self.events().iter().any(|event| on(event.attributes)),
            Level::Link => self.links().iter().any(|link| on(link.attributes)),
            Level::Any => {
                on(self.span.attributes)
                    || on(self.scope().attributes)
                    || on(self.resource().attributes)
                    || self.events().iter().any(|event| on(event.attributes))
                    || self.links().iter().any(|link| on(link.attributes))
            }
        }
    }

    fn field(&self, field: Field, visit: &mut Visit<'_>) -> bool {
        let span = self.span;
        // A text that is empty was not told.
        let mut text = |text: &str| !text.is_empty() && visit(Seen::Text(Cow::Borrowed(text)));
        match field {
            Field::TraceId => text(&span.trace_id.to_string()),
            Field::SpanId => text(&span.span_id.to_string()),
            Field::ParentSpanId => span.parent_span_id.is_some_and(|id| text(&id.to_string())),
            Field::TraceState => text(span.trace_state),
            Field::Name => text(span.operation_name()),
            Field::Kind => text(span.kind.as_str()),
            Field::Status => text(span.status.as_str()),
            Field::StatusMessage => text(span.status_message),
            Field::Service => text(self.batch.service_name(self.resource())),
            Field::ResourceSchemaUrl => text(self.resource().schema_url),
            Field::ScopeName => text(self.scope().name),
            Field::ScopeVersion => text(self.scope().version),
            Field::ScopeSchemaUrl => text(self.scope().schema_url),
            Field::EventName => self.events().iter().any(|event| text(event.name)),
            Field::LinkTraceId => {
                let mut links = self.links().iter();
                links.any(|link| text(&link.trace_id.to_string()))
            }
            Field::LinkSpanId => {
                let mut links = self.links().iter();
                links.any(|link| text(&link.span_id.to_string()))
            }
            Field::LinkTraceState => self.links().iter().any(|link| text(link.trace_state)),
            Field::StartTime
            | Field::EndTime
            | Field::Duration
            | Field::EventTime
            | Field::EventTimeSinceStart => self.nanos(field, visit),
        }
    }

    fn nanos(&self, field: Field, visit: &mut Visit<'_>) -> bool {
        let span = self.span;
        let mut events = self.events().iter();
        match field {
            Field::StartTime => visit(Seen::Nanos(span.start)),
            Field::EndTime => visit(Seen::Nanos(span.end)),
            Field::Duration => visit(Seen::Nanos(span.duration())),
            Field::EventTime => events.any(|event| visit(Seen::Nanos(event.time))),
            Field::EventTimeSinceStart => {
                events.any(|event| visit(Seen::Nanos(event.time.saturating_sub(span.start))))
            }
            _ => false,
        }
    }
}
