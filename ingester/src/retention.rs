//! How long until Kafka deletes what no ingester has read, and whether the topic keeps records for
//! long enough at all. Asks Kafka alone: it matters most while the store is away.

use std::collections::HashMap;
use std::time::Duration;

use bootstrap::{Stop, clock};
use kafka::{Admin, AdminError, ConsumeError, KafkaConfig, LogEnds, RangeReader, TopicRetention};
use tokio::time::Instant;

use crate::{ConsumeConfig, ShortRetentionPolicy, metrics};

/// How often it is looked up.
const EVERY: Duration = Duration::from_secs(15);
/// How long the oldest unread record may take to be read.
const PATIENCE: Duration = Duration::from_secs(5);
/// Shortest time over which it is measured how fast the log is cut.
const MEASURE_FOR: Duration = Duration::from_secs(60);

/// Why nothing can be said for now.
#[derive(Debug, thiserror::Error)]
enum Unknown {
    #[error("the topic's settings cannot be read")]
    Admin(#[from] AdminError),
    #[error("the log cannot be read")]
    Log(#[from] ConsumeError),
}

/// The topic keeps records for a shorter time than the store may be away.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{topic} keeps records for {kept:?}, less than ingester.consume.lag_budget, which is {budget:?}: \
     raise topics.retention or lower the budget"
)]
pub struct ShortRetention {
    /// Which topic.
    pub topic: String,
    /// For how long it keeps records.
    pub kept: Duration,
    /// For how long it should.
    pub budget: Duration,
}

/// Watches the topic of new spans until told to stop.
///
/// # Errors
/// If the topic keeps records for a shorter time than the budget, and that is to be an error.
pub(crate) async fn watch(
    kafka: &KafkaConfig,
    config: &ConsumeConfig,
    stop: Stop,
) -> Result<(), ShortRetention> {
    let made = RangeReader::of_group(kafka, &config.group).map_err(Unknown::from);
    let made = made.and_then(|reader| Ok((reader, Admin::new(kafka)?)));
    let (reader, admin) = match made {
        Ok(clients) => clients,
        Err(error) => {
            // The same settings fail everywhere: whoever consumes says so as well.
            tracing::error!(error = %bootstrap::chain(&error), "Retention cannot be watched");
            return Ok(());
        }
    };
    let mut watch = Watch {
        reader,
        admin,
        config,
        cut: HashMap::new(),
        said: None,
    };
    loop {
        tokio::select! {
            () = stop.stopped() => return Ok(()),
            looked = watch.look() => match looked {
                Ok(verdict) => watch.heed(verdict)?,
                Err(error) => tracing::debug!(
                    error = %bootstrap::chain(&error),
                    "It cannot be told how long unread records are kept"
                ),
            },
        }
        tokio::select! {
            () = stop.stopped() => return Ok(()),
            () = tokio::time::sleep(EVERY) => {}
        }
    }
}

struct Watch<'c> {
    reader: RangeReader,
    admin: Admin,
    config: &'c ConsumeConfig,
    /// By partition: when the log began where.
    cut: HashMap<i32, (Instant, i64)>,
    /// What was warned of already.
    said: Option<ShortRetention>,
}

