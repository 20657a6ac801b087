//! Where a partition is begun, and where it goes on when its log is not what was expected.

use std::time::Duration;

use bootstrap::chain;
use kafka::{AssignedPartition, ConsumeError, GroupConsumer, PartitionRecords, TopicPartition};
use tokio::time::sleep;

use crate::config::StartAt;
use crate::metrics;

/// Wait before the brokers are asked again; while an operator is needed.
const RETRY: Duration = Duration::from_secs(1);
const RETRY_OPERATOR: Duration = Duration::from_secs(10);
/// How long a commit is given before the brokers are asked for it.
const COMMIT_WAIT: Duration = Duration::from_millis(100);

/// Starts a partition where the group has left it. Tries until it can be read; `None` when it is
/// no longer ours.
pub(super) async fn begin(
    group: &GroupConsumer,
    assigned: &AssignedPartition,
    start: StartAt,
) -> Option<PartitionRecords> {
    loop {
        match try_begin(group, assigned, start).await {
            Ok(records) => return Some(records),
            Err(error) => recover(assigned.id(), &error).await?,
        }
    }
}

async fn try_begin(
    group: &GroupConsumer,
    assigned: &AssignedPartition,
    start: StartAt,
) -> Result<PartitionRecords, ConsumeError> {
    let committed = match (assigned.committed().await?, start) {
        (None, StartAt::Latest) => Some(commit_end(group, assigned).await?),
        (committed, _) => committed,
    };
    let watermarks = assigned.watermarks().await?;
    let offset = first_offset(committed, watermarks);
    if let Some(committed) = committed {
        tell_gap(assigned.id(), committed, watermarks);
    }
    assigned.start_at(offset).await
}

/// Commits the end of the log, and gives what is committed once the brokers have it. Whoever has the
/// partition next would otherwise begin at a later end, and skip what came in between.
async fn commit_end(
    group: &GroupConsumer,
    assigned: &AssignedPartition,
) -> Result<i64, ConsumeError> {
    let (_, end) = assigned.watermarks().await?;
    loop {
        group.mirror(&[(assigned.id().clone(), end)]);
        sleep(COMMIT_WAIT).await;
        if let Some(committed) = assigned.committed().await? {
            return Ok(committed);
        }
    }
}

/// Goes on where the log goes on, after it was found not to reach to the position. Tries until it
/// can be read; `None` when the partition is no longer ours.
pub(super) async fn go_on(records: &mut PartitionRecords, (low, high): (i64, i64)) -> Option<()> {
    let (at, position) = (records.id().clone(), records.position());
    tell_gap(&at, position, (low, high));
    let offset = first_offset(Some(position), (low, high));
    loop {
        match records.seek(offset).await {
            Ok(()) => return Some(()),
            // It was cut once more: the next read says where.
            Err(ConsumeError::OffsetOutOfRange { .. }) => return Some(()),
            Err(error) => recover(&at, &error).await?,
        }
    }
}

/// Waits for what keeps a partition from being read. `None` when it is no longer ours.
pub(super) async fn recover(at: &TopicPartition, error: &ConsumeError) -> Option<()> {
    let (topic, partition) = (&at.topic, at.partition);
    match error {
        ConsumeError::NotOwned { .. } => return None,
        error if error.is_transient() => {
            tracing::debug!(
                kafka.topic = %topic, kafka.partition = partition, error = %chain(error),
                "A partition cannot be read for now",
            );
            sleep(RETRY).await;
        }
        error => {
            tracing::error!(
                kafka.topic = %topic, kafka.partition = partition, error = %chain(error),
                "A partition cannot be read until an operator steps in",
            );
            sleep(RETRY_OPERATOR).await;
        }
    }
    Some(())
}

/// A log that was made anew is read from its start, one that was cut from where it starts now.
fn first_offset(committed: Option<i64>, (low, high): (i64, i64)) -> i64 {
    committed
        .filter(|offset| (low..=high).contains(offset))
        .unwrap_or(low)
}

/// What the origin deleted before it was read is lost, and said to be.
fn tell_gap(at: &TopicPartition, position: i64, (low, high): (i64, i64)) {
    if position < low {
        let lost = (low - position).cast_unsigned();
        metrics::kafka_records_lost(lost);
        tracing::error!(
            kafka.topic = %at.topic, kafka.partition = at.partition, kafka.offset = position,
            kafka.low_watermark = low, records = lost,
            "The topic no longer has records that were not read yet; the next one there is comes next",
        );
    } else if position > high {
        tracing::warn!(
            kafka.topic = %at.topic, kafka.partition = at.partition, kafka.offset = position,
            kafka.high_watermark = high,
            "The topic was cut or made anew; read from its start",
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_goes_on_where_it_has_left() {
        assert_eq!(first_offset(Some(7), (5, 9)), 7);
        assert_eq!(first_offset(Some(9), (5, 9)), 9);
    }

    #[test]
    fn a_group_that_has_committed_nothing_begins_at_the_start() {
        assert_eq!(first_offset(None, (5, 9)), 5);
    }

    #[test]
    fn what_lies_outside_of_the_log_is_begun_at_its_start() {
        for outside in [3, 12] {
            assert_eq!(first_offset(Some(outside), (5, 9)), 5);
        }
    }
}
