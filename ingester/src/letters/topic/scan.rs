//! Reads the dead-letter topic as it is when the reading begins.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant};

use kafka::{ConsumeError, LogEnds, RangeReader, Record, RecordRange, TopicPartition};
use model::{LetterFilter, LetterId, LetterRange, UnixNanos};

use super::Inner;
use crate::letters::{LetterScan, LettersError, OpenLetter};

/// Most letters that are opened at once.
const PAGE: usize = 64;
/// Most bytes of them, unless one is larger.
const PAGE_BYTES: usize = 8 << 20;
/// Records that are taken at once: each may be as large as a dead letter may be.
const TAKE: usize = 8;
/// Longest wait for a record that is there.
const PATIENCE: Duration = Duration::from_secs(20);
/// By how much clocks of producers and brokers may differ.
const CLOCKS_DIFFER: UnixNanos = 3_600 * 1_000_000_000;

/// Offsets of a partition, without the last.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) at: TopicPartition,
    pub(super) from: i64,
    pub(super) to: i64,
}

/// Reads letters in the order of their ids.
#[derive(Debug)]
pub struct TopicScan {
    inner: Arc<Inner>,
    reader: RangeReader,
    stretches: VecDeque<Stretch>,
    reading: Option<(Stretch, RecordRange)>,
}

impl TopicScan {
    pub(super) async fn begin(
        inner: Arc<Inner>,
        after: Option<LetterId>,
        filter: &LetterFilter,
    ) -> Result<Self, LettersError> {
        let reader = inner.reader()?;
        let mut stretches = VecDeque::new();
        for end in reader.ends(&inner.settings.topic).await? {
            let since = match filter.since {
                Some(since) => {
                    let early = super::millis(since.saturating_sub(CLOCKS_DIFFER));
                    reader.offset_at(&end.at, early).await?
                }
                None => end.low,
            };
            stretches.extend(of_partition(&end, since, after, &filter.ranges));
        }
        Ok(Self {
            inner,
            reader,
            stretches,
            reading: None,
        })
    }
}

/// What is to be read of a partition.
fn of_partition(
    end: &LogEnds,
    since: i64,
    after: Option<LetterId>,
    ranges: &[LetterRange],
) -> Vec<Stretch> {
    let partition = end.at.partition;
    let behind = match after {
        Some(id) if id.partition > partition => return Vec::new(),
        Some(id) if id.partition == partition => id.offset.saturating_add(1),
        _ => end.low,
    };
    let (low, high) = (end.low.max(since).max(behind), end.high);
    let mut wanted: Vec<(i64, i64)> = match ranges.is_empty() {
        true => vec![(low, high)],
        false => {
            let here = ranges.iter().filter(|range| range.partition == partition);
            here.map(|range| (range.first, range.last.saturating_add(1)))
                .collect()
        }
    };
    wanted.sort_unstable();
    let mut from_on = low;
    let mut stretches = Vec::new();
    for (from, to) in wanted {
        let (from, to) = (from.max(from_on), to.min(high));
        if from < to {
            let at = end.at.clone();
            stretches.push(Stretch { at, from, to });
            from_on = to;
        }
    }
    stretches
}

impl LetterScan for TopicScan {
    async fn next(&mut self) -> Result<Option<Vec<OpenLetter>>, LettersError> {
        loop {
            if self.reading.is_none() {
                let Some(stretch) = self.stretches.pop_front() else {
                    return Ok(None);
                };
                let range = begin(&self.reader, &stretch).await?;
                self.reading = Some((stretch, range));
            }
            let records = match &mut self.reading {
                Some((stretch, range)) => take(range, stretch).await?,
                None => Vec::new(),
            };
            match (records.is_empty(), &self.reading) {
                (false, Some((stretch, _))) => {
                    let partition = stretch.at.partition;
                    return Ok(Some(self.inner.open(partition, records).await?));
                }
                _ => self.reading = None,
            }
        }
    }
}

/// Takes some records; none at the end of the stretch.
async fn take(range: &mut RecordRange, stretch: &Stretch) -> Result<Vec<Record>, LettersError> {
    let mut records = Vec::new();
    let mut bytes = 0;
    while records.len() < PAGE && bytes < PAGE_BYTES {
        let Some(some) = more(range, stretch).await? else {
            break;
        };
        bytes += some.iter().map(Record::size).sum::<usize>();
        records.extend(some);
    }
    Ok(records)
}

/// Begins to read a stretch, or what the log still has of it.
pub(super) async fn begin(
    reader: &RangeReader,
    stretch: &Stretch,
) -> Result<RecordRange, LettersError> {
    let Stretch { at, from, to } = stretch;
    match reader.range(at, *from, *to).await {
        Err(ConsumeError::OffsetOutOfRange { low, high, .. }) => {
            let still = (*from).clamp(low, high);
            Ok(reader.range(at, still, (*to).max(still)).await?)
        }
        begun => Ok(begun?),
    }
}

/// The next records of a stretch; `None` at its end.
pub(super) async fn more(
    range: &mut RecordRange,
    stretch: &Stretch,
) -> Result<Option<Vec<Record>>, LettersError> {
    let began = Instant::now();
    loop {
        match range.next(TAKE, PATIENCE).await? {
            None => return Ok(None),
            Some(some) if !some.is_empty() => return Ok(Some(some)),
            Some(_) if began.elapsed() < PATIENCE => {}
            Some(_) => {
                return Err(LettersError::Silent {
                    topic: stretch.at.topic.to_string(),
                    partition: stretch.at.partition,
                    offset: range.position(),
                });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stretches(since: i64, after: Option<&str>, ranges: &[&str]) -> Vec<(i64, i64)> {
        let end = LogEnds {
            at: TopicPartition::new("dlq", 1),
            low: 10,
            high: 20,
        };
        let after = after.map(|id| LetterId::parse(id).unwrap());
        let ranges: Vec<_> = ranges
            .iter()
            .map(|range| LetterRange::parse(range).unwrap())
            .collect();
        let read = of_partition(&end, since, after, &ranges);
        read.iter().map(|one| (one.from, one.to)).collect()
    }

    #[test]
    fn a_reading_begins_where_the_log_the_moment_and_the_last_page_say() {
        assert_eq!(stretches(0, None, &[]), [(10, 20)]);
        assert_eq!(stretches(15, None, &[]), [(15, 20)]);
        assert_eq!(stretches(0, Some("1/12"), &[]), [(13, 20)]);
        assert_eq!(stretches(0, Some("0/99"), &[]), [(10, 20)]);
        assert_eq!(stretches(0, Some("2/0"), &[]), []);
        assert_eq!(stretches(20, None, &[]), []);
        assert_eq!(stretches(0, Some("1/9223372036854775807"), &[]), []);
    }

    #[test]
    fn each_offset_is_read_once_however_often_it_is_named() {
        let read = stretches(0, None, &["1/15-17", "1/12", "1/16-99", "0/3", "1/0-9"]);
        assert_eq!(read, [(12, 13), (15, 18), (18, 20)]);
    }
}
