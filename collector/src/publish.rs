//! publish: records → durable, and only then an answer to the client.

pub mod kafka;

use std::future::Future;
use std::time::Duration;

use model::Refusal;
use tokio::time::Instant;

use crate::encode::SpanRecord;
use crate::metrics;

type Cause = Box<dyn std::error::Error + Send + Sync>;

/// Where records go: Kafka, or straight to a store.
pub trait Publish: Send + Sync + 'static {
    /// Publishes the records of one request.
    ///
    /// - **Durable.** `Ok` means that every record survives a crash of this process and of any one
    ///   server behind it.
    /// - **Not atomic.** After an error some records may be durable; the client sends all of them
    ///   again and the duplicates are found when they are written.
    /// - **Bounded in time.** Returns before clients give up, with an error if need be.
    fn publish(
        &self,
        records: Vec<SpanRecord>,
    ) -> impl Future<Output = Result<(), PublishError>> + Send;

    /// Whether a request of about `bytes` would find room now. Asked before decoding; `true` is no
    /// promise.
    fn has_room(&self, bytes: usize) -> bool {
        let _ = bytes;
        true
    }

    /// Waits for what is under way when the collector stops.
    fn finish(&self, within: Duration) -> impl Future<Output = ()> + Send {
        let _ = within;
        std::future::ready(())
    }
}

/// Publishes the records of one request and measures it.
pub(crate) async fn records(
    publisher: &impl Publish,
    records: Vec<SpanRecord>,
) -> Result<(), PublishError> {
    if records.is_empty() {
        return Ok(());
    }
    let count = records.len();
    let bytes = records.iter().map(|record| record.payload.len()).sum();
    let started = Instant::now();
    publisher.publish(records).await?;
    metrics::published(count, bytes, started.elapsed());
    Ok(())
}

/// Why records are not durable.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// There is no room. Worth trying again.
    #[error("there is no room for the records")]
    Overloaded {
        /// When to try again, if it can be told.
        retry_after: Option<Duration>,
    },
    /// The other side did not acknowledge. Worth trying again.
    #[error("the records were not acknowledged")]
    Unavailable {
        /// The cause.
        source: Cause,
    },
    /// The other side says that the spans are not what they should be. Not worth trying again.
    #[error("the spans are refused for good")]
    Refused {
        /// The cause.
        source: Cause,
    },
    /// A record is larger than the other side takes. Not worth trying again.
    #[error("a record is larger than the log takes")]
    TooLarge {
        /// The cause.
        source: Cause,
    },
}

impl PublishError {
    /// The refusal that this error means for the request.
    pub fn refusal(&self) -> Refusal {
        match self {
            Self::Overloaded { .. } => Refusal::Overloaded,
            Self::Unavailable { .. } => Refusal::Unavailable,
            Self::Refused { .. } => Refusal::Malformed,
            Self::TooLarge { .. } => Refusal::TooLarge,
        }
    }
}
