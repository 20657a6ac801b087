//! The rounds: elected, not before the counts are complete, stored, then published.

use std::future::Future;
use std::time::Duration;

use bootstrap::chain;
use model::UnixNanos;
use schemas::SamplingAnnouncement;
use storage::{
    Intervals, OperationProbabilities, PostgresStore, ReadError, SampledOperation, SamplingSeat,
    Stores,
};
use tokio::time::sleep;

use super::{announcements, calculate, metrics};
use crate::config::AdaptiveSamplingConfig;

/// Rounds after which everything is published again, whatever was published before.
const REPUBLISH_AFTER: u32 = 10;

/// Calculates for as long as it runs, while no other process of the stores does. `publish` takes the
/// records of a round; those that it fails to publish are published by the next round. `clock` gives
/// nanoseconds since 1970.
///
/// Cancel safe: drop it to stop.
pub async fn adaptive_sampling<E, F>(
    stores: Stores<PostgresStore>,
    config: AdaptiveSamplingConfig,
    calculated_by: String,
    clock: impl Fn() -> UnixNanos,
    mut publish: impl FnMut(Vec<SamplingAnnouncement>) -> F,
) where
    E: std::error::Error + 'static,
    F: Future<Output = Result<(), E>>,
{
    let mut worker = Worker {
        config,
        calculated_by,
        everything: true,
        gone: Vec::new(),
        rounds: 0,
    };
    loop {
        match worker.while_elected(&stores, &clock, &mut publish).await {
            Ok(()) => {}
            Err(error) => {
                metrics::round("failed");
                tracing::warn!(error = %chain(&error), "Adaptive sampling failed; it tries again");
            }
        }
        metrics::elected(false);
        sleep(worker.config.follower_lease_refresh_interval).await;
    }
}

struct Worker {
    config: AdaptiveSamplingConfig,
    calculated_by: String,
    /// Whether the control topic may hold something else than what was stored last.
    everything: bool,
    /// Services that are gone, and whose records may not be.
    gone: Vec<SamplingAnnouncement>,
    rounds: u32,
}

impl Worker {
    /// Returns when another process is elected; fails when the seat is lost.
    async fn while_elected<E, F>(
        &mut self,
        stores: &Stores<PostgresStore>,
        clock: &impl Fn() -> UnixNanos,
        publish: &mut impl FnMut(Vec<SamplingAnnouncement>) -> F,
    ) -> Result<(), ReadError>
    where
        E: std::error::Error + 'static,
        F: Future<Output = Result<(), E>>,
    {
        let Some(mut seat) = stores.take_sampling_seat().await? else {
            return Ok(());
        };
        metrics::elected(true);
        tracing::info!("Elected to calculate the probabilities of adaptive sampling");
        self.everything = true;
        loop {
            let lag = seat.ingest_lag().await?;
            let due = due(&self.config, clock(), lag, seat.last_bucket().await?);
            if let Some(intervals) = due {
                self.round(&mut seat, intervals, clock(), publish).await?;
            }
            sleep(self.config.leader_lease_refresh_interval).await;
        }
    }

    async fn round<E, F>(
        &mut self,
        seat: &mut SamplingSeat,
        intervals: Intervals,
        now: UnixNanos,
        publish: &mut impl FnMut(Vec<SamplingAnnouncement>) -> F,
    ) -> Result<(), ReadError>
    where
        E: std::error::Error + 'static,
        F: Future<Output = Result<(), E>>,
    {
        let config = &self.config;
        let mut told = OperationProbabilities::new();
        let calculation = |buckets: &[_], before: OperationProbabilities| {
            told = before.clone();
            calculate(config, buckets, before, now)
        };
        let round = seat.round(intervals, now, &self.calculated_by, calculation);
        let after = round.await?;
        metrics::round("ok");
        metrics::known(after.len(), services(&after));
        self.rounds += 1;
        let everything = self.everything || self.rounds.is_multiple_of(REPUBLISH_AFTER);
        let mut records = std::mem::take(&mut self.gone);
        records.extend(announcements(config, &after, &told, everything, now));
        let is_gone = |one: &&_| matches!(one, SamplingAnnouncement::Forgotten { .. });
        let gone = records.iter().filter(is_gone).cloned().collect();
        self.everything = false;
        match publish(records).await {
            Ok(()) => {}
            Err(error) => {
                metrics::round("unpublished");
                (self.everything, self.gone) = (true, gone);
                tracing::warn!(
                    error = %chain(&error),
                    "Probabilities could not be published; the next round does it"
                );
            }
        }
        Ok(())
    }
}

fn services(all: &OperationProbabilities) -> usize {
    let mut services: Vec<_> = all
        .keys()
        .map(
            |SampledOperation {
                 tenant, service, ..
             }| (tenant, service),
        )
        .collect();
    services.dedup();
    services.len()
}

/// The intervals of the next round, once the counts of a further one are complete: everything that was
/// received before it ended has had `calculation_delay` to be stored, and no ingester is further
/// behind than that. Counts that are still missing would look like less traffic.
fn due(
    config: &AdaptiveSamplingConfig,
    now: UnixNanos,
    lag: Duration,
    last: Option<UnixNanos>,
) -> Option<Intervals> {
    let length = (config.calculation_interval.as_nanos() as u64).max(1);
    let behind = config.calculation_delay.max(lag).as_nanos() as u64;
    let complete = now.saturating_sub(behind);
    let until = complete - complete % length;
    let newest = until.checked_sub(length)?;
    last.is_none_or(|last| newest > last).then_some(Intervals {
        until,
        length,
        keep: u32::try_from(config.aggregation_buckets.max(1)).unwrap_or(u32::MAX),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: u64 = 60 * 1_000_000_000;

    fn due_at(minutes: f64, lag: u64, last: Option<u64>) -> Option<u64> {
        let config = AdaptiveSamplingConfig::default();
        let now = (minutes * MINUTE as f64) as u64;
        let last = last.map(|minute| minute * MINUTE);
        let due = due(&config, now, Duration::from_secs(lag), last)?;
        Some(due.until / MINUTE)
    }

    #[test]
    fn a_round_waits_until_the_counts_of_its_interval_are_complete() {
        assert_eq!(due_at(12.9, 0, Some(9)), None);
        assert_eq!(due_at(13.0, 0, Some(9)), Some(11));
        assert_eq!(due_at(13.0, 0, None), Some(11));
    }

    #[test]
    fn a_round_waits_for_ingesters_that_are_behind() {
        assert_eq!(due_at(13.0, 600, Some(9)), None);
        assert_eq!(due_at(21.0, 600, Some(9)), Some(11));
    }
}
