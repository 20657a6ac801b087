//! From times to offsets: what a job reads of each partition, or why it cannot.

use std::time::Duration;

use kafka::{ConsumeError, LogEnds, RangeReader, Record};
use model::{TimeRange, UnixNanos};
use storage::ReplayStretch;

use super::wanted::received_at;

/// How long the first record of a partition may take to be read.
const PATIENCE: Duration = Duration::from_secs(30);

/// What is to be read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// A stretch of each partition, in order; empty ones included.
    pub stretches: Vec<ReplayStretch>,
}

impl Plan {
    /// Offsets that are to be read. As many records at most.
    pub fn offsets(&self) -> u64 {
        let lengths = self
            .stretches
            .iter()
            .map(|one| (one.end - one.start).max(0) as u64);
        lengths.sum()
    }
}

/// Why nothing can be planned.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// Kafka has deleted records that the range may have had.
    #[error("Kafka no longer has all of that: {what}")]
    Gone {
        /// The first moment from which on every partition is whole; `None`: one of them is empty.
        whole_from: Option<UnixNanos>,
        /// Which partition is short of what, in words.
        what: String,
    },
    /// The brokers do not say.
    #[error("Kafka does not say what it has of {topic}")]
    Unavailable {
        /// Topic.
        topic: String,
        /// The cause.
        source: Box<ConsumeError>,
    },
    /// The first record of a partition does not come.
    #[error("the first record of {topic}/{partition} cannot be read")]
    Silent {
        /// Topic.
        topic: String,
        /// Partition.
        partition: i32,
    },
}

/// Finds the offsets of the records that were received in a range. Their timestamps are set by
/// producers, whose clocks and retries differ, so `margin` is added on either side, and what is
/// read too much is sorted out by the header. `partial` takes what there is.
///
/// # Errors
/// If Kafka does not have all of the range, or does not say.
pub async fn plan(
    reader: &RangeReader,
    topic: &str,
    received: TimeRange,
    margin: Duration,
    partial: bool,
) -> Result<Plan, PlanError> {
    let unavailable = |source| PlanError::Unavailable {
        topic: topic.to_owned(),
        source: Box::new(source),
    };
    let ends = reader.ends(topic).await.map_err(unavailable)?;
    if !partial {
        let mut starts = Vec::new();
        for one in &ends {
            starts.push((one.clone(), first_received(reader, topic, one).await?));
        }
        check_whole(received.start, &starts)?;
    }
    let millis = |at: UnixNanos| (at / 1_000_000) as i64;
    let margin = u64::try_from(margin.as_nanos()).unwrap_or(u64::MAX);
    let mut stretches = Vec::new();
    for LogEnds { at, high, .. } in ends {
        let from = millis(received.start.saturating_sub(margin));
        let to = millis(received.end.saturating_add(margin)).saturating_add(1);
        let start = reader.offset_at(&at, from).await.map_err(unavailable)?;
        let end = reader.offset_at(&at, to).await.map_err(unavailable)?;
        stretches.push(ReplayStretch {
            partition: at.partition,
            start,
            end: end.min(high),
        });
    }
    Ok(Plan { stretches })
}

/// When the first record of a partition that has lost some was received; `None` if it has lost
/// all of them.
async fn first_received(
    reader: &RangeReader,
    topic: &str,
    ends: &LogEnds,
) -> Result<Option<UnixNanos>, PlanError> {
    if ends.low == 0 || ends.low == ends.high {
        return Ok(None);
    }
    let unavailable = |source| PlanError::Unavailable {
        topic: topic.to_owned(),
        source: Box::new(source),
    };
    let range = reader.range(&ends.at, ends.low, ends.high).await;
    let mut range = range.map_err(unavailable)?;
    let read = range.next(1, PATIENCE).await.map_err(unavailable)?;
    match read.as_deref() {
        None => Ok(None),
        Some([first, ..]) => Ok(Some(moment(first))),
        Some([]) => Err(PlanError::Silent {
            topic: topic.to_owned(),
            partition: ends.at.partition,
        }),
    }
}

fn moment(record: &Record) -> UnixNanos {
    let stamped = (record.timestamp_ms.max(0) as u64).saturating_mul(1_000_000);
    received_at(record).unwrap_or(stamped)
}

/// A partition that begins at offset 0 has lost nothing. One that does not has lost everything
/// before its first record, and nothing says when that was.
fn check_whole(from: UnixNanos, starts: &[(LogEnds, Option<UnixNanos>)]) -> Result<(), PlanError> {
    let cut = || starts.iter().filter(|(ends, _)| ends.low > 0);
    if let Some((ends, _)) = cut().find(|(_, first)| first.is_none()) {
        let LogEnds { at, low, .. } = ends;
        return Err(PlanError::Gone {
            whole_from: None,
            what: format!(
                "{}/{} had {low} records and has none left",
                at.topic, at.partition
            ),
        });
    }
    let last = cut().max_by_key(|(_, first)| *first);
    match last {
        Some((ends, Some(first))) if *first > from => Err(PlanError::Gone {
            whole_from: Some(*first),
            what: format!(
                "{}/{} begins with offset {}",
                ends.at.topic, ends.at.partition, ends.low
            ),
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use kafka::TopicPartition;

    use super::*;

    fn start(partition: i32, low: i64, first: Option<u64>) -> (LogEnds, Option<u64>) {
        let ends = LogEnds {
            at: TopicPartition::new("spoor.spans", partition),
            low,
            high: low + 10,
        };
        (ends, first)
    }

    #[test]
    fn a_log_that_has_lost_nothing_has_every_range() {
        assert!(check_whole(0, &[start(0, 0, None), start(1, 0, None)]).is_ok());
    }

    #[test]
    fn a_range_must_begin_after_the_first_record_of_every_partition_that_was_cut() {
        let starts = [
            start(0, 5, Some(100)),
            start(1, 7, Some(300)),
            start(2, 0, None),
        ];
        assert!(check_whole(300, &starts).is_ok());
        match check_whole(299, &starts) {
            Err(PlanError::Gone {
                whole_from: Some(300),
                what,
            }) => assert_eq!(what, "spoor.spans/1 begins with offset 7"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_partition_that_has_lost_everything_says_nothing_about_when() {
        let refused = check_whole(u64::MAX, &[start(0, 9, None)]);
        assert!(matches!(
            refused,
            Err(PlanError::Gone {
                whole_from: None,
                ..
            })
        ));
    }
}
