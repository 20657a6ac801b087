//! Gives letters back to the topics that they came from: intent → produce → outcome.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka::{DeadLetter, DeadLetterRecord, ProduceError, Producer, ProducerConfig, RangeReader};
use model::{RedriveOutcome, RedriveReport};
use storage::{Intent, Redriver};

use super::settle::settle;
use super::{HAND_OVER, Inner};
use crate::letters::{LettersError, OpenLetter};

/// A letter beyond this goes alone: whether its topic takes it is then known for sure.
const ALONE: usize = 256 << 10;
/// Headroom of the producer above the largest record of the origin: what was taken once is not to
/// be refused for its headers.
const HEADROOM: u64 = 64 << 10;
/// How long noted ends of a topic are used: older ones only cost a longer search after a crash.
const ENDS_FOR: Duration = Duration::from_secs(10);

/// The right to drive letters of a topic again, and what it takes.
#[derive(Debug)]
pub struct TopicTurn {
    inner: Arc<Inner>,
    redriver: Redriver,
    reader: RangeReader,
    producer: Producer,
    ends: HashMap<String, (Instant, Vec<i64>)>,
}

impl TopicTurn {
    pub(super) async fn begin(
        inner: &Arc<Inner>,
        report: &mut RedriveReport,
    ) -> Result<Self, LettersError> {
        let mut redriver = inner.redriver().await?;
        let reader = inner.reader()?;
        settle(inner, &reader, &mut redriver, report).await?;
        let ends = reader.ends(&inner.settings.topic).await?;
        let lows: Vec<i64> = ends.iter().map(|end| end.low).collect();
        redriver.forget(&inner.settings.topic, &lows).await?;
        let producing = &inner.settings.producer;
        let producing = ProducerConfig {
            max_record_bytes: producing.max_record_bytes + HEADROOM,
            ..producing.clone()
        };
        let producer = Producer::new(&inner.settings.kafka, &producing)
            .map_err(|error| LettersError::Producer(Box::new(error)))?;
        Ok(Self {
            inner: inner.clone(),
            redriver,
            reader,
            producer,
            ends: HashMap::new(),
        })
    }

    pub(super) async fn end(self) -> Result<(), LettersError> {
        Ok(self.redriver.close().await?)
    }

    /// Gives letters back, and says what became of each.
    pub(super) async fn drive(
        &mut self,
        letters: Vec<OpenLetter>,
    ) -> Result<Vec<RedriveOutcome>, LettersError> {
        let mut outcomes = Vec::with_capacity(letters.len());
        for batch in batches(&letters) {
            outcomes.extend(self.give_back(batch).await?);
        }
        Ok(outcomes)
    }

    /// intent → produce → outcome, for letters of one topic.
    async fn give_back(
        &mut self,
        batch: &[OpenLetter],
    ) -> Result<Vec<RedriveOutcome>, LettersError> {
        let Some(origin) = batch.first().and_then(origin_of).map(str::to_owned) else {
            return Ok(vec![RedriveOutcome::Unreadable; batch.len()]);
        };
        let ends = self.ends_of(&origin).await?;
        let began = Instant::now();
        let intents: Vec<Intent> = batch.iter().filter_map(intent).collect();
        let topic = &self.inner.settings.topic;
        let noted = self
            .redriver
            .intend(topic, &origin, &ends, &intents)
            .await?;
        if began.elapsed() > HAND_OVER {
            self.redriver.withdraw(&noted).await?;
            return Err(LettersError::Slow);
        }
        let mut fresh: HashSet<&str> = noted.iter().map(String::as_str).collect();
        let is_fresh = |open: &OpenLetter| {
            let identity = open.identity.as_deref();
            identity.is_some_and(|identity| fresh.remove(identity))
        };
        let mine: Vec<bool> = batch.iter().map(is_fresh).collect();
        let given = batch.iter().zip(&mine).filter(|(_, mine)| **mine);
        let records: Vec<_> = given.filter_map(|(open, _)| again(open)).collect();
        let outcome = match self.produce(&origin, &records).await {
            Ok(()) => {
                self.redriver.done(&noted).await?;
                RedriveOutcome::Redriven
            }
            Err(ProduceError::TooLarge { .. }) if records.len() == 1 => {
                self.redriver.withdraw(&noted).await?;
                RedriveOutcome::TooLarge
            }
            Err(error) => return Err(LettersError::Produce(Box::new(error))),
        };
        let of_each = mine.iter().map(|mine| match mine {
            true => outcome,
            false => RedriveOutcome::AlreadyRedriven,
        });
        Ok(of_each.collect())
    }

    async fn ends_of(&mut self, origin: &str) -> Result<Vec<i64>, LettersError> {
        if let Some((noted, ends)) = self.ends.get(origin)
            && noted.elapsed() < ENDS_FOR
        {
            return Ok(ends.clone());
        }
        let ends = self.reader.ends(origin).await?;
        let highs: Vec<i64> = ends.iter().map(|end| end.high).collect();
        self.ends
            .insert(origin.to_owned(), (Instant::now(), highs.clone()));
        Ok(highs)
    }

    async fn produce(
        &self,
        origin: &str,
        records: &[DeadLetterRecord],
    ) -> Result<(), ProduceError> {
        let headers: Vec<_> = records.iter().map(DeadLetterRecord::header_refs).collect();
        let outbound: Vec<_> = records
            .iter()
            .zip(&headers)
            .map(|(record, headers)| record.outbound(origin, headers))
            .collect();
        self.producer.send_all(&outbound).await
    }
}

/// Letters beside each other that go to the same topic; a large one is alone.
fn batches(letters: &[OpenLetter]) -> impl Iterator<Item = &[OpenLetter]> {
    let together = |one: &OpenLetter, next: &OpenLetter| {
        let small = one.record.size() < ALONE && next.record.size() < ALONE;
        small && origin_of(one) == origin_of(next)
    };
    letters.chunk_by(together)
}

fn origin_of(open: &OpenLetter) -> Option<&str> {
    let origin = open.letter.origin.as_ref()?;
    Some(&origin.topic)
}

fn intent(open: &OpenLetter) -> Option<Intent> {
    Some(Intent {
        letter: open.identity.clone()?,
        partition: open.letter.id.partition,
        offset: open.letter.id.offset,
    })
}

fn again(open: &OpenLetter) -> Option<DeadLetterRecord> {
    let said = DeadLetter::parse(&open.record).ok()?;
    Some(said.again(&open.record))
}
