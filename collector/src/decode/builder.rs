//! What the decoders share: builds a batch whose owners' attributes are neighbours, within limits.

mod waiting;

use bumpalo::Bump;
use model::{
    AttributeRef, EventRef, Extent, IdError, LinkRef, RejectReason, Repair, Repairs, ResourceRef,
    ScopeRef, SpanBatch, SpanId, SpanKind, SpanRef, StatusCode, TraceId, ValueRef,
    canonical_string,
};

use super::{DecodeError, DecodeLimits, Decoded, MAX_NESTING, MAX_STORED_NESTING, text};

/// A span whose ids have not been looked at yet.
#[derive(Debug, Default)]
pub(super) struct SpanDraft<'a> {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) parent_span_id: Option<SpanId>,
    pub(super) trace_state: &'a str,
    pub(super) flags: u32,
    pub(super) name: &'a str,
    pub(super) kind: SpanKind,
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) attributes: Extent,
    pub(super) dropped_attributes: u32,
    pub(super) events: Extent,
    pub(super) dropped_events: u32,
    pub(super) links: Extent,
    pub(super) dropped_links: u32,
    pub(super) status: StatusCode,
    pub(super) status_message: &'a str,
}

/// A link whose ids have not been looked at yet.
#[derive(Debug, Default)]
pub(super) struct LinkDraft<'a> {
    pub(super) trace_id: Option<TraceId>,
    pub(super) span_id: Option<SpanId>,
    pub(super) trace_state: &'a str,
    pub(super) attributes: Extent,
    pub(super) dropped_attributes: u32,
    pub(super) flags: u32,
}

/// Lengths of a batch's vectors, to go back to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    attributes: usize,
    values: usize,
    events: usize,
    links: usize,
}

/// A batch under construction.
///
/// Attributes and list elements wait on a stack until their owner ends: values nest, and a message
/// may carry its fields in any order, but in the batch an owner's attributes must be neighbours.
#[derive(Debug)]
pub(super) struct Builder<'a> {
    pub(super) decoded: Decoded<'a>,
    arena: &'a Bump,
    waiting_attributes: Vec<AttributeRef<'a>>,
    waiting_values: Vec<ValueRef<'a>>,
    /// Repairs to the span, scope or resource that is being read.
    repairs: Repairs,
    limits: DecodeLimits,
    items: usize,
    /// Why a reader that can only tell its own kind of errors stopped.
    pub(super) failure: Option<DecodeError>,
}

impl<'a> Builder<'a> {
    /// An empty batch; `body_len` tells roughly how large it will grow.
    pub(super) fn new(arena: &'a Bump, limits: DecodeLimits, body_len: usize) -> Self {
        let mut batch = SpanBatch::default();
        batch.spans.reserve((body_len / 512).min(4096));
        batch.attributes.reserve((body_len / 64).min(32_768));
        Self {
            decoded: Decoded {
                batch,
                ..Decoded::default()
            },
            arena,
            waiting_attributes: Vec::with_capacity(64),
            waiting_values: Vec::new(),
            repairs: Repairs::NONE,
            limits,
            items: 0,
            failure: None,
        }
    }

