//! The borrowed walk: bytes of the embedded schema → batch, nothing copied.
//!
//! Fields are read in the schema's order. One owner's attributes lie together in the batch: they go
//! there one by one as long as no list or map is among them. With the first of these they, and all
//! that follow, are gathered on a stack and moved to the batch when they are complete, so that
//! nested ones do not come in between.

use model::{
    AttributeRef, EventRef, Extent, LinkRef, Repairs, ResourceRef, ScopeRef, SpanBatch, SpanId,
    SpanKind, SpanRef, StatusCode, TraceId, UnixNanos, ValueRef,
};

use super::{
    Fault, Head,
    cursor::{Blocks, Cursor},
    flaw::Flaw,
};
use crate::trace_chunk::{MAX_NESTING, branch};

/// Appends the spans of a record's body to `batch`. On an error the batch holds a part of them.
pub(super) fn chunk<'a>(body: &'a [u8], batch: &mut SpanBatch<'a>) -> Result<Head<'a>, Fault> {
    walk::<true>(body, batch)
}

/// The same, and all is checked, but of attributes, events, links and texts nothing is kept.
pub(super) fn bare_chunk<'a>(body: &'a [u8], batch: &mut SpanBatch<'a>) -> Result<Head<'a>, Fault> {
    walk::<false>(body, batch)
}

fn walk<'a, const WHOLE: bool>(
    body: &'a [u8],
    batch: &mut SpanBatch<'a>,
) -> Result<Head<'a>, Fault> {
    let mut walk = Walk::<WHOLE> {
        cursor: Cursor::new(body),
        batch,
        attributes: Vec::new(),
        values: Vec::new(),
    };
    walk.chunk().map_err(|flaw| Fault {
        at: walk.cursor.at(),
        flaw,
    })
}

/// `WHOLE`: attributes, events, links and texts are kept.
struct Walk<'w, 'a, const WHOLE: bool> {
    cursor: Cursor<'a>,
    batch: &'w mut SpanBatch<'a>,
    /// Attributes of the lists that are open now.
    attributes: Vec<AttributeRef<'a>>,
    /// Items of the lists that are open now.
    values: Vec<ValueRef<'a>>,
}

