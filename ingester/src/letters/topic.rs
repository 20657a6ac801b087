//! Letters of the dead-letter topic.

mod drive;
mod letter;
mod scan;
mod settle;

use std::sync::Arc;
use std::time::Duration;

use kafka::{Admin, KafkaConfig, LogEnds, ProducerConfig, RangeReader, TopicPartition};
use model::{
    LetterFilter, LetterId, LetterRange, PurgeReport, PurgeRequest, RedriveOutcome, RedriveReport,
};
use storage::{PostgresStore, Redriver};

use super::{Letters, LettersError, OpenLetter, look};
use crate::KnownSchemas;

pub use drive::TopicTurn;
pub use scan::TopicScan;

/// Longest time from noting an intent to handing its record to the producer.
const HAND_OVER: Duration = Duration::from_secs(1);

/// Where letters lie, and where they may be given back to.
#[derive(Debug, Clone)]
pub struct TopicSettings {
    /// How to reach Kafka.
    pub kafka: KafkaConfig,
    /// How records are produced that are given back.
    pub producer: ProducerConfig,
    /// The dead-letter topic.
    pub topic: String,
    /// The topics of spans.
    pub origins: Vec<String>,
    /// In whose name letters are driven again.
    pub by: String,
}

/// The letters of a topic; what was driven again is noted in the store.
#[derive(Debug, Clone)]
pub struct TopicLetters(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    settings: TopicSettings,
    schemas: KnownSchemas,
    store: Arc<PostgresStore>,
}

impl TopicLetters {
    /// The letters of this topic. Asks nobody yet.
    pub fn new(settings: TopicSettings, schemas: KnownSchemas, store: Arc<PostgresStore>) -> Self {
        Self(Arc::new(Inner {
            settings,
            schemas,
            store,
        }))
    }
}

impl Inner {
    /// A client of its own for each use: two that share one would end each other's reading.
    fn reader(&self) -> Result<RangeReader, LettersError> {
        Ok(RangeReader::new(&self.settings.kafka)?)
    }

    /// How old an intent must be before a record that is not in the log will never come.
    fn quiet_after(&self) -> Duration {
        let producer = &self.settings.producer;
        HAND_OVER * 2 + producer.delivery_timeout + producer.queue_wait
    }

    async fn redriver(&self) -> Result<Redriver, LettersError> {
        let redriver = self.store.redriver(&self.settings.by).await?;
        redriver.ok_or(LettersError::Busy)
    }

    /// Records of the topic as letters, with what is known of their redrive.
    async fn open(
        &self,
        partition: i32,
        records: Vec<kafka::Record>,
    ) -> Result<Vec<OpenLetter>, LettersError> {
        let payloads = records
            .iter()
            .filter_map(|record| record.payload.as_deref());
        look::learn(&self.schemas, payloads).await;
        let mut letters: Vec<OpenLetter> = {
            let schemas = self.schemas.read();
            let open = |record| letter::open(partition, record, &schemas);
            records.into_iter().map(open).collect()
        };
        let identities: Vec<String> = letters
            .iter()
            .map(|open| open.identity.clone().unwrap_or_default())
            .collect();
        let states = self.store.redrive_states(&identities).await?;
        for (open, state) in letters.iter_mut().zip(states) {
            open.letter.redrive = state;
        }
        Ok(letters)
    }
}

impl Letters for TopicLetters {
    type Scan = TopicScan;
    type Turn = TopicTurn;

    fn schemas(&self) -> &KnownSchemas {
        &self.0.schemas
    }

    fn origins(&self) -> Option<&[String]> {
        Some(&self.0.settings.origins)
    }

    async fn scan(
        &self,
        after: Option<LetterId>,
        filter: &LetterFilter,
    ) -> Result<TopicScan, LettersError> {
        TopicScan::begin(self.0.clone(), after, filter).await
    }

    async fn letter(&self, id: LetterId) -> Result<Option<OpenLetter>, LettersError> {
        let only = LetterFilter {
            ranges: vec![LetterRange {
                partition: id.partition,
                first: id.offset,
                last: id.offset,
            }],
            ..LetterFilter::default()
        };
        let mut scan = TopicScan::begin(self.0.clone(), None, &only).await?;
        let found = super::LetterScan::next(&mut scan).await?;
        let mut found = found.unwrap_or_default().into_iter();
        Ok(found.find(|open| open.letter.id == id))
    }

