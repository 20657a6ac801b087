//! What each way to write payloads costs, measured on a sample.

use std::sync::Arc;
use std::time::Duration;

use bumpalo::Bump;
use model::SpanBatch;

use super::sample::{LearnError, Part, Sample, all, learn};
use crate::payload::{ContainedEncoder, Dictionary, EncodeError, Encoder, Known, Reader, Words};
use crate::sizes::PayloadCost;

/// Measures on half of a sample.
pub(crate) struct Costs<'s> {
    sample: &'s Sample,
    level: i32,
    clock: &'s dyn Fn() -> Duration,
}

impl<'s> Costs<'s> {
    pub(crate) fn measure(
        sample: &'s Sample,
        level: i32,
        clock: &'s dyn Fn() -> Duration,
    ) -> Result<Vec<PayloadCost>, LearnError> {
        let learnt = learn(sample, Part::Even, level)?;
        let words = Arc::new(Dictionary::open(learnt.words(), level)?);
        let costs = Self {
            sample,
            level,
            clock,
        };
        Ok(vec![
            costs.contained()?,
            costs.interned("2: no dictionary", &Arc::new(Dictionary::empty()))?,
            costs.interned("2: words alone", &words)?,
            costs.interned("2: words and zstd", &learnt)?,
        ])
    }

    fn contained(&self) -> Result<PayloadCost, LearnError> {
        let mut encoder = ContainedEncoder::new(self.level)?;
        let encode = |batch: &SpanBatch<'_>, out: &mut Vec<u8>| {
            let trace = batch.spans.first().map(|span| span.trace_id);
            trace.map_or(Ok(()), |id| encoder.encode(id, batch, &all(batch), out))
        };
        self.cost("1", encode, &Known::default())
    }

    fn interned(
        &self,
        codec: &'static str,
        dictionary: &Arc<Dictionary>,
    ) -> Result<PayloadCost, LearnError> {
        let words = Words {
            dictionary: dictionary.clone(),
            named: Arc::default(),
        };
        let mut known = Known::default();
        let name = dictionary.name();
        known.dictionaries.insert(name, dictionary.clone());
        let mut encoder = Encoder::new(&words, self.level)?;
        let encode =
            |batch: &SpanBatch<'_>, out: &mut Vec<u8>| encoder.encode(batch, &all(batch), out);
        self.cost(codec, encode, &known)
    }

    fn cost(
        &self,
        codec: &'static str,
        mut encode: impl FnMut(&SpanBatch<'_>, &mut Vec<u8>) -> Result<(), EncodeError>,
        known: &Known,
    ) -> Result<PayloadCost, LearnError> {
        let mut cost = PayloadCost {
            codec,
            spans: 0,
            bytes: 0,
            encoding: Duration::ZERO,
            decoding: Duration::ZERO,
        };
        let mut reader = Reader::new(known);
        let (mut payload, mut arena) = (Vec::new(), Bump::new());
        self.sample.each(Part::Odd, |batch| {
            payload.clear();
            let started = (self.clock)();
            encode(batch, &mut payload)?;
            cost.encoding += (self.clock)() - started;
            cost.spans += batch.spans.len() as u64;
            cost.bytes += payload.len() as u64;
            let Some(span) = batch.spans.first() else {
                return Ok(());
            };
            let started = (self.clock)();
            let decoded = reader.decode(span.trace_id, &payload, &arena)?;
            cost.decoding += (self.clock)() - started;
            drop(decoded);
            arena.reset();
            Ok::<_, LearnError>(())
        })?;
        Ok(cost)
    }
}
