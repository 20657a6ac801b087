//! Whether a log is the one that was read before, by a record of it.

use kafka::Record;
use storage::Landmark;

use super::{Consumer, LogError, SpanLog};

/// A record as a landmark.
pub(crate) fn landmark(record: &Record) -> Landmark {
    Landmark::of(
        record.offset,
        record.timestamp_ms,
        record.key.as_deref(),
        record.payload.as_deref(),
    )
}

/// What a look at the log has shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Recognised {
    /// The landmark is where it was; or it can be there no longer, and nothing speaks against it.
    Same,
    /// Something else is where the landmark was.
    Another {
        /// Where the log begins.
        low: i64,
        /// The offset that the next record will get.
        high: i64,
    },
    /// The log has not answered yet.
    NotYet,
}

impl<L: SpanLog> Consumer<L> {
    /// Looks for the landmark in the log, which has to be started afterwards. Cancel safe.
    pub(crate) async fn recognise(&mut self, landmark: &Landmark) -> Result<Recognised, LogError> {
        let Some((low, high)) = self.log.ends().await? else {
            return Ok(Recognised::Same);
        };
        if landmark.offset < low {
            return Ok(Recognised::Same);
        }
        if landmark.offset >= high {
            return Ok(Recognised::Another { low, high });
        }
        match self.start_at(landmark.offset).await {
            // It was cut meanwhile: the next look says how.
            Err(LogError::OutOfRange { .. }) => return Ok(Recognised::NotYet),
            started => started?,
        }
        let found = self.log.next(1, self.limits.max_wait).await?;
        Ok(match found.first() {
            None => Recognised::NotYet,
            Some(record) if self::landmark(record) == *landmark => Recognised::Same,
            Some(_) => Recognised::Another { low, high },
        })
    }
}