    async fn begin(&self, report: &mut RedriveReport) -> Result<TopicTurn, LettersError> {
        TopicTurn::begin(&self.0, report).await
    }

    async fn drive(
        &self,
        turn: &mut TopicTurn,
        letters: Vec<OpenLetter>,
    ) -> Result<Vec<RedriveOutcome>, LettersError> {
        turn.drive(letters).await
    }

    async fn end(&self, turn: TopicTurn) -> Result<(), LettersError> {
        turn.end().await
    }

    async fn purge(&self, request: &PurgeRequest) -> Result<PurgeReport, LettersError> {
        let turn = self.0.redriver().await?;
        let (reader, topic) = (self.0.reader()?, &self.0.settings.topic);
        let ends = reader.ends(topic).await?;
        let mut report = PurgeReport {
            dry_run: request.dry_run,
            ..PurgeReport::default()
        };
        let mut cuts = Vec::new();
        for end in &ends {
            let aged = match request.before {
                Some(before) => reader.offset_at(&end.at, millis(before)).await?,
                None => end.low,
            };
            let below = cut(end, aged, &request.ranges)?;
            if below > end.low {
                report.records += (below - end.low).cast_unsigned();
                report.up_to.push(LetterId {
                    partition: end.at.partition,
                    offset: below - 1,
                });
                cuts.push((end.at.clone(), below));
            }
        }
        nobody_named_another(&ends, &request.ranges)?;
        if !request.dry_run {
            self.cut_off(&cuts).await?;
        }
        turn.close().await?;
        Ok(report)
    }
}

impl TopicLetters {
    async fn cut_off(&self, cuts: &[(TopicPartition, i64)]) -> Result<(), LettersError> {
        let admin = Admin::new(&self.0.settings.kafka)?;
        for (at, below) in cuts {
            admin.delete_records(at, *below).await?;
        }
        Ok(())
    }
}

fn millis(at: model::UnixNanos) -> i64 {
    i64::try_from(at / 1_000_000).unwrap_or(i64::MAX)
}

/// Below which offset a partition's log is to be cut off: the ranges that were named must begin
/// where it begins.
fn cut(end: &LogEnds, aged: i64, ranges: &[LetterRange]) -> Result<i64, LettersError> {
    let mut below = aged.clamp(end.low, end.high);
    let here = ranges
        .iter()
        .filter(|range| range.partition == end.at.partition);
    for range in here {
        if range.first > end.low {
            let (range, low) = (*range, end.low);
            return Err(LettersError::NotAtTheStart { range, low });
        }
        below = below.max(range.last.saturating_add(1).min(end.high));
    }
    Ok(below)
}

fn nobody_named_another(ends: &[LogEnds], ranges: &[LetterRange]) -> Result<(), LettersError> {
    let exists = |range: &&LetterRange| ends.iter().any(|end| end.at.partition == range.partition);
    match ranges.iter().find(|range| !exists(range)) {
        Some(range) => Err(LettersError::NoSuchPartition {
            partition: range.partition,
        }),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn end() -> LogEnds {
        LogEnds {
            at: TopicPartition::new("dlq", 1),
            low: 10,
            high: 20,
        }
    }

    fn of(aged: i64, ranges: &[&str]) -> Option<i64> {
        let parsed: Vec<_> = ranges
            .iter()
            .map(|text| LetterRange::parse(text).unwrap())
            .collect();
        cut(&end(), aged, &parsed).ok()
    }

    #[test]
    fn a_log_is_cut_off_at_its_start_or_not_at_all() {
        assert_eq!(of(10, &[]), Some(10), "nothing is old enough");
        assert_eq!(of(15, &[]), Some(15));
        assert_eq!(of(10, &["1/0-12"]), Some(13), "the letter goes as well");
        assert_eq!(of(10, &["1/10-12"]), Some(13));
        assert_eq!(of(10, &["1/0-99"]), Some(20), "never beyond the end");
        assert_eq!(of(10, &["2/5-6"]), Some(10), "another partition's");
        assert_eq!(of(10, &["1/11-12"]), None, "in the middle");
        assert_eq!(of(10, &["1/15"]), None);
    }

    #[test]
    fn a_partition_that_does_not_exist_is_refused() {
        let range = LetterRange::parse("7/1").unwrap();
        let refused = nobody_named_another(&[end()], &[range]);
        assert!(matches!(
            refused,
            Err(LettersError::NoSuchPartition { partition: 7 })
        ));
    }
}
