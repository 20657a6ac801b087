//! One partition: records are taken, delivered, and their position committed, over and over.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kafka::{AssignedPartition, ConsumeError, GroupConsumer, PartitionRecords, Record};
use tokio::sync::Semaphore;

use super::FETCH_BYTES;
use super::deliver::Delivery;
use super::parcel::{parcels, tenant_of};
use super::start;
use crate::config::{StartAt, TopicConfig};
use crate::receive::Ingest;

/// Most records taken at once.
const FETCH_RECORDS: usize = 4_096;
/// How long the first of them is waited for.
const FETCH_WAIT: Duration = Duration::from_secs(1);
/// Parcels of a partition under way at once.
const AT_ONCE: usize = 16;

/// A partition that is ours, and what it is read with.
pub(super) struct Reading<P> {
    pub(super) group: GroupConsumer,
    pub(super) assigned: AssignedPartition,
    pub(super) topic: TopicConfig,
    pub(super) start: StartAt,
    /// A permit for each [`FETCH_BYTES`] that all partitions may have under way.
    pub(super) room: Arc<Semaphore>,
    pub(super) delivery: Delivery<P>,
}

/// Reads a partition until it is let go or no longer ours. What was taken is delivered first.
pub(super) async fn read<P: Ingest>(reading: Reading<P>) {
    let letting_go = reading.delivery.letting_go.clone();
    let Some(Some(mut records)) = letting_go
        .run_until_cancelled(start::begin(
            &reading.group,
            &reading.assigned,
            reading.start,
        ))
        .await
    else {
        return;
    };
    loop {
        let first = letting_go.run_until_cancelled(records.next(1, FETCH_WAIT));
        let taken = match first.await {
            None => return,
            Some(Ok(first)) if first.is_empty() => continue,
            Some(Ok(first)) => first,
            Some(Err(error)) => {
                let mended = letting_go.run_until_cancelled(mend(&mut records, &error));
                match mended.await {
                    Some(Some(())) => continue,
                    _ => return,
                }
            }
        };
        // While our own brokers are away, room may not come for long; a rebalance does not wait for it.
        let room = letting_go.run_until_cancelled(reading.room.acquire());
        let Some(Ok(_room)) = room.await else {
            return;
        };
        let more = records.next_within(FETCH_RECORDS, FETCH_BYTES, Duration::ZERO);
        // What keeps the rest from being read shows again with the next first record.
        let more = more.await.unwrap_or_default();
        let taken = taken.into_iter().chain(more).collect();
        if !deliver(&reading, taken).await {
            return;
        }
    }
}

/// Delivers records and commits how far they are done. `false` if not all of them are: the partition
/// is let go.
async fn deliver<P: Ingest>(reading: &Reading<P>, records: Vec<Record>) -> bool {
    let Some(after) = records.last().map(|last| last.offset + 1) else {
        return true;
    };
    let mut open: Vec<i64> = records.iter().map(|record| record.offset).collect();
    let delivery = &reading.delivery;
    let tenancy = &delivery.shared.config.tenancy;
    // Parsed with the configuration: a topic's tenant is one.
    let fixed = reading.topic.tenant().ok().flatten();
    let made = parcels(records, reading.topic.encoding, |record| match &fixed {
        Some(tenant) => Ok(tenant.clone()),
        None => tenant_of(record, tenancy),
    });
    let mut under_way = stream::iter(made)
        .map(|parcel| delivery.deliver(parcel))
        .buffer_unordered(AT_ONCE);
    let mut done = Vec::with_capacity(open.len());
    while let Some(offsets) = under_way.next().await {
        done.extend(offsets);
    }
    done.sort_unstable();
    open.retain(|offset| done.binary_search(offset).is_err());
    let position = open.first().copied().unwrap_or(after);
    let at = reading.assigned.id().clone();
    reading.group.mirror(&[(at, position)]);
    open.is_empty()
}

/// Goes on after what kept a partition from being read. `None` when it is no longer ours.
async fn mend(records: &mut PartitionRecords, error: &ConsumeError) -> Option<()> {
    match error {
        ConsumeError::OffsetOutOfRange { low, high, .. } => {
            start::go_on(records, (*low, *high)).await
        }
        error => {
            let at = records.id().clone();
            start::recover(&at, error).await
        }
    }
}