impl<'a, const WHOLE: bool> Walk<'_, 'a, WHOLE> {
    fn chunk(&mut self) -> Result<Head<'a>, Flaw> {
        let tenant = self.cursor.text()?;
        let received_at = self.nanos()?;
        let trace_id = TraceId::new(self.cursor.array()?).ok_or(Flaw::ZeroTraceId)?;
        let mut resources = Blocks::default();
        while resources.next(&mut self.cursor)? {
            self.resource(trace_id)?;
        }
        self.cursor.end()?;
        Ok(Head {
            tenant,
            received_at,
            trace_id,
        })
    }

    fn resource(&mut self, trace_id: TraceId) -> Result<(), Flaw> {
        let resource = ResourceRef {
            attributes: self.attributes(0)?,
            dropped_attributes: self.count()?,
            schema_url: self.text()?,
        };
        self.batch.resources.push(resource);
        let mut scopes = Blocks::default();
        while scopes.next(&mut self.cursor)? {
            self.scope(trace_id)?;
        }
        Ok(())
    }

    fn scope(&mut self, trace_id: TraceId) -> Result<(), Flaw> {
        let scope = ScopeRef {
            resource: self.batch.resources.len() as u32 - 1,
            name: self.text()?,
            version: self.text()?,
            attributes: self.attributes(0)?,
            dropped_attributes: self.count()?,
            schema_url: self.text()?,
        };
        self.batch.scopes.push(scope);
        let scope = self.batch.scopes.len() as u32 - 1;
        let mut spans = Blocks::default();
        while spans.next(&mut self.cursor)? {
            let span = self.span(trace_id, scope)?;
            self.batch.spans.push(span);
        }
        Ok(())
    }

    fn span(&mut self, trace_id: TraceId, scope: u32) -> Result<SpanRef<'a>, Flaw> {
        Ok(SpanRef {
            scope,
            trace_id,
            span_id: SpanId::new(self.cursor.array()?).ok_or(Flaw::ZeroSpanId)?,
            parent_span_id: self.parent()?,
            trace_state: self.text()?,
            flags: self.count()?,
            name: self.text()?,
            kind: kind(self.cursor.int()?)?,
            start: self.nanos()?,
            end: self.nanos()?,
            attributes: self.attributes(0)?,
            dropped_attributes: self.count()?,
            events: self.events()?,
            dropped_events: self.count()?,
            links: self.links()?,
            dropped_links: self.count()?,
            status: status(self.cursor.int()?)?,
            status_message: self.text()?,
            repairs: Repairs::from_bits(self.count()?),
        })
    }

    fn parent(&mut self) -> Result<Option<SpanId>, Flaw> {
        match self.cursor.long()? {
            0 => Ok(None),
            1 => self.reference().map(Some),
            branch => Err(Flaw::NoSuchBranch { branch }),
        }
    }

    /// Another span's id.
    fn reference(&mut self) -> Result<SpanId, Flaw> {
        SpanId::new(self.cursor.array()?).ok_or(Flaw::ZeroReference)
    }

    fn events(&mut self) -> Result<Extent, Flaw> {
        let start = self.batch.events.len();
        let mut events = Blocks::default();
        while events.next(&mut self.cursor)? {
            let event = EventRef {
                time: self.nanos()?,
                name: self.text()?,
                attributes: self.attributes(0)?,
                dropped_attributes: self.count()?,
            };
            if WHOLE {
                self.batch.events.push(event);
            }
        }
        Ok(Extent::since(start, self.batch.events.len()))
    }

    fn links(&mut self) -> Result<Extent, Flaw> {
        let start = self.batch.links.len();
        let mut links = Blocks::default();
        while links.next(&mut self.cursor)? {
            let link = LinkRef {
                trace_id: TraceId::new(self.cursor.array()?).ok_or(Flaw::ZeroReference)?,
                span_id: self.reference()?,
                trace_state: self.text()?,
                attributes: self.attributes(0)?,
                dropped_attributes: self.count()?,
                flags: self.count()?,
            };
            if WHOLE {
                self.batch.links.push(link);
            }
        }
        Ok(Extent::since(start, self.batch.links.len()))
    }

    /// A list of attributes with `depth` lists and maps around it.
    fn attributes(&mut self, depth: usize) -> Result<Extent, Flaw> {
        let start = self.batch.attributes.len();
        let mut attributes = Blocks::default();
        while attributes.next(&mut self.cursor)? {
            let key = self.text()?;
            let number = self.cursor.long()?;
            match self.scalar(number)? {
                Some(value) if WHOLE => self.batch.attributes.push(AttributeRef { key, value }),
                Some(_) => {}
                None if !WHOLE => drop(self.nested(number, depth)?),
                None => return self.gathered_attributes(start, key, number, attributes, depth),
            }
        }
        Ok(Extent::since(start, self.batch.attributes.len()))
    }

    /// The rest of a list of attributes: this one's value, of branch `number`, is a list or a map.
    fn gathered_attributes(
        &mut self,
        start: usize,
        key: &'a str,
        number: i64,
        mut attributes: Blocks,
        depth: usize,
    ) -> Result<Extent, Flaw> {
        let open = self.attributes.len();
        self.attributes.extend(self.batch.attributes.drain(start..));
        let value = self.nested(number, depth)?;
        self.attributes.push(AttributeRef { key, value });
        while attributes.next(&mut self.cursor)? {
            let attribute = AttributeRef {
                key: self.text()?,
                value: self.value(depth)?,
            };
            self.attributes.push(attribute);
        }
        let start = self.batch.attributes.len();
        let gathered = self.attributes.drain(open..);
        self.batch.attributes.extend(gathered);
        Ok(Extent::since(start, self.batch.attributes.len()))
    }

    fn values(&mut self, depth: usize) -> Result<Extent, Flaw> {
        let open = self.values.len();
        let mut values = Blocks::default();
        while values.next(&mut self.cursor)? {
            let value = self.value(depth)?;
            if WHOLE {
                self.values.push(value);
            }
        }
        let start = self.batch.values.len();
        self.batch.values.extend_from_slice(&self.values[open..]);
        self.values.truncate(open);
        Ok(Extent::since(start, self.batch.values.len()))
    }

    fn value(&mut self, depth: usize) -> Result<ValueRef<'a>, Flaw> {
        let number = self.cursor.long()?;
        match self.scalar(number)? {
            Some(value) => Ok(value),
            None => self.nested(number, depth),
        }
    }

    /// The value of this branch, unless it is a list, a map or no branch at all.
    #[inline]
    fn scalar(&mut self, number: i64) -> Result<Option<ValueRef<'a>>, Flaw> {
        Ok(Some(match u32::try_from(number) {
            Ok(branch::STRING) => ValueRef::String(self.text()?),
            Ok(branch::INT) => ValueRef::Int(self.cursor.long()?),
            Ok(branch::BOOL) => ValueRef::Bool(self.cursor.boolean()?),
            Ok(branch::DOUBLE) => ValueRef::Double(self.cursor.double()?),
            Ok(branch::BYTES) => ValueRef::Bytes(self.cursor.blob()?),
            Ok(branch::EMPTY) => ValueRef::Empty,
            _ => return Ok(None),
        }))
    }

    /// The list or map of this branch.
    fn nested(&mut self, number: i64, depth: usize) -> Result<ValueRef<'a>, Flaw> {
        Ok(match u32::try_from(number) {
            Ok(branch::ARRAY | branch::MAP) if depth == MAX_NESTING => return Err(Flaw::TooDeep),
            Ok(branch::ARRAY) => ValueRef::Array(self.values(depth + 1)?),
            Ok(branch::MAP) => ValueRef::Map(self.attributes(depth + 1)?),
            _ => return Err(Flaw::NoSuchBranch { branch: number }),
        })
    }

    /// A text; an empty one where nothing is kept.
    #[inline]
    fn text(&mut self) -> Result<&'a str, Flaw> {
        if WHOLE {
            return self.cursor.text();
        }
        self.cursor.pass_text()?;
        Ok("")
    }

    fn nanos(&mut self) -> Result<UnixNanos, Flaw> {
        nanos(self.cursor.long()?)
    }

    fn count(&mut self) -> Result<u32, Flaw> {
        count(self.cursor.long()?)
    }
}

/// Nanoseconds of a `long`.
pub(super) fn nanos(number: i64) -> Result<UnixNanos, Flaw> {
    u64::try_from(number).map_err(|_| Flaw::OutOfRange { number })
}

/// An unsigned number of 32 bits of a `long`.
pub(super) fn count(number: i64) -> Result<u32, Flaw> {
    u32::try_from(number).map_err(|_| Flaw::OutOfRange { number })
}

pub(super) fn kind(number: i32) -> Result<SpanKind, Flaw> {
    let number = i64::from(number);
    SpanKind::from_number(number).ok_or(Flaw::NoSuchKind { number })
}

pub(super) fn status(number: i32) -> Result<StatusCode, Flaw> {
    let number = i64::from(number);
    StatusCode::from_number(number).ok_or(Flaw::NoSuchStatus { number })
}