impl Watch<'_> {
    /// Looks at every partition, and compares the topic's retention with the budget.
    async fn look(&mut self) -> Result<Option<ShortRetention>, Unknown> {
        let topic = &self.config.topic;
        let retention = self.admin.retention(topic).await?;
        let mirrored = self.reader.mirrored(topic).await?;
        for ends in self.reader.ends(topic).await? {
            let position = mirrored.get(&ends.at.partition).copied();
            let position = position.unwrap_or(ends.low);
            let unread = self.unread_for(&ends, position).await?;
            let cut = self.cut_speed(&ends);
            let before = (position - ends.low).max(0) as f64;
            let left = seconds_left(&retention, unread, before, cut);
            metrics::retention_left(topic, ends.at.partition, left);
        }
        metrics::retention(topic, retention.time);
        Ok(short(topic, &retention, self.config.lag_budget))
    }

    /// How long the oldest unread record of a partition has been there; none if all are read.
    async fn unread_for(
        &self,
        ends: &LogEnds,
        position: i64,
    ) -> Result<Option<Duration>, ConsumeError> {
        if position >= ends.high {
            return Ok(None);
        }
        let from = position.max(ends.low);
        let mut records = self.reader.start_at(&ends.at, from).await?;
        let first = records.next(1, PATIENCE).await?;
        let now_ms = (clock::now() / 1_000_000) as i64;
        let age = first.first().map(|record| now_ms - record.timestamp_ms);
        Ok(age.map(|age| Duration::from_millis(age.max(0) as u64)))
    }

    /// Offsets per second by which the log is cut at its beginning.
    fn cut_speed(&mut self, ends: &LogEnds) -> f64 {
        let now = Instant::now();
        let (since, low) = *self.cut.entry(ends.at.partition).or_insert((now, ends.low));
        let elapsed = now - since;
        if elapsed < MEASURE_FOR {
            return 0.0;
        }
        if elapsed > 10 * MEASURE_FOR {
            self.cut.insert(ends.at.partition, (now, ends.low));
        }
        (ends.low - low).max(0) as f64 / elapsed.as_secs_f64()
    }

    fn heed(&mut self, verdict: Option<ShortRetention>) -> Result<(), ShortRetention> {
        match verdict {
            Some(short) if self.config.on_short_retention == ShortRetentionPolicy::Refuse => {
                return Err(short);
            }
            Some(short) if self.said.as_ref() != Some(&short) => {
                tracing::warn!("{short}");
                self.said = Some(short);
            }
            Some(_) => {}
            None => self.said = None,
        }
        Ok(())
    }
}

fn short(topic: &str, retention: &TopicRetention, budget: Duration) -> Option<ShortRetention> {
    let kept = retention.time.filter(|kept| *kept < budget)?;
    Some(ShortRetention {
        topic: topic.to_owned(),
        kept,
        budget,
    })
}

/// Seconds until an unread record is deleted: by its age, or, where the log is cut by size, when
/// the cut arrives that is `before` offsets behind and moves at `cut` of them a second. Without an
/// unread record, as long as a new one would be kept.
fn seconds_left(
    retention: &TopicRetention,
    unread: Option<Duration>,
    before: f64,
    cut: f64,
) -> f64 {
    let by_age = retention.time.map_or(f64::INFINITY, |kept| {
        kept.saturating_sub(unread.unwrap_or_default())
            .as_secs_f64()
    });
    let by_size = match unread {
        Some(_) if retention.bytes.is_some() && cut > 0.0 => before / cut,
        _ => f64::INFINITY,
    };
    by_age.min(by_size)
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    fn kept(time: Option<Duration>, bytes: Option<u64>) -> TopicRetention {
        TopicRetention { time, bytes }
    }

    #[test]
    fn an_unread_record_is_left_what_its_age_leaves_of_the_retention() {
        let by_time = kept(Some(DAY), None);
        assert_eq!(seconds_left(&by_time, None, 0.0, 0.0), 86_400.0);
        assert_eq!(seconds_left(&by_time, Some(DAY / 4), 0.0, 9.0), 64_800.0);
        assert_eq!(seconds_left(&by_time, Some(2 * DAY), 0.0, 0.0), 0.0);
        assert_eq!(
            seconds_left(&kept(None, None), Some(DAY), 0.0, 0.0),
            f64::INFINITY
        );
    }

    #[test]
    fn a_log_that_is_cut_by_size_reaches_an_unread_record_at_the_speed_of_the_cut() {
        let by_size = kept(Some(DAY), Some(1 << 30));
        assert_eq!(seconds_left(&by_size, Some(DAY / 2), 500.0, 10.0), 50.0);
        assert_eq!(seconds_left(&by_size, Some(DAY / 2), 500.0, 0.0), 43_200.0);
        assert_eq!(seconds_left(&by_size, None, 0.0, 10.0), 86_400.0);
    }

    #[test]
    fn a_topic_is_short_that_keeps_records_for_less_than_the_budget() {
        let found = short("t", &kept(Some(DAY / 2), None), DAY).expect("it is short");
        assert_eq!((found.kept, found.budget), (DAY / 2, DAY));
        assert_eq!(short("t", &kept(Some(DAY), None), DAY), None);
        assert_eq!(short("t", &kept(None, Some(1)), DAY), None);
    }
}
