//! Looks for the newest span that answers, and reads no more than it takes to find it.

use model::{SpanBatch, SpanRef, UnixNanos};

use super::decode::{Decoder, Frame, Source};
use crate::payload::lens::Said;
use crate::payload::{DecodeError, Lens, Sight};

/// The start of the newest span that passes the judge at every sight of it. Attributes, events and
/// links that the lens does not keep are missing when it is judged as a whole.
pub(in crate::payload) fn newest<'a>(
    source: Source<'a, '_>,
    lens: &'a Lens,
    judge: &mut impl FnMut(Sight, &SpanBatch<'_>, &SpanRef<'_>) -> bool,
) -> Result<Option<UnixNanos>, DecodeError> {
    let (decoder, frames) = Decoder::open(source, Some(lens))?;
    let mut skim = Skim {
        origins: vec![None; decoder.batch.scopes.len()],
        decoder,
        lens,
        judge,
    };
    let hopes = skim.hopes(&frames);
    let mut newest = None;
    for (frame, hope) in frames.iter().zip(hopes) {
        if hope.from_here <= newest {
            break;
        }
        let hopeful = hope.own && Some(frame.start) > newest;
        if skim.answers(frame, hopeful)? {
            newest = Some(frame.start);
        }
    }
    Ok(newest)
}

/// What spans may still bring.
#[derive(Debug, Clone, Copy)]
struct Hope {
    /// Whether the span itself may answer.
    own: bool,
    /// The newest start of those that may, this one and all behind it.
    from_here: Option<UnixNanos>,
}

struct Skim<'a, 'p, 'j, J> {
    decoder: Decoder<'a, 'p>,
    lens: &'a Lens,
    /// What was said of each scope, once it was asked.
    origins: Vec<Option<bool>>,
    judge: &'j mut J,
}

impl<'a, J> Skim<'a, '_, '_, J>
where
    J: FnMut(Sight, &SpanBatch<'_>, &SpanRef<'_>) -> bool,
{
    fn hopes(&mut self, frames: &[Frame]) -> Vec<Hope> {
        let mut from_here = None;
        let mut hopes = Vec::with_capacity(frames.len());
        for frame in frames.iter().rev() {
            let span = self.decoder.framed(frame);
            let own = self.passes(Sight::Frame, &span);
            from_here = from_here.max(own.then_some(frame.start));
            hopes.push(Hope { own, from_here });
        }
        hopes.reverse();
        hopes
    }

    fn passes(&mut self, sight: Sight, span: &SpanRef<'a>) -> bool {
        (self.judge)(sight, &self.decoder.batch, span)
    }

    /// Reads the next span, or passes over it once it cannot answer.
    fn answers(&mut self, frame: &Frame, hopeful: bool) -> Result<bool, DecodeError> {
        let mut span = self.decoder.framed(frame);
        let row = self.decoder.row_of(&mut span)?;
        if !hopeful || !self.origin_passes(&span) || !self.passes(Sight::Row, &span) {
            let batch = &mut self.decoder.batch;
            self.decoder.values.of_row(&row, false, batch)?;
            self.decoder.pass_optional(row.head)?;
            return Ok(false);
        }
        let kept = Lengths::of(&self.decoder.batch);
        let batch = &mut self.decoder.batch;
        span.attributes = self.decoder.values.of_row(&row, true, batch)?;
        self.decoder.optional(row.head, &mut span)?;
        let passes = self.passes(Sight::Whole, &span);
        kept.cut(&mut self.decoder.batch);
        Ok(passes)
    }

    /// Asks of a scope once; what is looked at later of it and its resource is in the batch then.
    fn origin_passes(&mut self, span: &SpanRef<'a>) -> bool {
        let scope = span.scope as usize;
        if let Some(said) = self.origins[scope] {
            return said;
        }
        let shared = self.decoder.shared_origin(scope);
        let known = shared.and_then(|origin| self.lens.said_of(origin));
        let said = known.unwrap_or_else(|| {
            self.decoder.keep_origin(scope);
            let said = Said {
                passes: self.passes(Sight::Origin, span),
                is_kept: self.lens.origins || self.decoder.has_kept_keys(scope, self.lens),
            };
            if let Some(origin) = shared {
                self.lens.say_of(origin, said);
            }
            said
        });
        match said {
            Said { passes: false, .. } => {}
            Said { is_kept: true, .. } => self.decoder.keep_origin(scope),
            Said { is_kept: false, .. } => self.decoder.keep_no_origin(scope),
        }
        self.origins[scope] = Some(said.passes);
        said.passes
    }
}

/// How much a batch holds: what one span adds is let go of before the next.
struct Lengths {
    attributes: usize,
    values: usize,
    events: usize,
    links: usize,
}

impl Lengths {
    fn of(batch: &SpanBatch<'_>) -> Self {
        Self {
            attributes: batch.attributes.len(),
            values: batch.values.len(),
            events: batch.events.len(),
            links: batch.links.len(),
        }
    }

    fn cut(&self, batch: &mut SpanBatch<'_>) {
        batch.attributes.truncate(self.attributes);
        batch.values.truncate(self.values);
        batch.events.truncate(self.events);
        batch.links.truncate(self.links);
    }
}
