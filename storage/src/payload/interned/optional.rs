//! What only some spans have: rare fields, events and links.

use model::{EventRef, Extent, LinkRef, Repairs, SpanId, SpanRef, TraceId, UnixNanos};

use super::decode::Decoder;
use crate::payload::dictionary::{Of, own};
use crate::payload::number::signed;
use crate::payload::{DecodeError, head, span_id};

impl<'a> Decoder<'a, '_> {
    /// Reads what only some spans have.
    pub(super) fn optional(&mut self, head: u8, span: &mut SpanRef<'a>) -> Result<(), DecodeError> {
        if head & head::RARE != 0 {
            span.trace_state = self.values.own_text(own::TRACE_STATE)?;
            span.status_message = self.values.own_text(own::STATUS_MESSAGE)?;
            span.dropped_attributes = self.values.codes.small()?;
            span.dropped_events = self.values.codes.small()?;
            span.dropped_links = self.values.codes.small()?;
            span.repairs = Repairs::from_bits(self.values.codes.small()?);
        }
        let lens = self.values.lens;
        if head & head::EVENTS != 0 {
            if lens.is_none_or(|lens| lens.events) {
                span.events = self.events(span.start)?;
            } else {
                self.pass_events()?;
            }
        }
        if head & head::LINKS != 0 {
            if lens.is_none_or(|lens| lens.links) {
                span.links = self.links()?;
            } else {
                self.pass_links()?;
            }
        }
        Ok(())
    }

    /// Passes over what only some spans have.
    pub(super) fn pass_optional(&mut self, head: u8) -> Result<(), DecodeError> {
        if head & head::RARE != 0 {
            self.values.pass_own_text(own::TRACE_STATE)?;
            self.values.pass_own_text(own::STATUS_MESSAGE)?;
            for _ in 0..4 {
                self.values.codes.small()?;
            }
        }
        if head & head::EVENTS != 0 {
            self.pass_events()?;
        }
        if head & head::LINKS != 0 {
            self.pass_links()?;
        }
        Ok(())
    }

    fn events(&mut self, start: UnixNanos) -> Result<Extent, DecodeError> {
        let first = self.batch.events.len();
        for _ in 0..self.values.codes.count()? {
            let after = signed(&mut self.values.codes, &mut self.values.bits)?;
            let row = self.values.row(Of::Event)?;
            let event = EventRef {
                time: start.wrapping_add(after as u64),
                name: row.name,
                attributes: self.values.of_row(&row, true, &mut self.batch)?,
                dropped_attributes: self.values.codes.small()?,
            };
            self.batch.events.push(event);
        }
        Ok(Extent::since(first, self.batch.events.len()))
    }

    fn pass_events(&mut self) -> Result<(), DecodeError> {
        for _ in 0..self.values.codes.count()? {
            signed(&mut self.values.codes, &mut self.values.bits)?;
            let row = self.values.row(Of::Event)?;
            self.values.of_row(&row, false, &mut self.batch)?;
            self.values.codes.small()?;
        }
        Ok(())
    }

    fn links(&mut self) -> Result<Extent, DecodeError> {
        let first = self.batch.links.len();
        for _ in 0..self.values.codes.count()? {
            let trace = TraceId::new(self.values.extra.array()?);
            let span_id = span_id(&mut self.values.extra)?;
            let row = self.values.row(Of::Link)?;
            let attributes = self.values.of_row(&row, true, &mut self.batch)?;
            let link = LinkRef {
                trace_id: trace.ok_or(DecodeError::Impossible("trace id"))?,
                span_id,
                trace_state: self.values.own_text(own::TRACE_STATE)?,
                attributes,
                dropped_attributes: self.values.codes.small()?,
                flags: self.values.codes.small()?,
            };
            self.batch.links.push(link);
        }
        Ok(Extent::since(first, self.batch.links.len()))
    }

    fn pass_links(&mut self) -> Result<(), DecodeError> {
        for _ in 0..self.values.codes.count()? {
            self.values.extra.bytes(TraceId::LEN + SpanId::LEN)?;
            let row = self.values.row(Of::Link)?;
            self.values.of_row(&row, false, &mut self.batch)?;
            self.values.pass_own_text(own::TRACE_STATE)?;
            self.values.codes.small()?;
            self.values.codes.small()?;
        }
        Ok(())
    }
}
