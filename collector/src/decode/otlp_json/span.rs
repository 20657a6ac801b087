//! Spans in OTLP JSON, with their events, links and status.

use model::{EventRef, Extent};
use serde::de::{DeserializeSeed, Deserializer, MapAccess};

use super::value::Attributes;
use crate::decode::builder::{Builder, LinkDraft, SpanDraft};
use crate::decode::json::object::{Element, Fields, Ignored, List, Object};
use crate::decode::json::scalar::{Count, EnumNumber, Parsed, Text, Whole, span_id, trace_id};

/// A span that is being read.
pub(super) struct Span<'x, 'a> {
    to: &'x mut Builder<'a>,
    draft: SpanDraft<'a>,
    /// Links that had to be left out, part of the draft's count.
    links_without_target: u32,
}

impl<'x, 'a> Span<'x, 'a> {
    pub(super) fn new(to: &'x mut Builder<'a>) -> Self {
        Self {
            to,
            draft: SpanDraft::default(),
            links_without_target: 0,
        }
    }

    /// The span with all that is known of it.
    pub(super) fn finish(mut self) -> SpanDraft<'a> {
        let dropped = self.draft.dropped_links;
        self.draft.dropped_links = dropped.saturating_add(self.links_without_target);
        self.draft
    }

    fn events<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let first = self.to.decoded.batch.events.len();
        map.next_value_seed(List(&mut Events { to: self.to }))?;
        self.draft.events = Extent::since(first, self.to.decoded.batch.events.len());
        Ok(())
    }

    fn links<A: MapAccess<'a>>(&mut self, map: &mut A) -> Result<(), A::Error> {
        let first = self.to.decoded.batch.links.len();
        let mut links = Links {
            to: self.to,
            without_target: 0,
        };
        map.next_value_seed(List(&mut links))?;
        self.links_without_target = links.without_target;
        self.draft.links = Extent::since(first, self.to.decoded.batch.links.len());
        Ok(())
    }
}

impl<'a> Fields<'a> for Span<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "traceId" => self.draft.trace_id = map.next_value_seed(Parsed(trace_id))?.ok(),
            "spanId" => self.draft.span_id = map.next_value_seed(Parsed(span_id))?.ok(),
            "parentSpanId" => {
                let sent = map.next_value_seed(Parsed(span_id))?;
                self.draft.parent_span_id = self.to.parent(sent);
            }
            "traceState" => self.draft.trace_state = map.next_value_seed(Text(self.to))?,
            "flags" => self.draft.flags = map.next_value_seed(Count)?,
            "name" => self.draft.name = map.next_value_seed(Text(self.to))?,
            "kind" => {
                let number = map.next_value_seed(EnumNumber)?;
                self.draft.kind = self.to.kind(number);
            }
            "startTimeUnixNano" => self.draft.start = map.next_value_seed(Whole::new())?,
            "endTimeUnixNano" => self.draft.end = map.next_value_seed(Whole::new())?,
            "attributes" => {
                let attributes = Attributes {
                    to: self.to,
                    depth: 1,
                };
                self.draft.attributes = map.next_value_seed(attributes)?;
            }
            "droppedAttributesCount" => {
                self.draft.dropped_attributes = map.next_value_seed(Count)?;
            }
            "events" => self.events(map)?,
            "droppedEventsCount" => self.draft.dropped_events = map.next_value_seed(Count)?,
            "links" => self.links(map)?,
            "droppedLinksCount" => self.draft.dropped_links = map.next_value_seed(Count)?,
            "status" => {
                let mut status = Status {
                    to: self.to,
                    draft: &mut self.draft,
                };
                map.next_value_seed(Object(&mut status))?;
            }
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}

struct Status<'x, 'a> {
    to: &'x mut Builder<'a>,
    draft: &'x mut SpanDraft<'a>,
}

impl<'a> Fields<'a> for Status<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "message" => self.draft.status_message = map.next_value_seed(Text(self.to))?,
            "code" => {
                let number = map.next_value_seed(EnumNumber)?;
                self.draft.status = self.to.status(number);
            }
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}

struct Events<'x, 'a> {
    to: &'x mut Builder<'a>,
}

impl<'a> Element<'a> for Events<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let event = EventRef {
            time: 0,
            name: "",
            attributes: Extent::default(),
            dropped_attributes: 0,
        };
        let mut reading = Event { to: self.to, event };
        Object(&mut reading).deserialize(json)?;
        let event = reading.event;
        let pushed = self.to.push_event(event);
        pushed.map_err(|error| self.to.fail(error))
    }
}

struct Event<'x, 'a> {
    to: &'x mut Builder<'a>,
    event: EventRef<'a>,
}

impl<'a> Fields<'a> for Event<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "timeUnixNano" => self.event.time = map.next_value_seed(Whole::new())?,
            "name" => self.event.name = map.next_value_seed(Text(self.to))?,
            "attributes" => {
                let attributes = Attributes {
                    to: self.to,
                    depth: 1,
                };
                self.event.attributes = map.next_value_seed(attributes)?;
            }
            "droppedAttributesCount" => {
                self.event.dropped_attributes = map.next_value_seed(Count)?;
            }
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}

struct Links<'x, 'a> {
    to: &'x mut Builder<'a>,
    without_target: u32,
}

impl<'a> Element<'a> for Links<'_, 'a> {
    fn read<D: Deserializer<'a>>(&mut self, json: D) -> Result<(), D::Error> {
        let mut link = Link {
            to: self.to,
            draft: LinkDraft::default(),
        };
        Object(&mut link).deserialize(json)?;
        let draft = link.draft;
        let pushed = self.to.push_link(draft, &mut self.without_target);
        pushed.map_err(|error| self.to.fail(error))
    }
}

struct Link<'x, 'a> {
    to: &'x mut Builder<'a>,
    draft: LinkDraft<'a>,
}

impl<'a> Fields<'a> for Link<'_, 'a> {
    fn field<A: MapAccess<'a>>(&mut self, key: &str, map: &mut A) -> Result<(), A::Error> {
        match key {
            "traceId" => self.draft.trace_id = map.next_value_seed(Parsed(trace_id))?.ok(),
            "spanId" => self.draft.span_id = map.next_value_seed(Parsed(span_id))?.ok(),
            "traceState" => self.draft.trace_state = map.next_value_seed(Text(self.to))?,
            "attributes" => {
                let attributes = Attributes {
                    to: self.to,
                    depth: 1,
                };
                self.draft.attributes = map.next_value_seed(attributes)?;
            }
            "droppedAttributesCount" => {
                self.draft.dropped_attributes = map.next_value_seed(Count)?;
            }
            "flags" => self.draft.flags = map.next_value_seed(Count)?,
            _ => {
                map.next_value::<Ignored>()?;
            }
        }
        Ok(())
    }
}