    pub(super) fn arena(&self) -> &'a Bump {
        self.arena
    }

    pub(super) fn text(&mut self, bytes: &'a [u8]) -> &'a str {
        text::from_bytes(bytes, self.arena, &mut self.repairs)
    }

    pub(super) fn valid_text(&mut self, valid: &'a str) -> &'a str {
        text::without_nul(valid, self.arena, &mut self.repairs)
    }

    /// As before, of text that is not part of the body.
    pub(super) fn owned_text(&mut self, text: &str) -> &'a str {
        let text = self.arena.alloc_str(text);
        self.valid_text(text)
    }

    pub(super) fn repair(&mut self, repair: Repair) {
        self.repairs.insert(repair);
    }

    /// Marks what a sender says that it has mended.
    pub(super) fn repaired_before(&mut self, repairs: Repairs) {
        self.repairs = self.repairs.union(repairs);
    }

    /// Keeps an error while serde's own kind of error carries it out.
    pub(super) fn fail<E: serde::de::Error>(&mut self, error: DecodeError) -> E {
        let carrier = E::custom(&error);
        self.failure = Some(error);
        carrier
    }

    /// Forgets the spans from this index on: a later list under the same key takes their place.
    pub(super) fn forget_spans(&mut self, first: usize) {
        self.decoded.batch.spans.truncate(first);
    }

    /// Counts one thing that a request holds.
    pub(super) fn count_item(&mut self) -> Result<(), DecodeError> {
        self.items += 1;
        if self.items > self.limits.items {
            return Err(DecodeError::TooManyItems {
                limit: self.limits.items,
            });
        }
        Ok(())
    }

    /// Opens a resource; its fields are set as they are found. Returns its index.
    pub(super) fn open_resource(&mut self) -> Result<usize, DecodeError> {
        self.count_item()?;
        self.decoded.batch.resources.push(ResourceRef::default());
        self.decoded.resource_repairs.push(Repairs::NONE);
        Ok(self.decoded.batch.resources.len() - 1)
    }

    /// Opens a scope of a resource. Returns its index.
    pub(super) fn open_scope(&mut self, resource: usize) -> Result<usize, DecodeError> {
        self.count_item()?;
        let scope = ScopeRef {
            resource: resource as u32,
            ..ScopeRef::default()
        };
        self.decoded.batch.scopes.push(scope);
        self.decoded.scope_repairs.push(Repairs::NONE);
        Ok(self.decoded.batch.scopes.len() - 1)
    }

    /// Sets fields of a resource; the repairs since the last owner's end are its repairs.
    pub(super) fn set_resource(&mut self, index: usize, set: impl FnOnce(&mut ResourceRef<'a>)) {
        set(&mut self.decoded.batch.resources[index]);
        let repairs = &mut self.decoded.resource_repairs[index];
        *repairs = repairs.union(std::mem::take(&mut self.repairs));
    }

    /// Sets fields of a scope; the repairs since the last owner's end are its repairs.
    pub(super) fn set_scope(&mut self, index: usize, set: impl FnOnce(&mut ScopeRef<'a>)) {
        set(&mut self.decoded.batch.scopes[index]);
        let repairs = &mut self.decoded.scope_repairs[index];
        *repairs = repairs.union(std::mem::take(&mut self.repairs));
    }

    /// Checks the nesting of a value about to be read: the value of an attribute is at depth 1.
    pub(super) fn check_depth(&self, depth: u32) -> Result<(), DecodeError> {
        if depth > MAX_NESTING {
            Err(DecodeError::Nesting)
        } else {
            Ok(())
        }
    }

    /// A list or map as it is to be stored: itself, or its text where nesting must end.
    pub(super) fn nested(&mut self, value: ValueRef<'a>, depth: u32, before: Mark) -> ValueRef<'a> {
        let is_empty = match value {
            ValueRef::Array(extent) | ValueRef::Map(extent) => extent.len == 0,
            _ => true,
        };
        if depth != MAX_STORED_NESTING || is_empty {
            return value;
        }
        let owned = self.decoded.batch.own_value(&value);
        self.go_back(before);
        self.repair(Repair::NestingFlattened);
        ValueRef::String(self.arena.alloc_str(&canonical_string(&owned)))
    }

    pub(super) fn mark(&self) -> Mark {
        let batch = &self.decoded.batch;
        Mark {
            attributes: batch.attributes.len(),
            values: batch.values.len(),
            events: batch.events.len(),
            links: batch.links.len(),
        }
    }

    fn go_back(&mut self, mark: Mark) {
        let batch = &mut self.decoded.batch;
        batch.attributes.truncate(mark.attributes);
        batch.values.truncate(mark.values);
        batch.events.truncate(mark.events);
        batch.links.truncate(mark.links);
    }

    pub(super) fn push_event(&mut self, event: EventRef<'a>) -> Result<(), DecodeError> {
        self.count_item()?;
        self.decoded.batch.events.push(event);
        Ok(())
    }

    /// Adds a link, or counts it as dropped when it points nowhere.
    pub(super) fn push_link(
        &mut self,
        draft: LinkDraft<'a>,
        dropped_links: &mut u32,
    ) -> Result<(), DecodeError> {
        let (Some(trace_id), Some(span_id)) = (draft.trace_id, draft.span_id) else {
            self.repair(Repair::InvalidLinkDropped);
            *dropped_links = dropped_links.saturating_add(1);
            return Ok(());
        };
        self.count_item()?;
        self.decoded.batch.links.push(LinkRef {
            trace_id,
            span_id,
            trace_state: draft.trace_state,
            attributes: draft.attributes,
            dropped_attributes: draft.dropped_attributes,
            flags: draft.flags,
        });
        Ok(())
    }

    /// The parent's id: none when empty or zero, dropped when it is not an id.
    pub(super) fn parent(&mut self, sent: Result<SpanId, IdError>) -> Option<SpanId> {
        match sent {
            Ok(id) => Some(id),
            Err(IdError::Zero | IdError::WrongLength { actual: 0, .. }) => None,
            Err(IdError::WrongLength { .. } | IdError::NotHex { .. }) => {
                self.repair(Repair::InvalidParentDropped);
                None
            }
        }
    }

    /// The kind with this number, or unspecified.
    pub(super) fn kind(&mut self, number: i64) -> SpanKind {
        SpanKind::from_number(number).unwrap_or_else(|| {
            self.repair(Repair::UnknownEnum);
            SpanKind::Unspecified
        })
    }

    /// The status code with this number, or unset.
    pub(super) fn status(&mut self, number: i64) -> StatusCode {
        StatusCode::from_number(number).unwrap_or_else(|| {
            self.repair(Repair::UnknownEnum);
            StatusCode::Unset
        })
    }

    /// Adds a span of a scope, or counts it as rejected and forgets what it carried.
    pub(super) fn push_span(
        &mut self,
        scope: usize,
        draft: SpanDraft<'a>,
        before: Mark,
    ) -> Result<(), DecodeError> {
        let repairs = std::mem::take(&mut self.repairs);
        let sent = self.decoded.batch.spans.len() as u64 + self.decoded.rejected.total();
        if sent >= self.limits.spans as u64 {
            return Err(DecodeError::TooManySpans {
                limit: self.limits.spans,
            });
        }
        let Some(trace_id) = draft.trace_id else {
            self.go_back(before);
            self.decoded.rejected.add(RejectReason::InvalidTraceId);
            return Ok(());
        };
        let Some(span_id) = draft.span_id else {
            self.go_back(before);
            self.decoded.rejected.add(RejectReason::InvalidSpanId);
            return Ok(());
        };
        self.decoded.batch.spans.push(SpanRef {
            scope: scope as u32,
            trace_id,
            span_id,
            parent_span_id: draft.parent_span_id,
            trace_state: draft.trace_state,
            flags: draft.flags,
            name: draft.name,
            kind: draft.kind,
            start: draft.start,
            end: draft.end,
            attributes: draft.attributes,
            dropped_attributes: draft.dropped_attributes,
            events: draft.events,
            dropped_events: draft.dropped_events,
            links: draft.links,
            dropped_links: draft.dropped_links,
            status: draft.status,
            status_message: draft.status_message,
            repairs,
        });
        Ok(())
    }
}
